//! How late incidents become known, learned from when each was first heard of.
//!
//! Ages are those behind the data's own clock, as everywhere in [`peaks`](crate::peaks): what a feed holds back as a whole
//! is no delay. The newest incidents can only have been heard of with short delays, so counting delays would say that all
//! are short. The product-limit estimate in reversed time does not: an incident tells of the ages that it had time
//! to reach, and of no others. Source: Lagakos, Barraj and De Gruttola, *Nonparametric analysis of truncated survival data, with
//! application to AIDS*, Biometrika 75 (1988); Kalbfleisch and Lawless, J. Am. Stat. Assoc. 84 (1989).

use crate::Hour;

/// Incidents that must have had time to reach an age for it to be judged, and that are learned from at all.
pub const LEAST_INCIDENTS: u64 = 200;
/// Hours of age up to which delays are looked at: a quarter of a year.
pub const MOST_DELAY_HOURS: usize = 90 * 24;

/// An incident's hour, and the hour in which it was first heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstReport {
    /// When it happened.
    pub occurred: Hour,
    /// When a source said so first.
    pub observed: Hour,
}

/// What was learned.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportingDelays {
    /// From so many incidents.
    pub incidents: u64,
    /// That became known after this hour.
    pub since: Hour,
    /// The share known at each age in whole hours, of those that are known at the oldest age that enough of them had time to
    /// reach. The last is 1.
    pub share_by_age_hours: Vec<f64>,
    /// Incidents that became known at a greater age than that.
    pub later: u64,
}

/// Why nothing is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{incidents} incidents happened after all that was known by then, at most {judged} of them had time to reach the same age, \
     and {LEAST_INCIDENTS} must have"
)]
pub struct TooFew {
    /// That there are.
    pub incidents: u64,
    /// The most that had time to reach one age.
    pub judged: u64,
}

impl ReportingDelays {
    /// From incidents that happened after all that was heard of until `since`, or in the first hour, if that is later: of those
    /// before it is not known when they were heard of first. What is heard of in the same hour counts as heard of together.
    pub fn learn(mut all: Vec<FirstReport>, since: Hour) -> Result<Self, TooFew> {
        all.sort_unstable_by_key(|heard| heard.observed);
        let clock_at = |heard: &[FirstReport]| heard.iter().map(|heard| heard.occurred).max();
        let since = since.max(all.first().map_or(since, |first| first.observed));
        let before = all.partition_point(|heard| heard.observed <= since);
        let started = clock_at(&all[..before]);
        let mut clock = started.unwrap_or(Hour::MIN);
        // The clock's hour when each of the rest was heard of, less its own.
        let (mut delays, mut occurred): (Vec<usize>, Vec<Hour>) = (Vec::new(), Vec::new());
        for together in all[before..].chunk_by(|one, other| one.observed == other.observed) {
            clock = clock.max(clock_at(together).unwrap_or(clock));
            for heard in together.iter().filter(|heard| started.is_none_or(|started| heard.occurred > started)) {
                delays.push((i64::from(clock) - i64::from(heard.occurred)) as usize);
                occurred.push(heard.occurred);
            }
        }
        let reached = |occurred: &Hour| (i64::from(clock) - i64::from(*occurred)) as usize;
        Self::from_delays(&delays, &occurred.iter().map(reached).collect::<Vec<_>>(), since)
    }

    /// From each incident's delay and the age that it had time to reach, no less than the delay; in whole hours.
    fn from_delays(delays: &[usize], reached: &[usize], since: Hour) -> Result<Self, TooFew> {
        let by_hour = |hours: &[usize]| {
            let mut counts = vec![0_u64; MOST_DELAY_HOURS + 2];
            for hours in hours {
                counts[(*hours).min(MOST_DELAY_HOURS + 1)] += 1;
            }
            counts
        };
        let (delayed, reached) = (by_hour(delays), by_hour(reached));
        // At each age, those that had time to reach it and were known by then.
        let (mut known, mut too_young) = (0, 0);
        let at_risk: Vec<u64> = (0..=MOST_DELAY_HOURS)
            .map(|age| {
                known += delayed[age];
                let at_risk = known - too_young;
                too_young += reached[age];
                at_risk
            })
            .collect();
        let incidents = delays.len() as u64;
        let judged = at_risk.iter().copied().max().unwrap_or(0);
        let last = at_risk.iter().rposition(|at_risk| *at_risk >= LEAST_INCIDENTS);
        let last = last.ok_or(TooFew { incidents, judged })?;
        let mut share = 1.0;
        let mut shares = vec![1.0; last + 1];
        for age in (1..=last).rev() {
            // Of nobody at risk nothing is learned.
            if at_risk[age] > 0 {
                share *= 1.0 - delayed[age] as f64 / at_risk[age] as f64;
            }
            shares[age - 1] = share;
        }
        let all_known = shares.iter().position(|share| *share >= 1.0).unwrap_or(last);
        shares.truncate(all_known + 1);
        Ok(Self { incidents, since, share_by_age_hours: shares, later: delayed[last + 1..].iter().sum() })
    }

    /// Ages from which on a share holds, each a step of at least one per cent or so: what a city's profile says of them. The
    /// last is 1.
    pub fn steps(&self) -> Vec<(u32, f64)> {
        let mut steps: Vec<(u32, f64)> = Vec::new();
        for (age, share) in (0..).zip(&self.share_by_age_hours) {
            let share = (share * 1000.0).round() / 1000.0;
            if steps.last().is_none_or(|(_, last)| share >= last + 0.01)
                || (share >= 1.0 && steps.last().is_some_and(|(_, last)| *last < 1.0))
            {
                steps.push((age, share));
            }
        }
        steps
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(pairs: &[(Hour, Hour)]) -> Vec<FirstReport> {
        pairs.iter().map(|(occurred, observed)| FirstReport { occurred: *occurred, observed: *observed }).collect()
    }

    /// Two incidents an hour; of each hour `tenths[delay]` tenths are heard of after so many hours, in turn.
    fn feed(hours: Hour, tenths: &[u64]) -> Vec<FirstReport> {
        let delays: Vec<Hour> =
            (0..).zip(tenths).flat_map(|(delay, many)| std::iter::repeat_n(delay, *many as usize)).collect();
        let all = (0..hours * 20).map(|number| {
            let (occurred, delay) = (number / 20, delays[number as usize % delays.len()]);
            FirstReport { occurred, observed: occurred + delay }
        });
        all.filter(|heard| heard.observed < hours).collect()
    }

    #[test]
    fn what_is_cut_off_at_the_end_does_not_make_delays_look_short() {
        // Half at once, three tenths after two hours, two tenths after forty, of which a feed of three days has seen few.
        let mut tenths = [0; 41];
        (tenths[0], tenths[2], tenths[40]) = (5, 3, 2);
        let found = ReportingDelays::learn(feed(72, &tenths), -1).unwrap();
        let share = |age: usize| found.share_by_age_hours[age];
        for (age, expect) in [(0, 0.5), (1, 0.5), (2, 0.8), (39, 0.8), (40, 1.0)] {
            assert!((share(age) - expect).abs() < 1e-9, "{age} {}", share(age));
        }
        assert_eq!(found.later, 0);
        assert_eq!(found.steps(), [(0, 0.5), (2, 0.8), (40, 1.0)]);
        // Counting delays says otherwise: 72 hours have seen two tenths of 32 hours only.
        let naive = feed(72, &tenths).iter().filter(|heard| heard.observed - heard.occurred <= 2).count() as f64;
        assert!(naive / found.incidents as f64 > 0.89);
    }

    #[test]
    fn ages_are_those_behind_the_data() {
        // Everything comes a week late, and all of a day at once, at its end.
        let all: Vec<FirstReport> =
            (0..2400).map(|hour| FirstReport { occurred: hour, observed: (hour / 24 + 1) * 24 + 168 }).collect();
        let found = ReportingDelays::learn(all.clone(), -1).unwrap();
        let share = |age: usize| found.share_by_age_hours[age];
        // Of the last day nothing had time to come later: a hundredth is left of that.
        for (age, expect) in [(0, 1.0 / 24.0), (11, 0.5), (23, 1.0)] {
            assert!((share(age) - expect).abs() < 0.01 * expect.max(0.5), "{age} {}", share(age));
        }
        // What was heard of at the beginning says nothing, and what happened before that neither.
        let mut with_history = heard(&[(-5000, 200); 500]);
        with_history.extend(heard(&[(-4000, 300); 500]));
        with_history.extend(all);
        let since = ReportingDelays::learn(with_history, 200).unwrap();
        assert_eq!((since.incidents, since.later, since.share_by_age_hours.len()), (2376, 0, 24));
        assert!((since.share_by_age_hours[11] - share(11)).abs() < 1e-3);
    }

    #[test]
    fn too_little_is_said() {
        let none = Err(TooFew { incidents: 0, judged: 0 });
        let after_first = |many: usize| heard(&[&[(0, 1)][..], &vec![(5, 9); many]].concat());
        assert_eq!(ReportingDelays::learn(Vec::new(), 0), none);
        let error = ReportingDelays::learn(after_first(199), 0).unwrap_err();
        assert_eq!(error, TooFew { incidents: 199, judged: 199 });
        let at_once = ReportingDelays::learn(after_first(200), 0).unwrap();
        assert_eq!((at_once.steps(), at_once.later), (vec![(0, 1.0)], 0));
        assert_eq!((at_once.incidents, at_once.since), (200, 1));
        // Heard of by then, all of it; and at first, which says nothing of when it became known.
        assert_eq!(ReportingDelays::learn(after_first(200), 9), none);
        assert_eq!(ReportingDelays::learn(heard(&[(5, 9); 200]), 0), none);
        let extremes = heard(&[(Hour::MIN, Hour::MAX), (Hour::MAX, Hour::MIN)]);
        assert_eq!(ReportingDelays::learn(extremes, Hour::MIN + 1), none);
    }

    proptest! {
        /// A rising curve from above 0 to 1, whatever came in whatever order; without cut off ends, that of counting.
        #[test]
        fn is_a_distribution(
            mut all in prop::collection::vec((0_i32..3000, 0_i32..2500), 0..1500),
            since in -10_i32..3000,
        ) {
            for (occurred, observed) in &mut all {
                *observed += *occurred;
            }
            let found = ReportingDelays::learn(heard(&all), since);
            all.reverse();
            prop_assert_eq!(&found, &ReportingDelays::learn(heard(&all), since));
            if let Ok(found) = found {
                let shares = &found.share_by_age_hours;
                prop_assert!(shares.is_sorted() && shares[0] >= 0.0 && shares.last() == Some(&1.0));
                let steps = found.steps();
                prop_assert!(steps.is_sorted_by(|one, other| one.0 < other.0 && one.1 < other.1));
                prop_assert_eq!(steps.last().map(|step| step.1), Some(1.0));
            }
        }

        #[test]
        fn without_an_end_it_is_the_share_of_delays(delays in prop::collection::vec(0_usize..200, 200..600)) {
            let found = ReportingDelays::from_delays(&delays, &vec![MOST_DELAY_HOURS; delays.len()], 0).unwrap();
            for age in 0..found.share_by_age_hours.len() {
                let expect = delays.iter().filter(|delay| **delay <= age).count() as f64 / delays.len() as f64;
                prop_assert!((found.share_by_age_hours[age] - expect).abs() < 1e-9);
            }
        }
    }
}
