//! Mann and Kendall's test for a trend.
//!
//! Sources: Mann, *Nonparametric tests against trend*, Econometrica 13 (1945); Kendall, *Rank Correlation Methods* (1975),
//! for the correction of ties.

use crate::two_sided_p;
use std::cmp::Ordering;

/// What the test says of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Pairs that rise less pairs that fall.
    pub s: i64,
    /// Of S, where there is no trend: (n(n−1)(2n+5) − Σ t(t−1)(2t+5)) / 18, over groups of t equal values.
    pub variance: f64,
    /// (S ∓ 1) / √variance, towards zero; zero where S is.
    pub z: f64,
    /// Two-sided.
    pub p: f64,
}

/// The test over a series in its order. None for fewer than two values, and where one is not a number.
pub fn mann_kendall(series: &[f64]) -> Option<MannKendall> {
    Ranks::default().test(series)
}

/// Room for the ranks of one series after another.
#[derive(Debug, Default)]
pub(crate) struct Ranks {
    order: Vec<u32>,
    ranks: Vec<i32>,
}

impl Ranks {
    /// [`mann_kendall`].
    pub(crate) fn test(&mut self, series: &[f64]) -> Option<MannKendall> {
        if series.len() < 2 || series.iter().any(|value| value.is_nan()) {
            return None;
        }
        let ties = self.rank(series);
        let s = self.signs();
        let eighteenth = |n: i128| n * (n - 1) * (2 * n + 5);
        let corrected =
            eighteenth(series.len() as i128) - ties.into_iter().map(|ties| eighteenth(i128::from(ties))).sum::<i128>();
        let variance = corrected as f64 / 18.0;
        // Where all values are equal, S is zero as the variance is.
        let z = if s == 0 { 0.0 } else { (s - s.signum()) as f64 / variance.sqrt() };
        Some(MannKendall { s, variance, z, p: two_sided_p(z) })
    }

    /// Ranks the values, equal ones alike; answers how many are in each group of equal ones.
    fn rank(&mut self, series: &[f64]) -> Vec<u32> {
        self.order.clear();
        self.order.extend(0..series.len() as u32);
        self.order.sort_unstable_by(|a, b| series[*a as usize].total_cmp(&series[*b as usize]));
        self.ranks.clear();
        self.ranks.resize(series.len(), 0);
        let mut ties = Vec::new();
        // As numbers and not as bits: the two zeros are equal.
        let equal = |a: &u32, b: &u32| series[*a as usize].partial_cmp(&series[*b as usize]) == Some(Ordering::Equal);
        let groups = self.order.chunk_by(equal);
        for (rank, group) in (0..).zip(groups) {
            for number in group {
                self.ranks[*number as usize] = rank;
            }
            if group.len() > 1 {
                ties.push(group.len() as u32);
            }
        }
        ties
    }

    /// The sum over all pairs of the sign of their difference. Every pair is looked at: on whole numbers, and without a
    /// branch, that is several pairs at a time.
    fn signs(&self) -> i64 {
        let ranks = self.ranks.as_slice();
        let mut sum = 0;
        for (number, rank) in ranks.iter().enumerate() {
            let after = ranks[number + 1..].iter();
            sum += i64::from(after.map(|other| i32::from(other > rank) - i32::from(other < rank)).sum::<i32>());
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(series: &[f64], expect: Option<(i64, f64, f64)>) {
        let found = mann_kendall(series);
        match (found, expect) {
            (Some(found), Some((s, variance, z))) => {
                assert_eq!((found.s, found.variance), (s, variance), "{series:?}");
                assert!((found.z - z).abs() < 1e-6, "{series:?}: {found:?}");
            }
            _ => assert_eq!(found.is_some(), expect.is_some(), "{series:?}"),
        }
    }

    /// By `pymannkendall` 1.4.3.
    #[test]
    fn is_the_test_of_the_field() {
        check(&[1.0, 3.0, 2.0, 5.0, 4.0, 6.0, 8.0, 7.0, 9.0, 10.0], Some((39, 125.0, 3.398_823)));
        check(&[5.0, 4.0, 4.0, 3.0, 3.0, 3.0, 1.0, 2.0, 2.0, 0.0], Some((-36, 2148.0 / 18.0, -3.203_961)));
        check(&[2.0; 12], Some((0, 0.0, 0.0)));
        check(&[1.0, 2.0], Some((1, 1.0, 0.0)));
    }

    #[test]
    fn what_has_no_order_has_no_trend() {
        check(&[], None);
        check(&[1.0], None);
        check(&[1.0, f64::NAN, 3.0], None);
        // The two zeros are equal.
        check(&[0.0, -0.0], Some((0, 0.0, 0.0)));
    }

    proptest! {
        #[test]
        fn is_the_definition(series in prop::collection::vec((-6_i32..6).prop_map(|value| f64::from(value) / 4.0), 2..80)) {
            let n = series.len();
            let mut s = 0;
            for i in 0..n {
                for j in i + 1..n {
                    s += if series[j] > series[i] { 1 } else if series[j] < series[i] { -1 } else { 0 };
                }
            }
            let term = |n: usize| (n * (n - 1) * (2 * n + 5)) as f64 / 18.0;
            let mut values = series.clone();
            values.sort_by(f64::total_cmp);
            values.dedup();
            let ties: f64 = values.iter().map(|value| term(series.iter().filter(|other| other.total_cmp(value).is_eq()).count())).sum();
            let found = mann_kendall(&series);
            prop_assert_eq!(found.map(|found| found.s), Some(s));
            prop_assert!(found.is_some_and(|found| (found.variance - (term(n) - ties)).abs() < 1e-9 * (1.0 + term(n))));
            prop_assert!(found.is_some_and(|found| found.z.is_finite() && (0.0..=1.0).contains(&found.p)));
        }
    }
}
