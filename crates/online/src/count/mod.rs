//! The role `count`: hourly totals per area and category.
//!
//! - [`identity`](self): which revision of each incident wins, and in which hour, area and category it counts.
//! - [`totals`](self): the totals of one partition.
//! - [`partition`](self): both together, fed by batches.
//! - [`checkpoint`](self): their incremental form in the store.
//! - [`role`](self): the loop that reads, appends and checkpoints.

mod checkpoint;
mod counts;
mod error;
mod identity;
mod partition;
mod role;
mod totals;
mod vocabulary;

pub use counts::{HourlyCount, counts_batch, counts_rows, counts_schema};
pub use error::CountError;
pub use partition::PartitionCounts;
pub use role::{CountConfig, CountParts, CountProgress, GROUP, run};
pub use vocabulary::Vocabulary;
