//! Two counts compared exactly: whether one rate is another.
//!
//! Given their sum, the first of two Poisson counts of equal rates is binomial (Przyborowski & Wilenski 1940). The two-sided
//! p adds up every outcome that is no likelier than the one seen, as R's `poisson.test` and `binom.test` do.

/// The least probability that is returned: below it, terms are beyond the range of a double.
const LEAST_P: f64 = 1e-300;
/// Outcomes that are likelier by no more than this are no likelier: R's allowance for rounding.
const EQUAL: f64 = 1.0 + 1e-7;

/// The probability of counts at least this unequal if both have the same rate. `share` is the first's exposure (time, area,
/// people) of that of both, between 0 and 1: a half for periods of equal length. 1 where there is nothing to compare.
pub fn two_counts_p(first: u64, second: u64, share: f64) -> f64 {
    let count = first.saturating_add(second);
    if count == 0 || !(share > 0.0 && share < 1.0) {
        return 1.0;
    }
    let seen = Terms::new(count, share).term(first);
    if seen == 0.0 {
        return LEAST_P;
    }
    let (mut all, mut extreme) = (0.0, 0.0);
    Terms::new(count, share).each(|_, term| {
        all += term;
        if term <= seen * EQUAL {
            extreme += term;
        }
    });
    (extreme / all).clamp(LEAST_P, 1.0)
}

/// The probability that at least `seen` of `count` fall where `share` of them usually does.
pub fn at_least_p(seen: u64, count: u64, share: f64) -> f64 {
    if seen == 0 {
        return 1.0;
    }
    if seen > count || share <= 0.0 || share.is_nan() {
        return LEAST_P;
    }
    if share >= 1.0 {
        return 1.0;
    }
    let (mut all, mut more) = (0.0, 0.0);
    Terms::new(count, share).each(|outcome, term| {
        all += term;
        if outcome >= seen {
            more += term;
        }
    });
    (more / all).clamp(LEAST_P, 1.0)
}

/// The binomial probabilities, as multiples of the greatest one, so that nothing needs a logarithm. The error is that of as many
/// roundings as there are terms between the likeliest outcome and the one asked for.
#[derive(Clone, Copy)]
struct Terms {
    count: u64,
    odds: f64,
    likeliest: u64,
}

impl Terms {
    fn new(count: u64, share: f64) -> Self {
        let likeliest = ((count as f64 + 1.0) * share).floor().min(count as f64) as u64;
        Self { count, odds: share / (1.0 - share), likeliest }
    }

    /// From the outcome before to this one.
    fn rise(self, outcome: u64) -> f64 {
        (self.count - outcome + 1) as f64 / outcome as f64 * self.odds
    }

    /// Of one outcome.
    fn term(self, outcome: u64) -> f64 {
        let mut term = 1.0;
        for outcome in self.likeliest + 1..=outcome {
            term *= self.rise(outcome);
        }
        for outcome in (outcome + 1..=self.likeliest).rev() {
            term /= self.rise(outcome);
        }
        term
    }

    /// Says every outcome whose term still counts.
    fn each(self, mut said: impl FnMut(u64, f64)) {
        said(self.likeliest, 1.0);
        let mut term = 1.0;
        for outcome in self.likeliest + 1..=self.count {
            term *= self.rise(outcome);
            if term == 0.0 {
                break;
            }
            said(outcome, term);
        }
        let mut term = 1.0;
        for outcome in (0..self.likeliest).rev() {
            term /= self.rise(outcome + 1);
            if term == 0.0 {
                break;
            }
            said(outcome, term);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(found: f64, expect: f64) {
        assert!((found - expect).abs() <= 1e-9 * expect, "{found} {expect}");
    }

    /// From R 4.2.2: `poisson.test(c(first, second), c(share, 1 - share))$p.value`.
    #[test]
    fn is_rs_poisson_test() {
        for (first, second, share, p) in [
            (0, 5, 0.5, 0.062_5),
            (3, 10, 0.5, 0.092_285_156_250_000_03),
            (10, 3, 0.5, 0.092_285_156_250_000_03),
            (7, 7, 0.5, 1.0),
            (1, 0, 0.5, 1.0),
            (103, 13, 0.5, 1.511_333_866_802_606_2e-18),
            (330, 97, 0.5, 8.713_406_591_549_462e-31),
            (255, 111, 0.5, 3.627_561_010_551_919_5e-14),
            (20, 35, 0.25, 0.060_935_850_447_797_23),
            (4, 2, 0.8, 0.344_639_999_999_999_95),
            (1_500, 1_400, 0.5, 0.065_987_349_665_183_6),
            (12_000, 12_500, 0.5, 0.001_432_142_504_802_656),
            (52_000, 50_000, 365.0 / 731.0, 2.117_146_774_618_667e-11),
            (0, 3, 1.0 / 12.0, 1.0),
            (9, 30, 0.2, 0.688_037_535_678_039_5),
            (250, 3_000, 28.0 / 393.0, 0.207_077_623_909_496_8),
            (6, 0, 0.5, 0.031_250_000_000_000_01),
        ] {
            check(two_counts_p(first, second, share), p);
        }
    }

    /// From R 4.2.2: `pbinom(seen - 1, count, share, lower.tail = FALSE)`.
    #[test]
    fn is_rs_pbinom() {
        for (seen, count, share, p) in [
            (3, 10, 0.1, 0.070_190_826_400_000_09),
            (1, 5, 0.02, 0.096_079_203_199_999_98),
            (40, 103, 0.25, 0.001_347_409_473_183_693_5),
            (103, 103, 0.5, 9.860_761_315_262_753e-32),
            (20, 100, 0.3, 0.991_112_791_683_857_1),
            (900, 3_000, 0.28, 0.008_074_208_038_899_418),
        ] {
            check(at_least_p(seen, count, share), p);
        }
    }

    #[test]
    fn nothing_to_compare() {
        for (first, second, share) in [(0, 0, 0.5), (3, 4, 0.0), (3, 4, 1.0), (3, 4, f64::NAN)] {
            assert_eq!(two_counts_p(first, second, share).to_bits(), 1.0_f64.to_bits());
        }
    }

    #[test]
    fn counts_far_apart_have_the_least_p() {
        assert_eq!(two_counts_p(100_000, 0, 0.5).to_bits(), LEAST_P.to_bits());
    }

    proptest! {
        /// The definition, term by term.
        #[test]
        fn is_the_sum_of_the_definition(first in 0_u64..60, second in 0_u64..60, share in 0.05_f64..0.95) {
            prop_assume!(first + second > 0);
            let count = first + second;
            let mass = |outcome: u64| {
                let log = libm::lgamma(count as f64 + 1.0)
                    - libm::lgamma(outcome as f64 + 1.0)
                    - libm::lgamma((count - outcome) as f64 + 1.0);
                (log + outcome as f64 * share.ln() + (count - outcome) as f64 * (-share).ln_1p()).exp()
            };
            let seen = mass(first);
            let expect: f64 = (0..=count).map(mass).filter(|term| *term <= seen * EQUAL).sum();
            let found = two_counts_p(first, second, share);
            prop_assert!((found - expect.min(1.0)).abs() < 1e-9, "{found} {expect}");
            let expect: f64 = (first..=count).map(mass).sum();
            let found = at_least_p(first, count, share);
            prop_assert!((found - expect.min(1.0)).abs() < 1e-9, "{found} {expect}");
        }

        /// It does not matter which count is called the first.
        #[test]
        fn is_symmetric(first in 0_u64..5000, second in 0_u64..5000, share in 0.05_f64..0.95) {
            let (one, other) = (two_counts_p(first, second, share), two_counts_p(second, first, 1.0 - share));
            prop_assert!((one - other).abs() <= 1e-9 * one.max(other), "{one} {other}");
        }
    }
}
