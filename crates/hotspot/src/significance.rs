//! From z scores to classes, with a correction for how many cells were tested.

use std::f64::consts::SQRT_2;

/// How sure one must be to speak of a hot or cold spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// q ≤ 0.10.
    Ninety,
    /// q ≤ 0.05.
    NinetyFive,
    /// q ≤ 0.01.
    NinetyNine,
}

impl Confidence {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Ninety, Self::NinetyFive, Self::NinetyNine];

    /// Per cent.
    pub fn percent(self) -> u8 {
        match self {
            Self::Ninety => 90,
            Self::NinetyFive => 95,
            Self::NinetyNine => 99,
        }
    }

    /// The greatest q.
    pub fn alpha(self) -> f64 {
        match self {
            Self::Ninety => 0.10,
            Self::NinetyFive => 0.05,
            Self::NinetyNine => 0.01,
        }
    }
}

/// What a cell is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// More than chance would put there.
    Hot(Confidence),
    /// Less.
    Cold(Confidence),
    /// Neither, as far as can be told.
    NotSignificant,
}

impl Class {
    /// By q and the sign of z, at `least` or surer.
    pub fn of(z: f64, q: f64, least: Confidence) -> Self {
        let surest =
            Confidence::ALL.into_iter().rev().find(|confidence| *confidence >= least && q <= confidence.alpha());
        match surest {
            Some(confidence) if z > 0.0 => Self::Hot(confidence),
            Some(confidence) if z < 0.0 => Self::Cold(confidence),
            _ => Self::NotSignificant,
        }
    }

    /// `hot_99`, `cold_90`, `not_significant`.
    pub fn name(self) -> String {
        match self {
            Self::Hot(confidence) => format!("hot_{}", confidence.percent()),
            Self::Cold(confidence) => format!("cold_{}", confidence.percent()),
            Self::NotSignificant => "not_significant".into(),
        }
    }
}

/// The probability, under the normal distribution, of a z at least as far from zero.
pub fn two_sided_p(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// Benjamini and Hochberg: for each p the least false discovery rate at which its test is among those rejected. A
/// test that could not be made (none) is none of those that count.
pub fn q_values(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(f64, usize)> = p.iter().enumerate().filter_map(|(cell, p)| Some(((*p)?, cell))).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    let tests = order.len() as f64;
    let mut q = vec![None; p.len()];
    let mut least = 1.0_f64;
    for (rank, (p, cell)) in (1..=order.len()).rev().zip(order) {
        least = least.min(p * tests / rank as f64);
        q[cell] = Some(least);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn p_of_known_z() {
        // Abramowitz & Stegun, table 26.1, and far out in the tail.
        for (z, p) in [
            (0.0, 1.0),
            (1.959_963_984_540_054, 0.05),
            (-2.575_829_303_548_901, 0.01),
            (10.0, 1.523_970_604_832_105e-23),
        ] {
            assert!((two_sided_p(z) - p).abs() <= 1e-12 * p, "{z}: {} {p}", two_sided_p(z));
        }
    }

    #[test]
    fn q_of_a_textbook_example() {
        // Benjamini & Hochberg 1995, section 3: at 0.05 the first four of fifteen are rejected.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        let q = q_values(&p.map(Some));
        let rejected = q.iter().filter(|q| q.is_some_and(|q| q <= 0.05)).count();
        assert_eq!(rejected, 4);
        assert_eq!(q[14], Some(1.0));
        assert_eq!(q_values(&[None, Some(0.02), None, Some(0.5)]), [None, Some(0.04), None, Some(0.5)]);
        assert_eq!(q_values(&[]), []);
    }

    #[test]
    fn classes() {
        let check = |z, q, least, expect: &str| assert_eq!(Class::of(z, q, least).name(), expect);
        check(5.0, 0.001, Confidence::Ninety, "hot_99");
        check(-5.0, 0.03, Confidence::Ninety, "cold_95");
        check(2.0, 0.10, Confidence::Ninety, "hot_90");
        check(2.0, 0.10, Confidence::NinetyFive, "not_significant");
        check(-4.0, 0.005, Confidence::NinetyNine, "cold_99");
        check(0.0, 0.0, Confidence::Ninety, "not_significant");
        check(9.0, 0.11, Confidence::Ninety, "not_significant");
    }

    proptest! {
        /// Rejected by q is rejected by the step-up procedure as it was published.
        #[test]
        fn is_the_step_up_procedure(p in prop::collection::vec(0.0_f64..=1.0, 1..60), alpha in 0.001_f64..0.5) {
            let mut sorted = p.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let m = p.len() as f64;
            let last = (1..=p.len()).rev().find(|rank| sorted[rank - 1] * m / *rank as f64 <= alpha);
            let threshold = last.map_or(-1.0, |rank| sorted[rank - 1]);
            for (p, q) in p.iter().zip(q_values(&p.iter().copied().map(Some).collect::<Vec<_>>())) {
                prop_assert_eq!(q.is_some_and(|q| q <= alpha), *p <= threshold);
            }
        }
    }
}
