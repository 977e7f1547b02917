//! The city's civil time, as far as expectations depend on it: the hour of the week, and holidays.

use crate::Hour;

/// Hours in a week.
pub const WEEK_HOURS: usize = 168;

/// 1970-01-01 was a Thursday: so many hours after a Monday 00:00.
const EPOCH_HOUR_OF_WEEK: i64 = 3 * 24;

/// A stretch of hours that is unlike other weeks and comes again, such as the civil day of 4 July.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolidayHours {
    /// Which holiday, below 255: all stretches of one kind share a factor.
    pub kind: u8,
    /// Its first hour.
    pub first_hour: Hour,
    /// How many hours it lasts.
    pub hours: u16,
}

/// From hours to the city's civil time. The default is UTC without holidays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// From which hour on the civil time lies so many hours from UTC, ascending. Before the first: its offset.
    offsets: Vec<(Hour, i8)>,
    holidays: Vec<HolidayHours>,
}

impl Calendar {
    /// With the hours at which the offset from UTC changes, and the holidays, both in any order. Where holidays overlap, the one
    /// that began last counts.
    pub fn new(mut offsets: Vec<(Hour, i8)>, mut holidays: Vec<HolidayHours>) -> Self {
        offsets.sort_unstable();
        holidays.sort_unstable_by_key(|holiday| (holiday.first_hour, holiday.kind, holiday.hours));
        Self { offsets, holidays }
    }

    /// The civil hour of the week, 0 to 167 from Monday 00:00.
    pub fn hour_of_week(&self, hour: Hour) -> usize {
        let next = self.offsets.partition_point(|offset| offset.0 <= hour);
        let offset = self.offsets.get(next.saturating_sub(1)).map_or(0, |offset| offset.1);
        (i64::from(hour) + i64::from(offset) + EPOCH_HOUR_OF_WEEK).rem_euclid(WEEK_HOURS as i64) as usize
    }

    /// What each of `from..until` is, by hour.
    pub(crate) fn days(&self, from: Hour, until: Hour) -> Vec<CivilHour> {
        let mut days: Vec<CivilHour> = Vec::with_capacity((i64::from(until) - i64::from(from)).max(0) as usize);
        let mut changes = self.offsets.iter().map(|offset| offset.0).filter(|change| *change > from).peekable();
        let mut hour_of_week = self.hour_of_week(from);
        for hour in from..until {
            if changes.next_if(|change| *change <= hour).is_some() {
                hour_of_week = self.hour_of_week(hour);
            }
            days.push(CivilHour { hour_of_week: hour_of_week as u8, holiday: None });
            hour_of_week = if hour_of_week + 1 == WEEK_HOURS { 0 } else { hour_of_week + 1 };
        }
        for holiday in &self.holidays {
            let first = i64::from(holiday.first_hour) - i64::from(from);
            let inside = first.clamp(0, days.len() as i64) as usize
                ..(first + i64::from(holiday.hours)).clamp(0, days.len() as i64) as usize;
            days[inside].iter_mut().for_each(|day| day.holiday = Some(holiday.kind));
        }
        days
    }
}

/// What an hour is in the city's civil time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CivilHour {
    pub(crate) hour_of_week: u8,
    pub(crate) holiday: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_week() {
        let check = |calendar: &Calendar, hour, expect| assert_eq!(calendar.hour_of_week(hour), expect, "{hour}");
        let utc = Calendar::default();
        check(&utc, 0, 72);
        check(&utc, 4 * 24, 0);
        check(&utc, 4 * 24 - 1, 167);
        check(&utc, -72, 0);
        check(&utc, i32::MIN, (i64::from(i32::MIN) + 72).rem_euclid(168) as usize);
        // Chicago: six hours behind, five in summer.
        let chicago = Calendar::new(vec![(1000, -5), (0, -6)], Vec::new());
        check(&chicago, 999, (999 - 6 + 72) % 168);
        check(&chicago, 1000, (1000 - 5 + 72) % 168);
        check(&chicago, -1, 72 - 7);
        for (from, until) in [(-30, 20), (900, 1100), (1000, 1001), (5, 5)] {
            let each: Vec<usize> = (from..until).map(|hour| chicago.hour_of_week(hour)).collect();
            let days: Vec<usize> = chicago.days(from, until).iter().map(|day| usize::from(day.hour_of_week)).collect();
            assert_eq!(days, each);
        }
    }

    #[test]
    fn holidays_mark_their_hours() {
        let holiday = |kind, first_hour, hours| HolidayHours { kind, first_hour, hours };
        let calendar = Calendar::new(Vec::new(), vec![holiday(2, 8, 4), holiday(1, -3, 5), holiday(9, 100, 24)]);
        let kinds: Vec<Option<u8>> = calendar.days(0, 10).into_iter().map(|day| day.holiday).collect();
        assert_eq!(kinds, [Some(1), Some(1), None, None, None, None, None, None, Some(2), Some(2)]);
        assert_eq!(calendar.days(5, 5), []);
    }
}
