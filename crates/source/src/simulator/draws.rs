//! Chance without a sequence: the draws of one record depend on the seed and the record's number alone.
//!
//! A counter-based generator (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! 2011) with SplitMix64's finaliser (Steele, Lea and Flood, 2014) as the mixing function. Any record can be
//! made at any time, in any order, without the ones before it. Only integer arithmetic, IEEE addition,
//! multiplication, division and square root are used, never the platform's logarithms and exponentials: the
//! same seed makes the same city on every machine.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const NUMBER: u64 = 0xd134_2543_de82_ef95;

/// What a series of draws is for. Series of different purposes are independent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Block = 1,
    Noise,
    Plan,
    Record,
    Cluster,
    Story,
    Step,
    Outbreak,
}

/// The finaliser: every bit of the result depends on every bit of `value`.
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The key of a family of series, such as the records of one hour.
pub(super) fn key(seed: u64, purpose: Purpose, family: u64) -> u64 {
    mix(mix(seed ^ (purpose as u64).wrapping_mul(GOLDEN)).wrapping_add(family.wrapping_mul(GOLDEN)))
}

/// One series of draws.
#[derive(Clone, Debug)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn new(key: u64, number: u64) -> Self {
        Self(Self::single(key, number))
    }

    /// 64 bits for a single question, which a series of the same key and number does not use.
    #[inline]
    pub(super) fn single(key: u64, number: u64) -> u64 {
        mix(key ^ number.wrapping_mul(NUMBER))
    }

    /// 64 bits.
    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Less than `bound`, which is at least 1.
    #[inline]
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// From 0 to less than 1.
    #[inline]
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in so many of 2^32 cases.
    #[inline]
    pub(super) fn chance(&mut self, of_two_to_the_32: u64) -> bool {
        self.next() >> 32 < of_two_to_the_32
    }

    /// Nearly normal, mean 0 and variance 1, never beyond 3.47: four uniforms (Irwin and Hall, 1927).
    pub(super) fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }

    /// A Poisson count: by inversion where the mean is small, else the rounded normal approximation.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal() + self.unit()).max(0.0) as u64;
        }
        let uniform = self.unit();
        let mut term = exp_of_minus(mean);
        let mut sum = term;
        let mut count = 0;
        while sum <= uniform && count < 200 {
            count += 1;
            term *= mean / count as f64;
            sum += term;
        }
        count
    }
}

/// A share as [`Draws::chance`] takes it.
pub(super) fn share(of_one: f64) -> u64 {
    (of_one.clamp(0.0, 1.0) * 4_294_967_296.0) as u64
}

/// e to the power of minus `x` for 0 <= x <= 64: the series of x/64, squared six times.
fn exp_of_minus(x: f64) -> f64 {
    let y = -x / 64.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..16 {
        term *= y / f64::from(n);
        sum += term;
    }
    for _ in 0..6 {
        sum *= sum;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_are_as_they_always_were() {
        let mut draws = Draws::new(key(7, Purpose::Record, 3), 5);
        let mut again = Draws::new(key(7, Purpose::Record, 3), 5);
        let mut other = Draws::new(key(7, Purpose::Record, 3), 6);
        let first: Vec<u64> = (0..4).map(|_| draws.next()).collect();
        assert_eq!(first, (0..4).map(|_| again.next()).collect::<Vec<_>>());
        assert_ne!(first, (0..4).map(|_| other.next()).collect::<Vec<_>>());
        assert_eq!(mix(1), 0x5692_161d_100b_05e5);
    }

    #[test]
    fn exponentials_agree_with_the_platform() {
        for x in [0.0, 0.001, 0.5, 1.0, 7.3, 30.0] {
            let relative = exp_of_minus(x) / (-x).exp() - 1.0;
            assert!(relative.abs() < 1e-12, "{x}: {relative}");
        }
    }

    #[test]
    fn poisson_counts_have_their_mean_and_variance() {
        for mean in [0.02, 1.0, 8.0, 29.0, 31.0, 400.0] {
            let counts: Vec<f64> =
                (0..20_000).map(|n| Draws::new(key(1, Purpose::Plan, 0), n).poisson(mean) as f64).collect();
            let average = counts.iter().sum::<f64>() / 20_000.0;
            let variance = counts.iter().map(|count| (count - average).powi(2)).sum::<f64>() / 19_999.0;
            assert!((average - mean).abs() < 5.0 * (mean / 20_000.0).sqrt(), "mean {mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.1 + 0.01 / mean, "mean {mean}: variance {variance}");
        }
    }
}
