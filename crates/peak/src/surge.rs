//! Evidence that a surge is under way: one that began this week, or last week.

use libm::{exp, log, log1p, sqrt};

/// By how many standard deviations a week a surge raises what is expected.
const SIZES: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];
/// Of a surge that is under way, how probable it is that it began last week. Most of them would have been said then; the greater
/// this is, the more are found in their second week and the fewer in their first (docs/statistics.md).
const BEGAN_LAST_WEEK: f64 = 1.0 / 3.0;
/// Beyond it, evidence is not told apart.
pub const MOST_EVIDENCE: f64 = 1e300;
/// Where a product of ratios is turned into a logarithm, before it overflows.
const GREAT: f64 = 1e150;

/// A week's count, and what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeekSeen {
    /// Incidents.
    pub observed: u64,
    /// Expected, above zero.
    pub expected: f64,
    /// Of the variance to the mean, at least 1.
    pub dispersion: f64,
}

impl WeekSeen {
    /// The logarithm of how many times likelier the count is where the mean is higher by `size` standard deviations and
    /// the dispersion the same, negative binomial both:
    /// Σ over j < y of log((μ + δ + j (φ − 1)) / (μ + j (φ − 1))) − δ log φ / (φ − 1).
    fn log_ratio(&self, size: f64) -> f64 {
        let mean = self.expected.max(f64::MIN_POSITIVE);
        let excess = self.dispersion.max(1.0) - 1.0;
        let rise = size * sqrt(mean * (1.0 + excess));
        // The limit at Poisson's is 1.
        let unlikely = if excess > 1e-9 { log1p(excess) / excess } else { 1.0 };
        let (mut sum, mut product) = (-rise * unlikely, 1.0);
        for j in 0..self.observed {
            product *= 1.0 + rise / (mean + j as f64 * excess);
            if product > GREAT {
                sum += log(product);
                product = 1.0;
            }
        }
        sum + log(product)
    }
}

/// How many times likelier the counts of the last two weeks are if a surge began in either than if none did: the mean ratio
/// of likelihoods over its sizes of one to five standard deviations a week and over the week in which it began, last week
/// with weight 1/3.
///
/// If nothing is unusual its expected value is one (it is an e-value), so that a value of 100 or more has a probability of at
/// most 1 in 100. Source: Frisén and de Maré, *Optimal surveillance*, Biometrika 78 (1991), for the mean over the times of change.
pub fn surge_evidence(this_week: WeekSeen, last_week: WeekSeen) -> f64 {
    let now = SIZES.map(|size| this_week.log_ratio(size));
    let before: Vec<f64> = SIZES.iter().zip(now).map(|(size, now)| now + last_week.log_ratio(*size)).collect();
    let greatest = now.iter().chain(&before).copied().fold(f64::NEG_INFINITY, f64::max);
    let sum_now: f64 = now.iter().map(|value| exp(value - greatest)).sum();
    let sum_before: f64 = before.iter().map(|value| exp(value - greatest)).sum();
    let weighted = (1.0 - BEGAN_LAST_WEEK) * sum_now + BEGAN_LAST_WEEK * sum_before;
    let mean = greatest + log(weighted / SIZES.len() as f64);
    if mean < log(MOST_EVIDENCE) { exp(mean) } else { MOST_EVIDENCE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn week(observed: u64, expected: f64, dispersion: f64) -> WeekSeen {
        WeekSeen { observed, expected, dispersion }
    }

    #[test]
    fn known_ratios() {
        // From `scipy.stats` 1.17.1: `poisson.logpmf` and `nbinom.logpmf` at the raised mean less that at the mean.
        for (seen, size, log_ratio) in [
            (week(0, 4.0, 1.0), 1.0, -2.0),
            (week(7, 4.0, 1.0), 2.0, 0.852_030_263_919_616),
            (week(7, 4.0, 1.5), 2.0, 0.572_562_648_102_833_2),
            (week(30, 12.0, 3.0), 1.0, 1.719_074_984_859_197_7),
        ] {
            let ratio = seen.log_ratio(size);
            assert!((ratio - log_ratio).abs() < 1e-9, "{seen:?} {ratio} {log_ratio}");
        }
    }

    #[test]
    fn is_bounded() {
        let quiet = week(3, 3.0, 1.2);
        assert!(surge_evidence(week(1_000_000, 1e-9, 1.0), quiet) >= MOST_EVIDENCE);
        assert!(surge_evidence(week(0, 1e9, 1.0), quiet) >= 0.0);
        assert!(surge_evidence(quiet, quiet) < 1.0);
    }

    proptest! {
        /// An e-value: its mean over everything that can be seen, if nothing is unusual, is one.
        #[test]
        fn is_one_on_average(expected in 0.1_f64..4.0, dispersion in 1.01_f64..2.5) {
            let size = expected / (dispersion - 1.0);
            let mass = |j: u64| {
                let log_mass = libm::lgamma(size + j as f64) - libm::lgamma(size) - libm::lgamma(j as f64 + 1.0);
                exp(log_mass - size * log(dispersion) + j as f64 * log((dispersion - 1.0) / dispersion))
            };
            let masses: Vec<f64> = (0..120).map(mass).collect();
            let mut mean = 0.0;
            for (now, chance_now) in masses.iter().enumerate() {
                for (before, chance_before) in masses.iter().enumerate().filter(|(_, chance)| *chance * chance_now > 1e-18) {
                    let seen = |observed: usize| week(observed as u64, expected, dispersion);
                    mean += chance_now * chance_before * surge_evidence(seen(now), seen(before));
                }
            }
            prop_assert!((mean - 1.0).abs() < 1e-3, "{mean}");
        }
    }
}
