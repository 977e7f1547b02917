//! A member of a group: which partitions are its own now. It reads no message; who owns a partition has a cursor there.

use super::client::{Client, Context, Signal, consumer};
use crate::{LogError, Membership};
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance},
    error::KafkaError,
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How often a member says that it is alive to librdkafka, and looks whether it is to leave.
const POLL: Duration = Duration::from_millis(100);

pub(super) struct Group {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    mine: Mutex<BTreeSet<u32>>,
    failed: Mutex<Option<LogError>>,
    leaves: AtomicBool,
    signal: Arc<Signal>,
}

impl Group {
    pub(super) fn join(client: &Client, topic: &str, group: &str) -> Result<Self, LogError> {
        let shared = Arc::new(Shared {
            mine: Mutex::default(),
            failed: Mutex::default(),
            leaves: AtomicBool::new(false),
            signal: Arc::clone(&client.signal),
        });
        let context = Watching(Arc::clone(&shared));
        let member = consumer(&client.member(), &client.group_id(group), context)
            .and_then(|member| member.subscribe(&[topic]).map(|()| member))
            .map_err(|error| super::client::refused(&error))?;
        let servers = client.servers.clone();
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("kafka: member".into()).spawn(move || attend(&member, &shared, &servers))
        };
        let thread = thread.map_err(|error| LogError::Configuration(format!("no thread can be started: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Membership for Group {
    fn partitions(&mut self) -> Result<Vec<u32>, LogError> {
        if let Some(error) = lock(&self.shared.failed).take() {
            return Err(error);
        }
        Ok(lock(&self.shared.mine).iter().copied().collect())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.shared.leaves.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It ends by itself, and a panic of it was reported.
            let _ended = thread.join();
        }
    }
}

/// Keeps the membership alive. Leaving happens when the consumer is dropped.
fn attend(member: &BaseConsumer<Watching>, shared: &Shared, servers: &str) {
    while !shared.leaves.load(Ordering::Acquire) {
        match member.poll(POLL) {
            Some(Err(error)) if !super::client::is_transient(&error) => {
                if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
                    *lock(&shared.failed) = Some(LogError::Kafka {
                        servers: servers.to_owned(),
                        doing: "keep this member in its group".to_owned(),
                        reason: error.to_string(),
                        retryable: true,
                    });
                    shared.signal.notify();
                    return;
                }
                tracing::debug!(%error, "kafka: member");
            }
            _ => {}
        }
    }
}

struct Watching(Arc<Shared>);

impl ClientContext for Watching {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Context.error(error, reason);
    }
}

impl ConsumerContext for Watching {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(lost) = rebalance {
            let lost = partitions(lost);
            lock(&self.0.mine).retain(|partition| !lost.contains(partition));
            tracing::info!(partitions = ?lost, "partitions are given away");
            self.0.signal.notify();
        }
    }

    fn post_rebalance(&self, member: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(gained) = rebalance {
            if let Err(error) = member.pause(gained) {
                tracing::debug!(%error, "kafka: a partition is not paused");
            }
            let gained = partitions(gained);
            lock(&self.0.mine).extend(&gained);
            if !gained.is_empty() {
                tracing::info!(partitions = ?gained, "partitions are taken over");
            }
            self.0.signal.notify();
        }
    }
}

fn partitions(list: &TopicPartitionList) -> BTreeSet<u32> {
    list.elements().iter().map(|element| element.partition() as u32).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
