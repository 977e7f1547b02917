//! A tick as answers have it: names instead of numbers, times instead of hours, and the next offsets that it reflects.

use crate::{Course, Names, Peak, Window, WindowState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Peaks of one tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// End of the windows, exclusive: city time with offset. Null if there are no incidents.
    #[schema(format = DateTime, required)]
    pub at: Option<String>,
    /// Layer of the areas.
    pub layer: String,
    /// Number of tests in all ranked windows; q is corrected for it.
    pub tests: usize,
    /// Whether expected counts allow for late reports.
    #[schema(value_type = ReportingLagName)]
    pub reporting_lag: String,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    pub next_offsets: BTreeMap<String, u64>,
    /// The last 1, 6, 24 and 168 hours.
    pub windows: Vec<ReportedWindow>,
}

/// `profile`: expected counts allow for late reports. `none`: all counts are taken as complete.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it is for the document")]
enum ReportingLagName {
    Profile,
    None,
}

/// The last hours of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportedWindow {
    /// Length of the window, in hours before `at`.
    pub hours: u16,
    /// Whether the window is ranked.
    pub standing: WindowState,
    /// Share of the window's incidents that is usually known by now, 0 to 1.
    pub reported_share: f64,
    /// Number of tests in the window: pairs of area and category.
    pub tests: usize,
    /// Peaks, the most surprising first: by q, then p.
    pub peaks: Vec<ReportedPeak>,
}

/// Observed and expected incidents of an area and category in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportedPeak {
    /// Area code.
    pub area: String,
    /// Category.
    pub category: String,
    /// Incidents in the window.
    pub observed: u64,
    /// Incidents expected in the window, late reports allowed for; above 0.
    pub expected: f64,
    /// observed / expected. Null if too large for a number. Show it together with both.
    #[schema(required)]
    pub ratio: Option<f64>,
    /// Percent above expected (negative: below). Null if fewer than 5 were expected.
    #[schema(required)]
    pub percent_more: Option<f64>,
    /// Variance of the count divided by its mean; at least 1.
    pub dispersion: f64,
    /// Probability of at least as many incidents if nothing is unusual, 0 to 1.
    pub p: f64,
    /// p corrected for all tests of the tick (Benjamini and Hochberg), 0 to 1.
    pub q: f64,
    /// Only in the 168-hour window, else null: how many times likelier the last two weeks are with a surge that began in either than
    /// without one.
    #[schema(required)]
    pub surge_evidence: Option<f64>,
    /// Only with `course`: the window and those before it.
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
}

impl ReportedWindow {
    /// A window with some of its peaks.
    pub fn new<'a>(window: &Window, names: &Names, peaks: impl Iterator<Item = &'a Peak>) -> Self {
        Self {
            hours: window.hours,
            standing: window.standing,
            reported_share: window.reported_share,
            tests: window.peaks.len(),
            peaks: peaks.map(|peak| ReportedPeak::new(peak, names)).collect(),
        }
    }
}

impl ReportedPeak {
    /// A peak by its names.
    pub fn new(peak: &Peak, names: &Names) -> Self {
        Self {
            area: names.areas[peak.area as usize].clone(),
            category: names.categories[peak.category as usize].clone(),
            observed: peak.observed,
            expected: peak.expected,
            ratio: Some(peak.ratio()).filter(|ratio| ratio.is_finite()),
            percent_more: peak.percent_more(),
            dispersion: peak.dispersion,
            p: peak.p,
            q: peak.q,
            surge_evidence: peak.surge_evidence,
            course: None,
        }
    }
}
