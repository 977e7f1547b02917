//! The role `detect`: topic `counts` to topic `peaks`, and both to the time-series sinks, each total and each peak with its own hour.
//!
//! - [`ticks`](self): what is peaking, at every hour of the data's clock.
//! - [`pace`](self): how long a tick waits after the one before.
//! - [`rules`](self): which peaks somebody wants to be told of; [`alerts`](self): the webhook that tells them.
//! - [`totals`](self): what the parts have said of each hour, area and category, and their sum.
//! - [`peak_points`](self): what the ticks have said of each hour, window, area and category.
//! - [`feed`](self): one sink, fed with both from the log at its own pace.
//! - [`delivery`](self): giving something to a server until it takes it.
//! - [`role`](self): all of them, each on a thread of its own.
//!
//! A feed's consumer group is `detect/<sink>`. It commits what the sink has acknowledged, so a sink that is down delays
//! nobody else, and gets all it has missed, in order, when it is back. What a restart sends again changes nothing: a point is
//! a total, not an increment.

mod alerts;
mod delivery;
mod error;
mod feed;
mod pace;
mod peak_points;
mod role;
mod rules;
mod ticks;
mod totals;

pub use alerts::AlertProgress;
pub use error::DetectError;
pub use feed::{FeedProgress, group};
pub use role::{DetectConfig, DetectParts, Hook, run};
pub use rules::Rule;
pub use ticks::TickProgress;
