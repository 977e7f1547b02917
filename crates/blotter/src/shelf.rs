//! What is known of a portal's rows, in the object store: a new pod with an empty disk finds what was deleted meanwhile.
//!
//! Below `checkpoints/produce/<source>/<month>/` lie numbered segments, compressed lines each: `00000007.lines` adds to those
//! before it, `00000009.whole` stands for all before it. A segment is put only where there is none of its number, so that
//! two writers lose nothing of each other's; the log lets only one of them append what follows from it. What is written is
//! what changed.

use anyhow::Result;
use blotter_source::{Shelf, SourceError};
use blotter_store::{Checkpoints, Store, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

const LINES: &str = "lines";
const WHOLE: &str = "whole";
/// Of zstd: the lines are alike.
const LEVEL: i32 = 3;

/// The shelf of one source.
pub(crate) struct StoreShelf {
    checkpoints: Checkpoints,
    source: String,
    /// The next number of each month that was looked at.
    next: Mutex<BTreeMap<String, u64>>,
}

impl StoreShelf {
    pub(crate) fn new(store: Store, source: &str) -> Self {
        Self { checkpoints: Checkpoints::new(store, "produce"), source: source.to_owned(), next: Mutex::default() }
    }

    fn fault(&self, error: &StoreError) -> SourceError {
        SourceError::Elsewhere {
            what: format!("what is known of {}", self.source),
            why: format!("the object store: {error}"),
            retryable: error.is_retryable(),
        }
    }

    /// The segments of a month that count, in order: number and name.
    fn segments(&self, month: &str) -> Result<Vec<(u64, String)>, SourceError> {
        let prefix = format!("{}/{month}/", self.source);
        let names = self.checkpoints.list(&prefix).map_err(|error| self.fault(&error))?;
        let mut segments: Vec<(u64, String)> = names
            .into_iter()
            .filter_map(|name| Some((name.strip_prefix(&prefix)?.split_once('.')?.0.parse().ok()?, name)))
            .collect();
        segments.sort_unstable();
        let whole = segments.iter().rposition(|(_, name)| name.ends_with(WHOLE)).unwrap_or(0);
        let next = segments.last().map_or(0, |(number, _)| number + 1);
        self.next.lock().unwrap_or_else(PoisonError::into_inner).insert(month.to_owned(), next);
        Ok(segments.split_off(whole))
    }

    fn put(&self, month: &str, kind: &str, lines: &[u8]) -> Result<u64, SourceError> {
        let known = self.next.lock().unwrap_or_else(PoisonError::into_inner).get(month).copied();
        let mut number = match known {
            Some(number) => number,
            None => self.segments(month)?.last().map_or(0, |(number, _)| number + 1),
        };
        let bytes = zstd::encode_all(lines, LEVEL).map_err(|error| SourceError::Elsewhere {
            what: format!("what is known of {}", self.source),
            why: error.to_string(),
            retryable: false,
        })?;
        loop {
            let name = format!("{}/{month}/{number:08}.{kind}", self.source);
            let (there, version) = self.checkpoints.get_versioned(&name).map_err(|error| self.fault(&error))?;
            if there.is_none() {
                match self.checkpoints.replace(&name, bytes.clone(), version) {
                    Ok(_) => break,
                    Err(StoreError::Changed { .. }) => {}
                    Err(error) => return Err(self.fault(&error)),
                }
            }
            // Another writer has it: one of the two will be fenced by the log.
            number += 1;
        }
        self.next.lock().unwrap_or_else(PoisonError::into_inner).insert(month.to_owned(), number + 1);
        Ok(number)
    }
}

impl Shelf for StoreShelf {
    fn months(&self) -> Result<Vec<String>, SourceError> {
        let prefix = format!("{}/", self.source);
        let names = self.checkpoints.list(&prefix).map_err(|error| self.fault(&error))?;
        let months: BTreeSet<String> =
            names.iter().filter_map(|name| Some(name.strip_prefix(&prefix)?.split_once('/')?.0.to_owned())).collect();
        Ok(months.into_iter().collect())
    }

    fn read(&self, month: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let segments = self.segments(month)?;
        if segments.is_empty() {
            return Ok(None);
        }
        let mut text = Vec::new();
        for (_, name) in segments {
            let bytes = self.checkpoints.get(&name).map_err(|error| self.fault(&error))?.unwrap_or_default();
            if bytes.is_empty() {
                continue;
            }
            let lines = zstd::decode_all(&bytes[..]).map_err(|error| SourceError::Elsewhere {
                what: name.clone(),
                why: format!("it is damaged: {error}"),
                retryable: false,
            })?;
            text.extend_from_slice(&lines);
        }
        Ok(Some(text))
    }

    fn append(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        self.put(month, LINES, lines).map(drop)
    }

    fn replace(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        let before = self.segments(month)?;
        let number = self.put(month, WHOLE, lines)?;
        for (_, name) in before.iter().filter(|(before, _)| *before < number) {
            self.checkpoints.delete(name).map_err(|error| self.fault(&error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn another_process_finds_what_was_kept_and_a_change_costs_its_own_size() {
        let folder = tempfile::tempdir().unwrap();
        let open = || StoreShelf::new(Store::open_directory(folder.path()).unwrap(), "socrata-x-abcd-1234");
        let shelf = open();
        assert_eq!(shelf.read("2026-11").unwrap(), None);
        shelf.append("2026-11", b"a\n").unwrap();
        shelf.append("2026-10", b"z\n").unwrap();
        let other = open();
        other.append("2026-11", b"b\n").unwrap();
        // The first does not know of it and loses nothing of it.
        shelf.append("2026-11", b"c\n").unwrap();
        assert_eq!(open().read("2026-11").unwrap().unwrap(), b"a\nb\nc\n");
        assert_eq!(open().months().unwrap(), ["2026-10", "2026-11"]);
        shelf.replace("2026-11", b"c\n").unwrap();
        open().append("2026-11", b"d\n").unwrap();
        assert_eq!(open().read("2026-11").unwrap().unwrap(), b"c\nd\n");
        assert_eq!(open().segments("2026-11").unwrap().len(), 2);
    }
}
