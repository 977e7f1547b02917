//! Days and spans of days, in the city's calendar.

use super::SpanName;
use blotter_city::{CityClock, CivilMicros, UtcMicros};
use blotter_cube::Filter;
use jiff::{ToSpan, civil::Date};

const DAY_MICROS: i64 = 86_400_000_000;

/// Some days: the first, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) from: Date,
    pub(super) to: Date,
}

impl Days {
    /// The same days of the year before: 29 February is 28 February there.
    pub(super) fn year_before(self) -> Option<Self> {
        let before = |day: Date| day.checked_sub(1.year()).ok();
        let last = before(self.to.yesterday().ok()?)?;
        Some(Self { from: before(self.from)?, to: last.tomorrow().ok()? })
    }

    pub(super) fn count(self) -> i64 {
        i64::from(days_since_1970(self.to) - days_since_1970(self.from))
    }

    pub(super) fn filter(self, clock: &CityClock) -> Filter {
        Filter { from: Some(midnight(self.from, clock)), to: Some(midnight(self.to, clock)), ..Filter::default() }
    }
}

fn days_since_1970(day: Date) -> i32 {
    // Of the years that a date can have, days fit.
    (day - Date::constant(1970, 1, 1)).get_days()
}

pub(super) fn midnight(day: Date, clock: &CityClock) -> UtcMicros {
    clock.to_utc(CivilMicros(i64::from(days_since_1970(day)) * DAY_MICROS))
}

pub(super) fn day_of(at: UtcMicros, clock: &CityClock) -> Option<Date> {
    let days = clock.to_civil(at).0.div_euclid(DAY_MICROS);
    Date::constant(1970, 1, 1).checked_add(days.days()).ok()
}

/// The spans that end before a day.
pub(super) fn spans(to: Date) -> Option<[(SpanName, Days); 3]> {
    let last = to.yesterday().ok()?;
    let back = |days: i64| to.checked_sub(days.days()).ok();
    Some([
        (SpanName::Week, Days { from: back(7)?, to }),
        (SpanName::FourWeeks, Days { from: back(28)?, to }),
        (SpanName::YearToDate, Days { from: last.first_of_year(), to }),
    ])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_days_of_the_year_before() {
        let before = |from: &str, to: &str| {
            let days = Days { from: day(from), to: day(to) };
            let before = days.year_before().unwrap();
            (before.from.to_string(), before.to.to_string(), days.count(), before.count())
        };
        let check = |from: &str, to: &str, expect: (&str, &str, i64, i64)| {
            let (before_from, before_to, days, before_days) = before(from, to);
            assert_eq!((before_from.as_str(), before_to.as_str(), days, before_days), expect);
        };
        check("2017-08-01", "2017-08-08", ("2016-08-01", "2016-08-08", 7, 7));
        // The last day counts, not the one behind it: 29 February is in neither.
        check("2017-02-22", "2017-03-01", ("2016-02-22", "2016-02-29", 7, 7));
        check("2016-02-23", "2016-03-01", ("2015-02-23", "2015-03-01", 7, 6));
        check("2017-01-01", "2017-12-31", ("2016-01-01", "2016-12-31", 364, 365));
        check("2016-12-28", "2017-01-04", ("2015-12-28", "2016-01-04", 7, 7));
    }

    #[test]
    fn on_1_january_the_year_to_date_is_the_year_before() {
        let found = spans(day("2017-01-01")).unwrap();
        assert_eq!(found[2].1, Days { from: day("2016-01-01"), to: day("2017-01-01") });
        assert_eq!(spans(day("2017-01-02")).unwrap()[2].1.count(), 1);
    }
}
