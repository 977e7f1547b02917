//! The brake on deletions: facts in, decision out.
//!
//! A portal that answers with nothing, or with half of its rows, has usually failed without saying so. A month that would
//! lose more than a share of its rows at once keeps them until the source has said the same for a while, or until an
//! operator confirms it.

use blotter_city::UtcMicros;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When deletions are believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Brake {
    /// Up to this share of a period's rows is deleted at once.
    pub most_share: f64,
    /// So many rows of a period are deleted at once, whatever their share, if others of it stay.
    pub most_rows: u64,
    /// More is deleted when the source still lacks the rows after this time …
    pub wait: Duration,
    /// … and after so many comparisons.
    pub comparisons: u32,
    /// An operator confirms the deletions that wait when the source is opened.
    pub confirm: bool,
}

impl Default for Brake {
    /// More than a fifth of a month and than ten rows, or all of it, waits for a day and three comparisons.
    fn default() -> Self {
        Self { most_share: 0.2, most_rows: 10, wait: Duration::from_hours(24), comparisons: 3, confirm: false }
    }
}

/// Deletions of one period that wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDeletions {
    /// When the source was first found to lack them, in microseconds.
    pub since: UtcMicros,
    /// Comparisons that found it.
    pub comparisons: u32,
    /// Rows that the source lacks.
    pub missing: u64,
    /// Rows that were known of the period.
    pub known: u64,
    /// An operator has confirmed the deletion of up to so many.
    #[serde(default)]
    pub confirmed: u64,
}

/// What becomes of rows that the source lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They are deleted.
    Believe,
    /// They stay for now.
    Wait(HeldDeletions),
}

impl Brake {
    /// Decides on `missing` of the `known` rows of a period, given what waited after the comparison before.
    pub fn decide(&self, missing: u64, known: u64, before: Option<&HeldDeletions>, now: UtcMicros) -> Decision {
        let few = missing <= self.most_rows && missing < known;
        if few || missing as f64 <= self.most_share * known as f64 {
            return Decision::Believe;
        }
        let waiting = HeldDeletions {
            since: before.map_or(now, |before| before.since),
            comparisons: before.map_or(0, |before| before.comparisons).saturating_add(1),
            missing,
            known,
            confirmed: before.map_or(0, |before| before.confirmed),
        };
        let waited = now.0.saturating_sub(waiting.since.0) >= self.wait.as_micros() as i64;
        if missing <= waiting.confirmed || waited && waiting.comparisons >= self.comparisons {
            return Decision::Believe;
        }
        Decision::Wait(waiting)
    }

    /// When the rows that wait are deleted at the earliest, if nobody confirms it.
    pub fn until(&self, waiting: &HeldDeletions) -> UtcMicros {
        UtcMicros(waiting.since.0.saturating_add(self.wait.as_micros() as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn few_rows_and_a_small_share_are_deleted_at_once() {
        let check = |missing, known, believed| {
            let decision = Brake::default().decide(missing, known, None, UtcMicros(0));
            assert_eq!(decision == Decision::Believe, believed, "{missing} of {known}");
        };
        check(0, 0, true);
        check(10, 11, true);
        // A portal that answers nothing of a small month has failed just as well.
        check(10, 10, false);
        check(1, 1, false);
        check(11, 11, false);
        check(20, 100, true);
        check(21, 100, false);
        check(114, 114, false);
    }

    #[test]
    fn more_waits_for_time_and_comparisons_or_for_an_operator() {
        let brake = Brake::default();
        let mut waiting: Option<HeldDeletions> = None;
        for (hour, believed) in [(0, false), (3, false), (6, false), (23, false), (24, true)] {
            match brake.decide(114, 114, waiting.as_ref(), UtcMicros(hour * HOUR)) {
                Decision::Believe => assert!(believed, "{hour} h"),
                Decision::Wait(now) => {
                    assert!(!believed, "{hour} h");
                    waiting = Some(now);
                }
            }
        }
        // Time alone is not enough: the portal must have been asked.
        let twice = HeldDeletions { since: UtcMicros(0), comparisons: 1, missing: 114, known: 114, confirmed: 0 };
        assert!(matches!(brake.decide(114, 114, Some(&twice), UtcMicros(50 * HOUR)), Decision::Wait(_)));
        let confirmed = HeldDeletions { confirmed: 114, ..twice };
        assert_eq!(brake.decide(114, 114, Some(&confirmed), UtcMicros(1)), Decision::Believe);
        // What was not there when the operator confirmed is not confirmed.
        assert!(matches!(brake.decide(200, 200, Some(&confirmed), UtcMicros(1)), Decision::Wait(_)));
    }
}
