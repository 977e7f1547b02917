//! What a category usually holds, city-wide and in each area.

use crate::calendar::WEEK_HOURS;
use crate::totals::{Cell, Totals};
use crate::weekly_fit::{Design, OUTLYING, WeeklyFit, fit, robust_weight};

/// An area's share of a category is that of so many incidents of the city spread as all crime is, and its own.
const PRIOR_INCIDENTS_OF_SHARE: f64 = 100.0;
/// An area's dispersion is that of the city's areas over so many weeks, and its own.
const PRIOR_WEEKS_OF_DISPERSION: f64 = 26.0;
/// A category's hour-of-week profile is that of so many incidents of all crime, and its own; an area's likewise of the
/// category.
const PRIOR_INCIDENTS_OF_PROFILE: f64 = 168.0;
/// A holiday is like other days over so many expected incidents, and like its own past.
const PRIOR_INCIDENTS_OF_HOLIDAY: f64 = 20.0;

/// A profile: the share of the week's incidents in each civil hour of it.
pub(crate) type Profile = [f64; WEEK_HOURS];

/// A profile that `own` counts draw away from `prior`.
pub(crate) fn profile(own: &[u64; WEEK_HOURS], prior: &Profile) -> Profile {
    let sum = own.iter().sum::<u64>() as f64 + PRIOR_INCIDENTS_OF_PROFILE;
    let mut shares = [0.0; WEEK_HOURS];
    for ((share, own), prior) in shares.iter_mut().zip(own).zip(prior) {
        *share = (*own as f64 + PRIOR_INCIDENTS_OF_PROFILE * prior) / sum;
    }
    shares
}

/// The share of one hour in an area's week.
pub(crate) fn area_share(own: &[u32; WEEK_HOURS], own_sum: f64, hour_of_week: usize, prior: &Profile) -> f64 {
    (f64::from(own[hour_of_week]) + PRIOR_INCIDENTS_OF_PROFILE * prior[hour_of_week])
        / (own_sum + PRIOR_INCIDENTS_OF_PROFILE)
}

/// A category's curve and its profile.
pub(crate) struct Category {
    pub(crate) fit: WeeklyFit,
    pub(crate) profile: Profile,
}

/// What one area usually holds of a category.
#[derive(Clone, Copy)]
pub(crate) struct Level {
    /// The area's share of the category.
    pub(crate) share: f64,
    /// Of the variance to the mean.
    pub(crate) dispersion: f64,
    /// The variance of the mean's estimate, relative to its square.
    pub(crate) relative_variance: f64,
}

/// Weighted sums over the weeks of one area, with y its count and μ the category's mean.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sums {
    y: f64,
    yy: f64,
    y_mean: f64,
    mean: f64,
    mean_mean: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, y: f64, mean: f64) {
        self.y += weight * y;
        self.yy += weight * y * y;
        self.y_mean += weight * y * mean;
        self.mean += weight * mean;
        self.mean_mean += weight * mean * mean;
    }

    /// What the weeks hold, each weighted.
    pub(crate) fn weighted_incidents(&self) -> f64 {
        self.y
    }

    /// The area's share of the category, if `usual` is its share of all crime.
    fn share(&self, usual: f64) -> f64 {
        (self.y + PRIOR_INCIDENTS_OF_SHARE * usual) / (self.mean + PRIOR_INCIDENTS_OF_SHARE)
    }

    /// Σ w (y − share μ)².
    fn squares(&self, share: f64) -> f64 {
        (self.yy - 2.0 * share * self.y_mean + share * share * self.mean_mean).max(0.0)
    }

    /// Of the variance to the mean; none where nothing is expected.
    fn dispersion(&self, share: f64) -> Option<f64> {
        let expected = share * self.mean;
        (expected > 0.0).then(|| self.squares(share) / expected)
    }
}

impl Category {
    pub(crate) fn new(totals: &Totals, category: usize, design: &Design, city_profile: &Profile) -> Self {
        let mut weeks = vec![0_u64; totals.weeks];
        let mut hours = [0_u64; WEEK_HOURS];
        for cell in totals.of_category(category) {
            weeks.iter_mut().zip(&cell.weeks).for_each(|(sum, count)| *sum += u64::from(*count));
            hours.iter_mut().zip(&cell.profile).for_each(|(sum, count)| *sum += u64::from(*count));
        }
        Self { fit: fit(&weeks, design), profile: profile(&hours, city_profile) }
    }

    /// The sums of one area, past outbreaks included.
    pub(crate) fn sums(&self, cell: &Cell, design: &Design) -> Sums {
        let mut sums = Sums::default();
        for ((weight, count), mean) in design.weights.iter().zip(&cell.weeks).zip(&self.fit.means) {
            sums.add(*weight, f64::from(*count), *mean);
        }
        sums
    }

    /// The levels of all areas, given their sums and each area's share of all crime.
    pub(crate) fn levels(&self, cells: &[&Cell], sums: &[Sums], usual: &[f64], design: &Design) -> Vec<Level> {
        let pooled = pooled_dispersion(sums, usual);
        let robust: Vec<Sums> = cells
            .iter()
            .zip(sums)
            .zip(usual)
            .map(|((cell, sums), usual)| {
                let share = sums.share(*usual);
                let dispersion = drawn(sums, share, design, pooled);
                self.without_outbreaks(*sums, cell, share, dispersion, design)
            })
            .collect();
        let pooled = pooled_dispersion(&robust, usual);
        robust
            .iter()
            .zip(usual)
            .map(|(sums, usual)| {
                let share = sums.share(*usual);
                let dispersion = drawn(sums, share, design, pooled);
                let known = (sums.y + PRIOR_INCIDENTS_OF_SHARE * usual).max(0.5);
                Level { share, dispersion, relative_variance: dispersion / known + self.fit.relative_variance }
            })
            .collect()
    }

    /// Weeks that hold far more than expected count less.
    fn without_outbreaks(&self, mut sums: Sums, cell: &Cell, share: f64, dispersion: f64, design: &Design) -> Sums {
        let least = OUTLYING * OUTLYING * dispersion;
        for ((weight, count), mean) in design.weights.iter().zip(&cell.weeks).zip(&self.fit.means) {
            let (count, usual) = (f64::from(*count), share * mean);
            let excess = count - usual;
            // One comparison: half of all weeks hold more than expected, and hardly any this much more.
            if excess.max(0.0) * excess > least * usual {
                let kept = robust_weight(count, usual, dispersion);
                sums.add((kept - 1.0) * weight, count, *mean);
            }
        }
        sums
    }

    /// What a kind of holiday multiplies an hour by. `hours` are its past hours: weeks back and hour of the week.
    pub(crate) fn holiday_factor(&self, held: u64, hours: impl Iterator<Item = (usize, usize)>) -> f64 {
        let usual: f64 = hours.map(|(ago, hour)| self.fit.means[ago] * self.profile[hour]).sum();
        (held as f64 + PRIOR_INCIDENTS_OF_HOLIDAY) / (usual + PRIOR_INCIDENTS_OF_HOLIDAY)
    }
}

/// Of all areas together.
fn pooled_dispersion(sums: &[Sums], usual: &[f64]) -> f64 {
    let (mut squares, mut expected) = (0.0, 0.0);
    for (sums, usual) in sums.iter().zip(usual) {
        let share = sums.share(*usual);
        squares += sums.squares(share);
        expected += share * sums.mean;
    }
    if expected > 0.0 { squares / expected } else { 1.0 }
}

/// An area's own dispersion, drawn towards that of all areas the less its weeks hold: at least 1.
fn drawn(sums: &Sums, share: f64, design: &Design, pooled: f64) -> f64 {
    let weekly = if design.weight_sum > 0.0 { share * sums.mean / design.weight_sum } else { 0.0 };
    // A week with hardly any incident says hardly anything about their spread.
    let information = design.equal_weeks * 2.0 * weekly / (1.0 + 2.0 * weekly);
    let own = sums.dispersion(share).unwrap_or(pooled);
    let dispersion = information * own + PRIOR_WEEKS_OF_DISPERSION * pooled;
    (dispersion / (information + PRIOR_WEEKS_OF_DISPERSION)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{History, Options};

    /// Where one area is the city there is nothing to draw it to: the curve alone says what is expected.
    #[test]
    fn one_area_is_the_city() {
        let mut history = History::new();
        let mut chance = 7_u32;
        for week in 0..300 {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let outbreak = if (200..203).contains(&week) { 20 } else { 0 };
            history.set(0, 0, week * 168, 4 + (chance >> 28) + outbreak);
        }
        let options = Options::default();
        let totals = Totals::new(&history, 300 * 168, &options).expect("300 weeks");
        let design = Design::new(vec![1.0; totals.weeks], 2, 104.0, 365.2425, 0.5);
        let category = Category::new(&totals, 0, &design, &[1.0 / WEEK_HOURS as f64; WEEK_HOURS]);
        let cells: Vec<&Cell> = totals.of_category(0).collect();
        let sums = [category.sums(cells[0], &design)];
        let level = category.levels(&cells, &sums, &[1.0], &design)[0];
        assert!((level.share - 1.0).abs() < 0.005, "{}", level.share);
        assert!((category.fit.means[0] - 11.5).abs() < 1.5, "{}", category.fit.means[0]);
        let own = sums[0].dispersion(1.0).unwrap_or(0.0);
        assert!(
            level.dispersion > 1.0 && level.dispersion < own,
            "the outbreak counts less: {} {own}",
            level.dispersion
        );
    }
}
