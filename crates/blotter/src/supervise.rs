//! A role that a part has failed is run again: from what is durable, after a pause.

use crate::operations::Operations;
use anyhow::{Error, Result};
use blotter_log::LogError;
use blotter_offline::OfflineError;
use blotter_online::{CountError, DetectError};
use blotter_produce::ProduceError;
use blotter_serve::ServeError;
use blotter_store::{Shutdown, StoreError};
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A run that lasted this long was none of a row of failures.
const STEADY: Duration = Duration::from_mins(1);

/// Runs a role until it ends by itself, is told to stop, or fails in a way that waiting does not mend.
pub(crate) fn supervise(
    operations: &Operations,
    shutdown: &Shutdown,
    mut run: impl FnMut() -> Result<()>,
) -> Result<()> {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let error = match run() {
            Err(error) if is_retryable(&error) => error,
            Err(error) if shutdown.is_triggered() && is_cancelled(&error) => return Ok(()),
            ended => return ended,
        };
        operations.stumbled();
        if started.elapsed() >= STEADY {
            pause = FIRST_PAUSE;
        }
        tracing::warn!("{}: {error:#}; going on from what is durable in {} ms", operations.role, pause.as_millis());
        if shutdown.wait_timeout(pause) {
            return Ok(());
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Whether an error is a cancellation by shutdown.
pub(crate) fn is_cancelled(error: &Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(OfflineError::Cancelled)))
}

/// Whether the same may succeed later without anyone's doing.
pub(crate) fn is_retryable(error: &Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<LogError>()
            .is_some_and(|error| error.is_retryable() && !matches!(error, LogError::Held { .. }))
            || cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_retryable)
            || cause.downcast_ref::<CountError>().is_some_and(CountError::is_retryable)
            || cause.downcast_ref::<DetectError>().is_some_and(DetectError::is_retryable)
            || cause.downcast_ref::<ProduceError>().is_some_and(ProduceError::is_retryable)
            || cause.downcast_ref::<OfflineError>().is_some_and(OfflineError::is_retryable)
            || cause.downcast_ref::<ServeError>().is_some_and(ServeError::is_retryable)
    })
}
