//! What all clients of one log are made from: settings, patience, and the signal that something has come.

use super::{KafkaOptions, SignalState};
use crate::{Bounds, LogError, Offset};
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The longest single call to the cluster.
const CALL: Duration = Duration::from_secs(5);
/// A session that every broker allows unless it is configured otherwise.
const ALLOWED_SESSION_MS: u64 = 6000;
/// To wait for an error that is about to arrive.
const POLL: Duration = Duration::from_millis(20);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// What clients tell while they work.
pub(super) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                // A broker that is gone says so with every attempt to reach it; who needs it says so once.
                tracing::debug!(facility, "kafka: {message}");
            }
            _ => tracing::trace!(facility, "kafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "kafka: {reason}");
    }
}

impl ConsumerContext for Context {}

/// Of the client that is there from the start: it remembers why the cluster does not let it in, which a call that gets no
/// answer does not tell.
#[derive(Default)]
pub(super) struct Doorkeeper(Mutex<Option<String>>);

impl Doorkeeper {
    fn refusal(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Doorkeeper {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL)) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
        Context.error(error, reason);
    }
}

impl ConsumerContext for Doorkeeper {}

/// The settings and the shared state of one log's clients.
pub(super) struct Client {
    pub(super) servers: String,
    pub(super) prefix: String,
    pub(super) call: Duration,
    give_up: Duration,
    base: ClientConfig,
    session_timeout_ms: AtomicU64,
    instance: Option<String>,
    pub(super) signal: Arc<Signal>,
    /// For metadata, ends and topics: it never reads a message.
    any: BaseConsumer<Doorkeeper>,
    groups: Mutex<HashMap<String, Arc<BaseConsumer<Context>>>>,
    /// Ends that this process knows of because it has appended up to there.
    ends: Mutex<HashMap<(String, u32), u64>>,
}

impl Client {
    pub(super) fn new(options: &KafkaOptions) -> Result<Self, LogError> {
        let mut base = ClientConfig::new();
        base.set("bootstrap.servers", &options.servers);
        base.set("client.id", "blotter");
        base.set("reconnect.backoff.ms", "50");
        base.set("reconnect.backoff.max.ms", "1000");
        base.set("socket.nagle.disable", "true");
        base.set("allow.auto.create.topics", "false");
        let login = &options.login;
        login.check()?;
        for (name, value) in [
            ("security.protocol", &login.protocol),
            ("sasl.mechanism", &login.mechanism),
            ("sasl.username", &login.username),
            ("sasl.password", &login.password),
            ("ssl.ca.location", &login.authorities),
        ] {
            if let Some(value) = value {
                base.set(name, value);
            }
        }
        for (name, value) in &options.settings {
            base.set(name, value);
        }
        let any = consumer(&base, &format!("{}reader", options.prefix), Doorkeeper::default())
            .map_err(|error| refused(&error))?;
        Ok(Self {
            servers: options.servers.clone(),
            prefix: options.prefix.clone(),
            call: CALL.min(options.give_up),
            give_up: options.give_up,
            base,
            session_timeout_ms: AtomicU64::new(options.session_timeout.as_millis() as u64),
            instance: options.instance.clone(),
            signal: Arc::default(),
            any,
            groups: Mutex::default(),
            ends: Mutex::default(),
        })
    }

    pub(super) fn any(&self) -> &BaseConsumer<Doorkeeper> {
        &self.any
    }

    pub(super) fn base(&self) -> &ClientConfig {
        &self.base
    }

    /// A consumer that reads on its own, from where it is put.
    pub(super) fn reading(&self) -> Result<BaseConsumer<Context>, LogError> {
        let mut config = self.base.clone();
        config.set("auto.offset.reset", "error");
        // A cursor that is put elsewhere waits for the fetch that is under way.
        config.set("fetch.wait.max.ms", "100");
        config.set("fetch.error.backoff.ms", "50");
        config.set("queued.max.messages.kbytes", "8192");
        config.set("queued.min.messages", "100000");
        // A full queue is looked at again this soon. The default is a second, in which it has long run empty.
        config.set("fetch.queue.backoff.ms", "5");
        // Of one partition, compressed: small messages take twenty times as much once they are unpacked.
        config.set("fetch.message.max.bytes", "1048576");
        consumer(&config, &format!("{}reader", self.prefix), Context).map_err(|error| refused(&error))
    }

    /// A consumer for what a group has committed.
    pub(super) fn group_reader(&self, group: &str) -> Result<Arc<BaseConsumer<Context>>, LogError> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(consumer) = groups.get(group) {
            return Ok(Arc::clone(consumer));
        }
        let made = consumer(&self.base, &self.group_id(group), Context).map_err(|error| refused(&error))?;
        let made = Arc::new(made);
        groups.insert(group.to_owned(), Arc::clone(&made));
        Ok(made)
    }

    /// The settings of a member of a group.
    pub(super) fn member(&self) -> ClientConfig {
        let mut config = self.base.clone();
        config.set("partition.assignment.strategy", "cooperative-sticky");
        let session_ms = self.session_timeout_ms.load(Ordering::Relaxed);
        config.set("session.timeout.ms", session_ms.to_string());
        config.set("heartbeat.interval.ms", (session_ms / 4).to_string());
        if let Some(instance) = &self.instance {
            config.set("group.instance.id", instance);
        }
        config
    }

    /// Takes the session that every broker allows, once; false where it has it already.
    pub(super) fn be_patient(&self) -> bool {
        let is_new = self.session_timeout_ms.fetch_max(ALLOWED_SESSION_MS, Ordering::Relaxed) < ALLOWED_SESSION_MS;
        if is_new {
            tracing::info!(
                "the brokers allow no shorter session than {ALLOWED_SESSION_MS} ms (`group.min.session.timeout.ms`): for that \
                 long nobody takes over from a member that was killed"
            );
        }
        is_new
    }

    pub(super) fn group_id(&self, group: &str) -> String {
        format!("{}{group}", self.prefix)
    }

    /// The ends of a partition, as a reader of committed transactions sees them.
    pub(super) fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, LogError> {
        let asked = || self.any.fetch_watermarks(topic, partition as i32, self.call);
        let (earliest, next) = self.retry("ask for the ends of a partition", asked)?;
        // A commit is durable before every broker shows it.
        let next = (next as u64).max(self.known_end(topic, partition));
        Ok(Bounds { earliest: Offset(earliest as u64), next: Offset(next) })
    }

    /// Calls again while the cluster does not answer, up to the limit.
    pub(super) fn retry<T>(&self, doing: &str, mut call: impl FnMut() -> KafkaResult<T>) -> Result<T, LogError> {
        let patience = self.patience();
        loop {
            match call() {
                Ok(answer) => return Ok(answer),
                Err(error) if is_transient(&error) && !patience.is_over() => self.signal.pause(PAUSE),
                Err(error) => return Err(self.failed(doing, &error)),
            }
        }
    }

    /// How long from now on something is tried again.
    pub(super) fn patience(&self) -> Patience {
        Patience { until: Instant::now() + self.give_up }
    }

    pub(super) fn failed(&self, doing: &str, error: &KafkaError) -> LogError {
        // Polling delivers the errors that have arrived since.
        let _polled = (0..16).all(|_| self.any.poll(POLL).is_some());
        let reason = match self.any.context().refusal() {
            None => error.to_string(),
            Some(refusal) => format!(
                "the cluster does not let this client in; check KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and \
                 KAFKA_SSL_CA_LOCATION: {refusal}"
            ),
        };
        LogError::Kafka {
            servers: self.servers.clone(),
            doing: doing.to_owned(),
            reason,
            retryable: is_transient(error),
        }
    }

    /// Readers of this process wait for what it has appended itself.
    pub(super) fn note_end(&self, topic: &str, partition: u32, next: u64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends.entry((topic.to_owned(), partition)).or_default();
        *end = next.max(*end);
        drop(ends);
        self.signal.notify();
    }

    pub(super) fn known_end(&self, topic: &str, partition: u32) -> u64 {
        self.ends
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(topic.to_owned(), partition))
            .copied()
            .unwrap_or(0)
    }
}

/// A deadline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    until: Instant,
}

impl Patience {
    pub(super) fn is_over(self) -> bool {
        Instant::now() >= self.until
    }
}

pub(super) fn consumer<C: ConsumerContext + 'static>(
    base: &ClientConfig,
    group: &str,
    context: C,
) -> KafkaResult<BaseConsumer<C>> {
    let mut config = base.clone();
    config.set("group.id", group);
    config.set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed");
    config.create_with_context(context)
}

/// A client that cannot be made: its settings are wrong, and no secret is among the words.
pub(super) fn refused(error: &KafkaError) -> LogError {
    let why = match error {
        KafkaError::ClientConfig(_, why, name, _) => format!("setting `{name}`: {why}"),
        other => other.to_string(),
    };
    LogError::Configuration(format!("Kafka's client refuses its settings: {why}"))
}

/// Whether the same call may work later.
pub(super) fn is_transient(error: &KafkaError) -> bool {
    if let KafkaError::Transaction(error) = error
        && error.is_retriable()
    {
        return true;
    }
    let code = match error {
        // Of these, rdkafka does not say its own code.
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    };
    code.is_some_and(|code| CLIENT_RETRIES.contains(&code) || BROKER_RETRIES.contains(&code))
}

/// What the client itself says where no broker has answered in time.
const CLIENT_RETRIES: [RDKafkaErrorCode; 10] = [
    RDKafkaErrorCode::BrokerTransportFailure,
    RDKafkaErrorCode::AllBrokersDown,
    RDKafkaErrorCode::OperationTimedOut,
    RDKafkaErrorCode::MessageTimedOut,
    RDKafkaErrorCode::TimedOutQueue,
    RDKafkaErrorCode::Resolve,
    RDKafkaErrorCode::Retry,
    RDKafkaErrorCode::UnknownPartition,
    RDKafkaErrorCode::WaitingForCoordinator,
    RDKafkaErrorCode::WaitCache,
];

/// What brokers answer while leaders, coordinators and replicas change places: the errors that Kafka's protocol lists as
/// retriable and that a client can get.
const BROKER_RETRIES: [RDKafkaErrorCode; 22] = [
    RDKafkaErrorCode::UnknownTopicOrPartition,
    RDKafkaErrorCode::LeaderNotAvailable,
    RDKafkaErrorCode::NotLeaderForPartition,
    RDKafkaErrorCode::RequestTimedOut,
    RDKafkaErrorCode::BrokerNotAvailable,
    RDKafkaErrorCode::ReplicaNotAvailable,
    RDKafkaErrorCode::NetworkException,
    RDKafkaErrorCode::CoordinatorLoadInProgress,
    RDKafkaErrorCode::CoordinatorNotAvailable,
    RDKafkaErrorCode::NotCoordinator,
    RDKafkaErrorCode::NotEnoughReplicas,
    RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
    RDKafkaErrorCode::NotController,
    RDKafkaErrorCode::ConcurrentTransactions,
    RDKafkaErrorCode::KafkaStorageError,
    RDKafkaErrorCode::FencedLeaderEpoch,
    RDKafkaErrorCode::UnknownLeaderEpoch,
    RDKafkaErrorCode::OffsetNotAvailable,
    RDKafkaErrorCode::PreferredLeaderNotAvailable,
    RDKafkaErrorCode::EligibleLeadersNotAvailable,
    RDKafkaErrorCode::UnstableOffsetCommit,
    RDKafkaErrorCode::ThrottlingQuotaExceeded,
];

/// Tells waiters that something may have come.
#[derive(Default)]
pub(super) struct Signal {
    state: Mutex<(u64, u64)>,
    changed: Condvar,
}

impl Signal {
    pub(super) fn state(&self) -> SignalState {
        let (notices, wakes) = *self.lock();
        SignalState { notices, wakes }
    }

    /// Something has come.
    pub(super) fn notify(&self) {
        self.lock().0 += 1;
        self.changed.notify_all();
    }

    /// Waiters shall go home.
    pub(super) fn wake(&self) {
        self.lock().1 += 1;
        self.changed.notify_all();
    }

    /// Waits for a change since `seen`.
    pub(super) fn wait(&self, seen: SignalState, timeout: Duration) {
        let state = self.lock();
        let unchanged = |state: &mut (u64, u64)| (state.0, state.1) == (seen.notices, seen.wakes);
        drop(self.changed.wait_timeout_while(state, timeout, unchanged));
    }

    /// Waits, whatever comes.
    pub(super) fn pause(&self, time: Duration) {
        drop(self.changed.wait_timeout_while(self.lock(), time, |_| true));
    }

    fn lock(&self) -> MutexGuard<'_, (u64, u64)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_does_not_answer_in_time_may_answer_later() {
        // A network that loses all answers gives the third: the request waited for an earlier one of its connection.
        let codes = [
            RDKafkaErrorCode::OperationTimedOut,
            RDKafkaErrorCode::BrokerTransportFailure,
            RDKafkaErrorCode::TimedOutQueue,
            RDKafkaErrorCode::NotLeaderForPartition,
        ];
        for code in codes {
            for error in [KafkaError::AdminOp(code), KafkaError::MetadataFetch(code), KafkaError::Global(code)] {
                assert!(is_transient(&error), "{error}");
            }
        }
        for code in [RDKafkaErrorCode::TopicAuthorizationFailed, RDKafkaErrorCode::InvalidTopic] {
            assert!(!is_transient(&KafkaError::AdminOp(code)), "{code}");
        }
    }
}
