//! The role `count`: hourly totals per area and category.
//!
//! - [`slot`](self): the hour, area and category in which an incident counts.
//! - [`totals`](self): the totals of one partition.
//! - [`partition`](self): which revision of each incident wins, and where it counts, fed by batches.
//! - [`checkpoint`](self): their incremental form in the store.
//! - [`role`](self): the loop that reads, appends and checkpoints.

mod checkpoint;
mod counts;
mod error;
mod partition;
mod role;
mod slot;
mod totals;
mod vocabulary;

pub use counts::{HourlyCount, counts_batch, counts_rows, counts_schema};
pub use error::CountError;
pub use partition::PartitionCounts;
pub use role::{CountConfig, CountParts, CountProgress, GROUP, run};
pub use vocabulary::Vocabulary;
