//! The archive: one Delta table `incidents`, one row per record of the log, partitioned by year.
//!
//! Invariants:
//! - The files of a commit and the offsets they reach are one Delta commit: both or neither.
//! - One row per (partition, offset). A file that no commit names is no part of the table.
//! - Compaction rewrites rows and never changes, adds or drops one.

mod columns;
mod compaction;
mod file;
mod sealed;
mod table;
mod writer;
mod year;

pub use columns::{archive_schema, to_incidents};
pub use compaction::{CompactionOptions, CompactionOutcome};
pub use file::{EncodedFile, writer_properties};
pub use table::{ArchiveFile, ArchiveTable, TableOffsets, UploadedFile};
pub use writer::{ArchiveWriter, WriterLimits};
pub use year::{civil_month, civil_year};
