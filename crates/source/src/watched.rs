//! A source that may fail: it is asked again later and later, and says since when it fails and why.
//!
//! Invariants:
//! - A failure never ends the role that reads it. The error becomes a pause ([`Step::Wait`]), unless the run is a batch
//!   job ([`RetryPolicy::patient`] is off) and the failure does not pass by itself.
//! - After a failure that does not pass by itself the source is opened anew behind its last chunk, so that a corrected
//!   file or profile is read.
//! - Pauses double from a second to five minutes with jitter, and are never shorter than what the server asks for.

use crate::{Source, SourceError, Step, WallClock};
use blotter_health::{Condition, Notice, NoticeKind, Reports, SourceFailure, SourceReport};
use rand::{RngExt, SeedableRng};
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// A server that asks for more patience than this is asked anyway.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// Opens a source behind a position.
pub type Open = Box<dyn FnMut(Option<&[u8]>) -> Result<Box<dyn Source>, SourceError> + Send>;

/// How failures are treated.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// What time it is.
    pub clock: WallClock,
    /// Wait for whatever may be mended, as a service does. A batch job ends with the error instead.
    pub patient: bool,
    /// The run has begun before: nothing that is wrong with a source ends it any more.
    pub begun: bool,
}

impl RetryPolicy {
    /// As a service does, by the machine's clock.
    pub fn new() -> Self {
        Self { clock: WallClock::system(), patient: true, begun: false }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// What is needed to open a source.
pub struct SourceParts {
    /// Its name in the log.
    pub name: String,
    /// What it is, for people, also while it cannot be opened.
    pub describe: String,
    /// Opens it.
    pub open: Open,
}

/// A source that may fail.
pub struct RetryingSource {
    part: SourceParts,
    retry: RetryPolicy,
    source: Option<Box<dyn Source>>,
    position: Option<Vec<u8>>,
    report: SourceReport,
    failures: u32,
    retry_at_micros: i64,
    jitter: rand_chacha::ChaCha8Rng,
}

impl RetryingSource {
    /// Opens the source. What cannot be opened at the first start, with nothing loaded from it, is an error of the command
    /// line and ends it; `others_known`: something was loaded from others, so that a failure that may pass is waited for.
    pub fn open(
        part: SourceParts,
        position: Option<&[u8]>,
        others_known: bool,
        retry: RetryPolicy,
    ) -> Result<Self, SourceError> {
        let seed = retry.clock.now().0 as u64;
        let report = SourceReport { describe: part.describe.clone(), ..SourceReport::default() };
        let position = position.map(<[u8]>::to_owned);
        let jitter = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut watched =
            Self { part, retry, source: None, position, report, failures: 0, retry_at_micros: i64::MIN, jitter };
        if let Err(error) = watched.opened().map(|_| ()) {
            let known = watched.position.is_some() || others_known && error.is_retryable();
            if !(watched.retry.begun || known) {
                return Err(error);
            }
            watched.failed(error)?;
        }
        Ok(watched)
    }

    fn opened(&mut self) -> Result<&mut Box<dyn Source>, SourceError> {
        if self.source.is_none() {
            let source = (self.part.open)(self.position.as_deref())?;
            self.report.describe = source.describe();
            self.source = Some(source);
        }
        self.source
            .as_mut()
            .ok_or_else(|| SourceError::Refused { what: self.part.describe.clone(), why: "it is not open".into() })
    }

    fn failed(&mut self, error: SourceError) -> Result<Step, SourceError> {
        let now = self.retry.clock.now();
        let since = self.report.failing.take().map_or(now, |failing| failing.since);
        self.report.failing = Some(SourceFailure { since, why: error.to_string() });
        self.report.condition = Condition::SourceFailure;
        if !error.is_retryable() {
            self.source = None;
            if !self.retry.patient {
                return Err(error);
            }
        }
        let doubled = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.pow(self.failures.min(16)));
        self.failures += 1;
        let jittered = doubled.mul_f64(self.jitter.random_range(1.0..1.5));
        let pause = jittered.max(error.retry_after().unwrap_or_default().min(LONGEST_RETRY_AFTER));
        self.retry_at_micros = self.retry.clock.steady_micros().saturating_add(pause.as_micros() as i64);
        tracing::warn!(%error, retry_in_s = pause.as_secs(), "the source failed; retrying");
        Ok(Step::Wait { pause, caught_up: false })
    }

    fn succeeded(&mut self, step: &Step) {
        if self.report.failing.take().is_some() {
            tracing::info!(source = %self.report.describe, "the source answers again");
        }
        self.failures = 0;
        self.retry_at_micros = i64::MIN;
        self.report.condition = match step {
            Step::Chunk(chunk) if chunk.caught_up => Condition::Following,
            // A live feed that hands out a change has been caught up, and is so again in a moment.
            Step::Chunk(_) | Step::Wait { caught_up: false, .. } => match self.report.condition {
                Condition::Following | Condition::Held => Condition::Following,
                _ => Condition::Loading,
            },
            Step::Wait { caught_up: true, .. } => Condition::Following,
            Step::End => Condition::Ended,
        };
        // A source that waits for its time has not been asked.
        if matches!(step, Step::Chunk(_) | Step::Wait { caught_up: false, .. }) || self.report.last_success.is_none() {
            self.report.last_success = Some(self.retry.clock.now());
        }
        if let Step::Chunk(chunk) = step {
            self.position = Some(chunk.position.clone());
        }
    }
}

impl Source for RetryingSource {
    fn describe(&self) -> String {
        self.report.describe.clone()
    }

    fn name(&self) -> String {
        self.part.name.clone()
    }

    fn simulated(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.simulated())
    }

    fn is_paced(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is_paced())
    }

    fn next(&mut self) -> Result<Step, SourceError> {
        let left = self.retry_at_micros.saturating_sub(self.retry.clock.steady_micros());
        if left > 0 {
            return Ok(Step::Wait { pause: Duration::from_micros(left as u64), caught_up: false });
        }
        match self.opened().and_then(|source| source.next()) {
            Ok(step) => {
                self.succeeded(&step);
                Ok(step)
            }
            Err(error) => self.failed(error),
        }
    }

    fn notices(&self) -> Vec<Notice> {
        self.source.as_ref().map_or_else(|| self.report.notices.clone(), |source| source.notices())
    }

    fn reports(&self) -> Reports {
        let notices = self.notices();
        let held = notices.iter().any(|notice| notice.kind == NoticeKind::HeldDeletions);
        let condition = match self.report.condition {
            Condition::Following | Condition::Ended | Condition::Loading if held => Condition::Held,
            condition => condition,
        };
        Reports::from([(self.name(), SourceReport { condition, notices, ..self.report.clone() })])
    }

    fn recall(&mut self, before: &Reports) {
        let Some(before) = before.get(&self.part.name) else { return };
        if self.report.last_success.is_none() {
            self.report.last_success = before.last_success;
        }
        if let (Some(failing), Some(earlier)) = (&mut self.report.failing, &before.failing) {
            failing.since = earlier.since;
        }
        // Until it can be opened, what was known of its rows holds.
        self.report.notices.clone_from(&before.notices);
    }
}
