//! From the minute of an incident to its bucket, by tables: no time-zone arithmetic per row.

use crate::cube::instant_of;
use blotter_incident::{CityClock, CivilMicros};
use serde::{Deserialize, Serialize};

const DAY_MICROS: i64 = 86_400_000_000;
/// Offsets of time zones are whole quarters of an hour.
const QUARTER_MINUTES: u32 = 15;

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

/// Civil days of the quarters of an hour that the cube's times cover.
#[derive(Debug)]
pub(crate) struct Calendar {
    clock: CityClock,
    first_quarter: u32,
    /// Days since 1970-01-01, per quarter.
    days: Vec<i32>,
}

impl Calendar {
    pub(crate) fn new(clock: CityClock) -> Self {
        Self { clock, first_quarter: 0, days: Vec::new() }
    }

    pub(crate) fn clock(&self) -> &CityClock {
        &self.clock
    }

    /// Makes sure that a minute has its day.
    pub(crate) fn cover(&mut self, minute: u32) {
        let quarter = minute / QUARTER_MINUTES;
        if self.days.is_empty() {
            self.first_quarter = quarter;
        }
        if quarter < self.first_quarter {
            // A year at a time, so that data in descending order is not shifted for each record.
            let first = quarter.saturating_sub(96 * 366);
            let before: Vec<i32> = (first..self.first_quarter).map(|quarter| self.compute(quarter)).collect();
            self.days.splice(0..0, before);
            self.first_quarter = first;
        }
        while self.first_quarter + self.days.len() as u32 <= quarter {
            let next = self.first_quarter + self.days.len() as u32;
            self.days.push(self.compute(next));
        }
    }

    fn compute(&self, quarter: u32) -> i32 {
        let civil = self.clock.to_civil(instant_of(quarter * QUARTER_MINUTES));
        civil.0.div_euclid(DAY_MICROS) as i32
    }

    /// The civil day of a covered minute, in days since 1970-01-01.
    pub(crate) fn day(&self, minute: u32) -> i32 {
        self.days[(minute / QUARTER_MINUTES - self.first_quarter) as usize]
    }
}

/// The number of a day's bucket, consecutive over time.
pub(crate) fn bucket_of_day(day: i32, bucket: Bucket) -> i32 {
    match bucket {
        Bucket::Hour | Bucket::Day => day,
        // 1970-01-01 was a Thursday.
        Bucket::Week => (day + 3).div_euclid(7),
        Bucket::Month => {
            let (year, month) = year_and_month(day);
            year * 12 + month - 1
        }
        Bucket::Year => year_and_month(day).0,
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
    let mut text = blotter_incident::format_civil(CivilMicros(i64::from(day) * DAY_MICROS));
    text.truncate(10);
    text
}

fn year_and_month(day: i32) -> (i32, i32) {
    let text = first_day(day, Bucket::Day);
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse().ok()).unwrap_or(0);
    (part(0..4), part(5..7))
}
