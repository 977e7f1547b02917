//! What a sink is given.

use super::SinkError;

/// The total of one hour, area and category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point<'a> {
    /// The hour's beginning, in seconds since 1970, UTC.
    pub bucket: i64,
    /// A code of the profile's primary layer; empty where the incidents have none.
    pub area: &'a str,
    /// The category.
    pub category: &'a str,
    /// All incidents of it so far.
    pub count: u64,
}

/// A database of time series.
///
/// **Idempotence.** A point that is written again changes nothing.
/// **Revision.** A point of the same hour, area and category takes the place of the one before, also a smaller one.
/// **Durability.** When [`Sink::write`] has returned, the database has acknowledged every point.
pub trait Sink: Send {
    /// What tells it from others, in logs, metrics and the names of consumer groups.
    fn name(&self) -> &str;

    /// Writes points, in order. Blocks; some may have been written where it fails.
    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError>;
}
