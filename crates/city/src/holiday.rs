//! Days of a city that are unlike others of their week and come again each year.

use crate::civil::{CivilMicros, civil_of};
use jiff::civil::{Date, Weekday};
use serde::Deserialize;

/// The years in which a holiday is looked for.
const YEARS: std::ops::RangeInclusive<i16> = 1950..=2100;
/// More than any calendar has; each has a number of eight bits.
pub(crate) const MOST: usize = 200;

/// One holiday: a day of a month, or such as its fourth Thursday.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// For people.
    pub name: String,
    /// 1 to 12.
    pub month: i8,
    /// The day of the month.
    pub day: Option<i8>,
    /// A day of the week, and
    pub weekday: Option<DayOfWeek>,
    /// which of the month, from 1; −1 is the last.
    pub nth: Option<i8>,
}

/// A day of the week, by its English name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum DayOfWeek {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Holiday {
    /// The civil days that it is, ascending: their first moments and the first moments behind them.
    pub fn days(&self) -> impl Iterator<Item = (CivilMicros, CivilMicros)> + '_ {
        let midnight = |date: Date| civil_of(date.at(0, 0, 0, 0));
        YEARS.filter_map(move |year| {
            let date = self.of_year(year)?;
            Some((midnight(date)?, midnight(date.tomorrow().ok()?)?))
        })
    }

    fn of_year(&self, year: i16) -> Option<Date> {
        match (self.day, self.weekday, self.nth) {
            (Some(day), None, None) => Date::new(year, self.month, day).ok(),
            (None, Some(weekday), Some(nth)) => {
                Date::new(year, self.month, 1).ok()?.nth_weekday_of_month(nth, weekday.into()).ok()
            }
            _ => None,
        }
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<String> {
        // A leap year has every day that there is, and every month four of each day of the week.
        let is_right = self.of_year(2000).is_some() && self.nth.is_none_or(|nth| (-5..=5).contains(&nth) && nth != 0);
        let form = "give `month` and `day`, or `month`, `weekday` (such as \"thursday\") and `nth` (−1 is the last)";
        (!is_right).then(|| format!("holiday `{}`: {form}", self.name))
    }
}

impl From<DayOfWeek> for Weekday {
    fn from(day: DayOfWeek) -> Self {
        match day {
            DayOfWeek::Monday => Self::Monday,
            DayOfWeek::Tuesday => Self::Tuesday,
            DayOfWeek::Wednesday => Self::Wednesday,
            DayOfWeek::Thursday => Self::Thursday,
            DayOfWeek::Friday => Self::Friday,
            DayOfWeek::Saturday => Self::Saturday,
            DayOfWeek::Sunday => Self::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::format_civil;

    fn holiday(month: i8, day: Option<i8>, weekday: Option<DayOfWeek>, nth: Option<i8>) -> Holiday {
        Holiday { name: "a day".into(), month, day, weekday, nth }
    }

    #[test]
    fn days_of_a_year() {
        let of = |holiday: &Holiday, year: &str| {
            let days = holiday
                .days()
                .map(|(first, end)| format!("{} {}", &format_civil(first)[..10], &format_civil(end)[..10]));
            days.filter(|days| days.starts_with(year)).collect::<Vec<_>>()
        };
        let thursday = Some(DayOfWeek::Thursday);
        assert_eq!(of(&holiday(1, Some(1), None, None), "2017"), ["2017-01-01 2017-01-02"]);
        assert_eq!(of(&holiday(12, Some(31), None, None), "2017"), ["2017-12-31 2018-01-01"]);
        assert_eq!(of(&holiday(11, None, thursday, Some(4)), "2017"), ["2017-11-23 2017-11-24"]);
        assert_eq!(of(&holiday(5, None, Some(DayOfWeek::Monday), Some(-1)), "2017"), ["2017-05-29 2017-05-30"]);
        assert_eq!(of(&holiday(2, Some(29), None, None), "2017"), Vec::<String>::new());
        assert_eq!(of(&holiday(2, Some(29), None, None), "2016"), ["2016-02-29 2016-03-01"]);
        assert_eq!(holiday(7, Some(4), None, None).days().count(), 151);
    }

    #[test]
    fn what_is_no_day_is_named() {
        let monday = Some(DayOfWeek::Monday);
        for wrong in [
            holiday(13, Some(1), None, None),
            holiday(2, Some(30), None, None),
            holiday(1, None, None, None),
            holiday(1, Some(1), monday, Some(1)),
            holiday(1, None, monday, None),
            holiday(1, None, monday, Some(0)),
            holiday(1, None, monday, Some(6)),
        ] {
            assert!(wrong.fault().is_some_and(|fault| fault.contains("a day")), "{wrong:?}");
        }
        assert_eq!(holiday(1, None, monday, Some(3)).fault(), None);
    }
}
