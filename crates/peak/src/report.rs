//! A tick as it is told: names for numbers, times for hours, and the next offsets that it reflects.

use crate::{Names, Peak, Window, WindowState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A tick, or what was chosen of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// The end, exclusive, of what was looked at: civil time of the city with its offset. Null where there are no incidents.
    #[schema(format = DateTime, required)]
    pub at: Option<String>,
    /// Whose areas these are.
    pub layer: String,
    /// Pairs of area and category in all ranked windows: q is corrected for so many tests.
    pub tests: usize,
    /// Where the shares that are known at each age come from: `profile`, or `none`, which takes all counts as known at once.
    pub reporting_lag: String,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    pub next_offsets: BTreeMap<String, u64>,
    /// The last 1, 6, 24 and 168 hours.
    pub windows: Vec<ReportedWindow>,
}

/// The last hours of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportedWindow {
    /// Length of the window, in hours before `at`.
    pub hours: u16,
    /// Whether its peaks can be ranked.
    pub standing: WindowState,
    /// The share of its incidents that is usually known by now, 0 to 1.
    pub reported_share: f64,
    /// Pairs of area and category that were tested in it.
    pub tests: usize,
    /// The most surprising first: by q, then p.
    pub peaks: Vec<ReportedPeak>,
}

/// What an area and category hold in a window, and what was to be expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportedPeak {
    /// Code of the area.
    pub area: String,
    /// Name of the category.
    pub category: String,
    /// Incidents in the window.
    pub observed: u64,
    /// Incidents that were to be expected there by now; above zero.
    pub expected: f64,
    /// Observed by expected; null where it is beyond any number. Show it beside both.
    #[schema(required)]
    pub ratio: Option<f64>,
    /// How many percent more than expected; null where fewer than five were expected, since a percentage over a small count means
    /// nothing.
    #[schema(required)]
    pub percent_more: Option<f64>,
    /// Ratio of the variance to the mean, at least 1.
    pub dispersion: f64,
    /// The probability of at least as many incidents.
    pub p: f64,
    /// p after Benjamini and Hochberg over all tests of the tick.
    pub q: f64,
    /// Of the seven days only: how many times likelier the counts of these and the previous seven days are if a surge began in either
    /// of them than if none did.
    #[schema(required)]
    pub surge_evidence: Option<f64>,
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
        }
    }
}
