//! Giving something to a server of somebody else's until it takes it.

use super::error::DetectError;
use crate::sinks::SinkError;
use blotter_runtime::Shutdown;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How often, and until when.
pub(super) struct Delivery<'a> {
    /// `sink` or `webhook`, for the log's lines; errors say which.
    pub(super) what: &'static str,
    /// Before the second try, and before a later one.
    pub(super) pauses: (Duration, Duration),
    /// Somebody waits for the end: a refusal is it.
    pub(super) must_accept: bool,
    /// Counts the tries that failed.
    pub(super) failures: &'a AtomicU64,
}

impl Delivery<'_> {
    /// Tries until it is taken: what one server refuses for good keeps no other from its own. False where it was stopped
    /// before.
    pub(super) fn run(
        &self,
        shutdown: &Shutdown,
        mut attempt: impl FnMut() -> Result<(), SinkError>,
    ) -> Result<bool, DetectError> {
        let (mut pause, longest) = self.pauses;
        loop {
            let Err(error) = attempt() else { return Ok(true) };
            self.failures.fetch_add(1, Ordering::Relaxed);
            if error.is_retryable() {
                tracing::warn!(%error, "the {} gets it later; others go on", self.what);
            } else if self.must_accept {
                return Err(error.into());
            } else {
                pause = longest;
                tracing::error!(%error, "the {} waits until that is mended; others go on", self.what);
            }
            // Several that come back at the same moment come each after a pause of its own.
            let wait = pause.mul_f64(rand::random_range(0.5..1.0)).max(error.retry_after().unwrap_or_default());
            if shutdown.wait_timeout(wait.min(longest)) {
                return Ok(false);
            }
            pause = longest.min(pause * 2);
        }
    }
}
