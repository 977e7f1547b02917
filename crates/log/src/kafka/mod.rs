//! The log on a Kafka cluster, for any number of processes, through librdkafka.
//!
//! - `options`: the URL, and how to log in;
//! - `client`: what all clients are made from, and how long a call may take;
//! - `topics`: made where they are missing, checked where they exist;
//! - `cursor`: one place in one partition, from which messages come in order;
//! - `reader`: messages to columns, and the newest of them in memory for the other roles of the process;
//! - `aside`: records looked up beside those who follow;
//! - `writer`: transactions, and who may write;
//! - `positions`: names and values in a compacted topic of their own;
//! - `group`: members divide partitions.
//!
//! Readers see committed transactions only. A transaction ends with a mark that takes an offset and is no record, so
//! offsets have gaps, and the end of a partition may be one behind its last record: a cursor steps over marks by itself.

mod aside;
mod client;
mod cursor;
mod group;
mod options;
mod positions;
mod reader;
mod topics;
mod writer;

pub use options::{KafkaLogin, KafkaOptions};

use crate::{
    AppendEnd, Bounds, Formats, Log, LogBatch, LogError, LogId, Membership, Offset, Topic, Transaction,
    WatchedPartition, Writer,
    kafka::{
        aside::{Aside, Stretch},
        client::Client,
        group::Group,
        positions::Positions,
        reader::Reader,
        topics::Topics,
        writer::TransactionalWriter,
    },
};
use rdkafka::{TopicPartitionList, consumer::Consumer};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The key of the log's identity among the positions.
const LOG_ID: &str = "log/id";

/// However late a signal is, a waiter looks again after this long.
const LOOK: Duration = Duration::from_millis(50);

/// A log on a Kafka cluster.
pub struct KafkaLog {
    id: LogId,
    client: Arc<Client>,
    topics: Arc<Topics>,
    formats: Formats,
    readers: BTreeMap<(Topic, u32), Mutex<Reader>>,
    aside: Aside,
    positions: Mutex<Positions>,
    /// The writer of those who need no name.
    anyone: Mutex<Option<TransactionalWriter>>,
}

impl KafkaLog {
    /// Connects, makes the topics that are missing and checks the others. `formats` is told the number of partitions; topics
    /// without a format cannot be read or appended to.
    ///
    /// # Errors
    /// [`LogError::Kafka`] where the cluster does not answer, [`LogError::KafkaTopic`] where a topic cannot be used.
    pub fn open(options: &KafkaOptions, formats: impl FnOnce(u32) -> Formats) -> Result<Self, LogError> {
        let client = Arc::new(Client::new(options)?);
        let topics = Arc::new(Topics::open(&client, options)?);
        let formats = formats(topics.partitions(Topic::Incidents));
        let mut positions = Positions::new(Arc::clone(&client), topics.positions());
        let id = identity(&client, &topics, &mut positions)?;
        let places: Vec<(Topic, u32)> = formats
            .keys()
            .flat_map(|topic| (0..topics.partitions(*topic)).map(|partition| (*topic, partition)))
            .collect();
        let cached = options.tail_cache_bytes / places.len().max(1);
        let readers = places
            .into_iter()
            .map(|(topic, partition)| {
                let format = Arc::clone(&formats[&topic]);
                let reader = Reader::new(Arc::clone(&client), topics.name(topic), topic, partition, format, cached);
                ((topic, partition), Mutex::new(reader))
            })
            .collect();
        let aside = Aside::new(Arc::clone(&client));
        let (positions, anyone) = (Mutex::new(positions), Mutex::new(None));
        Ok(Self { id, client, topics, formats, readers, aside, positions, anyone })
    }

    fn reader(&self, topic: Topic, partition: u32) -> Result<MutexGuard<'_, Reader>, LogError> {
        let reader = self.readers.get(&(topic, partition)).ok_or_else(|| self.nowhere(topic, partition))?;
        Ok(reader.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn nowhere(&self, topic: Topic, partition: u32) -> LogError {
        LogError::NoSuchPartition { topic, partition, partitions: self.topics.partitions(topic) }
    }

    fn open_writer(&self, name: &str) -> Result<TransactionalWriter, LogError> {
        TransactionalWriter::open(Arc::clone(&self.client), Arc::clone(&self.topics), self.formats.clone(), name)
    }
}

/// The identity that is stored, or a new one. Of two processes that make one at the same time, one is fenced and reads
/// what the other has said.
fn identity(client: &Arc<Client>, topics: &Arc<Topics>, positions: &mut Positions) -> Result<LogId, LogError> {
    loop {
        if let Some(id) = positions.get(LOG_ID)? {
            return Ok(LogId(String::from_utf8_lossy(&id).into_owned()));
        }
        let mut writer = TransactionalWriter::open(Arc::clone(client), Arc::clone(topics), Formats::new(), "setup")?;
        if positions.get(LOG_ID)?.is_some() {
            continue;
        }
        let id = uuid::Uuid::new_v4().to_string();
        let said = Transaction { positions: vec![(LOG_ID.to_owned(), id.into_bytes())], ..Transaction::default() };
        match writer.append(said) {
            Ok(_) | Err(LogError::Fenced { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

impl Log for KafkaLog {
    fn id(&self) -> &LogId {
        &self.id
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.topics.partitions(topic)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn writer(self: Arc<Self>, name: &str) -> Result<Box<dyn Writer>, LogError> {
        Ok(Box::new(self.open_writer(name)?))
    }

    fn append(&self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        let mut anyone = self.anyone.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = match &mut *anyone {
            Some(writer) => writer,
            none => none.insert(self.open_writer(&format!("anyone/{}", uuid::Uuid::new_v4()))?),
        };
        let appended = writer.append(transaction);
        if appended.as_ref().is_err_and(LogError::is_retryable) {
            *anyone = None;
        }
        appended
    }

    fn join(&self, group: &str, topic: Topic) -> Result<Box<dyn Membership>, LogError> {
        Ok(Box::new(Group::join(&self.client, self.topics.name(topic), group)?))
    }

    fn read(&self, topic: Topic, partition: u32, from: Offset, max_bytes: usize) -> Result<Vec<LogBatch>, LogError> {
        self.reader(topic, partition)?.read(from.0, max_bytes)
    }

    fn read_range(&self, topic: Topic, partition: u32, from: Offset, to: Offset) -> Result<Vec<LogBatch>, LogError> {
        if partition >= self.topics.partitions(topic) {
            return Err(self.nowhere(topic, partition));
        }
        let format = self.formats.get(&topic).ok_or_else(|| self.nowhere(topic, partition))?;
        let wanted = Stretch { name: self.topics.name(topic), topic, partition, from: from.0, to: to.0 };
        self.aside.read(&wanted, format.as_ref())
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Bounds, LogError> {
        if partition >= self.topics.partitions(topic) {
            return Err(self.nowhere(topic, partition));
        }
        self.client.bounds(self.topics.name(topic), partition)
    }

    fn committed(&self, group: &str, topic: Topic) -> Result<Vec<(u32, Offset)>, LogError> {
        let all: Vec<u32> = (0..self.topics.partitions(topic)).collect();
        self.committed_of(group, topic, &all)
    }

    fn committed_of(&self, group: &str, topic: Topic, partitions: &[u32]) -> Result<Vec<(u32, Offset)>, LogError> {
        let name = self.topics.name(topic);
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition(name, *partition as i32);
        }
        let consumer = self.client.group_reader(group)?;
        let timeout = self.client.call;
        let found =
            self.client.retry("read committed offsets", || consumer.committed_offsets(asked.clone(), timeout))?;
        let mut committed: Vec<(u32, Offset)> = found
            .elements()
            .iter()
            .filter_map(|element| match element.offset() {
                rdkafka::Offset::Offset(next) => Some((element.partition() as u32, Offset(next as u64))),
                _ => None,
            })
            .collect();
        committed.sort_unstable();
        Ok(committed)
    }

    fn position(&self, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).get(name)
    }

    fn positions(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        let mut found = self.positions.lock().unwrap_or_else(PoisonError::into_inner).starting_with(prefix)?;
        found.retain(|(name, _)| name != LOG_ID);
        Ok(found)
    }

    fn wait_any(&self, watched: &[WatchedPartition], timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let started = self.client.signal.state();
        loop {
            // Asked before looking, so that what comes while looking is not slept over.
            let seen = self.client.signal.state();
            let has_more = |(topic, partition, next): &WatchedPartition| {
                self.reader(*topic, *partition).is_ok_and(|mut reader| reader.has_more(next.0))
            };
            if watched.iter().any(has_more) {
                return true;
            }
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() || seen.wakes != started.wakes {
                return false;
            }
            self.client.signal.wait(seen, left.min(LOOK));
        }
    }

    fn wake(&self) {
        self.client.signal.wake();
    }
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("servers", &self.client.servers).field("id", &self.id).finish_non_exhaustive()
    }
}

/// What has happened so far; see [`client::Signal`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct SignalState {
    notices: u64,
    wakes: u64,
}
