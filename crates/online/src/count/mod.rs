//! The role `count`: hourly totals per area and category.
//!
//! - [`slot`](self): the hour, area and category in which an incident counts.
//! - [`totals`](self): the totals of one partition.
//! - [`partition`](self): which revision of each incident wins, and where it counts, fed by batches.
//! - [`checkpoint`](self): their incremental form in the store.
//! - [`role`](self): the loop that reads, appends and checkpoints.
//! - [`spark`](self): the loop that has Spark count.

mod checkpoint;
mod counts;
mod error;
mod partition;
mod placed;
mod role;
mod slot;
#[cfg(feature = "spark")]
mod spark;
mod totals;
mod vocabulary;

pub use counts::{HourlyCount, counts_batch, counts_rows, counts_schema};
pub use error::CountError;
pub use partition::PartitionCounts;
pub use role::{CountConfig, CountParts, CountProgress, GROUP, run};
#[cfg(feature = "spark")]
pub use spark::{SparkCount, run as run_on_spark};
pub use vocabulary::Vocabulary;
