//! Time-series sinks: hourly counts by area and category, each at its own hour, and what was peaking at each hour.
//!
//! - [`point`](self): what a sink is given, and the trait of all sinks;
//! - [`open`](self): a sink by its URL;
//! - [`memory`](self), [`influxdb`](self), [`kairosdb`](self): the sinks;
//! - [`webhook`](self): an address that takes alerts;
//! - [`http`](self): requests that are bounded in time and never show a secret.
//!
//! In every database a count is measurement (or metric) `crimes`, field `count`, tags `city`, `category` and, where the
//! incident has one, `area`. A peak is measurement `peaks`, fields `observed`, `expected` and `q` (in KairosDB the metrics
//! `peaks.observed`, `peaks.expected` and `peaks.q`), with the tag `window` beside those. The number of series is bounded by areas,
//! categories and windows, whatever the number of incidents.

mod error;
mod http;
mod influxdb;
mod kairosdb;
mod memory;
mod open;
mod point;
mod secrets;
mod webhook;

pub use error::SinkError;
pub use memory::{MemoryPeaks, MemorySink};
pub use open::open_sink;
pub use point::{PeakPoint, Point, Sink};
pub use secrets::Secrets;
pub use webhook::Webhook;
