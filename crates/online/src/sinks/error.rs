//! Why a sink did not take points.

use std::time::Duration;

/// Why a sink did not take points. No text has a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// A URL or a setting that cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// It does not answer, or asks to come later.
    #[error("{sink} takes nothing now: {reason}")]
    Away {
        /// Its name.
        sink: String,
        /// What happened.
        reason: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// It will not take them.
    #[error("{sink} refuses ({status}): {reason}")]
    Refused {
        /// Its name.
        sink: String,
        /// The HTTP status.
        status: u16,
        /// What it says, and what to do.
        reason: String,
    },
}

impl SinkError {
    /// Whether it may take the same points later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Away { .. })
    }

    /// How long it asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Away { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
