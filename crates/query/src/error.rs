//! Why data cannot be loaded, and why a question has no answer.

use std::path::PathBuf;

/// Why data cannot be loaded or followed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The log.
    #[error(transparent)]
    Log(#[from] blotter_log::LogError),
    /// A local snapshot.
    #[error("the snapshot {path} cannot be read: {why}; remove it and fetch it again")]
    Snapshot {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Nothing to load, and no log to follow.
    #[error("there is no snapshot in {directory}: run `blotter fetch --to {directory}`, or follow a log with `--log`")]
    NoSnapshot {
        /// Where one was looked for.
        directory: PathBuf,
    },
    /// A local snapshot of another city.
    #[error("the snapshot in {directory} is of city `{found}`, not `{asked}`: set `--city`")]
    OtherCity {
        /// Where it is.
        directory: PathBuf,
        /// Its city.
        found: String,
        /// The city that is served.
        asked: String,
    },
    /// The columns are not those of incidents.
    #[error(transparent)]
    Columns(#[from] arrow::error::ArrowError),
    /// A thread.
    #[error("cannot load: {0}")]
    Thread(#[from] std::io::Error),
}

impl LoadError {
    /// Whether going on may succeed without anyone's doing.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Log(error) if error.is_retryable())
    }
}

/// Why a question has no answer. Its text is for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A parameter is wrong.
    #[error("{detail}")]
    Parameter {
        /// Which.
        name: String,
        /// Why, and what is allowed.
        detail: String,
    },
    /// What is asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be answered now.
    #[error("{0}")]
    Unavailable(String),
    /// The caller waits no longer, or too much is asked at once.
    #[error("{0}")]
    Busy(String),
    /// Something of ours failed.
    #[error("{0}")]
    Internal(String),
}

impl QueryError {
    /// A wrong parameter, by name.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::Parameter { name: name.to_owned(), detail: detail.into() }
    }

    /// Something of ours failed.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}
