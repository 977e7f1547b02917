//! The identity index: every incident ever seen, its row, and its winning revision. Deletions are remembered.
//!
//! Exact: no hash stands for an id or a revision. Bytes an incident, where ids are numbers and updates have whole
//! seconds:
//!
//! | what | bytes |
//! | --- | --- |
//! | id | 4 |
//! | update | 4 |
//! | content | 8 |
//! | observation | 0 for a file, 2 for a feed of whole seconds, 8 for any other |
//! | hash table | 5 to 6.3 |
//! | together | 21 to 22.3 for a file, 23 to 24.3 for a feed of whole seconds, 29 to 30.3 for any other |

mod codes;
mod column;
mod observed;
mod table;

pub use column::Column;

use crate::Revision;
use blotter_city::{CivilMicros, UtcMicros};
use codes::{Ids, Moments};
use hashbrown::DefaultHashBuilder;
use observed::ObservationTimes;
use std::hash::BuildHasher;
use table::RowTable;

/// What an arriving record did to its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpsertOutcome {
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
    table: RowTable,
    hasher: DefaultHashBuilder,
    ids: Ids,
    moments: Moments,
    id: Column<u32>,
    /// `i64::MIN` where there is none: it ranks lowest, as it must.
    updated_at: Column<u32>,
    observed_at: ObservationTimes,
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

    /// Bytes that it occupies, room to grow included.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
            + self.ids.bytes()
            + self.moments.bytes()
            + self.id.bytes()
            + self.updated_at.bytes()
            + self.observed_at.bytes()
            + self.content_hash.bytes()
    }

    /// Makes room for so many incidents.
    pub fn reserve(&mut self, incidents: usize) {
        let (id, hasher) = (&self.id, &self.hasher);
        self.table.reserve(incidents, |row| hasher.hash_one(id.value(row)));
    }

    /// Brings one record to its incident; the greater revision stays.
    pub fn offer(&mut self, id: &str, revision: Revision) -> UpsertOutcome {
        self.offer_over(id, revision).0
    }

    /// [`IdentityIndex::offer`], with the revision that was replaced.
    pub fn offer_over(&mut self, id: &str, revision: Revision) -> (UpsertOutcome, Option<Revision>) {
        let code = self.ids.code(id);
        let hash = self.hasher.hash_one(code);
        let known = self.table.find(hash, |row| self.id.value(row) == code);
        let before = known.map(|row| self.revision(row));
        if before.is_some_and(|before| revision <= before) {
            return (UpsertOutcome::Stale, None);
        }
        let updated_at = self.moments.code(revision.updated_at.map_or(i64::MIN, |at| at.0));
        if let Some(row) = known {
            self.updated_at.set(row, updated_at);
            let updated = |row| self.moments.micros(self.updated_at.value(row));
            self.observed_at.set(row, revision.observed_at.0, updated);
            self.content_hash.set(row, revision.content_hash);
            return (UpsertOutcome::Replaced(row), before);
        }
        let row = self.len() as u32;
        let (id, hasher) = (&self.id, &self.hasher);
        self.table.push(hash, |row| hasher.hash_one(id.value(row)));
        self.id.push(code);
        self.updated_at.push(updated_at);
        let updated = |row| self.moments.micros(self.updated_at.value(row));
        self.observed_at.push(revision.observed_at.0, updated);
        self.content_hash.push(revision.content_hash);
        (UpsertOutcome::New(row), None)
    }

    /// The id of a row.
    pub fn id(&self, row: u32) -> String {
        self.ids.id(self.id.value(row))
    }

    /// The winning revision of a row.
    pub fn revision(&self, row: u32) -> Revision {
        let updated_at = self.moments.micros(self.updated_at.value(row));
        Revision {
            updated_at: (updated_at != i64::MIN).then_some(CivilMicros(updated_at)),
            observed_at: UtcMicros(self.observed_at.value(row, updated_at)),
            content_hash: self.content_hash.value(row),
        }
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
            (revision(None, 2, 0), UpsertOutcome::New(0)),
            (revision(None, 2, 0), UpsertOutcome::Stale),
            (revision(None, 1, 9), UpsertOutcome::Stale),
            (revision(None, 2, 1), UpsertOutcome::Replaced(0)),
            (revision(None, 3_000_000, -5), UpsertOutcome::Replaced(0)),
            (revision(Some(-7), 0, 0), UpsertOutcome::Replaced(0)),
            (revision(Some(-6), i64::MIN, 0), UpsertOutcome::Replaced(0)),
            (revision(Some(-6), i64::MIN + 1, 0), UpsertOutcome::Replaced(0)),
            (revision(Some(-6), -1, 0), UpsertOutcome::Replaced(0)),
            (revision(Some(-6), 1_700_000_000_999_999, 0), UpsertOutcome::Replaced(0)),
            (revision(Some(-6), i64::MAX, 0), UpsertOutcome::Replaced(0)),
            (revision(None, i64::MAX, 0), UpsertOutcome::Stale),
        ];
        for (revision, expect) in steps {
            let greatest = index.offer("7", revision);
            assert_eq!(greatest, expect, "{revision:?}");
            if expect != UpsertOutcome::Stale {
                assert_eq!(index.revision(0), revision);
            }
        }
        assert_eq!((index.len(), index.id(0)), (1, "7".to_owned()));
    }

    #[test]
    fn reserving_changes_nothing() {
        let mut index = IdentityIndex::default();
        for id in 0..1000 {
            assert_eq!(index.offer(&id.to_string(), revision(None, id, 0)), UpsertOutcome::New(id as u32));
            index.reserve(id as usize);
        }
        assert_eq!(index.offer("500", revision(None, 500, 0)), UpsertOutcome::Stale);
    }
}
