//! Stretches of time that are sorted at once.
//!
//! They are disjoint in UTC, so that files follow each other in exact order whatever the city's clock
//! does; and they are cut where a civil year begins, so that each year's files are read for one slice,
//! or for few where the year is too large for memory.

use super::facts::HOUR_MICROS;
use blotter_city::{CityClock, UtcMicros};
use blotter_store::civil_year;
use std::{collections::BTreeMap, ops::Range};

/// Cuts the hours of the rows into slices of at most `most` rows, unless a single hour has more.
/// Each is a range of UTC microseconds.
pub(super) fn cut(hours: &BTreeMap<i64, u64>, clock: &CityClock, most: u64) -> Vec<Range<i64>> {
    let mut slices: Vec<(Range<i64>, u64)> = Vec::new();
    let mut years: BTreeMap<i32, Vec<(i64, u64)>> = BTreeMap::new();
    for (hour, rows) in hours {
        let year = civil_year(clock.to_civil(UtcMicros(hour * HOUR_MICROS)).0);
        years.entry(year).or_default().push((*hour, *rows));
    }
    for hours in years.values() {
        let total: u64 = hours.iter().map(|(_, rows)| rows).sum();
        let parts = total.div_ceil(most.max(1)).max(1);
        let share = total.div_ceil(parts);
        // A whole year joins the slice before it if both are small; a part of one never does.
        let joins = parts == 1 && slices.last().is_some_and(|(_, rows)| rows + total <= most);
        let mut is_new = !joins;
        for (hour, rows) in hours {
            let span = hour * HOUR_MICROS..(hour + 1) * HOUR_MICROS;
            match slices.last_mut() {
                Some((slice, held)) if !is_new && (*held + rows <= share.max(1) || joins) => {
                    slice.end = span.end;
                    *held += rows;
                }
                _ => {
                    slices.push((span, *rows));
                    is_new = false;
                }
            }
        }
    }
    slices.into_iter().map(|(slice, _)| slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use blotter_city::CivilMicros;

    fn clock() -> CityClock {
        CityClock::new("America/Chicago").expect("a known zone")
    }

    fn hour_of(civil: &str) -> i64 {
        let civil: CivilMicros = blotter_city::parse_civil(civil).expect("a civil time");
        clock().to_utc(civil).0.div_euclid(HOUR_MICROS)
    }

    #[test]
    fn small_years_share_a_slice_and_large_ones_are_cut() {
        let mut hours = BTreeMap::new();
        hours.insert(hour_of("2012-06-01"), 3);
        hours.insert(hour_of("2013-12-31T23:00"), 4);
        for day in 1..=9 {
            hours.insert(hour_of(&format!("2014-01-0{day}")), 10);
        }
        let slices = cut(&hours, &clock(), 30);
        assert_eq!(slices.len(), 4, "{slices:?}");
        assert_eq!(slices[0].end, hour_of("2014-01-01") * HOUR_MICROS, "cut where the civil year begins");
        for pair in slices.windows(2) {
            assert!(pair[0].end <= pair[1].start, "{slices:?}");
        }
        for hour in hours.keys() {
            let inside = slices.iter().filter(|slice| slice.contains(&(hour * HOUR_MICROS))).count();
            assert_eq!(inside, 1);
        }
    }

    #[test]
    fn an_hour_is_never_cut() {
        let hours = BTreeMap::from([(5, 1_000), (6, 1)]);
        assert_eq!(cut(&hours, &clock(), 10).len(), 2);
        assert_eq!(cut(&BTreeMap::new(), &clock(), 10), []);
    }
}
