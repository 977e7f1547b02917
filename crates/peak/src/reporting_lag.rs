//! How much of what happened is usually known at a given age.

/// The share of incidents that are usually reported by the time that their hour lies so many whole hours back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportingLag {
    /// By age in hours; all are known beyond its end.
    share_by_age_hours: Vec<f64>,
}

impl ReportingLag {
    /// Everything is known at once.
    pub fn none() -> Self {
        Self::default()
    }

    /// From shares by age in hours: made to lie within 0 and 1 and never to fall. All are known beyond the last.
    pub fn from_shares(shares: impl IntoIterator<Item = f64>) -> Self {
        let mut least = 0.0_f64;
        let rising = |share: f64| {
            least = least.max(share.clamp(0.0, 1.0));
            least
        };
        // A share that is not a number says nothing: `max` passes over it.
        Self { share_by_age_hours: shares.into_iter().map(rising).collect() }
    }

    /// The share known of an hour that ended so many whole hours ago.
    pub fn share(&self, age_hours: usize) -> f64 {
        self.share_by_age_hours.get(age_hours).copied().unwrap_or(1.0)
    }

    /// The mean share over `hours` hours, the newest of which ended `age_hours` ago.
    pub(crate) fn mean_share(&self, age_hours: usize, hours: usize) -> f64 {
        if age_hours >= self.share_by_age_hours.len() || hours == 0 {
            return 1.0;
        }
        (age_hours..age_hours + hours).map(|age| self.share(age)).sum::<f64>() / hours as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_by_age() {
        let check = |lag: &ReportingLag, expect: &[f64]| {
            let shares: Vec<f64> = (0..expect.len()).map(|age| lag.share(age)).collect();
            assert_eq!(shares, expect);
        };
        check(&ReportingLag::none(), &[1.0, 1.0]);
        check(&ReportingLag::from_shares([-1.0, 0.5, 0.25, f64::NAN, 7.0]), &[0.0, 0.5, 0.5, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn mean_shares() {
        let lag = ReportingLag::from_shares([0.0, 0.5]);
        for (age, hours, mean) in [(0, 4, 2.5 / 4.0), (1, 2, 0.75), (2, 2, 1.0), (0, 0, 1.0)] {
            assert!((lag.mean_share(age, hours) - mean).abs() < 1e-12, "{age} {hours}");
        }
    }
}
