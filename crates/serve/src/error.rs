//! Why serving cannot go on.

use blotter_query::LoadError;

/// Why serving cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The listener or a thread.
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
}
