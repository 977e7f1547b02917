//! Why detecting cannot go on.

use crate::{count::CountError, sinks::SinkError};
use blotter_log::LogError;

/// Why detecting cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What `counts` or `peaks` holds.
    #[error(transparent)]
    Counts(#[from] CountError),
    /// A sink or a webhook refuses for good.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A tick cannot be written as JSON.
    #[error("a tick cannot be written as JSON: {0}")]
    Json(serde_json::Error),
    /// A thread.
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
}

impl DetectError {
    /// Whether running the role again may succeed without anyone's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Counts(error) => error.is_retryable(),
            Self::Sink(error) => error.is_retryable(),
            Self::Json(_) => false,
            Self::Thread(_) => true,
        }
    }
}
