//! What expectations know of one city: its civil time, how late incidents become known there, and which names are its areas'
//! and categories'.

use crate::course::{Course, CourseOf, Courses};
use crate::expectations::Expectations;
use crate::explanation::{Explanation, explain};
use crate::span::{SpanExpected, span_expected};
use crate::{Calendar, History, HolidayHours, Hour, Options, ReportingLag, Tick, peaks};
use blotter_city::{CityClock, Profile, UtcMicros};
use std::{cmp::Ordering, sync::Arc};

const HOUR_MICROS: i64 = 3_600_000_000;

/// A city's calendar and reporting lag: whoever has the same totals says the same of them.
#[derive(Clone, Debug)]
pub struct City {
    options: Options,
    /// The share known at each age in hours, where the profile says it.
    shares: Option<Vec<f64>>,
}

impl City {
    /// By its profile.
    pub fn new(profile: &Profile, clock: &CityClock) -> Self {
        // Of a zone with half hours, the hours before.
        let offsets = clock.offsets().map(|(from, seconds)| (hour_of(from), seconds.div_euclid(3600) as i8));
        let calendar = Calendar::new(offsets.collect(), holidays(profile, clock));
        Self {
            options: Options { calendar, ..Options::default() },
            shares: profile.reporting_lag.as_ref().map(blotter_city::ReportedShares::by_hour),
        }
    }

    /// Where the shares that are known at each age come from: `profile`, or `none`.
    pub fn reporting_lag(&self) -> &'static str {
        if self.shares.is_some() { "profile" } else { "none" }
    }

    /// What is peaking at an hour, the data's end or one before it: today's totals answer for the past, and what was late then
    /// is known now.
    pub fn tick(&self, history: &History, at: Hour) -> Tick {
        peaks(history, at, &self.lag(history, at), &self.options)
    }

    /// The courses that led to an hour, each of at most so many steps; none where there is too little history.
    pub fn courses(&self, history: &History, at: Hour, wanted: &[CourseOf], steps: usize) -> Vec<Option<Course>> {
        let lag = self.lag(history, at);
        let Some(expectations) = Expectations::new(history, at, &lag, &self.options) else {
            return vec![None; wanted.len()];
        };
        let mut courses = Courses::new(&expectations, history, at);
        wanted.iter().map(|wanted| courses.of(*wanted, steps)).collect()
    }

    /// Why the last hours of an area and a category before an hour hold what they hold. None where there is too little history, or
    /// where nothing is known of the area or the category.
    pub fn explain(&self, history: &History, at: Hour, wanted: CourseOf) -> Option<Explanation> {
        explain(history, at, &self.lag(history, at), &self.options, wanted)
    }

    /// What the last hours before an hour were expected to hold, learned from the weeks before them alone. None where those are too few.
    pub fn expected_in_span(&self, history: &History, at: Hour, hours: usize) -> Option<Vec<SpanExpected>> {
        span_expected(history, at, hours, |at| self.lag(history, at), &self.options)
    }

    fn lag(&self, history: &History, at: Hour) -> ReportingLag {
        let end = history.end().unwrap_or(at);
        let age_hours = (i64::from(end) - i64::from(at)).max(0) as usize;
        match &self.shares {
            Some(shares) => ReportingLag::from_shares(shares.iter().copied().skip(age_hours)),
            None => ReportingLag::none(),
        }
    }
}

/// The stretches of hours that are holidays; those of one name are of one kind.
fn holidays(profile: &Profile, clock: &CityClock) -> Vec<HolidayHours> {
    let hour = |civil| hour_of(clock.to_utc(civil));
    let of = |(kind, holiday): (u8, &blotter_city::Holiday)| {
        let stretch =
            |(first, end)| HolidayHours { kind, first_hour: hour(first), hours: (hour(end) - hour(first)) as u16 };
        holiday.days().map(stretch).collect::<Vec<_>>()
    };
    (0_u8..).zip(&profile.holidays).flat_map(of).collect()
}

/// The hour that begins at a moment or before it.
pub fn hour_of(at: UtcMicros) -> Hour {
    at.0.div_euclid(HOUR_MICROS).clamp(i64::from(Hour::MIN), i64::from(Hour::MAX)) as Hour
}

/// The moment at which an hour begins.
pub fn begin_of(hour: Hour) -> UtcMicros {
    UtcMicros(i64::from(hour) * HOUR_MICROS)
}

/// The names of areas and categories in an order that does not depend on their arrival: their places are the numbers in a
/// [`History`], so that one that followed the log is the one that a fresh load makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Codes of areas, shorter ones first, then by their characters.
    pub areas: Arc<[String]>,
    /// By their characters.
    pub categories: Arc<[String]>,
}

/// The number of each name by its place of arrival; none for the empty one, which is no name: what has no area peaks nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    areas: Vec<Option<u32>>,
    categories: Vec<Option<u32>>,
}

impl Names {
    /// The names in order, and the number of each, from the names as they arrived.
    pub fn ordered(areas: &[String], categories: &[String]) -> (Self, Numbers) {
        let (areas, of_areas) = ordered(areas, |one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        let (categories, of_categories) = ordered(categories, Ord::cmp);
        (Self { areas, categories }, Numbers { areas: of_areas, categories: of_categories })
    }
}

impl Numbers {
    /// Whether so many areas and categories are all that have arrived.
    pub fn are_of(&self, areas: usize, categories: usize) -> bool {
        self.areas.len() == areas && self.categories.len() == categories
    }

    /// The numbers of an area and a category by their places of arrival; none where either has none.
    pub fn of(&self, area: u16, category: u16) -> Option<(u32, u32)> {
        Some((self.areas[usize::from(area)]?, self.categories[usize::from(category)]?))
    }

    /// Replaces a total by the places of arrival of its area and its category.
    pub fn set(&self, history: &mut History, area: u16, category: u16, hour: Hour, total: u32) {
        if let Some((area, category)) = self.of(area, category) {
            history.set(area, category, hour, total);
        }
    }
}

fn ordered(words: &[String], order: impl Fn(&String, &String) -> Ordering) -> (Arc<[String]>, Vec<Option<u32>>) {
    let mut sorted: Vec<String> = words.iter().filter(|word| !word.is_empty()).cloned().collect();
    sorted.sort_by(&order);
    let number = |word: &String| sorted.binary_search_by(|other| order(other, word)).ok().map(|found| found as u32);
    let numbers = words.iter().map(number).collect();
    (sorted.into(), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_depend_on_arrival() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let check = |arrived: &[&str], expect: &[Option<u32>]| {
            let (names, numbers) = Names::ordered(&words(arrived), &words(&["B", "A"]));
            assert_eq!(names.areas.to_vec(), words(&["2", "9", "10", "031"]));
            assert_eq!(names.categories.to_vec(), words(&["A", "B"]));
            assert_eq!(numbers, Numbers { areas: expect.to_vec(), categories: vec![Some(1), Some(0)] });
            assert!(numbers.are_of(5, 2) && !numbers.are_of(5, 3));
        };
        check(&["", "10", "2", "031", "9"], &[None, Some(2), Some(0), Some(3), Some(1)]);
        check(&["", "9", "031", "10", "2"], &[None, Some(1), Some(3), Some(2), Some(0)]);
    }

    #[test]
    fn a_holiday_is_the_citys_own_day() -> Result<(), blotter_city::ProfileError> {
        let chicago = include_str!("../../../cities/chicago.toml");
        let profile = Profile::from_toml(chicago)?;
        let found = holidays(&profile, &profile.clock());
        let kind =
            profile.holidays.iter().position(|holiday| holiday.name == "Independence Day").map(|kind| kind as u8);
        // 2017-07-04T05:00Z, Chicago's midnight.
        let day = found.iter().find(|holiday| Some(holiday.kind) == kind && holiday.first_hour > 416_000);
        assert_eq!(day.map(|day| (day.first_hour, day.hours)), Some((416_429, 24)));
        assert!(found.iter().all(|holiday| (23..=25).contains(&holiday.hours)));
        Ok(())
    }

    #[test]
    fn what_has_no_area_peaks_nowhere() {
        let (_, numbers) = Names::ordered(&[String::new(), "7".to_owned()], &["A".to_owned()]);
        let mut history = History::new();
        numbers.set(&mut history, 0, 0, 5, 9);
        numbers.set(&mut history, 1, 0, 6, 2);
        assert_eq!((history.incidents(), history.count(0, 0, 6)), (2, 2));
    }
}
