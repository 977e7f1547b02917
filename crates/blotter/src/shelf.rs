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
    ops::Range,
    sync::{Mutex, PoisonError},
};

const LINES: &str = "lines";
const WHOLE: &str = "whole";
/// Of zstd: the lines are alike.
const LEVEL: i32 = 3;

/// So many segments of one level become one.
const MANY: usize = 32;

/// The shelf of one source.
pub(crate) struct StoreShelf {
    checkpoints: Checkpoints,
    source: String,
    /// The months that were looked at.
    known: Mutex<BTreeMap<String, Month>>,
}

/// Of one month: the number of the next segment, and how many of level 0 are the last ones.
#[derive(Clone, Copy, Debug, Default)]
struct Month {
    next: u64,
    young: usize,
}

/// One object: the lines from segment `from` to `number`, of which it replaces those before `number`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    number: u64,
    from: u64,
    level: u32,
    name: String,
}

impl Segment {
    /// From the last part of an object's name.
    fn parse(part: &str, name: &str) -> Option<Self> {
        let (number, kind) = part.split_once('.')?;
        let number = number.parse().ok()?;
        let (level, from) = match kind {
            LINES => (0, number),
            WHOLE => (u32::MAX, 0),
            merged => {
                let (level, from) = merged.strip_suffix(LINES)?.strip_suffix('.')?.split_once('-')?;
                (level.parse().ok()?, from.parse().ok()?)
            }
        };
        Some(Self { number, from, level, name: name.to_owned() })
    }
}

impl StoreShelf {
    pub(crate) fn new(store: Store, source: &str) -> Self {
        Self { checkpoints: Checkpoints::new(store, "produce"), source: source.to_owned(), known: Mutex::default() }
    }

    fn fault(&self, error: &StoreError) -> SourceError {
        SourceError::Elsewhere {
            what: format!("what is known of {}", self.source),
            why: format!("the object store: {error}"),
            // A running source waits until somebody mends the store.
            retryable: error.is_retryable() || error.is_refusal(),
        }
    }

    /// The segments of a month that count, in order.
    fn segments(&self, month: &str) -> Result<Vec<Segment>, SourceError> {
        let prefix = format!("{}/{month}/", self.source);
        let names = self.checkpoints.list(&prefix).map_err(|error| self.fault(&error))?;
        let mut segments: Vec<Segment> =
            names.into_iter().filter_map(|name| Segment::parse(name.strip_prefix(&prefix)?, &name)).collect();
        segments.sort_unstable_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
        let next = segments.last().map_or(0, |segment| segment.number + 1);
        // A killed writer may have left what a later segment replaces.
        let replaced: Vec<Range<u64>> = segments.iter().map(|segment| segment.from..segment.number).collect();
        segments.retain(|segment| !replaced.iter().any(|replaced| replaced.contains(&segment.number)));
        let young = segments.iter().rev().take_while(|segment| segment.level == 0).count();
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(month.to_owned(), Month { next, young });
        Ok(segments)
    }

    /// The lines of segments, in order.
    fn lines(&self, segments: &[Segment]) -> Result<Vec<u8>, SourceError> {
        let mut text = Vec::new();
        for Segment { name, .. } in segments {
            let bytes = self.checkpoints.get(name).map_err(|error| self.fault(&error))?.unwrap_or_default();
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
        Ok(text)
    }

    /// Makes one of the last segments where there are many of one level.
    fn merge(&self, month: &str) -> Result<(), SourceError> {
        for level in 0.. {
            let segments = self.segments(month)?;
            let last = segments.iter().rev().take_while(|segment| segment.level == level).count();
            let Some(last) = (last >= MANY).then(|| &segments[segments.len() - last..]) else { break };
            let kind = format!("{}-{:08}.{LINES}", level + 1, last[0].from.min(last[0].number));
            self.put(month, &kind, &self.lines(last)?)?;
            self.delete(last)?;
        }
        Ok(())
    }

    fn delete(&self, segments: &[Segment]) -> Result<(), SourceError> {
        for Segment { name, .. } in segments {
            self.checkpoints.delete(name).map_err(|error| self.fault(&error))?;
        }
        Ok(())
    }

    fn put(&self, month: &str, kind: &str, lines: &[u8]) -> Result<u64, SourceError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner).get(month).copied();
        if known().is_none() {
            self.segments(month)?;
        }
        let Month { next: mut number, young } = known().unwrap_or_default();
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
        let month_now = Month { next: number + 1, young: young + 1 };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(month.to_owned(), month_now);
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
        if segments.is_empty() { Ok(None) } else { self.lines(&segments).map(Some) }
    }

    fn append(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        self.put(month, LINES, lines)?;
        let young = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(month).map_or(0, |month| month.young);
        if young >= MANY { self.merge(month) } else { Ok(()) }
    }

    fn replace(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        let before = self.segments(month)?;
        self.put(month, WHOLE, lines)?;
        self.delete(&before)?;
        self.segments(month).map(drop)
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

    #[test]
    fn a_month_that_changes_often_has_few_segments() {
        let folder = tempfile::tempdir().unwrap();
        let open = || StoreShelf::new(Store::open_directory(folder.path()).unwrap(), "socrata-x-abcd-1234");
        let mut shelf = open();
        let mut expected = Vec::new();
        for change in 0..2500 {
            let line = format!("{change}\n").into_bytes();
            expected.extend_from_slice(&line);
            shelf.append("2026-11", &line).unwrap();
            if change % 701 == 0 {
                shelf = open();
            }
        }
        assert_eq!(open().read("2026-11").unwrap().unwrap(), expected);
        let segments = open().segments("2026-11").unwrap();
        assert!(segments.len() < 3 * MANY, "{}", segments.len());
        // A process that was killed between writing the one and deleting the many.
        let (merged, number) = (segments.iter().find(|segment| segment.level == 1).unwrap(), 3);
        let left = merged.name.replace(&format!("{:08}.", merged.number), &format!("{:08}.", merged.from + number));
        let left = format!("{}.{LINES}", left.split('.').next().unwrap());
        shelf.checkpoints.put(&left, b"not even zstd".as_slice()).unwrap();
        assert_eq!(open().read("2026-11").unwrap().unwrap(), expected);
        shelf.replace("2026-11", b"all\n").unwrap();
        assert_eq!(open().read("2026-11").unwrap().unwrap(), b"all\n");
        assert_eq!(open().segments("2026-11").unwrap().len(), 1);
    }
}
