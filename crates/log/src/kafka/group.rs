//! A member of a group: which partitions are its own now. It reads no message; who owns a partition has a cursor there.

use super::client::{Client, Context, consumer};
use crate::{LogError, Membership};
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance},
    error::{KafkaError, RDKafkaErrorCode},
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
    client: Arc<Client>,
    topic: String,
    group: String,
    mine: Mutex<BTreeSet<u32>>,
    failed: Mutex<Option<LogError>>,
    leaves: AtomicBool,
}

impl Group {
    pub(super) fn join(client: &Arc<Client>, topic: &str, group: &str) -> Result<Self, LogError> {
        let shared = Arc::new(Shared {
            client: Arc::clone(client),
            topic: topic.to_owned(),
            group: group.to_owned(),
            mine: Mutex::default(),
            failed: Mutex::default(),
            leaves: AtomicBool::new(false),
        });
        let member = Shared::member(&shared)?;
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("kafka: member".into()).spawn(move || attend(member, &shared))
        };
        let thread = thread.map_err(|error| LogError::Configuration(format!("no thread can be started: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Shared {
    fn member(self: &Arc<Self>) -> Result<BaseConsumer<WatchGuard>, LogError> {
        let client = &self.client;
        consumer(&client.member(), &client.group_id(&self.group), WatchGuard(Arc::clone(self)))
            .and_then(|member| member.subscribe(&[&self.topic]).map(|()| member))
            .map_err(|error| super::client::refused(&error))
    }

    fn fail(&self, error: LogError) {
        *lock(&self.failed) = Some(error);
        self.client.signal.notify();
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
fn attend(mut member: BaseConsumer<WatchGuard>, shared: &Arc<Shared>) {
    while !shared.leaves.load(Ordering::Acquire) {
        let Some(Err(error)) = member.poll(POLL) else { continue };
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::InvalidSessionTimeout) && shared.client.be_patient() {
            match shared.member() {
                Ok(patient) => member = patient,
                Err(error) => return shared.fail(error),
            }
        } else if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return shared.fail(LogError::Kafka {
                servers: shared.client.servers.clone(),
                doing: "keep this member in its group".to_owned(),
                reason: error.to_string(),
                retryable: true,
            });
        } else {
            tracing::debug!(%error, "kafka: member");
        }
    }
}

struct WatchGuard(Arc<Shared>);

impl ClientContext for WatchGuard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Context.error(error, reason);
    }
}

impl ConsumerContext for WatchGuard {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(lost) = rebalance {
            let lost = partitions(lost);
            lock(&self.0.mine).retain(|partition| !lost.contains(partition));
            tracing::info!(partitions = ?lost, "partitions are given away");
            self.0.client.signal.notify();
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
            self.0.client.signal.notify();
        }
    }
}

fn partitions(list: &TopicPartitionList) -> BTreeSet<u32> {
    list.elements().iter().map(|element| element.partition() as u32).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
