//! A tick: what is peaking at one hour of the data.

use blotter_hotspot::q_values;

use crate::calendar::WEEK_HOURS;
use crate::category::{Category, Level, Profile, Sums, area_share, profile};
use crate::negative_binomial::upper_tail;
use crate::surge::{WeekSeen, surge_evidence};
use crate::totals::{Cell, Totals};
use crate::weekly_fit::Design;
use crate::{History, Hour, Options, ReportingLag};
use serde::{Deserialize, Serialize};
use std::ops::Range;
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

/// What is peaking at `at`, the exclusive end of the data's newest hour. A function of the totals before it: the same
/// totals give the same answer, bit for bit.
pub fn peaks(history: &History, at: Hour, lag: &ReportingLag, options: &Options) -> Tick {
    let shares: Vec<f64> = options.window_hours.iter().map(|hours| lag.mean_share(0, usize::from(*hours))).collect();
    let mut windows: Vec<Window> = options
        .window_hours
        .iter()
        .zip(&shares)
        .map(|(hours, share)| Window {
            hours: *hours,
            standing: if *share < options.least_reported_share { WindowState::Incomplete } else { WindowState::Ranked },
            reported_share: *share,
            peaks: Vec::new(),
        })
        .collect();
    match Expectations::new(history, at, lag, options) {
        Some(expectations) => expectations.rank(&mut windows),
        None => windows.iter_mut().for_each(|window| window.standing = WindowState::TooLittleHistory),
    }
    Tick { at, windows }
}

/// What every area usually holds of every category.
struct Expectations<'a> {
    totals: Totals,
    categories: Vec<Category>,
    /// By category, then by area.
    levels: Vec<Vec<Level>>,
    /// By category, then by hour back: what the hour is multiplied by.
    factors: Vec<Vec<f64>>,
    lag: &'a ReportingLag,
}

impl<'a> Expectations<'a> {
    fn new(history: &History, at: Hour, lag: &'a ReportingLag, options: &Options) -> Option<Self> {
        let totals = Totals::new(history, at, options)?;
        let known = (0..totals.weeks).map(|ago| lag.mean_share(ago * WEEK_HOURS, WEEK_HOURS)).collect();
        let design = Design::new(
            known,
            options.gap_weeks,
            options.half_life_weeks,
            options.year_days,
            options.least_reported_share,
        );
        if design.learned_weeks() < options.least_baseline_weeks.max(1) {
            return None;
        }
        let city_profile = city_profile(&totals);
        let categories: Vec<Category> = (0..totals.categories.len())
            .map(|category| Category::new(&totals, category, &design, &city_profile))
            .collect();
        // By category, then by area.
        let sums: Vec<Vec<Sums>> = categories
            .iter()
            .enumerate()
            .map(|(index, category)| totals.of_category(index).map(|cell| category.sums(cell, &design)).collect())
            .collect();
        let usual = area_shares(&sums, totals.areas.len());
        let levels = categories.iter().zip(&sums).enumerate().map(|(index, (category, sums))| {
            let cells: Vec<&Cell> = totals.of_category(index).collect();
            category.levels(&cells, sums, &usual, &design)
        });
        let levels = levels.collect();
        // The week before the current one is looked at too.
        let longest = options.window_hours.iter().copied().max().unwrap_or(0).max(2 * WEEK_HOURS as u16);
        let factors = categories
            .iter()
            .enumerate()
            .map(|(index, category)| factors(&totals, index, category, usize::from(longest)));
        let factors = factors.collect();
        Some(Self { totals, categories, levels, factors, lag })
    }

    fn rank(&self, windows: &mut [Window]) {
        let mut p: Vec<Option<f64>> = Vec::new();
        for (index, window) in windows.iter_mut().enumerate() {
            if window.standing != WindowState::Ranked {
                continue;
            }
            for area in 0..self.totals.areas.len() {
                for category in 0..self.totals.categories.len() {
                    let peak = self.peak(area, category, index, usize::from(window.hours));
                    p.push(Some(peak.p));
                    window.peaks.push(peak);
                }
            }
        }
        let mut q = q_values(&p).into_iter();
        for window in windows {
            for peak in &mut window.peaks {
                peak.q = q.next().flatten().unwrap_or(1.0);
            }
            window.peaks.sort_unstable_by(|a, b| {
                let by_surprise = a.q.total_cmp(&b.q).then(a.p.total_cmp(&b.p));
                by_surprise.then((a.area, a.category).cmp(&(b.area, b.category)))
            });
        }
    }

    fn peak(&self, area: usize, category: usize, window: usize, hours: usize) -> Peak {
        let cell = &self.totals.cells[area * self.totals.categories.len() + category];
        let level = self.levels[category][area];
        let expected =
            (level.share * self.categories[category].fit.means[0] * self.share_of_week(cell, category, 0..hours))
                .max(f64::MIN_POSITIVE);
        let dispersion = level.dispersion + expected * level.relative_variance;
        let observed = cell.observed[window];
        Peak {
            area: self.totals.areas[area],
            category: self.totals.categories[category],
            observed,
            expected,
            dispersion,
            p: upper_tail(observed, expected, dispersion),
            q: 1.0,
            surge_evidence: (hours == WEEK_HOURS).then(|| {
                // The week's mean has what is known of it by now, but no holidays.
                let usual = if self.last_week_has_holidays() {
                    let whole = 1.0 / self.lag.mean_share(WEEK_HOURS, WEEK_HOURS);
                    self.share_of_week(cell, category, WEEK_HOURS..2 * WEEK_HOURS) * whole
                } else {
                    1.0
                };
                let before = self.categories[category].fit.means[1] * level.share * usual;
                let last_week = WeekSeen {
                    observed: u64::from(cell.weeks[1]),
                    expected: before,
                    dispersion: level.dispersion + before * level.relative_variance,
                };
                surge_evidence(WeekSeen { observed, expected, dispersion }, last_week)
            }),
        }
    }

    fn last_week_has_holidays(&self) -> bool {
        let newest = self.totals.hours.iter().rev();
        newest.skip(WEEK_HOURS).take(WEEK_HOURS).any(|civil| civil.holiday.is_some())
    }

    /// What part of a usual week these hours back are, as far as it is known by now.
    fn share_of_week(&self, cell: &Cell, category: usize, ages: Range<usize>) -> f64 {
        let sum = f64::from(cell.profile.iter().sum::<u32>());
        let profile = &self.categories[category].profile;
        let newest = self.totals.hours.iter().rev();
        let of_hour = |(age, civil): (usize, &crate::calendar::CivilHour)| {
            let usual = area_share(&cell.profile, sum, usize::from(civil.hour_of_week), profile);
            usual * self.factors[category][age] * self.lag.share(age)
        };
        newest.enumerate().skip(ages.start).take(ages.len()).map(of_hour).sum()
    }
}

/// The hour-of-week profile of all crime.
fn city_profile(totals: &Totals) -> Profile {
    let mut hours = [0_u64; WEEK_HOURS];
    for cell in &totals.cells {
        hours.iter_mut().zip(&cell.profile).for_each(|(sum, count)| *sum += u64::from(*count));
    }
    profile(&hours, &[1.0 / WEEK_HOURS as f64; WEEK_HOURS])
}

/// Each area's share of all crime, recent weeks weighted more.
fn area_shares(sums: &[Vec<Sums>], areas: usize) -> Vec<f64> {
    let incidents: Vec<f64> =
        (0..areas).map(|area| sums.iter().map(|of_category| of_category[area].weighted_incidents()).sum()).collect();
    let sum: f64 = incidents.iter().sum();
    let even = 1.0 / areas as f64;
    incidents.into_iter().map(|incidents| if sum > 0.0 { incidents / sum } else { even }).collect()
}

/// By hours back: what the holiday in it multiplies a category by.
fn factors(totals: &Totals, index: usize, category: &Category, hours: usize) -> Vec<f64> {
    let length = totals.hours.len();
    let mut known = std::collections::BTreeMap::new();
    let newest = totals.hours.iter().rev().take(hours);
    newest
        .map(|civil| {
            let Some(kind) = civil.holiday else { return 1.0 };
            *known.entry(kind).or_insert_with(|| {
                let held = totals.of_category(index).filter_map(|cell| cell.holidays.get(&kind)).sum();
                let past = totals.hours.iter().enumerate().take(length - WEEK_HOURS);
                let past = past.filter(|(_, civil)| civil.holiday == Some(kind));
                let past =
                    past.map(|(place, civil)| ((length - 1 - place) / WEEK_HOURS, usize::from(civil.hour_of_week)));
                category.holiday_factor(held, past)
            })
        })
        .collect()
}
