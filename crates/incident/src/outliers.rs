//! Lone incidents far from all others in time: a placeholder of 1900, a row dated tomorrow.
//!
//! One rule, for the axis of a chart, for `earliest`, and for the data's clock in every role. It is a pure function of how
//! many incidents there are by month or by hour, so that a live view and a fresh load agree.
//!
//! - **Early**: up to 1 % of the incidents (at least one) lie apart where [`EMPTY_MONTHS`] empty months or more follow them.
//! - **Late**: up to one incident in [`INCIDENTS_A_LATE_ONE`] (at least one, at most [`MOST_LATE`]) lies apart where the
//!   pause before it is longer than twelve hours, than eight times the mean pause of the incidents before, and than twice
//!   their longest pause. With fewer than [`FEWEST`] incidents none does.

/// Months without an incident that set earlier ones apart.
const EMPTY_MONTHS: i32 = 24;
/// One incident in so many may be a late one.
const INCIDENTS_A_LATE_ONE: u64 = 100_000;
/// No more incidents than this move the clock by themselves.
const MOST_LATE: u64 = 10;
/// Incidents without which no pause is unusual.
const FEWEST: u64 = 20;
/// Incidents, and hours that have any, by which a pause is judged.
const JUDGED_INCIDENTS: u64 = 100;
const JUDGED_HOURS: usize = 14;
const LONG_PAUSE_HOURS: f64 = 12.0;

/// The first month that counts, and how many incidents lie before it. `months`: month numbers with their incidents,
/// ascending.
pub fn first_month(months: impl Iterator<Item = (i32, u64)> + Clone) -> Option<(i32, u64)> {
    let total: u64 = months.clone().map(|(_, incidents)| incidents).sum();
    let most = (total / 100).max(1);
    let mut months = months.filter(|(_, incidents)| *incidents > 0).peekable();
    let mut first = (months.peek()?.0, 0);
    let mut before = 0;
    while let Some((month, incidents)) = months.next() {
        before += incidents;
        let Some((next, _)) = months.peek() else { break };
        if before > most || before * 2 >= total {
            break;
        }
        if next - month > EMPTY_MONTHS {
            first = (*next, before);
        }
    }
    Some(first)
}

/// The newest hour that counts, and how many incidents lie after it. `hours`: hours with their incidents, descending; the
/// iterator is read no further than needed. `total`: all incidents.
pub fn newest_hour(hours: impl Iterator<Item = (i32, u64)>, total: u64) -> Option<(i32, u64)> {
    let most = (total / INCIDENTS_A_LATE_ONE).clamp(1, MOST_LATE);
    let mut hours = hours.filter(|(_, incidents)| *incidents > 0);
    let mut seen: Vec<(i32, u64)> = vec![hours.next()?];
    let mut newest = (seen[0].0, 0);
    if total < FEWEST {
        return Some(newest);
    }
    let mut after = 0;
    for at in 0.. {
        after += seen[at].1;
        if after > most {
            break;
        }
        // Enough to judge the pause behind this hour.
        let judged = |seen: &[(i32, u64)]| {
            let behind = &seen[at + 1..];
            behind.len() >= JUDGED_HOURS
                && behind.iter().map(|(_, incidents)| incidents).sum::<u64>() >= JUDGED_INCIDENTS
        };
        while !judged(&seen) {
            match hours.next() {
                Some(hour) => seen.push(hour),
                None => break,
            }
        }
        let Some(next) = seen.get(at + 1) else { break };
        let behind = &seen[at + 1..];
        let mut incidents = 0;
        let enough = behind
            .iter()
            .position(|(_, more)| {
                incidents += more;
                incidents >= JUDGED_INCIDENTS
            })
            .unwrap_or(behind.len() - 1);
        let judged = &behind[..=enough.max(JUDGED_HOURS - 1).min(behind.len() - 1)];
        let count: u64 = judged.iter().map(|(_, incidents)| incidents).sum();
        let span = f64::from(judged[0].0 - judged[judged.len() - 1].0) + 1.0;
        let longest = judged.windows(2).map(|pair| pair[0].0 - pair[1].0).max().unwrap_or(1);
        let usual = (8.0 * span / count as f64).max(2.0 * f64::from(longest)).max(LONG_PAUSE_HOURS);
        if f64::from(seen[at].0 - next.0) > usual {
            newest = (next.0, after);
        }
    }
    Some(newest)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn one_placeholder_of_1900_does_not_begin_the_data() {
        let check = |months: &[(i32, u64)], expect: (i32, u64)| {
            assert_eq!(first_month(months.iter().copied()), Some(expect), "{months:?}");
        };
        // Months since year 0: January 1900, then 2024.
        check(&[(22_800, 1), (24_288, 1), (24_289, 2)], (24_288, 1));
        check(&[(22_800, 50), (23_400, 3), (24_000, 9_000), (24_001, 9_000)], (24_000, 53));
        // Not lone: history with a hole.
        check(&[(24_000, 400), (24_100, 500)], (24_000, 0));
        check(&[(24_000, 1), (24_012, 500)], (24_000, 0));
        check(&[(24_000, 1), (24_100, 1)], (24_000, 0));
        assert_eq!(first_month([].into_iter()), None);
    }

    #[test]
    fn one_row_dated_tomorrow_does_not_move_the_clock() {
        let check = |hours: Vec<(i32, u64)>, expect: (i32, u64)| {
            let total = hours.iter().map(|(_, incidents)| incidents).sum();
            assert_eq!(newest_hour(hours.into_iter(), total), Some(expect));
        };
        let busy = |newest: i32| (0..200).map(move |back| (newest - back, 30));
        check(busy(1000).collect(), (1000, 0));
        check([(1025, 1)].into_iter().chain(busy(1000)).collect(), (1000, 1));
        // A feed that was silent for a night and goes on.
        check([(1010, 1)].into_iter().chain(busy(1000)).collect(), (1010, 0));
        // Two rows are not a lone one in a small city.
        check([(1025, 2)].into_iter().chain(busy(1000)).collect(), (1025, 0));
        // A city with an incident every second day.
        check((0..60).map(|back| (1000 - 48 * back, 1)).collect(), (1000, 0));
        // Dates without hours: all at midnight.
        check((0..60).map(|day| (2400 - 24 * day, if day == 0 { 1 } else { 700 })).collect(), (2400, 0));
        // Too few to judge.
        check(vec![(1000, 1), (500, 1), (499, 1)], (1000, 0));
        assert_eq!(newest_hour([].into_iter(), 0), None);
    }

    #[test]
    fn no_more_hours_are_read_than_needed() {
        let mut read = 0;
        let hours = (0..100_000).map(|back| (-back, 50)).inspect(|_| read += 1);
        assert_eq!(newest_hour(hours, 5_000_000).unwrap(), (0, 0));
        assert!(read < 50, "{read}");
    }
}
