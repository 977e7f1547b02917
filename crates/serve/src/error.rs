//! Why serving cannot go on.

use std::path::PathBuf;

/// Why serving cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
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
    /// Columns that are none of incidents.
    #[error(transparent)]
    Columns(#[from] arrow::error::ArrowError),
    /// The listener or a thread.
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
}

impl ServeError {
    /// Whether going on may succeed without anyone's doing.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Log(error) if error.is_retryable())
    }
}
