//! The sums that expectations are learned from, of whole numbers and therefore exact.

use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::{CivilHour, WEEK_HOURS};
use crate::{History, Hour, Options};

/// The week, in hours.
const WEEK: i64 = WEEK_HOURS as i64;
/// A week of the city that holds less than this part of the fullest week, at the old end, lies before the data begin.
const EMPTY_PART: u64 = 20;

/// A hundred years.
const MOST_WEEKS: usize = 5200;

/// What one (area, category) holds.
pub(crate) struct Cell {
    /// By weeks back from the end of the data.
    pub(crate) weeks: Vec<u32>,
    /// By civil hour of the week, without holidays and without the current week.
    pub(crate) profile: [u32; WEEK_HOURS],
    /// By kind of holiday, without the current week.
    pub(crate) holidays: BTreeMap<u8, u64>,
    /// By window.
    pub(crate) observed: Vec<u64>,
}

/// Where an hour's incidents are counted: one look-up an hour, of which there are millions.
#[derive(Clone, Copy)]
struct Place {
    /// Back from the end of the data.
    week: u16,
    /// Of the civil week, or 168 where the profile is not learned from it.
    hour_of_week: u8,
    /// One more than the position of its kind, or 0.
    holiday: u8,
}

/// What every (area, category) holds, of all areas and categories that ever held an incident before the end.
pub(crate) struct Totals {
    pub(crate) areas: Vec<u32>,
    pub(crate) categories: Vec<u32>,
    /// By area, then by category.
    pub(crate) cells: Vec<Cell>,
    /// How many weeks there are, the current one included.
    pub(crate) weeks: usize,
    /// The hours of these weeks, the oldest first.
    pub(crate) hours: Vec<CivilHour>,
}

impl Totals {
    /// None where there is no whole week before the current one.
    pub(crate) fn new(history: &History, at: Hour, options: &Options) -> Option<Self> {
        let end = i64::from(at);
        let mut first = end;
        let (mut areas, mut categories) = (BTreeSet::new(), BTreeSet::new());
        for ((area, category), series) in history.series() {
            let begins = series.first_hour().map_or(end, i64::from);
            if begins < end {
                areas.insert(area);
                categories.insert(category);
                first = first.min(begins);
            }
        }
        let reach = (end - i64::from(Hour::MIN)) / WEEK;
        let weeks = ((end - first) / WEEK).min(options.baseline_weeks.min(MOST_WEEKS) as i64 + 1).min(reach);
        if weeks < 2 {
            return None;
        }
        let mut totals = Self {
            areas: areas.into_iter().collect(),
            categories: categories.into_iter().collect(),
            cells: Vec::new(),
            weeks: weeks as usize,
            hours: Vec::new(),
        };
        let from = (end - weeks * WEEK) as Hour;
        totals.hours = options.calendar.days(from, at);
        totals.add_up(history, from, at, options);
        if totals.forget_what_lies_before_the_data() {
            // Profiles and holidays have it still.
            let from = (end - totals.weeks as i64 * WEEK) as Hour;
            totals.add_up(history, from, at, options);
        }
        (totals.weeks >= 2).then_some(totals)
    }

    fn add_up(&mut self, history: &History, from: Hour, at: Hour, options: &Options) {
        let mut kinds: Vec<u8> = self.hours.iter().filter_map(|civil| civil.holiday).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let places = self.places(&kinds, options.profile_weeks);
        let position = |codes: &[u32], code| codes.binary_search(&code).ok();
        let empty = || Cell {
            weeks: vec![0; self.weeks],
            profile: [0; WEEK_HOURS],
            holidays: BTreeMap::new(),
            observed: vec![0; options.window_hours.len()],
        };
        self.cells = (0..self.areas.len() * self.categories.len()).map(|_| empty()).collect();
        let longest_from = at.saturating_sub(Hour::from(options.window_hours.iter().copied().max().unwrap_or(0)));
        for ((area, category), series) in history.series() {
            let (Some(area), Some(category)) = (position(&self.areas, area), position(&self.categories, category))
            else {
                continue;
            };
            let cell = &mut self.cells[area * self.categories.len() + category];
            let mut profile = [0_u32; WEEK_HOURS + 1];
            let mut holidays = vec![0_u64; kinds.len()];
            let entries = series.between(from.min(longest_from), at);
            // A window may be longer than what is learned from.
            let older = entries.iter().take_while(|entry| entry.0 < from).count();
            for (hour, count) in &entries[older..] {
                let place = places[(*hour - from) as usize];
                let week = &mut cell.weeks[usize::from(place.week)];
                *week = week.saturating_add(*count);
                match usize::from(place.holiday) {
                    0 => {
                        let hour = &mut profile[usize::from(place.hour_of_week)];
                        *hour = hour.saturating_add(*count);
                    }
                    kind => holidays[kind - 1] += u64::from(*count),
                }
            }
            cell.profile.copy_from_slice(&profile[..WEEK_HOURS]);
            cell.holidays = kinds.iter().copied().zip(holidays).filter(|(_, held)| *held > 0).collect();
            for (hour, count) in entries.iter().rev().take_while(|entry| entry.0 >= longest_from) {
                let age = i64::from(at) - i64::from(*hour);
                for (observed, hours) in cell.observed.iter_mut().zip(&options.window_hours) {
                    *observed += if age <= i64::from(*hours) { u64::from(*count) } else { 0 };
                }
            }
        }
    }

    /// By hour, the oldest first: where its incidents are counted.
    fn places(&self, kinds: &[u8], profile_weeks: usize) -> Vec<Place> {
        let length = self.hours.len();
        let place = |(index, civil): (usize, &CivilHour)| {
            let week = (length - 1 - index) / WEEK_HOURS;
            let holiday = civil.holiday.filter(|_| week > 0).and_then(|kind| kinds.binary_search(&kind).ok());
            let learned = (1..=profile_weeks).contains(&week);
            Place {
                week: week as u16,
                hour_of_week: if learned { civil.hour_of_week } else { WEEK_HOURS as u8 },
                holiday: holiday.map_or(0, |kind| (kind as u8).saturating_add(1)),
            }
        };
        self.hours.iter().enumerate().map(place).collect()
    }

    /// One stray old record must not make years of zeros into history. Whether there was any.
    fn forget_what_lies_before_the_data(&mut self) -> bool {
        let mut sums = vec![0_u64; self.weeks];
        for cell in &self.cells {
            sums.iter_mut().zip(&cell.weeks).for_each(|(sum, count)| *sum += u64::from(*count));
        }
        let fullest = sums.iter().copied().max().unwrap_or(0);
        while self.weeks > 1 && sums[self.weeks - 1] * EMPTY_PART < fullest {
            self.weeks -= 1;
        }
        // The week in which they begin is not whole.
        if self.weeks < sums.len() {
            self.weeks = self.weeks.saturating_sub(1).max(1);
        }
        let before = self.hours.len() - self.weeks * WEEK_HOURS;
        self.hours.drain(..before);
        before > 0
    }

    /// The cells of a category, by area.
    pub(crate) fn of_category(&self, category: usize) -> impl Iterator<Item = &Cell> {
        self.cells.iter().skip(category).step_by(self.categories.len())
    }
}
