//! The one reliable log that feeds every role, and its embedded implementation.
//!
//! [`Log`] is the contract: topics, partitions, offsets, atomic and durable transactions, consumer groups' committed
//! offsets, retention. [`EmbeddedLog`] keeps it in one directory for one process. Every implementation passes the same
//! contract suite, `tests/contract`.

mod codec;
mod contract;
mod embedded;
mod error;

pub use contract::{
    Append, Appended, Bounds, Fetched, GroupOffset, Log, LogId, Offset, Retention, Topic, Transaction, Watched,
};
pub use embedded::{EmbeddedLog, EmbeddedOptions};
pub use error::LogError;
