//! What every log promises, and the words in which it is said.
//!
//! **Order.** The records of one partition have increasing offsets, from 0, in the order in which they were appended.
//! **Atomicity.** A [`Transaction`] is there as a whole or not at all, for readers and after any crash.
//! **Durability.** When [`Log::append`] returns `Ok`, the transaction survives the death of the process and, as far as
//! the storage keeps its promises, of the machine.
//! **Immutability.** What was read at an offset once is read there for ever, or is gone ([`LogError::OffsetGone`]).
//! **Compaction.** On a topic of latest values ([`Topic::is_compacted`]) a record may go once a newer one has its key, and
//! one that stays may move to a later offset. Whoever reads from an offset gets the latest value of every key that was
//! appended there or behind it, in order; perhaps some that it has seen.

use crate::{GroupOffset, LogError, LogId, Offset, Topic};
use arrow::array::RecordBatch;
use std::{sync::Arc, time::Duration};

/// Records for one partition.
#[derive(Clone, Debug)]
pub struct Append {
    /// The topic.
    pub topic: Topic,
    /// The partition, below [`Log::partitions`].
    pub partition: u32,
    /// One row a record. Without rows it changes nothing.
    pub records: RecordBatch,
}

/// One atomic, durable unit: all of it or none of it.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// Records; those of one partition follow each other in this order.
    pub appends: Vec<Append>,
    /// Names and opaque values, said together with the records: a producer's position in its source.
    pub positions: Vec<(String, Vec<u8>)>,
    /// Consumer groups' committed offsets. The last one said counts, also where it goes back.
    pub commits: Vec<GroupOffset>,
}

/// Where an append ended: the partition and its next offset behind the appended records.
pub type AppendEnd = (Topic, u32, Offset);

/// Rows that were appended together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendedRows {
    /// How many.
    pub rows: u32,
    /// When, by the wall clock, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Consecutive records of one partition.
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// The offset of the first row; row `i` has offset `base + i`.
    pub base: Offset,
    /// Where to read on. Not always `base + rows`: a log may use up offsets for marks of its own, and for records that
    /// are none. There may be no rows at all.
    pub next: Offset,
    /// The records.
    pub records: Arc<RecordBatch>,
    /// When the newest of them was appended by the wall clock, in milliseconds since 1970.
    pub appended_at_ms: i64,
    /// When each was: stretches of rows, in order. Empty where all were appended at `appended_at_ms`.
    pub appended: Vec<AppendedRows>,
    /// What lies between the last row and `next` and is no record of the topic. Only on a log that others can write.
    pub invalid: Vec<Invalid>,
    /// How far the group had come whose totals these are, as the topic itself says it behind the last row
    /// ([`TopicFormat::mark`](crate::TopicFormat::mark)). Only on a log that keeps messages.
    pub marked: Option<Offset>,
}

impl LogBatch {
    /// Stretches of rows in order, and when each was appended.
    pub fn appended(&self) -> impl Iterator<Item = AppendedRows> {
        let whole = AppendedRows { rows: self.records.num_rows() as u32, at_ms: self.appended_at_ms };
        let whole = (self.appended.is_empty() && whole.rows > 0).then_some(whole);
        self.appended.iter().copied().chain(whole)
    }
}

/// Bytes on the topic that are no record of it, by the topic's [`TopicFormat`](crate::TopicFormat).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where it lies.
    pub offset: Offset,
    /// Its value, as it is; empty where it has none.
    pub bytes: Vec<u8>,
    /// Why it is none, as a sentence for people.
    pub reason: String,
    /// When it was appended, in milliseconds since 1970.
    pub appended_at_ms: i64,
}

/// The ends of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The first record that is still there; equal to `next` where there is none.
    pub earliest: Offset,
    /// The offset of the next record to come.
    pub next: Offset,
}

/// One partition that a caller waits for, and the first record that it has not seen.
pub type WatchedPartition = (Topic, u32, Offset);

/// The one writer of its name: when a second one is opened, in whatever process, the first can append no more.
pub trait Writer: Send {
    /// Appends one transaction and returns when it is durable: for each of its appends, in order, the partition's next
    /// offset behind it. Concurrent transactions are ordered by the log.
    ///
    /// # Errors
    /// [`LogError::NoSuchPartition`], [`LogError::Unencodable`] and [`LogError::TooLarge`] change nothing, and neither
    /// does [`LogError::Fenced`]. After any other the transaction may or may not be there: open the writer again, read
    /// how far it came, and go on from there.
    fn append(&mut self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError>;
}

/// A process's part in dividing a topic's partitions among the members of a group. It leaves the group when it is
/// dropped. Who owns a partition now is good advice and no more: what protects it is its [`Writer`]'s name.
pub trait Membership: Send {
    /// The partitions that are this member's now, ascending.
    fn partitions(&mut self) -> Result<Vec<u32>, LogError>;
}

/// A partitioned, durable log. Every method blocks; roles are threads.
pub trait Log: Send + Sync {
    /// Its identity.
    fn id(&self) -> &LogId;

    /// The number of partitions, which never changes.
    fn partitions(&self, topic: Topic) -> u32;

    /// Whether other processes may read and write it at the same time.
    fn is_shared(&self) -> bool;

    /// Opens the writer of that name. What an older one of the name had begun is settled when this returns: it is in the
    /// log, or never will be.
    fn writer(self: Arc<Self>, name: &str) -> Result<Box<dyn Writer>, LogError>;

    /// As [`Writer::append`], for what may be said by anyone at any time.
    fn append(&self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError>;

    /// Takes part in dividing the partitions of a topic among the members of a group.
    fn join(&self, group: &str, topic: Topic) -> Result<Box<dyn Membership>, LogError>;

    /// Records from offset `from` on, without a gap: as many batches as take about `max_bytes` in memory, at least one
    /// where there is one; empty at the end.
    ///
    /// # Errors
    /// [`LogError::OffsetGone`] where retention has removed `from`, [`LogError::OffsetAhead`] where it lies beyond the
    /// partition's end (the caller knows another log, or this one has lost its tail), [`LogError::Corrupt`].
    fn read(&self, topic: Topic, partition: u32, from: Offset, max_bytes: usize) -> Result<Vec<LogBatch>, LogError>;

    /// The records at offsets from `from` to before `to`, without a gap, for someone who looks records up here and there:
    /// whoever follows the partition meanwhile waits for nothing of it. The last batch may reach beyond `to`; there may be
    /// fewer where a log takes its time, but at least one batch where there is a record.
    ///
    /// # Errors
    /// As [`Log::read`].
    fn read_range(&self, topic: Topic, partition: u32, from: Offset, to: Offset) -> Result<Vec<LogBatch>, LogError> {
        let mut found: Vec<LogBatch> = Vec::new();
        let mut at = from;
        while at < to {
            // One batch: of a log in this process that is all that must be decoded for one record.
            let fetched = self.read(topic, partition, at, 1)?;
            let Some(last) = fetched.last() else { break };
            at = last.next;
            found.extend(fetched);
        }
        Ok(found)
    }

    /// The ends of a partition.
    fn bounds(&self, topic: Topic, partition: u32) -> Result<Bounds, LogError>;

    /// A group's committed offsets, by partition, ascending; partitions that it never committed are not listed.
    fn committed(&self, group: &str, topic: Topic) -> Result<Vec<(u32, Offset)>, LogError>;

    /// The same of some partitions. On a shared log it does not wait for what another member has begun to commit in others:
    /// of a member that was killed, that is not settled before its transaction times out.
    fn committed_of(&self, group: &str, topic: Topic, partitions: &[u32]) -> Result<Vec<(u32, Offset)>, LogError> {
        let mut committed = self.committed(group, topic)?;
        committed.retain(|(partition, _)| partitions.contains(partition));
        Ok(committed)
    }

    /// The last value said for a position's name.
    fn position(&self, name: &str) -> Result<Option<Vec<u8>>, LogError>;

    /// All positions whose names begin with `prefix`, by name.
    fn positions(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LogError>;

    /// Blocks until one of the watched partitions has a record at or beyond its offset, the time has passed, someone
    /// calls [`Log::wake`], or the log is closed. Whether there is something to read.
    fn wait_any(&self, watched: &[WatchedPartition], timeout: Duration) -> bool;

    /// [`Log::wait_any`] for the partitions of one topic: `from` has an offset for each, in order.
    fn wait(&self, topic: Topic, from: &[Offset], timeout: Duration) -> bool {
        let watched: Vec<WatchedPartition> =
            (0..).zip(from).map(|(partition, next)| (topic, partition, *next)).collect();
        self.wait_any(&watched, timeout)
    }

    /// Ends every wait that is under way now: for a caller that has something else to say, such as a shutdown.
    fn wake(&self);
}
