//! The role `serve`: a snapshot and the log into the cube; the cube to browsers.
//!
//! - [`follower`](self) is the one writer: it loads the snapshot, follows the log, and publishes what changed.
//! - [`api`](self) answers from the state that the follower left, under one lock: an answer's figures and its next
//!   offsets belong together. [`LoadedCity`] asks it without a listener.
//!
//! Invariant: every answer and every live event names the next offsets that it reflects.

mod api;
mod ask;
mod caught_up;
mod coding;
mod conditional;
mod disagreements;
mod error;
mod figures;
mod follower;
mod hourly;
mod lanes;
mod live;
mod log_status;
mod metrics;
mod opened;
mod role;
mod sites;
mod snapshot;
mod state;
mod study_areas;
#[cfg(test)]
mod testing;
mod texts;
mod tick_index;
mod ticks;
mod web;

pub use api::openapi_json;
pub use ask::{AskParts, LoadedCity, Reply};
pub use error::ServeError;
pub use role::{ServeConfig, ServeParts, run};
