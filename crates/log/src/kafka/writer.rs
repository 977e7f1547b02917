//! Transactions, and who may write: a writer's name is its `transactional.id`, and the cluster fences an older one.

use super::{
    Formats,
    client::{Client, Context, is_transient},
    topics::{MAX_MESSAGE, Topics},
};
use crate::{Append, AppendEnd, GroupOffset, LogError, Offset, Topic, Transaction, Writer};
use arrow::error::ArrowError;
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{Consumer, ConsumerGroupMetadata},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A transaction that the cluster aborts is sent again this often.
const TRIES: u32 = 5;
/// How long the client is left to itself while something is under way.
const STEP: Duration = Duration::from_millis(1);

pub(super) struct TransactionalWriter {
    client: Arc<Client>,
    topics: Arc<Topics>,
    formats: Formats,
    name: String,
    producer: BaseProducer<Delivery>,
    /// What became of the last transaction is not known: only a new writer can find out.
    is_lost: bool,
}

/// Why a transaction did not come to its end.
enum AbortReason {
    /// Nothing of it is there: it may be sent again.
    Aborted(KafkaError),
    /// Nobody knows.
    Lost(KafkaError),
    Fenced,
    Refused(LogError),
}

impl TransactionalWriter {
    pub(super) fn open(
        client: Arc<Client>,
        topics: Arc<Topics>,
        formats: Formats,
        name: &str,
    ) -> Result<Self, LogError> {
        let mut config = client.base().clone();
        config.set("transactional.id", format!("{}{name}", client.prefix));
        config.set("compression.codec", "lz4");
        config.set("linger.ms", "1");
        config.set("batch.size", "1048576");
        config.set("batch.num.messages", "20000");
        config.set("queue.buffering.max.messages", "500000");
        config.set("queue.buffering.max.kbytes", "262144");
        config.set("message.max.bytes", MAX_MESSAGE.to_string());
        let producer: BaseProducer<Delivery> =
            config.create_with_context(Delivery::default()).map_err(|error| super::client::refused(&error))?;
        client.retry("begin to write", || producer.init_transactions(client.call))?;
        Ok(Self { client, topics, formats, name: name.to_owned(), producer, is_lost: false })
    }

    fn write(&mut self, transaction: &Transaction) -> Result<Vec<AppendEnd>, LogError> {
        if self.is_lost {
            return Err(self.failed(&KafkaError::Canceled));
        }
        for append in &transaction.appends {
            self.check(append.topic, append.partition)?;
        }
        for commit in &transaction.commits {
            self.check(commit.topic, commit.partition)?;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(transaction) {
                Ok(ends) => return self.answer(transaction, &ends),
                Err(AbortReason::Refused(error)) => return Err(error),
                Err(AbortReason::Fenced) => return Err(LogError::Fenced { writer: self.name.clone() }),
                Err(AbortReason::Aborted(error)) if tries < TRIES => {
                    tracing::debug!(%error, writer = self.name, "a transaction was aborted, and is sent again");
                }
                Err(AbortReason::Aborted(error) | AbortReason::Lost(error)) => {
                    self.is_lost = true;
                    return Err(self.failed(&error));
                }
            }
        }
    }

    fn check(&self, topic: Topic, partition: u32) -> Result<(), LogError> {
        let partitions = self.topics.partitions(topic);
        if partition < partitions { Ok(()) } else { Err(LogError::NoSuchPartition { topic, partition, partitions }) }
    }

    /// The whole transaction once: the offset of the last record of each append, and of the last position; -1 for none.
    fn attempt(&mut self, transaction: &Transaction) -> Result<Vec<i64>, AbortReason> {
        let delivery = self.producer.context();
        delivery.begin(transaction.appends.len() + 1);
        self.settle("begin", Producer::begin_transaction)?;
        let sent = self.send(transaction);
        if let Err(error) = sent {
            self.abort()?;
            return Err(error);
        }
        if !transaction.commits.is_empty()
            && let Err(stopped) = self.send_offsets(&transaction.commits)
        {
            if matches!(stopped, AbortReason::Aborted(_)) {
                self.abort()?;
            }
            return Err(stopped);
        }
        self.deliver();
        match self.settle("commit", |producer| producer.commit_transaction(self.client.call)) {
            Ok(()) => {}
            Err(AbortReason::Aborted(error)) => {
                self.abort()?;
                return Err(AbortReason::Aborted(error));
            }
            Err(stopped) => return Err(stopped),
        }
        Ok(self.producer.context().ends())
    }

    fn send(&self, transaction: &Transaction) -> Result<(), AbortReason> {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        for (index, append) in
            transaction.appends.iter().enumerate().filter(|(_, append)| append.records.num_rows() > 0)
        {
            self.send_records(index, append, now_ms)?;
        }
        for (name, value) in &transaction.positions {
            let place = (self.topics.positions(), 0);
            self.send_one(place, transaction.appends.len(), now_ms, name.as_bytes(), value)
                .map_err(AbortReason::Aborted)?;
        }
        // Where a topic says itself how far a group came, it says so beside its records, and where there are none.
        for (topic, format) in &self.formats {
            for commit in &transaction.commits {
                let Some((key, value)) = format.mark(commit) else { continue };
                let place = (self.topics.name(*topic), commit.partition);
                self.send_one(place, usize::MAX, now_ms, &key, &value).map_err(AbortReason::Aborted)?;
            }
        }
        Ok(())
    }

    fn send_records(&self, index: usize, append: &Append, now_ms: i64) -> Result<(), AbortReason> {
        let topic = append.topic;
        let columns = |reason: String| AbortReason::Refused(LogError::Columns { topic, reason });
        let format = self.formats.get(&topic).ok_or_else(|| columns("it has no format here".to_owned()))?;
        let place = (self.topics.name(topic), append.partition);
        let mut stopped = None;
        let encoded = format.encode(append.partition, &append.records, &mut |key, value| {
            if key.len() + value.len() > MAX_MESSAGE - 1024 {
                stopped = Some(AbortReason::Refused(LogError::TooLarge {
                    rows: 1,
                    bytes: key.len() + value.len(),
                    max_rows: append.records.num_rows(),
                    max_bytes: MAX_MESSAGE - 1024,
                }));
            } else if let Err(error) = self.send_one(place, index, now_ms, key, value) {
                stopped = Some(AbortReason::Aborted(error));
            }
            if stopped.is_some() { Err(ArrowError::ComputeError("stopped".to_owned())) } else { Ok(()) }
        });
        match (stopped, encoded) {
            (Some(stopped), _) => Err(stopped),
            (None, Err(error)) => Err(columns(error.to_string())),
            (None, Ok(())) => Ok(()),
        }
    }

    fn send_one(&self, place: (&str, u32), index: usize, now_ms: i64, key: &[u8], value: &[u8]) -> KafkaResult<()> {
        let patience = self.client.patience();
        let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(place.0, index)
            .partition(place.1 as i32)
            .timestamp(now_ms)
            .key(key)
            .payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) if !patience.is_over() => {
                    record = again;
                    self.producer.poll(STEP);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Waits for what was sent, as committing does too, but in longer steps.
    fn deliver(&self) {
        let patience = self.client.patience();
        while self.producer.in_flight_count() > 0 && !patience.is_over() {
            self.producer.poll(STEP);
        }
    }

    fn send_offsets(&self, commits: &[GroupOffset]) -> Result<(), AbortReason> {
        let mut groups: Vec<&str> = commits.iter().map(|commit| commit.group.as_str()).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let mut offsets = TopicPartitionList::new();
            for commit in commits.iter().filter(|commit| commit.group == group) {
                let topic = self.topics.name(commit.topic);
                let next = rdkafka::Offset::Offset(commit.next.0 as i64);
                offsets.add_partition_offset(topic, commit.partition as i32, next).map_err(AbortReason::Lost)?;
            }
            let metadata = self.group(group)?;
            self.settle("commit offsets", |producer| {
                producer.send_offsets_to_transaction(&offsets, &metadata, self.client.call)
            })?;
        }
        Ok(())
    }

    /// Not that of a member: the writer's own name fences, whoever is a member now.
    fn group(&self, group: &str) -> Result<ConsumerGroupMetadata, AbortReason> {
        let consumer = self.client.group_reader(group).map_err(AbortReason::Refused)?;
        consumer.group_metadata().ok_or(AbortReason::Lost(KafkaError::Canceled))
    }

    fn abort(&self) -> Result<(), AbortReason> {
        self.settle("abort", |producer| producer.abort_transaction(self.client.call)).map_err(|stopped| match stopped {
            AbortReason::Aborted(error) => AbortReason::Lost(error),
            other => other,
        })
    }

    /// Calls until it is settled what became of it.
    fn settle(
        &self,
        doing: &str,
        call: impl Fn(&BaseProducer<Delivery>) -> KafkaResult<()>,
    ) -> Result<(), AbortReason> {
        let patience = self.client.patience();
        loop {
            let Err(error) = call(&self.producer) else { return Ok(()) };
            tracing::trace!(%error, doing, writer = self.name, "a transaction's call failed");
            match &error {
                KafkaError::Transaction(inner) => {
                    let fenced = matches!(
                        inner.code(),
                        RDKafkaErrorCode::Fenced
                            | RDKafkaErrorCode::ProducerFenced
                            | RDKafkaErrorCode::InvalidProducerEpoch
                    );
                    if fenced || (inner.is_fatal() && self.producer.context().is_fenced()) {
                        return Err(AbortReason::Fenced);
                    }
                    if inner.txn_requires_abort() {
                        return Err(AbortReason::Aborted(error));
                    }
                    if !inner.is_retriable() || patience.is_over() {
                        return Err(AbortReason::Lost(error));
                    }
                }
                other if is_transient(other) && !patience.is_over() => {
                    self.client.signal.pause(Duration::from_millis(50));
                }
                _ => return Err(AbortReason::Lost(error)),
            }
        }
    }

    fn answer(&self, transaction: &Transaction, lasts: &[i64]) -> Result<Vec<AppendEnd>, LogError> {
        let end = |name: &str, partition: u32, last: i64| -> Result<Offset, LogError> {
            match u64::try_from(last) {
                Ok(last) => {
                    self.client.note_end(name, partition, last + 1);
                    Ok(Offset(last + 1))
                }
                Err(_) => Ok(self.client.bounds(name, partition)?.next),
            }
        };
        if !transaction.positions.is_empty() {
            end(self.topics.positions(), 0, lasts[transaction.appends.len()])?;
        }
        let ends = transaction.appends.iter().zip(lasts).map(|(append, last)| {
            Ok((append.topic, append.partition, end(self.topics.name(append.topic), append.partition, *last)?))
        });
        ends.collect()
    }

    fn failed(&self, error: &KafkaError) -> LogError {
        LogError::Kafka {
            servers: self.client.servers.clone(),
            doing: format!("write as `{}`", self.name),
            reason: error.to_string(),
            retryable: true,
        }
    }
}

impl Writer for TransactionalWriter {
    fn append(&mut self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        self.write(&transaction)
    }
}

/// Where the records of the transaction that is under way have come to lie.
#[derive(Default)]
struct Delivery {
    /// By append, and one more for the positions: the greatest offset.
    last: Mutex<Vec<i64>>,
    fenced: std::sync::atomic::AtomicBool,
}

impl Delivery {
    fn begin(&self, appends: usize) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = vec![-1; appends];
    }

    fn ends(&self) -> Vec<i64> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_fenced(&self) -> bool {
        self.fenced.load(std::sync::atomic::Ordering::Acquire)
    }
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch)
        ) {
            self.fenced.store(true, std::sync::atomic::Ordering::Release);
        }
        Context.error(error, reason);
    }
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = usize;

    fn delivery(&self, delivered: &DeliveryResult<'_>, index: usize) {
        // A failed one fails its transaction too.
        if let Ok(message) = delivered {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(last) = last.get_mut(index) {
                *last = (*last).max(rdkafka::Message::offset(message));
            }
        }
    }
}
