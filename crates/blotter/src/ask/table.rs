//! Aligned columns, for people.

use std::io::{self, Write};

/// A table of texts.
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With the names of its columns.
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// A line a row, columns two spaces apart. A column of numbers is aligned to the right.
    pub(crate) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let columns: Vec<(usize, bool)> =
            self.head.iter().enumerate().map(|(index, head)| self.column(index, head)).collect();
        let head = self.head.iter().map(|head| (*head).to_owned()).collect();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (text, (width, is_number)) in row.iter().zip(&columns) {
                let space = " ".repeat(width.saturating_sub(text.chars().count()));
                let (before, after) = if *is_number { (space.as_str(), "") } else { ("", space.as_str()) };
                line.extend([before, text, after, "  "]);
            }
            writeln!(output, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Its width, and whether it holds numbers only.
    fn column(&self, index: usize, head: &str) -> (usize, bool) {
        let texts = || self.rows.iter().filter_map(|row| row.get(index));
        let width = texts().map(|text| text.chars().count()).chain([head.chars().count()]).max().unwrap_or(0);
        let is_number = |text: &String| text.trim_end_matches(" %").parse::<f64>().is_ok() || text.is_empty();
        (width, texts().all(is_number))
    }
}

/// A number to be read, not to be computed with.
pub(crate) fn brief(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if !(0.001..1e6).contains(&size) => format!("{number:.1e}"),
        size if size < 10.0 => format!("{number:.3}"),
        _ => format!("{number:.1}"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["area", "z", "more"]);
        for row in [["8 Near North", "12.5", "+109 %"], ["32 O’Hare", "-1.000", ""]] {
            table.push(row.map(str::to_owned).to_vec());
        }
        let mut bytes = Vec::new();
        table.write(&mut bytes).unwrap();
        let expect = "area               z    more\n8 Near North    12.5  +109 %\n32 O’Hare     -1.000\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expect);
    }

    #[test]
    fn numbers_are_brief() {
        for (number, expect) in [
            (0.0, "0"),
            (0.000_123, "1.2e-4"),
            (0.001, "0.001"),
            (-2.345_67, "-2.346"),
            (9.9999, "10.000"),
            (123.45, "123.5"),
            (1e300, "1.0e300"),
        ] {
            assert_eq!(brief(number), expect);
        }
    }
}
