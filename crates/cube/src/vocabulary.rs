//! Words as 16-bit codes, in order of first appearance.

use blotter_incident::DictionaryColumn;
use hashbrown::HashMap;

/// The code of a missing word.
pub(crate) const NONE: u16 = 0;

#[derive(Debug)]
pub(crate) struct Vocabulary {
    codes: HashMap<String, u16>,
    words: Vec<String>,
}

impl Default for Vocabulary {
    fn default() -> Self {
        let mut vocabulary = Self { codes: HashMap::new(), words: Vec::new() };
        vocabulary.code("");
        vocabulary
    }
}

impl Vocabulary {
    /// Beyond 65,535 words all others share the last code: a column of so many is no column of few values.
    pub(crate) fn code(&mut self, word: &str) -> u16 {
        if let Some(code) = self.codes.get(word) {
            return *code;
        }
        let code = self.words.len().min(usize::from(u16::MAX)) as u16;
        if u16::try_from(self.words.len()).is_ok() {
            self.words.push(word.to_owned());
            self.codes.insert(word.to_owned(), code);
        }
        code
    }

    pub(crate) fn known(&self, word: &str) -> Option<u16> {
        self.codes.get(word).copied()
    }

    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// Codes by dictionary key.
    pub(crate) fn codes_of(&mut self, column: &DictionaryColumn<'_>) -> Vec<u16> {
        column.texts().map(|text| self.code(text)).collect()
    }
}
