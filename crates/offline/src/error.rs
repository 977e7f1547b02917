//! What can go wrong on the offline path.

use blotter_log::LogError;
use blotter_runtime::Shutdown;
use blotter_store::StoreError;

/// Result of this crate.
pub type Result<T, E = OfflineError> = std::result::Result<T, E>;

/// Why a role of the offline path ended.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The log could not be read, or a rejected record not be appended.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store or the table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be read or written.
    #[error("snapshot file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The engine of a snapshot failed.
    #[cfg(feature = "spark")]
    #[error(transparent)]
    Spark(blotter_spark::SparkError),
    /// Columns that are not those of the contract.
    #[error("snapshot columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Retention was faster than the archiver.
    #[error(
        "the log no longer has records {from} to {earliest} of partition {partition}, and the archive does not have them yet; \
         nothing was skipped: load them again from the source into a new log, or restore the log from a copy"
    )]
    Gap {
        /// Of topic `incidents`.
        partition: u32,
        /// The first missing offset.
        from: u64,
        /// The first offset that is left.
        earliest: u64,
    },
    /// A manifest or pointer that cannot be understood.
    #[error("`{path}` is not a {what} that this version reads: {reason}; take a new snapshot")]
    Malformed {
        /// Where it lies.
        path: String,
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A snapshot's file is not what was written.
    #[error("`{path}` is damaged: {reason}; `blotter snapshot` writes a sound one, and `blotter fetch` brings it")]
    Damaged {
        /// The file.
        path: String,
        /// Size or checksum.
        reason: String,
    },
    /// A local file or directory.
    #[error("`{path}`: {source}; it must be a place that this user may write to")]
    Local {
        /// Which.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// More rows than a snapshot can number.
    #[error(
        "the archive has {rows} rows and a snapshot is taken of at most {most}: begin a new archive in another store"
    )]
    TooManyRows {
        /// In the table.
        rows: u64,
        /// The limit.
        most: u64,
    },
    /// It was stopped before it was done; nothing half done is in use.
    #[error("stopped before it was done")]
    Cancelled,
    /// A test's hook stopped the role, as a kill would.
    #[error("stopped {0}")]
    Stopped(&'static str),
}

#[cfg(feature = "spark")]
impl From<blotter_spark::SparkError> for OfflineError {
    fn from(error: blotter_spark::SparkError) -> Self {
        match error {
            blotter_spark::SparkError::Interrupted => Self::Cancelled,
            error => Self::Spark(error),
        }
    }
}

impl OfflineError {
    /// That it was stopped, where it was.
    pub(crate) fn unless(stop: &Shutdown) -> Result<()> {
        if stop.is_triggered() { Err(Self::Cancelled) } else { Ok(()) }
    }

    /// Whether running the role again may succeed without anyone's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            Self::Parquet(error) => StoreError::is_retryable_cause(error),
            #[cfg(feature = "spark")]
            Self::Spark(error) => error.is_transient(),
            Self::Damaged { .. } => true,
            // Between the pointer and the files, a snapshot may have been removed: the next look finds a newer one.
            Self::Local { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// Whether somebody must act, and the same may then succeed: a store that refuses, a volume that is full or not this user's.
    pub fn is_refusal(&self) -> bool {
        use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match self {
            Self::Store(error) => error.is_refusal(),
            #[cfg(feature = "spark")]
            Self::Spark(error) => error.is_refusal(),
            Self::Parquet(error) => StoreError::is_refusal_cause(error),
            Self::Local { source, .. } => {
                matches!(source.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
            }
            _ => false,
        }
    }
}

impl OfflineError {
    pub(crate) fn local(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Local { path, source }
    }
}
