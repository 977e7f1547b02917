//! Why producing cannot go on.

use blotter_log::LogError;
use blotter_source::SourceError;

/// Why producing cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Rejected rows that do not fit into columns.
    #[error(transparent)]
    Columns(#[from] arrow::error::ArrowError),
}

impl ProduceError {
    /// Whether running the role again may succeed without anyone's doing. A source that may recover was waited for.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Log(error) if error.is_retryable())
    }
}
