//! Days, months and hours of the week of a civil time, without a calendar library in the inner loop.

use blotter_city::CivilMicros;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Year, month (1 to 12) and day (1 to 31) of a day since 1970-01-01: whole eras of 400 years, March first.
pub(super) fn date(day: i64) -> (i64, u32, u32) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day_of_month as u32)
}

/// Hours since Monday 00:00.
pub(super) fn hour_of_week(civil_hour: i64) -> usize {
    // The epoch was a Thursday.
    (civil_hour + 72).rem_euclid(168) as usize
}

/// The first of the month, or of the year, at 00:00.
pub(super) fn first_of(civil: CivilMicros, of_year: bool) -> CivilMicros {
    let day = civil.0.div_euclid(DAY);
    let (_, month, day_of_month) = date(day);
    let mut first = day - i64::from(day_of_month) + 1;
    if of_year {
        for _ in 1..month {
            let (_, _, last) = date(first - 1);
            first -= i64::from(last);
        }
    }
    CivilMicros(first * DAY)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_city::{format_civil, parse_civil};

    #[test]
    fn agrees_with_the_calendar() {
        for day in (-20_000..60_000).step_by(17) {
            let (year, month, day_of_month) = date(day);
            let text = format!("{year:04}-{month:02}-{day_of_month:02}T00:00:00");
            assert_eq!(format_civil(CivilMicros(day * DAY)), text);
        }
        let at = |text: &str| parse_civil(text).unwrap();
        assert_eq!(hour_of_week(at("2017-01-02T00:00:00").0 / HOUR), 0);
        assert_eq!(hour_of_week(at("2017-01-08T23:00:00").0 / HOUR), 167);
        assert_eq!(first_of(at("2016-03-31T14:05:00"), false), at("2016-03-01"));
        assert_eq!(first_of(at("2016-12-31T14:05:00"), true), at("2016-01-01"));
        assert_eq!(first_of(at("2017-01-01T00:00:00"), true), at("2017-01-01"));
    }
}
