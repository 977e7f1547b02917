//! When each row's winner was observed, in microseconds, in few bytes where there is a rule to it.
//!
//! Rows of a file were all observed at one time, those of a feed some hours at most after their update. Each 4,096
//! rows follow one rule; what breaks it is listed (16 bytes). Where too much is, every row has its eight bytes.

/// Rows of a chunk.
const CHUNK: usize = 4096;
/// Listed rows of a chunk at most.
const MOST_LISTED: usize = CHUNK / 8;
const SECOND: i64 = 1_000_000;
/// Half of what a lag's 16 bits hold, in seconds: nine hours.
const HALF_LAG: i64 = 1 << 15;

/// A time for each row.
#[derive(Debug, Default)]
pub(super) struct ObservationTimes {
    chunks: Vec<Chunk>,
    rows: usize,
}

#[derive(Debug)]
struct Chunk {
    rule: Rule,
    /// Rows in the chunk that break the rule, in order.
    listed: Vec<(u16, i64)>,
}

#[derive(Debug)]
enum Rule {
    /// All at this time.
    Same(i64),
    /// So many seconds after their update, less these microseconds. What is broken has any number here.
    Lag(i64, Vec<u16>),
    /// Each at its own.
    Each(Vec<i64>),
}

impl ObservationTimes {
    /// Adds a row. `updated_at` is the one that is given when the row is asked for.
    pub(super) fn push(&mut self, observed_at: i64, updated_at: impl Fn(u32) -> i64) {
        let row = self.rows as u32;
        if self.rows.is_multiple_of(CHUNK) {
            // As the chunk before, as far as that is known: most follow one rule.
            let rule = match self.chunks.last().map(|chunk| &chunk.rule) {
                Some(Rule::Lag(base, _)) => Rule::Lag(*base, Vec::with_capacity(CHUNK)),
                Some(Rule::Each(_)) => Rule::Each(Vec::with_capacity(CHUNK)),
                _ => Rule::Same(observed_at),
            };
            self.chunks.push(Chunk { rule, listed: Vec::new() });
        }
        self.rows += 1;
        self.set(row, observed_at, updated_at);
    }

    /// Replaces a row's.
    pub(super) fn set(&mut self, row: u32, observed_at: i64, updated_at: impl Fn(u32) -> i64) {
        let (number, at) = (row as usize / CHUNK, row as usize % CHUNK);
        let first = (number * CHUNK) as u32;
        let chunk = &mut self.chunks[number];
        chunk.set(at, observed_at, updated_at(row));
        if chunk.listed.len() > MOST_LISTED {
            let rows = CHUNK.min(self.rows - number * CHUNK);
            *chunk = chunk.with_another_rule(rows, |at| updated_at(first + at as u32));
        }
    }

    /// A row's.
    pub(super) fn value(&self, row: u32, updated_at: i64) -> i64 {
        self.chunks[row as usize / CHUNK].value(row as usize % CHUNK, updated_at)
    }

    /// Bytes that it occupies.
    pub(super) fn bytes(&self) -> usize {
        let of = |chunk: &Chunk| {
            let rule = match &chunk.rule {
                Rule::Same(_) => 0,
                Rule::Lag(_, lags) => lags.capacity() * size_of::<u16>(),
                Rule::Each(values) => values.capacity() * size_of::<i64>(),
            };
            rule + chunk.listed.capacity() * size_of::<(u16, i64)>() + size_of::<Chunk>()
        };
        self.chunks.iter().map(of).sum()
    }
}

/// Whole seconds from `updated_at` plus `base` on, if they fit.
fn lag(base: i64, observed_at: i64, updated_at: i64) -> Option<u16> {
    let micros = observed_at.checked_sub(updated_at)?.checked_sub(base)?;
    (micros % SECOND == 0).then(|| u16::try_from(micros / SECOND).ok())?
}

impl Chunk {
    fn value(&self, at: usize, updated_at: i64) -> i64 {
        if let Ok(found) = self.listed.binary_search_by_key(&(at as u16), |(listed, _)| *listed) {
            return self.listed[found].1;
        }
        match &self.rule {
            Rule::Same(value) => *value,
            Rule::Lag(base, lags) => updated_at.wrapping_add(*base).wrapping_add(i64::from(lags[at]) * SECOND),
            Rule::Each(values) => values[at],
        }
    }

    fn set(&mut self, at: usize, observed_at: i64, updated_at: i64) {
        let follows = match &mut self.rule {
            Rule::Same(value) => *value == observed_at,
            Rule::Lag(base, lags) => {
                let lag = lag(*base, observed_at, updated_at);
                put(lags, at, lag.unwrap_or_default());
                lag.is_some()
            }
            Rule::Each(values) => {
                put(values, at, observed_at);
                true
            }
        };
        match (self.listed.binary_search_by_key(&(at as u16), |(listed, _)| *listed), follows) {
            (Ok(found), true) => drop(self.listed.remove(found)),
            (Ok(found), false) => self.listed[found].1 = observed_at,
            (Err(_), true) => {}
            (Err(place), false) => self.listed.insert(place, (at as u16, observed_at)),
        }
    }

    fn with_another_rule(&self, rows: usize, updated_at: impl Fn(usize) -> i64) -> Self {
        if matches!(self.rule, Rule::Same(_)) {
            // The first row's time may have been the odd one out.
            let same = self.value(rows / 2, updated_at(rows / 2));
            // The middle one's lag: as likely above as below.
            let mut lags: Vec<i64> =
                (0..rows).map(|at| self.value(at, updated_at(at)).saturating_sub(updated_at(at))).collect();
            lags.sort_unstable();
            let base = lags[rows / 2].saturating_sub(HALF_LAG * SECOND);
            for rule in [Rule::Same(same), Rule::Lag(base, Vec::with_capacity(CHUNK))] {
                let mut other = Self { rule, listed: Vec::new() };
                (0..rows).for_each(|at| other.set(at, self.value(at, updated_at(at)), updated_at(at)));
                if other.listed.len() <= MOST_LISTED / 2 {
                    return other;
                }
            }
        }
        let mut values = Vec::with_capacity(CHUNK);
        values.extend((0..rows).map(|at| self.value(at, updated_at(at))));
        Self { rule: Rule::Each(values), listed: Vec::new() }
    }
}

/// Replaces a value, or adds the next.
fn put<T>(values: &mut Vec<T>, at: usize, value: T) {
    match values.get_mut(at) {
        Some(slot) => *slot = value,
        None => values.push(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows are pushed and then some set again; all must come back. Answers bytes a row.
    fn check(rows: usize, observed_at: impl Fn(usize) -> i64, updated_at: impl Fn(usize) -> i64) -> f64 {
        let mut column = ObservationTimes::default();
        let mut expect: Vec<i64> = (0..rows).map(&observed_at).collect();
        for value in &expect {
            column.push(*value, |row| updated_at(row as usize));
        }
        let bytes = column.bytes() as f64 / rows as f64;
        for at in (0..rows).step_by(7) {
            expect[at] = [i64::MIN, i64::MAX, 0, at as i64, observed_at(at)][at % 5];
            column.set(at as u32, expect[at], |row| updated_at(row as usize));
        }
        let ours: Vec<i64> = (0..rows).map(|row| column.value(row as u32, updated_at(row))).collect();
        assert_eq!(ours, expect);
        bytes
    }

    #[test]
    fn every_value_comes_back_in_as_many_bytes_as_its_rule_needs() {
        let updated = |row: usize| (row as i64 * 7_919 % 50_000_000) * SECOND;
        assert!(check(20_000, |_| 1_700_000_000_123_456, updated) < 0.1);
        assert!(check(20_000, |row| if row % 100 == 0 { row as i64 } else { -1 }, updated) < 0.5);
        // Zones lie hours off, and a feed comes within some of them.
        assert!(check(20_000, |row| updated(row) + (21_600 + row as i64 % 3_600) * SECOND, updated) < 4.0);
        assert!(check(20_000, |row| row as i64 * 1_234_567, updated) < 9.0);
        check(20_000, |row| row as i64, |_| i64::MIN);
        check(20_000, |row| [i64::MIN, i64::MAX, 5][row % 3], |row| [i64::MAX, i64::MIN][row % 2]);
        check(5_000, |row| if row < 4_200 { 3 } else { row as i64 }, updated);
    }
}
