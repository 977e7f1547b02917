//! How surprising a count is: the upper tail of the negative binomial distribution.

/// The least probability that is said: below it, the sum of the tail's terms is beyond the range of a double.
pub const LEAST_P: f64 = 1e-300;

/// Terms below this share of the sum no longer change it.
const NEGLIGIBLE: f64 = 1e-17;

/// The probability of `count` or more, of the negative binomial distribution with `mean` and variance `dispersion` ×
/// `mean`; at dispersion 1, and below, that is Poisson's. A mean that is not positive counts as the least positive one.
///
/// With f(j) the probability of j, f(j + 1) / f(j) = (μ + j (φ − 1)) / ((j + 1) φ). Both sides of `count` are summed
/// as multiples of f(`count`), so that nothing cancels and nothing needs a logarithm: the error is that of as many
/// roundings as there are terms.
pub fn upper_tail(count: u64, mean: f64, dispersion: f64) -> f64 {
    if count == 0 {
        return 1.0;
    }
    let mean = mean.max(f64::MIN_POSITIVE);
    let phi = dispersion.max(1.0);
    let rise = |j: f64| (mean + j * (phi - 1.0)) / ((j + 1.0) * phi);
    let start = count as f64;

    let (mut at_least, mut term, mut j) = (1.0, 1.0, start);
    loop {
        let ratio = rise(j);
        term *= ratio;
        at_least += term;
        j += 1.0;
        // First of all: an infinite sum would pass the comparison below.
        if !at_least.is_finite() {
            return 1.0;
        }
        // Ratios fall, or rise towards 1 − 1/φ: from here on the rest is less than a geometric series.
        let bound = ratio.max(1.0 - 1.0 / phi);
        if bound < 1.0 && term * bound / (1.0 - bound) <= NEGLIGIBLE * at_least {
            break;
        }
    }

    let (mut less, mut term, mut j) = (0.0, 1.0, start);
    while j >= 1.0 {
        let ratio = rise(j - 1.0);
        term /= ratio;
        less += term;
        j -= 1.0;
        if !less.is_finite() {
            return LEAST_P;
        }
        // Past the mode the terms fall ever faster.
        if ratio > 1.0 && term / (ratio - 1.0) <= NEGLIGIBLE * less {
            break;
        }
    }
    (at_least / (at_least + less)).max(LEAST_P)
}

/// The range that holds all counts but those in the tails: at most half of `outside` is the probability of a lower count, and at
/// most half of it that of a higher one. Mean and dispersion are as for [`upper_tail`].
pub fn usual_range(mean: f64, dispersion: f64, outside: f64) -> (u64, u64) {
    let half = outside / 2.0;
    let low = greatest(|count| 1.0 - upper_tail(count, mean, dispersion) <= half);
    let high = greatest(|count| upper_tail(count, mean, dispersion) > half);
    (low, high)
}

/// The greatest count for which `holds` is true. It is true of 0, and false of every count above the first for which it is false.
fn greatest(holds: impl Fn(u64) -> bool) -> u64 {
    let mut above = 1;
    while holds(above) {
        above *= 2;
    }
    let mut least = above / 2;
    while above - least > 1 {
        let middle = least + (above - least) / 2;
        if holds(middle) {
            least = middle;
        } else {
            above = middle;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From `scipy.stats` 1.17.1: `poisson.sf(y - 1, m)` and `nbinom.sf(y - 1, m / (phi - 1), 1 / phi)`.
    #[test]
    fn known_tails() {
        for (count, mean, dispersion, p) in [
            (1, 0.05, 1.0, 0.048_770_575_499_285_99),
            (3, 0.7, 1.0, 0.034_141_584_125_708_5),
            (12, 4.2, 1.0, 0.001_373_859_615_900_867_3),
            (250, 200.0, 1.0, 0.000_362_070_458_289_692_1),
            (1, 0.05, 1.8, 0.036_070_063_079_938_82),
            (3, 0.7, 2.0, 0.077_411_155_249_653_36),
            (12, 4.2, 1.5, 0.009_363_710_118_983_95),
            (4, 9.0, 3.0, 0.875_659_818_569_586_9),
            (30, 9.0, 3.0, 0.002_305_379_444_461_169),
            (250, 200.0, 5.0, 0.065_666_642_915_344_87),
            (400, 100.0, 1.2, 1.080_228_810_839_632_6e-84),
            (10_300, 10_000.0, 4.0, 0.068_054_715_233_933_82),
            (9_700, 10_000.0, 4.0, 0.934_482_028_315_307_8),
            (2, 30.0, 1.01, 0.999_999_999_996_665_3),
        ] {
            let tail = upper_tail(count, mean, dispersion);
            assert!((tail - p).abs() <= 1e-9 * p, "{count} {mean} {dispersion}: {tail} {p}");
        }
    }

    #[test]
    fn what_lies_at_the_ends() {
        for (count, mean, dispersion, p) in [
            (0, 3.0, 1.5, 1.0),
            (0, 0.0, 1.0, 1.0),
            (5, 0.0, 1.0, LEAST_P),
            (1_000_000, 1e-3, 1.2, LEAST_P),
            (1, 1e9, 1.0, 1.0),
            // So far from the mean that the terms between are beyond the range of a double.
            (2_048, 13_073.0, 1.0, 1.0),
            (2_048, 13_073.0, 4.0, 1.0),
            (13_073, 2_048.0, 1.0, LEAST_P),
            // A dispersion below Poisson's is Poisson's.
            (7, 3.0, 0.2, upper_tail(7, 3.0, 1.0)),
        ] {
            assert_eq!(upper_tail(count, mean, dispersion).to_bits(), f64::to_bits(p), "{count} {mean} {dispersion}");
        }
    }

    /// From `scipy.stats` 1.17.1: `poisson.ppf` and `nbinom.ppf` at 0.05 and 0.95.
    #[test]
    fn usual_ranges() {
        for (mean, dispersion, range) in [
            (0.05, 1.0, (0, 0)),
            (0.7, 1.0, (0, 2)),
            (13.1, 1.0, (7, 19)),
            (200.0, 1.0, (177, 224)),
            (13.1, 1.5, (6, 21)),
            (9.0, 3.0, (2, 19)),
            (200.0, 5.0, (151, 254)),
            (13_073.0, 6.5, (12_597, 13_556)),
        ] {
            assert_eq!(usual_range(mean, dispersion, 0.1), range, "{mean} {dispersion}");
        }
    }

    proptest! {
        /// What is left of the probability of exactly j, summed from the definition.
        #[test]
        fn is_the_sum_of_the_definition(count in 1_u64..40, mean in 0.01_f64..20.0, dispersion in 1.0001_f64..8.0) {
            let size = mean / (dispersion - 1.0);
            let mass = |j: u64| {
                let log = libm::lgamma(size + j as f64) - libm::lgamma(size) - libm::lgamma(j as f64 + 1.0);
                (log - size * dispersion.ln() + j as f64 * ((dispersion - 1.0) / dispersion).ln()).exp()
            };
            let less: f64 = (0..count).map(mass).sum();
            prop_assert!((upper_tail(count, mean, dispersion) - (1.0 - less)).abs() < 1e-8);
        }

        /// More is more surprising, and less so where more was expected.
        #[test]
        fn is_monotone(count in 1_u64..200, mean in 0.01_f64..100.0, dispersion in 1.0_f64..8.0) {
            let tail = upper_tail(count, mean, dispersion);
            prop_assert!(tail > 0.0 && tail <= 1.0);
            prop_assert!(upper_tail(count + 1, mean, dispersion) <= tail);
            prop_assert!(upper_tail(count, mean * 1.1, dispersion) >= tail * (1.0 - 1e-12));
        }
    }
}
