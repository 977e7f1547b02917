//! The offline path: the log into the archive, the archive into snapshots, snapshots to where they are read.
//!
//! Invariants:
//! - One archive row per record of the log, whatever is killed and whenever: [`archive`] keeps no state of
//!   its own, its offsets are in the table's commits.
//! - A snapshot is a function of the table's version: the same rows, whichever order the log had.
//! - The pointer to the newest snapshot only moves forward, and only to a snapshot that is complete.

pub mod archive;
mod columns;
mod error;
pub mod fetch;
mod first_records;
mod manifest;
mod positions;
pub mod restore;
mod rows;
pub mod snapshot;

pub use error::{OfflineError, Result};
pub use first_records::{FirstRecord, FirstRecords};
pub use manifest::{Manifest, ManifestFile, Pointer};
