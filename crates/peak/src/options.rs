//! What can be chosen about a tick.

use crate::Calendar;

/// How expectations are learned. The defaults are those that docs/statistics.md describes and that were measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The windows, in hours back from the end of the data.
    pub window_hours: Vec<u16>,
    /// At most so many weeks are learned from.
    pub baseline_weeks: usize,
    /// A week that lies so many weeks back counts half.
    pub half_life_weeks: f64,
    /// So many weeks before the window are not learned from, so that what has just begun does not hide itself.
    pub gap_weeks: usize,
    /// Fewer weeks than that to learn from are too few for any answer.
    pub least_baseline_weeks: usize,
    /// The hour-of-week profile is that of so many weeks.
    pub profile_weeks: usize,
    /// The length of the yearly season.
    pub year_days: f64,
    /// Where the window holds less than that share of what will be known, it is incomplete.
    pub least_reported_share: f64,
    /// Civil time and holidays.
    pub calendar: Calendar,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window_hours: vec![1, 6, 24, 168],
            baseline_weeks: 312,
            half_life_weeks: 104.0,
            gap_weeks: 2,
            least_baseline_weeks: 8,
            profile_weeks: 104,
            year_days: 365.2425,
            least_reported_share: 0.5,
            calendar: Calendar::default(),
        }
    }
}
