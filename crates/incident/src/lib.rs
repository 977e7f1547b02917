//! The incident: its record, validation and identity.
//!
//! Everything here is pure: no I/O, no async, no clock of its own. A source hands raw rows to a
//! [`Parser`], which either appends them to columnar batches (one per log partition) or says why it
//! rejects them. Every other role reads those batches through [`IncidentBatch`].
//!
//! Invariants:
//! - [`Revision`] alone decides which record of one incident wins; every role compares it and nothing else.
//! - A civil time is kept exactly as published; its instant is derived by [`blotter_city::CityClock`]
//!   and by nothing else.
//! - Coordinates are both there or both missing.
//! - What a source says of an area stands; outlines fill in what it does not say, and change no revision's rank.

mod batch;
mod boundaries;
mod builder;
mod header;
mod identity;
mod json;
mod message;
mod outliers;
mod parser;
mod partition;
mod points;
mod reason;
mod rejected;
mod revision;
mod row;

pub use batch::{DictionaryColumn, Incident, IncidentBatch, incident_schema};
pub use boundaries::Boundaries;
pub use header::{Header, HeaderError, same_column};
pub use identity::{Column, IdentityIndex, UpsertOutcome};
pub use json::IncidentRecord;
pub use message::MessageParser;
pub use outliers::{first_month, newest_hour};
pub use parser::{MAX_BATCH_ROWS, Observation, Parser, TypedRow, Word, WordColumn};
pub use partition::{misplaced_rows, murmur2, partition_of, stretches_between};
pub use points::PointTally;
pub use reason::Reason;
pub use rejected::{Rejected, rejected_batch, rejected_rows, rejected_schema};
pub use revision::Revision;
pub use row::Row;
