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

/// What a tick found of one window, area and category.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeakPoint<'a> {
    /// The tick's exclusive end, in seconds since 1970, UTC.
    pub at: i64,
    /// The window's length, in hours before `at`.
    pub window: u16,
    /// A code of the profile's primary layer; empty where the incidents have none.
    pub area: &'a str,
    /// The category.
    pub category: &'a str,
    /// Incidents in the window.
    pub observed: u64,
    /// Incidents expected in the window.
    pub expected: f64,
    /// The least false discovery rate at which the pair is among the tick's peaks.
    pub q: f64,
}

/// A database of time series.
///
/// **Idempotence.** A point that is written again changes nothing.
/// **Revision.** A point of the same hour, area and category (and window) takes the place of the one before, also a smaller one.
/// **Durability.** When [`Sink::write`] or [`Sink::write_peaks`] has returned, the database has acknowledged every point.
pub trait Sink: Send {
    /// What tells it from others, in logs, metrics and the names of consumer groups.
    fn name(&self) -> &str;

    /// Writes points, in order. Blocks; some may have been written where it fails.
    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError>;

    /// Writes what is peaking, as [`Sink::write`] does.
    fn write_peaks(&mut self, points: &[PeakPoint<'_>]) -> Result<(), SinkError>;
}
