//! One place in one partition, from which messages come in order.
//!
//! What a consumer never shows (marks, and what an aborted transaction wrote) it still steps over: when there is no
//! message to take, its position tells how far that has brought it.

use super::client::{Client, Context};
use crate::{LogError, Offset, Topic};
use rdkafka::{
    Message as _, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    message::{BorrowedMessage, OwnedMessage},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A cursor that has reached the end which it last asked for asks again only after this long: until then, what is new
/// comes by itself.
const BELIEVED: Duration = Duration::from_millis(20);
/// One wait for the cluster, after which the patience is looked at.
const POLL: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Cursor {
    client: Arc<Client>,
    consumer: BaseConsumer<Context>,
    name: String,
    /// None for a topic that is none of the contract's.
    topic: Option<Topic>,
    partition: u32,
    next: u64,
    peeked: Option<OwnedMessage>,
    /// The end when it was asked for last, and when that was.
    end: u64,
    asked: Instant,
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadOutcome {
    /// That many messages.
    Messages(usize),
    /// None, and there is nothing but marks up to here.
    Nothing(u64),
}

impl Cursor {
    pub(super) fn open(
        client: Arc<Client>,
        name: &str,
        topic: Option<Topic>,
        partition: u32,
        from: u64,
    ) -> Result<Self, LogError> {
        let mut consumer = client.reading()?;
        let signal = Arc::clone(&client.signal);
        consumer.set_nonempty_callback(move || signal.notify());
        let mut cursor = Self {
            client,
            consumer,
            name: name.to_owned(),
            topic,
            partition,
            next: from,
            peeked: None,
            end: 0,
            asked: Instant::now(),
        };
        cursor.seek(from)?;
        Ok(cursor)
    }

    /// Where it reads on.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Puts it somewhere else.
    pub(super) fn seek(&mut self, from: u64) -> Result<(), LogError> {
        self.next = from;
        self.peeked = None;
        self.ask()?;
        self.assign()
    }

    /// Puts it into another partition, be it of another topic.
    pub(super) fn turn_to(&mut self, name: &str, topic: Topic, partition: u32, from: u64) -> Result<(), LogError> {
        name.clone_into(&mut self.name);
        self.topic = Some(topic);
        self.partition = partition;
        self.seek(from)
    }

    /// Fetches nothing ahead until it is put somewhere again.
    pub(super) fn rest(&mut self) {
        self.peeked = None;
        // A consumer that cannot let go of a partition says so when it is put into the next one.
        let _met_again = self.consumer.unassign();
    }

    /// Whether a message is there already.
    pub(super) fn has_message(&mut self) -> bool {
        if self.peeked.is_none() {
            let mut owned = None;
            // An error is met again by who takes.
            let _met_again = self.poll(Duration::ZERO, |message| owned = Some(message.detach()));
            self.peeked = owned;
        }
        self.peeked.is_some()
    }

    /// Hands out messages while there are some and `each` wants more. Returns without any only at the end.
    pub(super) fn take(&mut self, mut each: impl FnMut(&ReaderMessage<'_>) -> bool) -> Result<ReadOutcome, LogError> {
        let mut taken = 0;
        let start = self.next;
        let patience = self.client.patience();
        if let Some(message) = self.peeked.take() {
            taken += 1;
            self.next = message.offset() as u64 + 1;
            if !each(&ReaderMessage::of(&message)) {
                return Ok(ReadOutcome::Messages(taken));
            }
        }
        loop {
            let is_behind = self.next < self.end.max(self.known_end());
            let wait = if taken == 0 && is_behind { POLL } else { Duration::ZERO };
            let mut wants_more = true;
            let mut next = None;
            self.poll(wait, |message| {
                next = Some(message.offset() as u64 + 1);
                wants_more = each(&ReaderMessage::of(message));
            })?;
            if let Some(next) = next {
                taken += 1;
                self.next = next;
                if !wants_more {
                    return Ok(ReadOutcome::Messages(taken));
                }
                continue;
            }
            if taken > 0 {
                return Ok(ReadOutcome::Messages(taken));
            }
            self.step_over_marks();
            if self.next > start {
                return Ok(ReadOutcome::Nothing(self.next));
            }
            if self.next >= self.known_end() {
                if self.next >= self.end && self.asked.elapsed() >= BELIEVED {
                    self.ask()?;
                }
                if self.next >= self.end {
                    return Ok(ReadOutcome::Nothing(self.next));
                }
            }
            if patience.is_over() {
                return Err(self.silent());
            }
        }
    }

    /// Where the consumer stands when it has handed out all that has come.
    fn step_over_marks(&mut self) {
        let position = self.consumer.position().ok().and_then(|all| {
            let element = all.find_partition(&self.name, self.partition as i32)?;
            match element.offset() {
                rdkafka::Offset::Offset(next) => u64::try_from(next).ok(),
                _ => None,
            }
        });
        self.next = self.next.max(position.unwrap_or(0));
    }

    fn poll(&mut self, wait: Duration, each: impl FnOnce(&BorrowedMessage<'_>)) -> Result<(), LogError> {
        match self.consumer.poll(wait) {
            None => Ok(()),
            Some(Ok(message)) => {
                debug_assert!(message.offset() as u64 >= self.next, "a cursor goes forward");
                each(&message);
                Ok(())
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                // The range is checked before: it was removed while the cursor was reading.
                Some(RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset) => {
                    self.ask()?;
                    self.assign()
                }
                _ if super::client::is_transient(&error) => Ok(()),
                _ => Err(self.client.failed(&format!("read `{}`", self.name), &error)),
            },
        }
    }

    fn assign(&mut self) -> Result<(), LogError> {
        let mut place = TopicPartitionList::new();
        let assigned = place
            .add_partition_offset(&self.name, self.partition as i32, rdkafka::Offset::Offset(self.next as i64))
            .and_then(|()| self.consumer.assign(&place));
        assigned.map_err(|error| self.client.failed(&format!("read `{}`", self.name), &error))
    }

    fn known_end(&self) -> u64 {
        self.client.known_end(&self.name, self.partition)
    }

    /// Asks for the end; fails where the cursor stands outside of the partition.
    fn ask(&mut self) -> Result<(), LogError> {
        let bounds = self.client.bounds(&self.name, self.partition)?;
        self.end = bounds.next.0;
        self.asked = Instant::now();
        let (partition, offset) = (self.partition, Offset(self.next));
        let Some(topic) = self.topic else {
            return if (bounds.earliest..=bounds.next).contains(&offset) {
                Ok(())
            } else {
                let problem = "has lost what was read from it; was it deleted?".to_owned();
                Err(LogError::KafkaTopic { topic: self.name.clone(), problem })
            };
        };
        if offset < bounds.earliest {
            return Err(LogError::OffsetGone { topic, partition, offset, earliest: bounds.earliest });
        }
        if offset > bounds.next {
            return Err(LogError::OffsetAhead { topic, partition, offset, next: bounds.next });
        }
        Ok(())
    }

    fn silent(&self) -> LogError {
        LogError::Kafka {
            servers: self.client.servers.clone(),
            doing: format!("read partition {} of `{}`", self.partition, self.name),
            reason: "it does not answer".to_owned(),
            retryable: true,
        }
    }
}

/// A message as its reader sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReaderMessage<'a> {
    pub(super) offset: u64,
    pub(super) message: crate::Message<'a>,
}

impl<'a> ReaderMessage<'a> {
    fn of(message: &'a impl rdkafka::Message) -> Self {
        Self {
            offset: message.offset() as u64,
            message: crate::Message {
                key: message.key(),
                value: message.payload(),
                appended_at_ms: message.timestamp().to_millis().unwrap_or(0),
            },
        }
    }
}
