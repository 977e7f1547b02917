//! Hourly totals of every area and category, as the log says them so far.

use std::collections::BTreeMap;

/// An hour: whole hours since 1970-01-01 00:00 UTC.
pub type Hour = i32;

/// The hours of one (area, category) that hold incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HourSeries {
    /// Ascending, each once, with a total above zero.
    entries: Vec<(Hour, u32)>,
}

impl HourSeries {
    fn set(&mut self, hour: Hour, count: u32) {
        // Totals mostly come in the order of time.
        let place = match self.entries.last() {
            Some((last, _)) if *last < hour => Err(self.entries.len()),
            _ => self.entries.binary_search_by_key(&hour, |entry| entry.0),
        };
        match (place, count) {
            (Ok(place), 0) => drop(self.entries.remove(place)),
            (Ok(place), _) => self.entries[place].1 = count,
            (Err(_), 0) => {}
            (Err(place), _) => self.entries.insert(place, (hour, count)),
        }
    }

    pub(crate) fn first_hour(&self) -> Option<Hour> {
        self.entries.first().map(|entry| entry.0)
    }

    /// What lies in `from..until`, ascending.
    pub(crate) fn between(&self, from: Hour, until: Hour) -> &[(Hour, u32)] {
        // Mostly the newest is asked for and there is nothing behind it, or all there is: a search misses the cache.
        let end = match self.entries.last() {
            Some(last) if last.0 >= until => self.entries.partition_point(|entry| entry.0 < until),
            _ => self.entries.len(),
        };
        let start = match self.entries.first() {
            Some(first) if first.0 < from => self.entries[..end].partition_point(|entry| entry.0 < from),
            _ => 0,
        };
        &self.entries[start..end]
    }
}

/// Hourly totals by area and category. Only totals above zero are kept, so that two histories with the same totals are equal
/// and answer alike, in whatever order the totals came and however often they were replaced.
///
/// Eight bytes an hour that holds an incident: six years of a city of 1.7 million incidents are 12 MB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    series: BTreeMap<(u32, u32), HourSeries>,
}

impl History {
    /// Without any incident.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sums of several histories, each area and category by the numbers that they have in it; what has none is left out.
    pub fn sum(parts: &[Self], number: impl Fn(u32, u32) -> Option<(u32, u32)>) -> Self {
        let mut series: BTreeMap<(u32, u32), HourSeries> = BTreeMap::new();
        for ((area, category), of_part) in parts.iter().flat_map(|part| &part.series) {
            if let Some(key) = number(*area, *category) {
                series.entry(key).or_default().entries.extend_from_slice(&of_part.entries);
            }
        }
        for HourSeries { entries } in series.values_mut() {
            // Stable, and so it takes the ascending runs of the parts as they are.
            entries.sort_by_key(|entry| entry.0);
            entries.dedup_by(|next, sum| {
                let is_same = next.0 == sum.0;
                sum.1 = sum.1.saturating_add(if is_same { next.1 } else { 0 });
                is_same
            });
        }
        Self { series }
    }

    /// Replaces the total of one area, category and hour; zero takes it away. The indices are the caller's.
    pub fn set(&mut self, area: u32, category: u32, hour: Hour, count: u32) {
        if count > 0 {
            self.series.entry((area, category)).or_default().set(hour, count);
        } else if let Some(series) = self.series.get_mut(&(area, category)) {
            series.set(hour, 0);
            if series.entries.is_empty() {
                self.series.remove(&(area, category));
            }
        }
    }

    /// The total of one area, category and hour.
    pub fn count(&self, area: u32, category: u32, hour: Hour) -> u32 {
        let series = self.series.get(&(area, category));
        series.and_then(|series| series.between(hour, hour.saturating_add(1)).first()).map_or(0, |entry| entry.1)
    }

    /// The incidents of one area and category in `from..until`.
    pub fn count_between(&self, area: u32, category: u32, from: Hour, until: Hour) -> u64 {
        let entries = self.series.get(&(area, category)).map_or(&[][..], |series| series.between(from, until));
        entries.iter().map(|entry| u64::from(entry.1)).sum()
    }

    /// The sum of all totals.
    pub fn incidents(&self) -> u64 {
        self.series.values().flat_map(|series| &series.entries).map(|entry| u64::from(entry.1)).sum()
    }

    /// The exclusive end of the newest hour that holds an incident: the `at` of a tick that looks at all there is. A lone
    /// incident ahead of all others does not move it, by the rule that the data's clock has everywhere.
    pub fn end(&self) -> Option<Hour> {
        let newest = self.series.values().filter_map(|series| series.entries.last()).map(|entry| entry.0).max()?;
        let hours = NewestFirst { history: self, next: newest, block: Vec::new(), width: FIRST_BLOCK_HOURS };
        let (newest, _) = blotter_incident::newest_hour(hours, self.incidents())?;
        Some(newest.saturating_add(1))
    }

    /// By area, then by category.
    pub(crate) fn series(&self) -> impl Iterator<Item = ((u32, u32), &HourSeries)> {
        self.series.iter().map(|(key, series)| (*key, series))
    }
}

/// Hours that are added up at once at first; then twice as many each time.
const FIRST_BLOCK_HOURS: i32 = 48;

/// All hours that hold incidents with their sums, the newest first, a block at a time.
struct NewestFirst<'a> {
    history: &'a History,
    /// The newest hour of the next block.
    next: Hour,
    /// Ascending.
    block: Vec<(Hour, u64)>,
    width: i32,
}

impl Iterator for NewestFirst<'_> {
    type Item = (Hour, u64);

    fn next(&mut self) -> Option<Self::Item> {
        while self.block.is_empty() {
            let least = self.history.series.values().filter_map(HourSeries::first_hour).min()?;
            if self.next < least {
                return None;
            }
            let from = self.next.saturating_sub(self.width).saturating_add(1);
            let mut hours: BTreeMap<Hour, u64> = BTreeMap::new();
            for series in self.history.series.values() {
                for (hour, count) in series.between(from, self.next.saturating_add(1)) {
                    *hours.entry(*hour).or_default() += u64::from(*count);
                }
            }
            self.block = hours.into_iter().collect();
            self.next = from.saturating_sub(1);
            self.width = self.width.saturating_mul(2);
        }
        self.block.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_total_is_replaced() {
        let mut history = History::new();
        assert_eq!((history.end(), history.incidents()), (None, 0));
        history.set(3, 1, 100, 2);
        history.set(3, 1, 90, 7);
        history.set(3, 1, 100, 5);
        assert_eq!((history.count(3, 1, 100), history.count(3, 1, 91), history.count(0, 0, 90)), (5, 0, 0));
        assert_eq!((history.end(), history.incidents()), (Some(101), 12));
        history.set(3, 1, 100, 0);
        history.set(3, 1, 90, 0);
        history.set(9, 9, 90, 0);
        assert_eq!(history, History::new());
    }

    #[test]
    fn one_row_dated_tomorrow_does_not_empty_the_windows() {
        let mut history = History::new();
        for hour in 0..2000 {
            history.set(hour as u32 % 7, hour as u32 % 3, hour, 5);
        }
        assert_eq!(history.end(), Some(2000));
        history.set(1, 1, 2024, 1);
        assert_eq!(history.end(), Some(2000));
        // When its time has come it is one of many.
        (2000..2024).for_each(|hour| history.set(0, 0, hour, 5));
        assert_eq!(history.end(), Some(2025));
    }

    #[test]
    fn parts_are_added_up_by_their_numbers() {
        let (mut one, mut other, mut expect) = (History::new(), History::new(), History::new());
        one.set(0, 0, 7, 2);
        one.set(0, 0, 9, 1);
        one.set(1, 0, 7, 4);
        other.set(0, 0, 8, 3);
        other.set(0, 0, 9, 5);
        other.set(2, 0, 8, 6);
        for (hour, count) in [(7, 2), (8, 3), (9, 6)] {
            expect.set(5, 1, hour, count);
        }
        expect.set(3, 1, 8, 6);
        let number = |area, category| [Some(5), None, Some(3)][area as usize].map(|area| (area, category + 1));
        assert_eq!(History::sum(&[one, other], number), expect);
    }

    proptest! {
        /// A history after any revisions is the one that was told the last totals only, in order.
        #[test]
        fn is_a_function_of_the_totals(
            sets in prop::collection::vec((0_u32..3, 0_u32..3, -20_i32..20, 0_u32..3), 0..200),
        ) {
            let mut history = History::new();
            let mut totals = BTreeMap::new();
            for (area, category, hour, count) in sets {
                history.set(area, category, hour, count);
                totals.insert((area, category, hour), count);
            }
            let mut fresh = History::new();
            for ((area, category, hour), count) in &totals {
                prop_assert_eq!(history.count(*area, *category, *hour), *count);
                fresh.set(*area, *category, *hour, *count);
            }
            prop_assert_eq!(&history, &fresh);
            prop_assert_eq!(&History::sum(&[history.clone()], |area, category| Some((area, category))), &history);
            prop_assert_eq!(history.incidents(), totals.values().map(|count| u64::from(*count)).sum::<u64>());
        }
    }
}
