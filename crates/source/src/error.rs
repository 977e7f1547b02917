//! Why a source cannot go on.

use std::{path::PathBuf, time::Duration};

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Something that is not a city's incidents at all.
    #[error("{what} is refused: {why}")]
    Refused {
        /// Which source.
        what: String,
        /// Why, and what to do.
        why: String,
    },
    /// The network or the portal.
    #[error("{url}: {why}")]
    Http {
        /// Where.
        url: String,
        /// What happened.
        why: String,
        /// Whether asking again may help.
        retryable: bool,
        /// The server said when to ask again.
        retry_after: Option<Duration>,
    },
    /// A position that this source did not write.
    #[error("the position kept in the log for {what} cannot be read: {why}")]
    Position {
        /// Which source.
        what: String,
        /// Why.
        why: String,
    },
    /// A part that keeps something for the source.
    #[error("{what} cannot be kept: {why}")]
    Elsewhere {
        /// What it keeps.
        what: String,
        /// What happened.
        why: String,
        /// Whether asking again may help.
        retryable: bool,
    },
    /// Columns that do not fit together.
    #[error(transparent)]
    Columns(#[from] arrow::error::ArrowError),
}

impl SourceError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Http { retryable: true, .. } | Self::Elsewhere { retryable: true, .. })
    }

    /// How long the server asks everyone to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
