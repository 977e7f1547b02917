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
        self.text.push_str(self.family);
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
}
