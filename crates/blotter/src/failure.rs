//! What the failure of a role means.

use anyhow::{Error, Result};
use blotter_log::LogError;
use blotter_offline::OfflineError;
use blotter_online::{CountError, DetectError};
use blotter_produce::ProduceError;
use blotter_query::LoadError;
use blotter_runtime::{Failure, Operations, Shutdown};
use blotter_store::StoreError;

/// Runs a role until it ends by itself, is stopped, or fails in a way that waiting does not mend.
pub(crate) fn supervise(operations: &Operations, shutdown: &Shutdown, run: impl FnMut() -> Result<()>) -> Result<()> {
    blotter_runtime::supervise(operations, shutdown, judge, run)
}

/// What the failure of a role means.
pub(crate) fn judge(error: &Error) -> Failure {
    match error {
        error if is_retryable(error) => Failure::Passing,
        error if is_cancelled(error) => Failure::Cancelled,
        error if is_refusal(error) => Failure::Refused,
        _ => Failure::Lasting,
    }
}

/// Whether somebody must act, and the same may then succeed.
fn is_refusal(error: &Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_refusal)
            || cause.downcast_ref::<CountError>().is_some_and(CountError::is_refusal)
            || cause.downcast_ref::<OfflineError>().is_some_and(OfflineError::is_refusal)
    })
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
            || cause.downcast_ref::<LoadError>().is_some_and(LoadError::is_retryable)
    })
}
