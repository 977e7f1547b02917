//! The identity index: for every incident ever seen, its row and its winning revision. Deletions are remembered.

use blotter_incident::{CivilMicros, Revision, UtcMicros};
use hashbrown::{HashMap, HashTable};
use std::{borrow::Cow, hash::BuildHasher};

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
pub(crate) enum Outcome {
    /// The incident is new.
    New(u32),
    /// It replaces the winner in that row.
    Replaced(u32),
    /// An older revision, or the same record again: changes nothing.
    Stale,
}

#[derive(Debug, Default)]
pub(crate) struct Identity {
    table: HashTable<u32>,
    hasher: hashbrown::DefaultHashBuilder,
    ids: Column<u64>,
    revisions: Column<PackedRevision>,
    named: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

impl Identity {
    /// Makes room for so many incidents.
    pub(crate) fn reserve(&mut self, incidents: usize) {
        let (ids, hasher) = (&self.ids, &self.hasher);
        self.table.reserve(incidents, |row| hasher.hash_one(ids.value(*row)));
    }

    /// Incidents ever seen, deleted ones included.
    pub(crate) fn len(&self) -> usize {
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
    pub(crate) fn offer(&mut self, id: &str, revision: Revision) -> Outcome {
        let id = self.packed(id);
        let hash = self.hasher.hash_one(id);
        if let Some(row) = self.table.find(hash, |row| self.ids.value(*row) == id) {
            let row = *row;
            if revision <= self.revisions.value(row).unpack() {
                return Outcome::Stale;
            }
            self.revisions.set(row, revision.into());
            return Outcome::Replaced(row);
        }
        let row = self.len() as u32;
        self.ids.push(id);
        self.revisions.push(revision.into());
        let (ids, hasher) = (&self.ids, &self.hasher);
        self.table.insert_unique(hash, row, |row| hasher.hash_one(ids.value(*row)));
        Outcome::New(row)
    }

    /// The id of a row.
    pub(crate) fn id(&self, row: u32) -> Cow<'_, str> {
        let id = self.ids.value(row);
        if id & NAMED == 0 { Cow::Owned(id.to_string()) } else { Cow::Borrowed(&self.names[(id & !NAMED) as usize]) }
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
