//! What can go wrong between Blotter and Spark, in words that say what to change.

use std::time::Duration;
use tonic::{Code, Status};

/// Of this crate.
pub type Result<T> = std::result::Result<T, SparkError>;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum SparkError {
    /// Nobody answers, or not any more. It may pass.
    #[error("Spark at {address} does not answer: {reason}")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// It took the connection and refused the caller.
    #[error(
        "Spark at {address} refuses the token: set SPARK_CONNECT_TOKEN, or SPARK_CONNECT_TOKEN_FILE, to the server's own"
    )]
    Refused {
        /// Whose.
        address: String,
    },
    /// Another version than this client speaks to.
    #[error("Spark at {address} is version {version}; Blotter needs Spark {least} or newer")]
    Version {
        /// Whose.
        address: String,
        /// Its version.
        version: String,
        /// The oldest major version that works.
        least: u32,
    },
    /// It lacks a library.
    #[error(
        "Spark at {address} cannot read Delta tables: start it with --packages io.delta:delta-spark_2.13:4.2.0 and with the settings of docs/scaling.md ({reason})"
    )]
    NoDelta {
        /// Whose.
        address: String,
        /// What it said.
        reason: String,
    },
    /// It lacks the store's scheme or credentials.
    #[error(
        "Spark at {address} cannot read the store: give it hadoop-aws and the settings spark.hadoop.fs.s3a.* of docs/scaling.md ({reason})"
    )]
    NoStore {
        /// Whose.
        address: String,
        /// What it said.
        reason: String,
    },
    /// It could not finish the work: an executor was lost, the store was away. It may pass.
    #[error("Spark at {address} gave up: {reason}")]
    Aborted {
        /// Whose.
        address: String,
        /// What it said.
        reason: String,
    },
    /// It said no to the question itself.
    #[error("Spark at {address} failed: {reason}")]
    Failed {
        /// Whose.
        address: String,
        /// What it said.
        reason: String,
    },
    /// It answered something else than the protocol says.
    #[error("Spark at {address} answered what Blotter cannot read: {reason}")]
    Answer {
        /// Whose.
        address: String,
        /// What.
        reason: String,
    },
    /// A variable or a file is wrong.
    #[error("{0}")]
    Setting(String),
    /// A shutdown interrupted it.
    #[error("interrupted")]
    Interrupted,
}

impl SparkError {
    /// Whether it may pass by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Aborted { .. })
    }

    /// Whether somebody must act, and the same may then succeed.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Version { .. } | Self::NoDelta { .. } | Self::NoStore { .. })
    }

    pub(crate) fn of(address: &str, status: &Status) -> Self {
        let address = address.to_owned();
        let reason = first_line(status.message());
        let is_about_the_question = QUESTION_STATES.iter().any(|state| status.message().contains(state));
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted => {
                Self::Unreachable { address, reason }
            }
            Code::Unauthenticated | Code::PermissionDenied => Self::Refused { address },
            // A status that has a cause was made on this side: the connection broke.
            _ if std::error::Error::source(status).is_some() => Self::Unreachable { address, reason },
            _ if lacks_delta(&reason) => Self::NoDelta { address, reason },
            _ if lacks_store(&reason) => Self::NoStore { address, reason },
            _ if is_about_the_question => Self::Failed { address, reason },
            _ => Self::Aborted { address, reason },
        }
    }
}

/// The classes of SQL's states in which a question is wrong, or asks for what this server cannot do.
const QUESTION_STATES: [&str; 2] = ["SQLSTATE: 42", "SQLSTATE: 0A"];

/// The time between two attempts.
pub(crate) fn pause(attempt: u32) -> Duration {
    Duration::from_millis(100 << attempt.min(6))
}

fn lacks_delta(reason: &str) -> bool {
    (reason.contains("DATA_SOURCE_NOT_FOUND")
        || reason.contains("ClassNotFoundException")
        || reason.contains("UNSUPPORTED_DATASOURCE"))
        && reason.to_ascii_lowercase().contains("delta")
}

fn lacks_store(reason: &str) -> bool {
    [
        "No FileSystem for scheme",
        "S3AFileSystem not found",
        "NoAwsCredentialsException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
    ]
    .iter()
    .any(|sign| reason.contains(sign))
}

/// Spark sends its stack, too.
fn first_line(message: &str) -> String {
    const MOST: usize = 400;
    let line = message.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_becomes_what_to_do() {
        let check = |code: Code, said: &str, part: &str, is_transient: bool| {
            let error = SparkError::of("spark://s:15002", &Status::new(code, said));
            assert!(error.to_string().contains(part), "{error}");
            assert_eq!(error.is_transient(), is_transient, "{error}");
        };
        let broken = Status::from_error(Box::new(std::io::Error::other("error reading a body from connection")));
        assert!(SparkError::of("spark://s:15002", &broken).is_transient(), "{broken:?}");
        check(Code::Unavailable, "connection refused", "does not answer: connection refused", true);
        check(Code::Unauthenticated, "Invalid authentication token", "SPARK_CONNECT_TOKEN_FILE", false);
        check(
            Code::Internal,
            "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta.\n\tat org",
            "delta-spark",
            false,
        );
        check(Code::Internal, "No FileSystem for scheme \"s3a\"", "hadoop-aws", false);
        check(
            Code::Internal,
            "[TABLE_OR_VIEW_NOT_FOUND] x SQLSTATE: 42P01\n\tat y",
            "failed: [TABLE_OR_VIEW_NOT_FOUND] x",
            false,
        );
        check(Code::Internal, "Job aborted due to stage failure: lost task", "gave up: Job aborted", true);
    }
}
