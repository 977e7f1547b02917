//! A tick as it is told: names for numbers, times for hours, and the next offsets that it reflects.

use crate::{Names, Peak, Window, WindowState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A tick, or what was chosen of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The exclusive end, in the city's civil time with its offset; none where there is nothing to end.
    pub at: Option<String>,
    /// Whose areas these are.
    pub layer: String,
    /// Of all ranked windows: q is corrected for so many.
    pub tests: usize,
    /// Where the shares that are known at each age come from: `profile`, or `none`.
    pub reporting_lag: String,
    /// By partition of topic `incidents`.
    pub next_offsets: BTreeMap<String, u64>,
    /// In the order of the tick.
    pub windows: Vec<ReportedWindow>,
}

/// The last hours of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedWindow {
    /// How many.
    pub hours: u16,
    /// Whether it can be ranked.
    pub standing: WindowState,
    /// The share of its incidents that is usually known.
    pub reported_share: f64,
    /// How many pairs of area and category were tested in it.
    pub tests: usize,
    /// The most surprising first.
    pub peaks: Vec<ReportedPeak>,
}

/// See [`Peak`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedPeak {
    /// Its code.
    pub area: String,
    /// Its name.
    pub category: String,
    /// Incidents in the window.
    pub observed: u64,
    /// What was to be expected there by now.
    pub expected: f64,
    /// None where it is beyond any number.
    pub ratio: Option<f64>,
    /// None over a small count.
    pub percent_more: Option<f64>,
    /// Of the variance to the mean.
    pub dispersion: f64,
    /// One-sided.
    pub p: f64,
    /// Benjamini and Hochberg over the whole tick.
    pub q: f64,
    /// Of seven days only.
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
