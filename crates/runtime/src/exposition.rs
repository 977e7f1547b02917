//! Figures in Prometheus' text format.

use std::fmt::{Display, Write};

/// A text of metric families.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &'static str, kind: &str, help: &str) -> &mut Self {
        self.family = name;
        // Writing into a string cannot fail.
        let _infallible = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self
    }

    /// A sample of the family that was begun last.
    pub fn sample(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) -> &mut Self {
        self.line("", labels, value)
    }

    /// A histogram of the family that was begun last: counts at or below each bound, and the sum and number of all.
    pub fn histogram(
        &mut self,
        labels: &[(&str, &dyn Display)],
        buckets: &[(f64, u64)],
        sum: f64,
        count: u64,
    ) -> &mut Self {
        for (bound, below) in buckets {
            self.line("_bucket", &[labels, &[("le", bound)]].concat(), below);
        }
        self.line("_bucket", &[labels, &[("le", &"+Inf")]].concat(), count);
        self.line("_sum", labels, sum).line("_count", labels, count)
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &dyn Display)], value: impl Display) -> &mut Self {
        self.text.push_str(self.family);
        self.text.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            let value = value.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _infallible = write!(self.text, "{}{name}=\"{value}\"", if index == 0 { '{' } else { ',' });
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _infallible = writeln!(self.text, "{end} {value}");
        self
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = Exposition::default();
        text.family("blotter_x", "gauge", "What it is.").sample(&[], 1).sample(&[("a", &"q\"\\"), ("b", &2)], 3);
        assert_eq!(
            text.into_text(),
            "# HELP blotter_x What it is.\n# TYPE blotter_x gauge\nblotter_x 1\nblotter_x{a=\"q\\\"\\\\\",b=\"2\"} 3\n"
        );
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_and_both_sums() {
        let mut text = Exposition::default();
        text.family("blotter_x", "histogram", "What it is.").histogram(&[("a", &1)], &[(0.5, 2), (1.0, 3)], 4.25, 5);
        let expect = [
            "blotter_x_bucket{a=\"1\",le=\"0.5\"} 2",
            "blotter_x_bucket{a=\"1\",le=\"1\"} 3",
            "blotter_x_bucket{a=\"1\",le=\"+Inf\"} 5",
            "blotter_x_sum{a=\"1\"} 4.25",
            "blotter_x_count{a=\"1\"} 5",
        ];
        assert_eq!(text.into_text().lines().skip(2).collect::<Vec<_>>(), expect);
    }
}
