//! The role `serve`: the questions of `blotter_query` over HTTP, the live stream, and the web app.
//!
//! - `api`: routes; one handler for every question, with its lane, its tag and its form;
//! - `role`: the follower on a thread of its own, and the server.
//!
//! Invariant: every answer and every live event names the next offsets that it reflects.

mod api;
mod basemap;
mod coding;
mod conditional;
mod error;
mod lanes;
mod metrics;
mod role;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod web;

pub use api::openapi_json;
pub use basemap::{Basemap, BasemapError};
pub use error::ServeError;
pub use role::{ServeConfig, ServeParts, run};
