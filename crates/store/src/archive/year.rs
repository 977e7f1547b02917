//! Civil years and months of microseconds.

use std::ops::Range;

const DAY_MICROS: i64 = 86_400_000_000;

/// The proleptic Gregorian year of a civil time in microseconds: the table's partition.
pub fn civil_year(micros: i64) -> i32 {
    civil_month(micros).0
}

/// The proleptic Gregorian year and month, 1 to 12, of a civil time in microseconds.
pub fn civil_month(micros: i64) -> (i32, u32) {
    // Days to civil by eras of 400 years, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let days = micros.div_euclid(DAY_MICROS) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // These years begin on 1 March; January and February belong to the next civil one.
    let is_after_new_year = day_of_year >= 306;
    let months_since_march = (5 * day_of_year + 2) / 153;
    let month = (months_since_march + 2) % 12 + 1;
    ((year_of_era + era * 400 + i64::from(is_after_new_year)) as i32, month as u32)
}

/// The civil microseconds of a year.
pub(crate) fn span_of(year: i32) -> Range<i64> {
    first_of(year)..first_of(year + 1)
}

fn first_of(year: i32) -> i64 {
    let before = i64::from(year) - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    (before * 365 + leap_days - 719_162) * DAY_MICROS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_begin_and_end_where_the_calendar_says() {
        for year in [1900, 1969, 1970, 1999, 2000, 2001, 2012, 2016, 2017, 2100, 2400] {
            let span = span_of(year);
            assert_eq!(civil_year(span.start), year);
            assert_eq!(civil_year(span.end - 1), year);
            assert_eq!(civil_year(span.end), year + 1);
            assert_eq!(civil_year(span.start - 1), year - 1);
        }
        for (day, expect) in
            [(0, (1970, 1)), (30, (1970, 1)), (31, (1970, 2)), (59, (1970, 3)), (364, (1970, 12)), (-1, (1969, 12))]
        {
            assert_eq!(civil_month(day * DAY_MICROS), expect, "{day}");
        }
        assert_eq!(span_of(1970).start, 0);
        assert_eq!(span_of(2017).start, 1_483_228_800_000_000);
    }
}
