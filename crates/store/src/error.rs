//! What can go wrong between Blotter and its store.

use crate::s3::failure;
use deltalake_core::{DeltaTableError, kernel::transaction::TransactionError};

/// Result of this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A file whose bytes are not those that were written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is damaged: {reason}; {remedy}")]
pub struct Damaged {
    /// Which.
    pub path: String,
    /// What shows it.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

/// A failure of the store or of the archive's table.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A URL that is none.
    #[error("`{url}` is not a store: {why}; use `file:///DIR` or `s3://bucket/prefix`")]
    Url {
        /// As given, without anything after an `@` sign or a `?`.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A store that this build cannot serve.
    #[error("this build has no store for `{scheme}://`: {hint}")]
    Scheme {
        /// The scheme.
        scheme: String,
        /// What works.
        hint: &'static str,
    },
    /// A variable of the environment, or its file, that S3 cannot be opened with.
    #[error("{name}: {why}")]
    Setting {
        /// Its name.
        name: String,
        /// What is wrong with it; never what it holds.
        why: String,
    },
    /// A bucket that cannot be used.
    #[error("store `{url}`: {why}")]
    Bucket {
        /// Its URL.
        url: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The directory of the store cannot be used.
    #[error("store directory `{path}`: {source}; it must be a directory that this user may write to")]
    Directory {
        /// Which.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// An object could not be read, written or listed.
    #[error("store: {}", said(.0))]
    Object(#[from] object_store::Error),
    /// Someone else wrote the object first.
    #[error("`{path}` was changed by another process since it was read; read it again and decide anew")]
    Changed {
        /// Which.
        path: String,
    },
    /// The table could not be read or committed to.
    #[error("archive table: {0}")]
    Delta(#[from] Box<DeltaTableError>),
    /// A file of the table could not be written or read.
    #[error("archive file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Columns that are not an archive's.
    #[error("archive columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The table was made from another log.
    #[error(
        "the archive belongs to log `{found}`, not to `{expected}`: offsets of one log mean nothing in another; \
         give the log that the archive was made from, or an empty store. Where that log was in a directory and is lost, \
         `blotter restore` makes it again from the archive"
    )]
    OtherLog {
        /// The log at hand.
        expected: String,
        /// The log whose offsets the table holds.
        found: String,
    },
    /// The table has other columns or another city's records.
    #[error("the archive holds {found}, not {expected}; give every city its own store")]
    OtherCity {
        /// What this process would write.
        expected: String,
        /// What the table says.
        found: String,
    },
    /// The table's offsets moved under this writer.
    #[error(
        "another archiver has committed partition {partition} up to offset {found} while this one held {held}; \
         run one archiver per partition"
    )]
    Moved {
        /// Of the log.
        partition: u32,
        /// The next offset that this writer believed in.
        held: u64,
        /// The next offset in the table.
        found: u64,
    },
    /// A file whose bytes are not those that were written.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// There is no table yet.
    #[error("there is no archive in this store yet; start `blotter archive` first")]
    NoTable,
}

impl StoreError {
    /// Whether a file is not what was written, or is gone: trying again finds the same.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Object(object_store::Error::NotFound { .. }))
    }

    /// Whether the same call may succeed later without anyone's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Changed { .. } | Self::Moved { .. } => true,
            Self::Object(error) => retryable_object(error),
            Self::Delta(error) => retryable_delta(error),
            Self::Parquet(error) => Self::is_retryable_cause(error),
            _ => false,
        }
    }

    /// Whether somebody must act, and the same call may then succeed: credentials that are refused or whose file cannot be read, a bucket
    /// or a directory that is not there. Credentials in files and buckets change while a process lives.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Setting { name, .. } => name.ends_with("_FILE"),
            Self::Bucket { .. } | Self::Directory { .. } => true,
            Self::Object(error) => failure::of(error).is_some_and(|failure| !failure.is_transient()),
            Self::Delta(error) => Self::is_refusal_cause(error),
            Self::Parquet(error) => Self::is_refusal_cause(error),
            _ => false,
        }
    }

    /// Whether a refusal of the store is among the causes of an error.
    pub fn is_refusal_cause(error: &(dyn std::error::Error + 'static)) -> bool {
        failure::of(error).is_some_and(|failure| !failure.is_transient())
    }

    /// Whether a failure of the store that may pass is among the causes of an error.
    pub fn is_retryable_cause(error: &(dyn std::error::Error + 'static)) -> bool {
        failure::below(error).is_some_and(retryable_object)
    }
}

impl From<DeltaTableError> for StoreError {
    fn from(error: DeltaTableError) -> Self {
        Self::Delta(Box::new(error))
    }
}

impl From<object_store::path::Error> for StoreError {
    fn from(error: object_store::path::Error) -> Self {
        Self::Object(error.into())
    }
}

fn retryable_delta(error: &DeltaTableError) -> bool {
    match error {
        DeltaTableError::ObjectStore { source }
        | DeltaTableError::Kernel { source: deltalake_core::kernel::Error::ObjectStore(source) }
        // The kernel does not say that this is its error's source.
        | DeltaTableError::KernelError(delta_kernel::Error::ObjectStore(source)) => retryable_object(source),
        // Others were faster, each time: their commits are read, and it is tried on top of them.
        DeltaTableError::VersionAlreadyExists(_)
        | DeltaTableError::Transaction { source: TransactionError::MaxCommitAttempts(_) } => true,
        other => StoreError::is_retryable_cause(other),
    }
}

/// S3's own words where it has them, for the client's add nothing to them.
fn said(error: &object_store::Error) -> String {
    match (failure::of(error), error) {
        (Some(failure), object_store::Error::PermissionDenied { path, .. }) => format!("`{path}`: {failure}"),
        (Some(failure), _) => failure.to_string(),
        (None, error) => error.to_string(),
    }
}

fn retryable_object(error: &object_store::Error) -> bool {
    if let Some(failure) = failure::of(error) {
        return failure.is_transient();
    }
    // What rots does not heal.
    if let object_store::Error::Generic { source, .. } = error
        && source.is::<Damaged>()
    {
        return false;
    }
    matches!(
        error,
        object_store::Error::Generic { .. }
            | object_store::Error::JoinError { .. }
            | object_store::Error::Precondition { .. }
    )
}

/// A URL as an error may show it: without what might be a secret.
pub(crate) fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match (plain.split_once("://"), plain.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => plain.to_owned(),
    }
}
