//! The online path: `count`, from topic `incidents` to the hourly totals of topic `counts`, and `detect`, from there to topic
//! `peaks` and to the time-series sinks.
//!
//! Invariants:
//! - A total is of winning revisions that are not deletions, in event time, whatever the order of arrival.
//! - What one read of the log changed, and how far it read, are one transaction: no reader sees half a revision.
//! - The state is a function of the log; a checkpoint only saves reading it again.

pub mod count;
pub mod detect;
pub mod sinks;

pub use count::{CountConfig, CountError, CountParts, CountProgress, run as run_count};
pub use detect::{
    AlertProgress, DetectConfig, DetectError, DetectParts, FeedProgress, Hook, Rule, TickProgress, run as run_detect,
};
