//! Where records come from: CSV files, a Socrata portal, the simulator; and the replay clock.
//!
//! A [`Source`] hands out [`Chunk`]s. A chunk and the position behind it are appended to the log in one
//! transaction, so that a source that is opened again at its last position neither loses nor repeats a row.

mod chunk;
mod error;

pub use chunk::{Chunk, Progress, Source, Step};
pub use error::SourceError;
