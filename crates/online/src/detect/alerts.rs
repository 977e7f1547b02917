//! One rule's webhook, told from topic `peaks` at its own pace: each alert until it is taken, in order.
//!
//! Its consumer group is `detect/alerts/<rule>`, and a position of that name is the alert that was taken last: a receiver that is
//! down misses nothing, and where the role is killed one alert may be sent twice, with the same `Idempotency-Key`. A rule that is
//! new begins at the topic's end.

use super::{delivery::Delivery, error::DetectError};
use crate::{count::CountError, sinks::Webhook};
use blotter_log::{GroupOffset, Log, LogError, Offset, Topic, Transaction, Writer};
use blotter_peak::{Alert, PublishedTick, said_rows};
use blotter_runtime::Shutdown;
use std::{
    string::FromUtf8Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Bytes of log read at a time.
const READ_BYTES: usize = 1 << 20;
/// How often it looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(500);
/// Before the second try.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Before a later one.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What a webhook has taken, for others to see.
#[derive(Debug, Default)]
pub struct AlertProgress {
    sent: AtomicU64,
    failures: AtomicU64,
}

impl AlertProgress {
    /// Alerts that were taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Times that an alert was not taken.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

pub(super) struct Alerts<'a> {
    log: &'a Arc<dyn Log>,
    rule: &'a str,
    webhook: &'a Webhook,
    group: String,
    writer: Box<dyn Writer>,
    next: Offset,
    /// The alert that was taken last.
    taken: Option<String>,
    progress: &'a AlertProgress,
}

impl<'a> Alerts<'a> {
    /// Opens it where it was.
    pub(super) fn open(
        log: &'a Arc<dyn Log>,
        rule: &'a str,
        webhook: &'a Webhook,
        progress: &'a AlertProgress,
    ) -> Result<Self, DetectError> {
        let group = format!("detect/alerts/{rule}");
        let writer = Arc::clone(log).writer(&group)?;
        let committed = log.committed(&group, Topic::Peaks)?.first().map(|(_, next)| *next);
        let bounds = log.bounds(Topic::Peaks, 0)?;
        let next = committed.unwrap_or(bounds.next);
        if next < bounds.earliest {
            let (next, earliest) = (next.0, bounds.earliest.0);
            tracing::warn!(rule, next, earliest, "the log no longer has ticks that the rule has not evaluated yet");
        }
        let next = next.max(bounds.earliest);
        let unreadable = |error: FromUtf8Error| LogError::Position { name: group.clone(), reason: error.to_string() };
        let taken = log.position(&group)?.map(String::from_utf8).transpose().map_err(unreadable)?;
        let mut alerts = Self { log, rule, webhook, group, writer, next, taken, progress };
        if committed.is_none() {
            alerts.commit()?;
        }
        Ok(alerts)
    }

    /// Until stopped, or until `ended` and everything there was is sent.
    pub(super) fn run(
        mut self,
        ended: &Shutdown,
        until_caught_up: bool,
        shutdown: &Shutdown,
    ) -> Result<(), DetectError> {
        while !shutdown.is_triggered() {
            let is_last = ended.is_triggered();
            let fetched = self.log.read(Topic::Peaks, 0, self.next, READ_BYTES)?;
            for fetched in &fetched {
                for (offset, row) in (fetched.base.0..).zip(said_rows(&fetched.records).map_err(CountError::from)?) {
                    let Ok(said) = serde_json::from_str::<PublishedTick>(&row.json) else {
                        tracing::warn!(offset, "a message in topic peaks is not a tick; skipping it");
                        continue;
                    };
                    // What has no alert of ours need not be remembered: it is read again at no cost.
                    self.next = Offset(offset);
                    let ours: Vec<Alert> = said.alerts.into_iter().filter(|alert| alert.rule == self.rule).collect();
                    let before = ours.iter().position(|alert| Some(&alert.id) == self.taken.as_ref());
                    for alert in &ours[before.map_or(0, |before| before + 1)..] {
                        let body = serde_json::to_vec(alert).map_err(DetectError::Json)?;
                        if !self.deliver(&alert.id, &body, until_caught_up, shutdown)? {
                            return Ok(());
                        }
                        self.taken = Some(alert.id.clone());
                        self.commit()?;
                    }
                }
                self.next = fetched.next;
            }
            if fetched.is_empty() {
                if is_last {
                    return Ok(());
                }
                self.log.wait_any(&[(Topic::Peaks, 0, self.next)], LOOK);
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), DetectError> {
        let commit = GroupOffset { group: self.group.clone(), topic: Topic::Peaks, partition: 0, next: self.next };
        let taken = self.taken.iter().map(|id| (self.group.clone(), id.clone().into_bytes()));
        let transaction = Transaction { commits: vec![commit], positions: taken.collect(), ..Transaction::default() };
        self.writer.append(transaction)?;
        Ok(())
    }

    /// Tries until it is taken. False where it was stopped before.
    fn deliver(&self, id: &str, body: &[u8], must_accept: bool, shutdown: &Shutdown) -> Result<bool, DetectError> {
        let pauses = (FIRST_PAUSE, LONGEST_PAUSE);
        let delivery = Delivery { what: "webhook", pauses, must_accept, failures: &self.progress.failures };
        let is_taken = delivery.run(shutdown, || self.webhook.post(id, body))?;
        self.progress.sent.fetch_add(u64::from(is_taken), Ordering::Relaxed);
        Ok(is_taken)
    }
}
