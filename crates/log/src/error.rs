//! What can go wrong with a log, and what to do about it.

use crate::{Offset, Topic};
use arrow::datatypes::DataType;
use std::{io, path::PathBuf};

/// Why the log could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another process has it.
    #[error("{} is in use by {holder}; stop it, or use kafka:// for several processes", dir.display())]
    Held {
        /// The log's directory.
        dir: PathBuf,
        /// The command and process id of the holder.
        holder: String,
    },
    /// The log is another's.
    #[error("{} is the log of `{stored}`, not of `{asked}`: give each a directory of its own", dir.display())]
    Owner {
        /// The log's directory.
        dir: PathBuf,
        /// Whose it is.
        stored: String,
        /// Whose it was taken for.
        asked: String,
    },
    /// The number of partitions is part of the log.
    #[error(
        "{} has {stored} partitions, not {configured}, and their number never changes; leave it out, or use another directory",
        dir.display()
    )]
    Partitions {
        /// The log's directory.
        dir: PathBuf,
        /// The number that it was made with.
        stored: u32,
        /// The number that was asked for.
        configured: u32,
    },
    /// The number of partitions makes no sense.
    #[error("a log has 1 to {most} partitions, not {configured}")]
    PartitionCount {
        /// The number that was asked for.
        configured: u32,
        /// The most that it can have.
        most: u32,
    },
    /// Written by another version.
    #[error("{} has format {found}, and this version reads format {known}; use the version that wrote it", dir.display())]
    Format {
        /// The log's directory.
        dir: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Files of the log are not those that were written.
    #[error("the log in {} is damaged: {reason}; put the directory back from a copy, or make it again from the archive with `blotter restore`", dir.display())]
    Damaged {
        /// The log's directory.
        dir: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no such partition.
    #[error("topic {topic} has {partitions} partitions, and none of number {partition}")]
    NoSuchPartition {
        /// The topic.
        topic: Topic,
        /// The partition that was asked for.
        partition: u32,
        /// How many it has.
        partitions: u32,
    },
    /// Retention has removed it.
    #[error("offset {offset} of {topic}/{partition} is gone, the earliest left is {earliest}; restart from a snapshot")]
    OffsetGone {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: u32,
        /// The offset that was asked for.
        offset: Offset,
        /// The first that is left.
        earliest: Offset,
    },
    /// It has not been written.
    #[error(
        "offset {offset} of {topic}/{partition} is beyond the end {next}: it belongs to another log, or this one has lost its tail; \
         restart from what this log holds"
    )]
    OffsetAhead {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: u32,
        /// The offset that was asked for.
        offset: Offset,
        /// The end.
        next: Offset,
    },
    /// The stored bytes are not those that were written.
    #[error(
        "the batch at offset {offset} of {topic}/{partition} is damaged: {reason}; put the log back from a copy, or make it again from the archive with `blotter restore`"
    )]
    Corrupt {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: u32,
        /// The first offset of the batch.
        offset: Offset,
        /// What is wrong.
        reason: String,
    },
    /// The log keeps no columns of this type.
    #[error("the log cannot keep column `{column}` of type {data_type}; use one of the types that its codec lists")]
    Unencodable {
        /// The column.
        column: String,
        /// Its type.
        data_type: DataType,
    },
    /// A batch is beyond what one key can hold.
    #[error(
        "a batch of {rows} records and {bytes} bytes is too large; append at most {max_rows} records and {max_bytes} bytes at once"
    )]
    TooLarge {
        /// Its records.
        rows: usize,
        /// Its bytes, uncompressed.
        bytes: usize,
        /// The most records.
        max_rows: usize,
        /// The most bytes.
        max_bytes: usize,
    },
    /// The disk has too little room.
    #[error(
        "the log in {} is not written to: it needs {needed} free bytes and the disk has {free}; make room there, and writing goes on by itself",
        dir.display()
    )]
    Full {
        /// The log's directory.
        dir: PathBuf,
        /// The bytes that must be free.
        needed: u64,
        /// The bytes that are.
        free: u64,
    },
    /// A write failed, and what is on the disk is not certain until the log has been opened again.
    #[error("a write to the log failed ({cause}); it is opened again at the next write: make room or repair the disk")]
    Poisoned {
        /// The failure that began it.
        cause: String,
    },
    /// A newer writer of the same name has been opened.
    #[error("another process has taken over as the writer `{writer}`; this one stops writing")]
    Fenced {
        /// The name.
        writer: String,
    },
    /// The cluster does not answer, or not as it should.
    #[error("Kafka at {servers} cannot {doing}: {reason}")]
    Kafka {
        /// The servers that were given.
        servers: String,
        /// What was tried.
        doing: String,
        /// The client's own words.
        reason: String,
        /// Whether it may work later.
        retryable: bool,
    },
    /// A topic is not as it must be.
    #[error("Kafka topic `{topic}` {problem}")]
    KafkaTopic {
        /// Its name.
        topic: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A URL or a setting that cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// A stored position that cannot be read.
    #[error(
        "the log's position `{name}` cannot be read: {reason}; use the version that wrote it, or load again into a new directory"
    )]
    Position {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Columns that a topic's format does not know, or gives wrongly.
    #[error("topic {topic}: {reason}")]
    Columns {
        /// The topic.
        topic: Topic,
        /// What is wrong.
        reason: String,
    },
    /// It was closed.
    #[error("the log is closed")]
    Closed,
    /// A file of the log's own.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The store below failed to read.
    #[error("the log's store failed: {0}")]
    Store(#[from] fjall::Error),
}

impl LogError {
    /// Whether the same call may succeed later without anyone doing anything.
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Held { .. } | Self::Full { .. } | Self::Poisoned { .. } | Self::Kafka { retryable: true, .. }
        )
    }
}
