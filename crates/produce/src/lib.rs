//! The role `produce`: from a source to the topics `incidents` and `rejected`.
//!
//! Invariant: a chunk's incidents, its rejected rows and the source's position behind it are one
//! transaction. A producer killed at any moment and started again neither loses nor repeats a row.

mod announcement;
mod error;
mod progress;
mod role;
mod tombstones;

pub use announcement::begin;
pub use error::ProduceError;
pub use progress::{ProduceFigures, ProduceProgress};
pub use role::{ProduceParts, run, writer_of};
