//! The role `detect`: topic `counts` to the time-series sinks, each total with its own hour.
//!
//! - [`totals`](self): what the parts have said of each hour, area and category, and their sum.
//! - [`feed`](self): one sink, fed from the log at its own pace.
//! - [`role`](self): a feed for each sink, on a thread of its own.
//!
//! A feed's consumer group is `detect/<sink>`. It commits what the sink has acknowledged, so a sink that is down delays
//! nobody else, and gets all it has missed, in order, when it is back. What a restart sends again changes nothing: a point is
//! a total, not an increment.

mod feed;
mod role;
mod totals;

pub use feed::FeedProgress;
pub use role::{DetectConfig, DetectError, DetectParts, group, run};
