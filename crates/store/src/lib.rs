//! The object store and the archive's Delta table.
//!
//! Roles are threads: everything here blocks, and what is asynchronous below runs on threads of the
//! store's own. Only this crate knows where objects lie and that the archive is a Delta table.
//!
//! Invariants:
//! - An object is there as a whole or not at all, and what was put survives the machine; in a bucket, as far
//!   as its server promises that.
//! - Of concurrent conditional puts one wins, and each caller learns whether it was its own.
//! - The archive's files and the log offsets that they reach are one commit.
//! - No URL, error or log line shows a secret.

mod archive;
mod checkpoints;
mod error;
mod local;
mod reader;
mod runtime;
mod s3;
mod store;

pub use archive::{
    ArchiveFile, ArchiveTable, ArchiveWriter, CompactionOptions, CompactionOutcome, EncodedFile, TableOffsets,
    UploadedFile, WriterLimits, archive_schema, civil_month, civil_year, to_incidents, writer_properties,
};
pub use checkpoints::Checkpoints;
pub use error::{Damaged, Result, StoreError};
pub use reader::{ObjectReader, ObjectStream};
pub use store::{ObjectEntry, ObjectVersion, Store};
