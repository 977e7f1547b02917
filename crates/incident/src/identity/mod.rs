//! The identity index: every incident ever seen, its row, and its winning revision. Deletions are remembered.
//!
//! Exact: no hash stands for an id or a revision. Some 30 bytes an incident where ids are numbers and updates have whole
//! seconds: id 4, revision 4 + 7 + 8, table 5 to 10.

mod codes;
mod column;

pub use column::Column;

use crate::{CivilMicros, Revision, UtcMicros};
use codes::{Ids, Moments};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// What an arriving record did to its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// The incident is new, and has this row.
    New(u32),
    /// It replaces the winner in this row.
    Replaced(u32),
    /// An older revision, or the same record again: changes nothing.
    Stale,
}

/// The winning revision of each incident.
#[derive(Debug, Default)]
pub struct IdentityIndex {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    ids: Ids,
    moments: Moments,
    id: Column<u32>,
    /// `i64::MIN` where there is none: it ranks lowest, as it must.
    updated_at: Column<u32>,
    /// Down to the second, and the microseconds above: a live feed's times are all different.
    observed_at: Column<u32>,
    observed_at_micros: Column<[u8; 3]>,
    content_hash: Column<i64>,
}

impl IdentityIndex {
    /// Incidents ever seen, deleted ones included.
    pub fn len(&self) -> usize {
        self.id.len()
    }

    /// Whether none was seen.
    pub fn is_empty(&self) -> bool {
        self.id.is_empty()
    }

    /// Makes room for so many incidents.
    pub fn reserve(&mut self, incidents: usize) {
        let (id, hasher) = (&self.id, &self.hasher);
        self.table.reserve(incidents, |row| hasher.hash_one(id.value(*row)));
    }

    /// Brings one record to its incident; the greater revision stays.
    pub fn offer(&mut self, id: &str, revision: Revision) -> Offered {
        let code = self.ids.code(id);
        let hash = self.hasher.hash_one(code);
        if let Some(row) = self.table.find(hash, |row| self.id.value(*row) == code) {
            let row = *row;
            if revision <= self.revision(row) {
                return Offered::Stale;
            }
            let (updated_at, observed_at, micros) = self.moments_of(revision);
            self.updated_at.set(row, updated_at);
            self.observed_at.set(row, observed_at);
            self.observed_at_micros.set(row, micros);
            self.content_hash.set(row, revision.content_hash);
            return Offered::Replaced(row);
        }
        let row = self.len() as u32;
        let (updated_at, observed_at, micros) = self.moments_of(revision);
        self.id.push(code);
        self.updated_at.push(updated_at);
        self.observed_at.push(observed_at);
        self.observed_at_micros.push(micros);
        self.content_hash.push(revision.content_hash);
        let (id, hasher) = (&self.id, &self.hasher);
        self.table.insert_unique(hash, row, |row| hasher.hash_one(id.value(*row)));
        Offered::New(row)
    }

    /// The id of a row.
    pub fn id(&self, row: u32) -> String {
        self.ids.id(self.id.value(row))
    }

    /// The winning revision of a row.
    pub fn revision(&self, row: u32) -> Revision {
        let updated_at = self.moments.micros(self.updated_at.value(row));
        let [low, middle, high] = self.observed_at_micros.value(row);
        let micros = u32::from_le_bytes([low, middle, high, 0]);
        Revision {
            updated_at: (updated_at != i64::MIN).then_some(CivilMicros(updated_at)),
            observed_at: UtcMicros(self.moments.micros(self.observed_at.value(row)) + i64::from(micros)),
            content_hash: self.content_hash.value(row),
        }
    }

    fn moments_of(&mut self, revision: Revision) -> (u32, u32, [u8; 3]) {
        let updated_at = self.moments.code(revision.updated_at.map_or(i64::MIN, |at| at.0));
        let micros = revision.observed_at.0.rem_euclid(1_000_000);
        let [low, middle, high, ..] = micros.to_le_bytes();
        // Before the year -290307 it is taken as it is.
        let second = revision.observed_at.0.checked_sub(micros);
        let (second, micros) = second.map_or((revision.observed_at.0, [0; 3]), |at| (at, [low, middle, high]));
        (updated_at, self.moments.code(second), micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(updated_at: Option<i64>, observed_at: i64, content_hash: i64) -> Revision {
        Revision { updated_at: updated_at.map(CivilMicros), observed_at: UtcMicros(observed_at), content_hash }
    }

    #[test]
    fn the_greater_revision_stays() {
        let mut index = IdentityIndex::default();
        let steps = [
            (revision(None, 2, 0), Offered::New(0)),
            (revision(None, 2, 0), Offered::Stale),
            (revision(None, 1, 9), Offered::Stale),
            (revision(None, 2, 1), Offered::Replaced(0)),
            (revision(None, 3_000_000, -5), Offered::Replaced(0)),
            (revision(Some(-7), 0, 0), Offered::Replaced(0)),
            (revision(Some(-6), i64::MIN, 0), Offered::Replaced(0)),
            (revision(Some(-6), i64::MIN + 1, 0), Offered::Replaced(0)),
            (revision(Some(-6), -1, 0), Offered::Replaced(0)),
            (revision(Some(-6), 1_700_000_000_999_999, 0), Offered::Replaced(0)),
            (revision(Some(-6), i64::MAX, 0), Offered::Replaced(0)),
            (revision(None, i64::MAX, 0), Offered::Stale),
        ];
        for (revision, expect) in steps {
            let greatest = index.offer("7", revision);
            assert_eq!(greatest, expect, "{revision:?}");
            if expect != Offered::Stale {
                assert_eq!(index.revision(0), revision);
            }
        }
        assert_eq!((index.len(), index.id(0)), (1, "7".to_owned()));
    }

    #[test]
    fn reserving_changes_nothing() {
        let mut index = IdentityIndex::default();
        for id in 0..1000 {
            assert_eq!(index.offer(&id.to_string(), revision(None, id, 0)), Offered::New(id as u32));
            index.reserve(id as usize);
        }
        assert_eq!(index.offer("500", revision(None, 500, 0)), Offered::Stale);
    }
}
