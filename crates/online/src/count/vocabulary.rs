//! Words as 16-bit codes, in order of first appearance.

use super::CountError;
use blotter_incident::DictionaryColumn;
use hashbrown::HashMap;

/// The areas or the categories that one partition has seen.
#[derive(Debug, Default, Clone)]
pub struct Vocabulary {
    codes: HashMap<String, u16>,
    words: Vec<String>,
}

impl Vocabulary {
    /// The code of a word, new or known.
    pub fn code(&mut self, word: &str, what: &'static str) -> Result<u16, CountError> {
        if let Some(code) = self.codes.get(word) {
            return Ok(*code);
        }
        // The greatest code is kept free: it marks a deleted incident.
        let code = u16::try_from(self.words.len())
            .ok()
            .filter(|code| *code < u16::MAX)
            .ok_or(CountError::TooManyWords { what })?;
        self.words.push(word.to_owned());
        self.codes.insert(word.to_owned(), code);
        Ok(code)
    }

    /// The word of a code.
    pub fn word(&self, code: u16) -> &str {
        &self.words[usize::from(code)]
    }

    /// All words, by code.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The codes of a batch column's dictionary, by key: a batch has few texts and many rows.
    pub(super) fn codes_of(
        &mut self,
        column: &DictionaryColumn<'_>,
        what: &'static str,
    ) -> Result<Vec<u16>, CountError> {
        column.texts().map(|text| self.code(text, what)).collect()
    }
}
