//! Where records come from: CSV files, a Socrata portal, the simulator; and the replay clock.
//!
//! A [`Source`] hands out [`Chunk`]s. A chunk and the position behind it are appended to the log in one
//! transaction, so that a source that is opened again at its last position neither loses nor repeats a row.

mod brake;
mod chained;
mod chunk;
mod csv;
mod error;
mod input;
mod open;
mod replay;
mod simulator;
mod socrata;
#[cfg(test)]
mod testing;
mod watched;

pub use brake::{Brake, Decision, HeldDeletions};
pub use chained::SourceChain;
pub use chunk::{Chunk, Progress, Source, Step};
pub use csv::{CsvOptions, CsvSource, hash_of_id};
pub use error::SourceError;
pub use input::Location;
pub use open::{OpenOptions, open_sources, sources_name};
pub use replay::{Replay, ReplayOptions};
pub use simulator::{CsvStyle, Outbreak, Pace, Simulator, SimulatorOptions, WallClock};
pub use socrata::{AppToken, BoundaryPortal, Shelf, SocrataOptions, SocrataSource};
pub use watched::{Open, RetryPolicy, RetryingSource, SourceParts};
