//! Why something is peaking, as far as times say it: how it came, at which hours, and what the expectation rests on.

use crate::calendar::WEEK_HOURS;
use crate::course::{Course, CourseOf, Courses};
use crate::expectations::{Expectations, HolidayInWindow};
use crate::tick::WindowState;
use crate::{History, Hour, Options, ReportingLag};

/// Steps of the course of a window of up to a day: two weeks, hour by hour.
const HOURS_OF_COURSE: usize = 2 * WEEK_HOURS;
/// Steps of the course of a longer window: eight weeks, day by day.
const DAYS_OF_COURSE: usize = 8 * 7;

/// Why one window of an area and category has the count that it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Whether the window can be ranked.
    pub standing: WindowState,
    /// The share of the window's incidents that is usually known by now.
    pub reported_share: f64,
    /// Incidents in the window.
    pub observed: u64,
    /// What was to be expected there by now.
    pub expected: f64,
    /// What a week usually holds at this time of the year.
    pub usual_week: f64,
    /// The area's usual share of the category in the city, 0 to 1.
    pub city_share: f64,
    /// How many weeks the expectation is learned from.
    pub learned_weeks: usize,
    /// Hour by hour or day by day.
    pub course: Course,
    /// The window by civil hour of the day, those with any expectation or incident. They add up to `observed` and `expected`.
    pub hours: Vec<HourOfDay>,
    /// The holidays in the window.
    pub holidays: Vec<HolidayInWindow>,
}

/// What the window holds at one hour of the day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HourOfDay {
    /// 0 to 23, in the city's time.
    pub hour: u8,
    /// Incidents.
    pub observed: u64,
    /// What was to be expected.
    pub expected: f64,
}

/// Explains one window of one (area, category). None where there is too little history, or where nothing is known of the area
/// or the category.
pub(crate) fn explain(
    history: &History,
    at: Hour,
    lag: &ReportingLag,
    options: &Options,
    wanted: CourseOf,
) -> Option<Explanation> {
    let window = wanted.step_hours;
    let expectations = Expectations::new(history, at, lag, options)?;
    let (area, category) = expectations.place(wanted.area, wanted.category)?;
    let mut courses = Courses::new(&expectations, history, at);
    let (step_hours, steps) = if window > 24 { (24, DAYS_OF_COURSE) } else { (1, HOURS_OF_COURSE) };
    let course = courses.of(CourseOf { step_hours, ..wanted }, steps)?;
    let by_age = courses.by_age(area, category, usize::from(window));
    let expected = expectations.expected(area, category, usize::from(window));
    let reported_share = lag.mean_share(0, usize::from(window));
    let hours = hours_of_day(history, at, options, wanted, &by_age, expected);
    Some(Explanation {
        standing: WindowState::of(reported_share, options),
        reported_share,
        observed: history.count_between(wanted.area, wanted.category, at.saturating_sub(Hour::from(window)), at),
        expected,
        usual_week: expectations.usual_week(area, category),
        city_share: expectations.level(area, category).share,
        learned_weeks: expectations.learned_weeks(),
        course,
        hours,
        holidays: expectations.holidays(category, usize::from(window)),
    })
}

fn hours_of_day(
    history: &History,
    at: Hour,
    options: &Options,
    wanted: CourseOf,
    by_age: &[f64],
    expected: f64,
) -> Vec<HourOfDay> {
    let mut hours: Vec<HourOfDay> = (0..24).map(|hour| HourOfDay { hour, observed: 0, expected: 0.0 }).collect();
    for (age, expected) in by_age.iter().enumerate() {
        let hour = at.saturating_sub(age as Hour + 1);
        let of_day = &mut hours[options.calendar.hour_of_week(hour) % 24];
        of_day.observed += u64::from(history.count(wanted.area, wanted.category, hour));
        of_day.expected += expected;
    }
    hours.retain(|hour| hour.observed > 0 || hour.expected > 0.0);
    let mut parts: Vec<f64> = hours.iter().map(|hour| hour.expected).collect();
    add_up_to(&mut parts, expected);
    hours.iter_mut().zip(parts).for_each(|(hour, expected)| hour.expected = expected);
    hours
}

/// Makes parts add up to their sum, to the last bit in most cases: the greatest takes what rounding left over.
pub fn add_up_to(parts: &mut [f64], sum: f64) {
    for _ in 0..4 {
        let left = sum - parts.iter().sum::<f64>();
        let Some(greatest) = parts.iter_mut().max_by(|one, other| one.total_cmp(other)) else { return };
        if left == 0.0 {
            return;
        }
        *greatest += left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Calendar, HolidayHours, peaks};
    use proptest::prelude::*;

    /// Two areas of two categories; one of them surges in the last day.
    fn city() -> History {
        let mut history = History::new();
        for hour in 0..60 * 168 {
            history.set(0, 0, hour, 1 + (hour as u32 * 7) % 3);
            history.set(1, 0, hour, u32::from(hour % 24 > 17));
            history.set(1, 1, hour, u32::from(hour % 5 == 0));
        }
        for hour in 60 * 168 - 20..60 * 168 {
            history.set(1, 1, hour, 3);
        }
        history
    }

    fn options() -> Options {
        let holidays = (0..60).map(|week| HolidayHours { kind: 3, first_hour: week * 168 + 150, hours: 18 });
        Options { calendar: Calendar::new(vec![(0, -6)], holidays.collect()), ..Options::default() }
    }

    #[test]
    fn an_explanation_is_that_of_the_peak() {
        let (history, options, lag) = (city(), options(), ReportingLag::from_shares([0.2, 0.6, 0.9]));
        let at = 60 * 168;
        let tick = peaks(&history, at, &lag, &options);
        for window in tick.windows.iter().filter(|window| window.hours > 1) {
            assert!(!window.peaks.is_empty());
            for peak in &window.peaks {
                let wanted = CourseOf { area: peak.area, category: peak.category, step_hours: window.hours };
                let explained = explain(&history, at, &lag, &options, wanted).expect("it was tested");
                assert_eq!((explained.observed, explained.expected), (peak.observed, peak.expected));
                assert_eq!(explained.hours.iter().map(|hour| hour.observed).sum::<u64>(), peak.observed);
                let sum: f64 = explained.hours.iter().map(|hour| hour.expected).sum();
                assert!((sum - peak.expected).abs() <= peak.expected * 1e-15, "{sum} {}", peak.expected);
                // The end of the course is the window.
                let steps = usize::from(window.hours / explained.course.step_hours);
                let newest = explained.course.observed.len() - steps;
                assert_eq!(explained.course.observed[newest..].iter().sum::<u64>(), peak.observed);
                let sum: f64 = explained.course.expected[newest..].iter().sum();
                assert!((sum - peak.expected).abs() < 1e-12 * peak.expected.max(1.0), "{sum} {}", peak.expected);
            }
        }
    }

    #[test]
    fn a_holiday_in_the_window_is_named() {
        let (history, options, lag) = (city(), options(), ReportingLag::none());
        let wanted = CourseOf { area: 0, category: 0, step_hours: 24 };
        let explained = explain(&history, 60 * 168, &lag, &options, wanted).expect("it is known");
        let found: Vec<(u8, usize)> = explained.holidays.iter().map(|day| (day.kind, day.hours)).collect();
        assert_eq!(found, [(3, 18)]);
        assert!(explained.holidays[0].factor > 0.0);
        let before = explain(&history, 60 * 168 - 24, &lag, &options, wanted).expect("it is known");
        assert_eq!(before.holidays, []);
    }

    #[test]
    fn what_is_not_known_is_not_explained() {
        let (history, options, lag) = (city(), options(), ReportingLag::none());
        let of = |area, category, at| {
            explain(&history, at, &lag, &options, CourseOf { area, category, step_hours: 24 }).is_some()
        };
        assert!(of(0, 0, 60 * 168) && !of(7, 0, 60 * 168) && !of(0, 7, 60 * 168));
        assert!(!of(0, 0, 5 * 168), "five weeks are too few");
    }

    proptest! {
        #[test]
        fn parts_add_up(mut parts in prop::collection::vec(0.0_f64..1e3, 1..30), sum in 1e-6_f64..1e6) {
            let whole: f64 = parts.iter().sum();
            prop_assume!(whole > 0.0);
            for part in &mut parts {
                *part *= sum / whole;
            }
            add_up_to(&mut parts, sum);
            let left = (parts.iter().sum::<f64>() - sum).abs();
            prop_assert!(left <= sum * f64::EPSILON, "{left}");
        }
    }
}
