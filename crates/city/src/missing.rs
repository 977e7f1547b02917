//! What publishers write where they have nothing to say.

use serde::Deserialize;

/// What stands for a missing value in every file, whatever the profile says.
const EVERYWHERE: [&str; 7] = ["NULL", "(null)", "NA", "N/A", "#N/A", "NaN", "\\N"];

/// Texts that stand for a missing value in every column: those of every file, and the profile's own (`REDACTED`, `-1`).
/// Compared whatever their case; in a column of coordinates, numbers by their value (`-1.0` is `-1`).
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub struct Missing {
    words: Vec<String>,
    numbers: Vec<f64>,
    longest: usize,
}

impl Default for Missing {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<String>> for Missing {
    fn from(own: Vec<String>) -> Self {
        let own = own.into_iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty());
        let words: Vec<String> = EVERYWHERE.iter().map(|word| (*word).to_owned()).chain(own).collect();
        Self {
            numbers: words
                .iter()
                .filter_map(|word| word.parse().ok())
                .filter(|number: &f64| number.is_finite())
                .collect(),
            longest: words.iter().map(String::len).max().unwrap_or(0),
            words,
        }
    }
}

impl Missing {
    /// Whether the text says that there is no value. An empty one says nothing, and is not asked about.
    pub fn is(&self, text: &[u8]) -> bool {
        let text = text.trim_ascii();
        text.len() <= self.longest && self.words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(text))
    }

    /// Whether the number does.
    pub fn is_number(&self, number: f64) -> bool {
        self.numbers.contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        let missing = Missing::from(vec!["REDACTED".to_owned(), "-1".to_owned(), " ".to_owned()]);
        for text in ["NULL", "null", " n/a ", "(null)", "Redacted", "-1", "\\N"] {
            assert!(missing.is(text.as_bytes()), "{text}");
        }
        for text in ["", " ", "-1.0", "NULLS", "NORTH"] {
            assert!(!missing.is(text.as_bytes()), "{text}");
        }
        assert!(missing.is_number(-1.0) && !missing.is_number(1.0) && !missing.is_number(f64::NAN));
        assert!(!Missing::default().is(b"REDACTED") && !Missing::default().is_number(-1.0));
    }
}
