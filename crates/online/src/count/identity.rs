//! The identity index: for every incident ever seen, its winning revision and where it counts.
//!
//! Per incident: 8 bytes of id, 24 of revision, 8 of slot and some 8 of hash table. Columns grow in
//! chunks, so growth never copies what is there.

use blotter_incident::{CivilMicros, Revision, UtcMicros};
use hashbrown::{HashMap, HashTable};
use std::hash::BuildHasher;

const CHUNK: usize = 1 << 16;

/// An append-only column in chunks.
#[derive(Debug)]
struct Column<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Copy> Column<T> {
    fn push(&mut self, value: T) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(value),
            // The first chunk grows by doubling (most partitions of a test are small), later ones at once.
            last => {
                let mut chunk = if last.is_some() { Vec::with_capacity(CHUNK) } else { Vec::new() };
                chunk.push(value);
                self.chunks.push(chunk);
            }
        }
    }

    fn value(&self, row: u32) -> T {
        self.chunks[row as usize / CHUNK][row as usize % CHUNK]
    }

    fn set(&mut self, row: u32, value: T) {
        self.chunks[row as usize / CHUNK][row as usize % CHUNK] = value;
    }

    fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }
}

/// Where an incident counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    /// Hours since 1970-01-01T00:00:00Z.
    pub(super) hour: i32,
    pub(super) area: u16,
    /// [`DELETED`] where the winner is a deletion.
    pub(super) category: u16,
}

/// The category of a deleted incident's slot.
pub(super) const DELETED: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
struct PackedRevision {
    /// `i64::MIN` where there is none: it ranks lowest, as it must.
    updated_at: i64,
    observed_at: i64,
    content_hash: i64,
}

impl From<Revision> for PackedRevision {
    fn from(revision: Revision) -> Self {
        Self {
            updated_at: revision.updated_at.map_or(i64::MIN, |at| at.0),
            observed_at: revision.observed_at.0,
            content_hash: revision.content_hash,
        }
    }
}

impl PackedRevision {
    fn unpack(self) -> Revision {
        Revision {
            updated_at: (self.updated_at != i64::MIN).then_some(CivilMicros(self.updated_at)),
            observed_at: UtcMicros(self.observed_at),
            content_hash: self.content_hash,
        }
    }
}

/// Decimal ids (all of Chicago's) are their own number; others are numbered in a side table.
const NAMED: u64 = 1 << 63;

/// What an arriving record did to its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The incident is new.
    New(u32),
    /// It replaces the winner, which counted there.
    Replaced(u32, Slot),
    /// An older revision, or the same record again: changes nothing.
    Stale,
}

#[derive(Debug, Default)]
pub(super) struct Identity {
    table: HashTable<u32>,
    hasher: hashbrown::DefaultHashBuilder,
    ids: Column<u64>,
    revisions: Column<PackedRevision>,
    slots: Column<Slot>,
    named: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

impl Identity {
    /// Incidents ever seen, deleted ones included.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    fn packed(&mut self, id: &str) -> u64 {
        if let Some(number) = decimal(id) {
            return number;
        }
        if let Some(number) = self.named.get(id) {
            return NAMED | u64::from(*number);
        }
        let number = self.names.len() as u32;
        self.names.push(id.into());
        self.named.insert(id.into(), number);
        NAMED | u64::from(number)
    }

    /// Brings one record to its incident; the greater revision stays.
    pub(super) fn offer(&mut self, id: &str, revision: Revision, slot: Slot) -> Outcome {
        let id = self.packed(id);
        let hash = self.hasher.hash_one(id);
        if let Some(row) = self.table.find(hash, |row| self.ids.value(*row) == id) {
            let row = *row;
            if revision <= self.revisions.value(row).unpack() {
                return Outcome::Stale;
            }
            let before = self.slots.value(row);
            self.revisions.set(row, revision.into());
            self.slots.set(row, slot);
            return Outcome::Replaced(row, before);
        }
        let row = self.len() as u32;
        self.ids.push(id);
        self.revisions.push(revision.into());
        self.slots.push(slot);
        let (ids, hasher) = (&self.ids, &self.hasher);
        self.table.insert_unique(hash, row, |row| hasher.hash_one(ids.value(*row)));
        Outcome::New(row)
    }

    /// One incident's id, revision and slot.
    pub(super) fn row(&self, row: u32) -> (String, Revision, Slot) {
        let id = self.ids.value(row);
        let name = if id & NAMED == 0 { id.to_string() } else { self.names[(id & !NAMED) as usize].to_string() };
        (name, self.revisions.value(row).unpack(), self.slots.value(row))
    }
}

/// The number that an id is, where its digits and the number say the same (no sign, no leading zero).
fn decimal(id: &str) -> Option<u64> {
    let bytes = id.as_bytes();
    if bytes.is_empty() || bytes.len() > 18 || (bytes[0] == b'0' && bytes.len() > 1) {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| number * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(observed_at: i64) -> Revision {
        Revision { updated_at: None, observed_at: UtcMicros(observed_at), content_hash: 0 }
    }

    fn slot(hour: i32) -> Slot {
        Slot { hour, area: 0, category: 0 }
    }

    #[test]
    fn the_greater_revision_stays() {
        let mut identity = Identity::default();
        assert_eq!(identity.offer("7", revision(2), slot(1)), Outcome::New(0));
        assert_eq!(identity.offer("7", revision(2), slot(1)), Outcome::Stale);
        assert_eq!(identity.offer("7", revision(1), slot(9)), Outcome::Stale);
        assert_eq!(identity.offer("7", revision(3), slot(5)), Outcome::Replaced(0, slot(1)));
        assert_eq!(identity.row(0), ("7".to_owned(), revision(3), slot(5)));
    }

    #[test]
    fn ids_that_look_alike_are_different() {
        let mut identity = Identity::default();
        for (row, id) in ["7", "07", "007", "7-1", "+7", "", "123456789012345678", "1234567890123456789", "٧"]
            .into_iter()
            .enumerate()
        {
            assert_eq!(identity.offer(id, revision(0), slot(0)), Outcome::New(row as u32), "{id}");
        }
        assert_eq!(identity.offer("07", revision(0), slot(0)), Outcome::Stale);
        assert_eq!(identity.row(7).0, "1234567890123456789");
    }

    #[test]
    fn grows_past_a_chunk() {
        let mut identity = Identity::default();
        let many = CHUNK as u32 * 2 + 10;
        for id in 0..many {
            identity.offer(&id.to_string(), revision(0), slot(id as i32));
        }
        assert_eq!(identity.len(), many as usize);
        assert_eq!(identity.row(many - 1), ((many - 1).to_string(), revision(0), slot(many as i32 - 1)));
    }
}
