//! The role `snapshot`: the winning revision of each incident, sorted by time, found by one of two engines ([`Engine`]). Both write
//! the same files.
//!
//! The embedded engine makes two passes over the table, in bounded memory:
//! 1. [`winners`]: the ids alone decide which rows compete; only those are ranked. The result is a bit a row.
//! 2. [`slices`] and [`gather`]: stretches of time of bounded size, cut where the years of the table's
//!    partitions meet; each is read, filtered, sorted and written as files of whole months.
//!
//! A file that the newest snapshot has, to the byte, is referred to and not written again: what a snapshot writes
//! follows what has changed since.
//!
//! Rows are in the order of (`occurred_at_utc`, `id` as text). Of records that are equal in rank, and so
//! in content, the one with the least (partition, offset) is taken. Columns: those of
//! [`incident_schema`](blotter_incident::incident_schema), then `partition` and `offset`; the Arrow schema
//! is kept in the files, so that dictionaries read back as dictionaries.
//!
//! A snapshot *as of* an ingest time lies beside the others in `snapshots/<version>-as-of-<time>/`. The
//! pointer never leads to it and housekeeping leaves it alone.

mod facts;
mod gather;
mod pays;
mod publish;
mod slices;
#[cfg(feature = "spark")]
mod spark;
mod take;
mod winners;

pub use blotter_spark::Engine;
pub use pays::pays;
pub use take::{Outcome, take};

use blotter_city::{Profile, UtcMicros};
use blotter_runtime::Shutdown;
use blotter_store::Store;
use std::sync::Arc;

/// What to take.
#[derive(Clone, Debug)]
pub struct SnapshotConfig {
    /// Who finds the winners and sorts them.
    pub engine: Engine,
    /// Only records that were ingested until then.
    pub as_of: Option<UtcMicros>,
    /// Snapshots to keep, the newest included.
    pub keep: usize,
    /// Rows that are sorted in memory at a time, some 200 bytes each.
    pub slice_rows: u64,
    /// A file ends with the month in which it has so many rows.
    pub file_rows: usize,
    /// Triggered, it ends a snapshot that is under way between two batches: [`crate::OfflineError::Cancelled`].
    pub stop: Shutdown,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            engine: Engine::Embedded,
            as_of: None,
            keep: 3,
            slice_rows: 400_000,
            file_rows: 40_000,
            stop: Shutdown::new(),
        }
    }
}

/// What the role works on.
#[derive(Clone)]
pub struct SnapshotParts {
    /// The store of the table and of the snapshots.
    pub store: Store,
    /// The city.
    pub profile: Arc<Profile>,
}
