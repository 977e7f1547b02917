//! A tick: what is peaking at one hour of the data.

use crate::{Hour, Options};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The least number of expected incidents over which a percentage means something.
const LEAST_EXPECTED_OF_PERCENT: f64 = 5.0;

/// What is peaking at one hour of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The exclusive end: only hours before it were looked at.
    pub at: Hour,
    /// In the order of the options.
    pub windows: Vec<Window>,
}

impl Tick {
    /// How many pairs of area and category were tested in all ranked windows: q is corrected for so many.
    pub fn tests(&self) -> usize {
        self.windows.iter().map(|window| window.peaks.len()).sum()
    }
}

/// `ranked`: peaks are listed. `incomplete`: less than half of the window's incidents is usually known yet. `too_little_history`:
/// fewer than eight weeks to learn from. In the last two, `peaks` is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// Peaks are listed.
    Ranked,
    /// Less than half of its incidents is usually known yet.
    Incomplete,
    /// Fewer than eight weeks to learn from.
    TooLittleHistory,
}

impl WindowState {
    /// By the share of a window's incidents that is usually known by now.
    pub(crate) fn of(reported_share: f64, options: &Options) -> Self {
        if reported_share < options.least_reported_share { Self::Incomplete } else { Self::Ranked }
    }
}

/// The last hours of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// How many.
    pub hours: u16,
    /// Whether it can be ranked.
    pub standing: WindowState,
    /// The share of its incidents that is usually known by now.
    pub reported_share: f64,
    /// Every (area, category) that was tested, the most surprising first: by q, p, area and category. Empty where the
    /// window is not ranked.
    pub peaks: Vec<Peak>,
}

/// How much one area holds of one category, and how surprising that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// The caller's index.
    pub area: u32,
    /// The caller's index.
    pub category: u32,
    /// Incidents in the window.
    pub observed: u64,
    /// What was to be expected there by now, above zero.
    pub expected: f64,
    /// Of the variance to the mean that the observed count is compared with, at least 1: how much weeks spread, and how well
    /// the expected count is known.
    pub dispersion: f64,
    /// The probability of at least as many, if nothing were unusual.
    pub p: f64,
    /// The least false discovery rate at which this is among the peaks of the tick (Benjamini and Hochberg over all windows).
    pub q: f64,
    /// Of the window of seven days alone: how many times likelier its count and that of the seven days before are if a
    /// surge began in either ([`surge_evidence`]). It finds what lasts longer than the window before p does.
    pub surge_evidence: Option<f64>,
}

impl Peak {
    /// Observed by expected. Never to be shown without both.
    pub fn ratio(&self) -> f64 {
        self.observed as f64 / self.expected
    }

    /// By how many per cent more than expected there is; none over a small count, where it means nothing.
    pub fn percent_more(&self) -> Option<f64> {
        (self.expected >= LEAST_EXPECTED_OF_PERCENT).then(|| (self.ratio() - 1.0) * 100.0)
    }
}
