//! What every area usually holds of every category, learned from the totals before a tick.

use crate::calendar::{CivilHour, WEEK_HOURS};
use crate::category::{Category, Level, Profile, Sums, area_share, profile};
use crate::negative_binomial::upper_tail;
use crate::surge::{WeekSeen, surge_evidence};
use crate::tick::{Peak, Window, WindowState};
use crate::totals::{Cell, Totals};
use crate::weekly_fit::Design;
use crate::{History, Hour, Options, ReportingLag};
use blotter_hotspot::q_values;
use std::{collections::BTreeMap, ops::Range};

/// A holiday that lies in the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HolidayInWindow {
    /// Its kind.
    pub kind: u8,
    /// How many hours of it lie in the window.
    pub hours: usize,
    /// What it multiplies the expected count of its hours by.
    pub factor: f64,
}

/// What every area usually holds of every category.
pub(crate) struct Expectations<'a> {
    totals: Totals,
    categories: Vec<Category>,
    /// By category, then by area.
    levels: Vec<Vec<Level>>,
    /// By category, then by hour back: what the hour is multiplied by.
    factors: Vec<Vec<f64>>,
    learned_weeks: usize,
    lag: &'a ReportingLag,
}

impl<'a> Expectations<'a> {
    pub(crate) fn new(history: &History, at: Hour, lag: &'a ReportingLag, options: &Options) -> Option<Self> {
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
        Some(Self { totals, categories, levels, factors, learned_weeks: design.learned_weeks(), lag })
    }

    pub(crate) fn rank(&self, windows: &mut [Window]) {
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
        let expected = self.expected(area, category, hours);
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

    /// What is expected of the last hours by now; above zero.
    pub(crate) fn expected(&self, area: usize, category: usize, hours: usize) -> f64 {
        let cell = &self.totals.cells[area * self.totals.categories.len() + category];
        (self.usual_week(area, category) * self.share_of_week(cell, category, 0..hours)).max(f64::MIN_POSITIVE)
    }

    /// What the current week usually holds, without holidays and reporting lag.
    pub(crate) fn usual_week(&self, area: usize, category: usize) -> f64 {
        self.levels[category][area].share * self.categories[category].fit.means[0]
    }

    /// The places of an area and a category here, by the caller's numbers.
    pub(crate) fn place(&self, area: u32, category: u32) -> Option<(usize, usize)> {
        let area = self.totals.areas.binary_search(&area).ok()?;
        Some((area, self.totals.categories.binary_search(&category).ok()?))
    }

    /// All of them.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let categories = self.totals.categories.len();
        (0..self.totals.areas.len()).flat_map(move |area| (0..categories).map(move |category| (area, category)))
    }

    /// The caller's numbers of a place.
    pub(crate) fn names(&self, area: usize, category: usize) -> (u32, u32) {
        (self.totals.areas[area], self.totals.categories[category])
    }

    pub(crate) fn level(&self, area: usize, category: usize) -> Level {
        self.levels[category][area]
    }

    /// How many weeks there are, the current one included.
    pub(crate) fn weeks(&self) -> usize {
        self.totals.weeks
    }

    pub(crate) fn learned_weeks(&self) -> usize {
        self.learned_weeks
    }

    /// By hours back: what the holiday in it multiplies a category by.
    pub(crate) fn factors(&self, category: usize, hours: usize) -> Vec<f64> {
        factors(&self.totals, category, &self.categories[category], hours)
    }

    /// What was to be expected of each hour by hours back, as far as it is usually known by now.
    pub(crate) fn expected_by_age(&self, area: usize, category: usize, factors: &[f64]) -> Vec<f64> {
        let cell = &self.totals.cells[area * self.totals.categories.len() + category];
        let sum = f64::from(cell.profile.iter().sum::<u32>());
        let Category { fit, profile } = &self.categories[category];
        let share = self.levels[category][area].share;
        // What whole weeks hold: the means of the past have what is known of each week by now.
        let whole_week = |week: usize| {
            let known = if week == 0 { 1.0 } else { self.lag.mean_share(week * WEEK_HOURS, WEEK_HOURS) };
            if known > 0.0 { share * fit.means[week] / known } else { 0.0 }
        };
        let weeks: Vec<f64> = (0..factors.len().div_ceil(WEEK_HOURS)).map(whole_week).collect();
        let newest = self.totals.hours.iter().rev().zip(factors).enumerate();
        let of_hour = |(age, (civil, factor)): (usize, (&CivilHour, &f64))| {
            let usual = area_share(&cell.profile, sum, usize::from(civil.hour_of_week), profile);
            weeks[age / WEEK_HOURS] * usual * factor * self.lag.share(age)
        };
        newest.map(of_hour).collect()
    }

    /// The holidays of the last hours, with what they multiply a category by.
    pub(crate) fn holidays(&self, category: usize, hours: usize) -> Vec<HolidayInWindow> {
        let mut found: BTreeMap<u8, HolidayInWindow> = BTreeMap::new();
        for (civil, factor) in self.totals.hours.iter().rev().zip(self.factors(category, hours)) {
            if let Some(kind) = civil.holiday {
                found.entry(kind).or_insert(HolidayInWindow { kind, hours: 0, factor }).hours += 1;
            }
        }
        found.into_values().collect()
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
        let of_hour = |(age, civil): (usize, &CivilHour)| {
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

/// Each area's share of all crime, recent weeks weighted more. Where an area held nothing, half an incident counts, so that a first one
/// is surprising but not impossible.
fn area_shares(sums: &[Vec<Sums>], areas: usize) -> Vec<f64> {
    let incidents: Vec<f64> =
        (0..areas).map(|area| sums.iter().map(|of_category| of_category[area].weighted_incidents()).sum()).collect();
    let sum: f64 = incidents.iter().sum();
    let even = 1.0 / areas as f64;
    incidents.into_iter().map(|incidents| if sum > 0.0 { incidents.max(0.5) / sum } else { even }).collect()
}

/// By hours back: what the holiday in it multiplies a category by.
fn factors(totals: &Totals, index: usize, category: &Category, hours: usize) -> Vec<f64> {
    let length = totals.hours.len();
    let mut known = BTreeMap::new();
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
