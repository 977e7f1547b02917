//! From the minute of an incident to its civil month, day and hour of the week, by tables: no time-zone arithmetic per
//! row that a query reads.

use crate::{group::Group, minute::instant_of};
use blotter_city::{CityClock, CivilMicros};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DAY_MICROS: i64 = 86_400_000_000;
const DAY_MINUTES: i64 = 24 * 60;
/// Minutes since 1900 of 1970-01-01.
const EPOCH_DAYS: i64 = 25_567;
/// Offsets of time zones are whole quarters of an hour.
pub(crate) const QUARTER_MINUTES: u32 = 15;
/// Days that a row can be said to have: those of the longest month, and one more.
pub(crate) const DAYS: usize = 32;
/// Quarters of the longest month, and of a day before and after it.
const QUARTERS: usize = 33 * 96;

/// The width of a time series' buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// From UTC.
    Hour,
    /// Civil, as all that follow.
    Day,
    /// From Monday.
    Week,
    /// Calendar month.
    Month,
    /// Calendar year.
    Year,
}

/// When, in the city's civil time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CivilPlace {
    /// Years since 0 times 12, plus 0 for January.
    pub(crate) month: i32,
    /// From Monday 00.
    pub(crate) hour_of_week: u8,
}

/// A civil month that has or had incidents.
#[derive(Debug)]
pub(crate) struct Month {
    /// Days since 1970-01-01 of its first day.
    first_day: i32,
    /// Days since the first, by quarter of an hour since the base of its groups.
    days: Vec<u8>,
    /// Its groups, by their place among all.
    pub(crate) groups: Vec<u32>,
}

impl Month {
    /// The civil day of a row, from 0 on.
    pub(crate) fn day(&self, minute: u16) -> usize {
        usize::from(self.days[usize::from(minute) / QUARTER_MINUTES as usize])
    }

    /// Days since 1970-01-01 of one of its days.
    pub(crate) fn date(&self, day: usize) -> i32 {
        self.first_day + day as i32
    }
}

/// The months that the cube's times cover.
#[derive(Debug)]
pub(crate) struct Calendar {
    clock: CityClock,
    pub(crate) months: BTreeMap<i32, Month>,
}

impl Calendar {
    pub(crate) fn new(clock: CityClock) -> Self {
        Self { clock, months: BTreeMap::new() }
    }

    pub(crate) fn clock(&self) -> &CityClock {
        &self.clock
    }

    /// Civil minutes since 1970-01-01 of the quarter of an hour in which a minute lies.
    fn civil_minutes(&self, minute: u32) -> i64 {
        let civil = self.clock.to_civil(instant_of(minute / QUARTER_MINUTES * QUARTER_MINUTES));
        civil.0.div_euclid(60_000_000)
    }

    /// Where a minute since 1900 lies.
    pub(crate) fn place(&self, minute: u32) -> CivilPlace {
        let civil = self.civil_minutes(minute);
        let day = civil.div_euclid(DAY_MINUTES);
        let hour = civil.rem_euclid(DAY_MINUTES) / 60;
        // 1970-01-01 was a Thursday.
        let hour_of_week = ((day + 3).rem_euclid(7) * 24 + hour) as u8;
        CivilPlace { month: month_of_day(day as i32), hour_of_week }
    }

    /// Minutes since 1900 from which the groups of a month count.
    pub(crate) fn base(month: i32) -> i64 {
        (i64::from(first_day_of_month(month)) + EPOCH_DAYS - 1) * DAY_MINUTES
    }

    /// The month, made where it is new.
    pub(crate) fn month(&mut self, month: i32) -> &mut Month {
        if !self.months.contains_key(&month) {
            let made = self.make(month);
            self.months.insert(month, made);
        }
        self.months.entry(month).or_insert_with(|| Month { first_day: 0, days: Vec::new(), groups: Vec::new() })
    }

    fn make(&self, month: i32) -> Month {
        let (base, first_day) = (Self::base(month), first_day_of_month(month));
        let days = (0..QUARTERS as i64)
            .map(|quarter| {
                let minute = (base + quarter * i64::from(QUARTER_MINUTES)).clamp(0, i64::from(u32::MAX)) as u32;
                let day = self.civil_minutes(minute).div_euclid(DAY_MINUTES) - i64::from(first_day);
                // Quarters of other months: no row of this one lies there.
                day.clamp(0, DAYS as i64 - 1) as u8
            })
            .collect();
        Month { first_day, days, groups: Vec::new() }
    }

    /// The month of a group.
    pub(crate) fn month_of(&self, group: &Group) -> &Month {
        &self.months[&group.month]
    }

    /// Bytes that it occupies.
    pub(crate) fn bytes(&self) -> usize {
        self.months.values().map(|month| size_of::<Month>() + month.days.capacity() + month.groups.capacity() * 4).sum()
    }
}

/// The number of a day's bucket, consecutive over time.
pub(crate) fn bucket_of_day(day: i32, bucket: Bucket) -> i32 {
    match bucket {
        Bucket::Hour | Bucket::Day => day,
        // 1970-01-01 was a Thursday.
        Bucket::Week => (day + 3).div_euclid(7),
        Bucket::Month => month_of_day(day),
        Bucket::Year => month_of_day(day).div_euclid(12),
    }
}

/// The first civil day of a bucket, as people write it.
pub(crate) fn first_day(number: i32, bucket: Bucket) -> String {
    let day = match bucket {
        Bucket::Hour | Bucket::Day => number,
        Bucket::Week => number * 7 - 3,
        Bucket::Month => return format!("{:04}-{:02}-01", number.div_euclid(12), number.rem_euclid(12) + 1),
        Bucket::Year => return format!("{number:04}-01-01"),
    };
    let mut text = blotter_city::format_civil(CivilMicros(i64::from(day) * DAY_MICROS));
    text.truncate(10);
    text
}

/// Leap days of the Gregorian calendar before a year, counted from year 0.
fn leap_days(year: i32) -> i32 {
    let before = year - 1;
    before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) + 1
}

/// Days before each month of a common year.
const BEFORE: [i32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
/// Days from year 0 to 1970.
const TO_1970: i32 = 719_528;

/// Days since 1970-01-01 of a month's first day.
fn first_day_of_month(month: i32) -> i32 {
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12));
    let is_leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    year * 365 + leap_days(year) + BEFORE[month as usize] + i32::from(is_leap && month > 1) - TO_1970
}

/// The month of a day since 1970-01-01.
pub(crate) fn month_of_day(day: i32) -> i32 {
    // A guess that is never too great, and at most two months too small for thousands of years.
    let mut month = 1970 * 12 + (i64::from(day) * 4800).div_euclid(146_097) as i32 - 1;
    while first_day_of_month(month + 1) <= day {
        month += 1;
    }
    while first_day_of_month(month) > day {
        month -= 1;
    }
    month
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn months_are_jiffs() {
        let epoch = jiff::civil::date(1970, 1, 1);
        for day in (-60_000..80_000).chain(-700_000..-699_000) {
            let date = epoch.checked_add(jiff::Span::new().days(day)).unwrap();
            let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
            assert_eq!(month_of_day(day), month, "{date}");
            if date.day() == 1 {
                assert_eq!(first_day_of_month(month), day, "{date}");
            }
        }
    }

    #[test]
    fn a_minute_has_its_month_day_and_hour_of_the_week() {
        let mut calendar = Calendar::new(CityClock::new("America/Chicago").unwrap());
        for (instant, month, day, hour_of_week) in [
            ("2018-01-01T05:59:00Z", (2017, 12), 31, 6 * 24 + 23), // a Sunday
            ("2018-01-01T06:00:00Z", (2018, 1), 1, 0),
            ("2017-03-12T08:00:00Z", (2017, 3), 12, 6 * 24 + 3),
            ("2017-11-05T06:30:00Z", (2017, 11), 5, 6 * 24 + 1),
            ("2017-11-05T07:30:00Z", (2017, 11), 5, 6 * 24 + 1),
        ] {
            let at = blotter_city::parse_instant(instant).unwrap();
            let (minute, _) = crate::minute::minute_of(at);
            let place = calendar.place(minute);
            let expect = month.0 * 12 + month.1 - 1;
            assert_eq!(place, CivilPlace { month: expect, hour_of_week }, "{instant}");
            let since = (i64::from(minute) - Calendar::base(expect)) as u16;
            let month = calendar.month(expect);
            assert_eq!(month.day(since), day - 1, "{instant}");
        }
    }
}
