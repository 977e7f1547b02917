//! Why counting cannot go on.

/// Why counting cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The log.
    #[error(transparent)]
    Log(#[from] blotter_log::LogError),
    /// The store of the checkpoints.
    #[error("cannot keep the checkpoint of count: {0}")]
    Store(#[from] blotter_store::StoreError),
    /// Spark.
    #[cfg(feature = "spark")]
    #[error(transparent)]
    Spark(#[from] blotter_spark::SparkError),
    /// The archive, which Spark reads.
    #[error("cannot see how far the archive is: {0}")]
    Archive(blotter_store::StoreError),
    /// A worker's thread.
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
    /// A batch that is none of incidents.
    #[error("topic `incidents` holds a batch that cannot be counted: {0}")]
    Batch(#[from] arrow::error::ArrowError),
    /// More distinct areas or categories than a batch can name.
    #[error("more than 65,000 distinct {what}: check the city profile's columns")]
    TooManyWords {
        /// Areas or categories.
        what: &'static str,
    },
}

impl CountError {
    /// Whether running the role again may succeed without anyone's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Store(error) | Self::Archive(error) => error.is_retryable(),
            #[cfg(feature = "spark")]
            Self::Spark(error) => error.is_transient(),
            Self::Thread(_) => true,
            Self::Batch(_) | Self::TooManyWords { .. } => false,
        }
    }

    /// Whether somebody must act, and the same may then succeed.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Store(error) | Self::Archive(error) => error.is_refusal(),
            #[cfg(feature = "spark")]
            Self::Spark(error) => error.is_refusal(),
            _ => false,
        }
    }
}
