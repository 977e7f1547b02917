//! What the parts have said so far: a sink gets their sums.

use crate::count::{CountError, HourlyCount, Vocabulary};
use crate::sinks::Point;
use hashbrown::{HashMap, HashSet};

const HOUR_SECONDS: i64 = 3600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    /// Since 1970.
    hour: i32,
    area: u16,
    category: u16,
}

/// By hour, area and category, what each part counts.
#[derive(Debug)]
pub(super) struct Totals {
    parts: usize,
    areas: Vocabulary,
    categories: Vocabulary,
    /// Where the key's counts begin, in numbers of `parts`.
    keys: HashMap<Key, u32>,
    counts: Vec<u32>,
    /// What a sink has not been told since [`Totals::take`].
    changed: HashSet<Key>,
}

impl Totals {
    pub(super) fn new(parts: u32) -> Self {
        Self {
            parts: parts as usize,
            areas: Vocabulary::default(),
            categories: Vocabulary::default(),
            keys: HashMap::new(),
            counts: Vec::new(),
            changed: HashSet::new(),
        }
    }

    /// A part's new total; whether the sink is to be told.
    pub(super) fn set(&mut self, part: u32, said: &HourlyCount, is_new: bool) -> Result<(), CountError> {
        let key = Key {
            hour: (said.bucket.0.div_euclid(HOUR_SECONDS * 1_000_000)) as i32,
            area: self.areas.code(&said.area, "areas")?,
            category: self.categories.code(&said.category, "categories")?,
        };
        let next = (self.counts.len() / self.parts) as u32;
        let index = *self.keys.entry(key).or_insert(next);
        if index == next {
            self.counts.resize(self.counts.len() + self.parts, 0);
        }
        self.counts[index as usize * self.parts + part as usize] = said.count;
        if is_new {
            self.changed.insert(key);
        }
        Ok(())
    }

    /// How many keys have changed.
    pub(super) fn changed(&self) -> usize {
        self.changed.len()
    }

    /// A sink has them already.
    pub(super) fn discard(&mut self) {
        self.changed.clear();
    }

    /// The changed totals, by time.
    pub(super) fn points(&self) -> Vec<Point<'_>> {
        let mut keys: Vec<Key> = self.changed.iter().copied().collect();
        keys.sort_unstable();
        let point = |key: Key| {
            let first = self.keys[&key] as usize * self.parts;
            Point {
                bucket: i64::from(key.hour) * HOUR_SECONDS,
                area: self.areas.word(key.area),
                category: self.categories.word(key.category),
                count: self.counts[first..first + self.parts].iter().map(|count| u64::from(*count)).sum(),
            }
        };
        keys.into_iter().map(point).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_city::UtcMicros;

    #[test]
    fn parts_are_summed_and_the_last_word_counts() {
        let mut totals = Totals::new(3);
        let mut set = |part, hour: i64, area: &str, count| {
            let said = HourlyCount {
                bucket: UtcMicros(hour * 3_600_000_000),
                area: area.to_owned(),
                category: "THEFT".to_owned(),
                count,
            };
            totals.set(part, &said, count != 9).unwrap();
        };
        set(0, 7, "25", 2);
        set(2, 7, "25", 5);
        set(0, 7, "25", 1);
        set(1, -1, "", 4);
        set(1, 8, "25", 9);
        let points: Vec<(i64, &str, u64)> =
            totals.points().iter().map(|point| (point.bucket, point.area, point.count)).collect();
        assert_eq!(points, [(-3600, "", 4), (25_200, "25", 6)]);
        totals.discard();
        assert_eq!((totals.changed(), totals.points().len()), (0, 0));
    }
}
