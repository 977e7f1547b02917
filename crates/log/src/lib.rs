//! The one reliable log that feeds every role, and its implementations.
//!
//! [`Log`] is the contract: topics, partitions, offsets, atomic and durable transactions, consumer groups and their
//! committed offsets. [`EmbeddedLog`] keeps it in one directory for one process, `KafkaLog` (feature `kafka`) on a Kafka
//! cluster for many.
//! Every implementation passes the same contract suite, `tests/contract`.

mod codec;
mod contract;
mod embedded;
mod error;
mod format;
#[cfg(feature = "kafka")]
mod kafka;
mod names;
mod source_state;

/// How long topic `peaks` keeps the last tick of an hour. Older ones go, and `as=said` no longer finds them.
pub const PEAKS_DAYS: u64 = 400;

/// About how much topic `rejected` keeps. The oldest records go first.
pub const REJECTED_BYTES: u64 = 256 << 20;

pub use contract::{
    Append, AppendEnd, AppendedRows, Bounds, Invalid, Log, LogBatch, Membership, Transaction, WatchedPartition, Writer,
};
pub use embedded::{
    EmbeddedLog, EmbeddedOptions, FreeBytes, PackWhen, PackingReport, Rebuild, RecordPlace, Retention, free_bytes,
};
pub use error::LogError;
pub use format::{DecodedMessage, Decoder, Encode, Formats, Message, TopicFormat};
#[cfg(feature = "kafka")]
pub use kafka::{KafkaLog, KafkaLogin, KafkaOptions};
pub use names::{GroupOffset, LogId, Offset, Topic};
pub use source_state::{SourceState, StoredPosition, fed_by, held, source_states};
