//! How good would a hot-spot map have been? Each week of the test is foretold from the weeks before it, as if it had not
//! been yet, and then looked at.
//!
//! For each method the cells are ranked by their score over the weeks of training, the first of them are flagged, and the
//! incidents of the week that follows are counted inside and outside of them. Sources: Chainey, Tompson & Uhlig 2008
//! (PAI); Hunt 2016 (PEI), here with the same number of cells for the best possible map (PEI\*).

use crate::{
    Stop, StudyArea,
    cell_kernel::CellKernel,
    error::{Error, is_length},
    gi_star,
};
use std::cmp::Ordering;

/// What a map is drawn by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// z of Gi\*.
    GiStar,
    /// Kernel density, of each cell's incidents in its middle.
    DensitySurface,
    /// The plain count of past incidents, which is hard to beat.
    Count,
}

impl Method {
    /// All.
    pub const ALL: [Self; 3] = [Self::GiStar, Self::DensitySurface, Self::Count];

    /// `gi_star`, `density`, `count`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GiStar => "gi_star",
            Self::DensitySurface => "density",
            Self::Count => "count",
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BacktestPlan {
    /// Weeks before each week of the test from which it is foretold.
    pub training_weeks: usize,
    /// Weeks at the end that are foretold, one by one.
    pub test_weeks: usize,
    /// Part of the area that is flagged, by cells: the nearest whole number of them, at least one.
    pub area_share: f64,
    /// Of the kernel density.
    pub bandwidth_m: f64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestResult {
    /// A: cells of the study area.
    pub cells: usize,
    /// a: of these were flagged.
    pub flagged: usize,
    /// N: incidents of each week of the test, the oldest first.
    pub incidents: Vec<u64>,
    /// Incidents in the best cells of each of these weeks, of the same number: nobody could have flagged better.
    pub best: Vec<u64>,
    /// One of each of [`Method::ALL`], in that order.
    pub scores: Vec<Score>,
}

/// How one method did. Over all weeks of the test: sums first, then ratios.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Which.
    pub method: Method,
    /// n: incidents in the flagged cells, each week.
    pub hits: Vec<u64>,
    /// n/N. None where nothing happened, as what follows.
    pub hit_rate: Option<f64>,
    /// Prediction accuracy index, (n/N) / (a/A): one is as good as chance.
    pub pai: Option<f64>,
    /// PAI over the best possible one of the same a: from 0 to 1.
    pub pei_star: Option<f64>,
}

/// Foretells the last weeks from those before them. `weeks` has the counts of each week, the oldest first and without a
/// gap, in the order of the study area's cells.
///
/// Of cells with the same score the one with the lower index is ranked first; a score that is not defined is below all.
pub fn backtest(
    weeks: &[Vec<u32>],
    area: &StudyArea,
    plan: &BacktestPlan,
    stop: Stop<'_>,
) -> Result<BacktestResult, Error> {
    let cells = area.cells().len();
    if cells == 0 {
        return Err(Error::NoCells);
    }
    if !is_length(plan.bandwidth_m) {
        return Err(Error::Bandwidth(plan.bandwidth_m));
    }
    if !(plan.area_share > 0.0 && plan.area_share <= 1.0) {
        return Err(Error::AreaShare(plan.area_share));
    }
    let (training_weeks, test_weeks) = (plan.training_weeks, plan.test_weeks);
    if training_weeks == 0 || test_weeks == 0 || weeks.len() < training_weeks.saturating_add(test_weeks) {
        return Err(Error::Weeks { given: weeks.len(), training: training_weeks, test: test_weeks });
    }
    if let Some(week) = weeks.iter().find(|week| week.len() != cells) {
        return Err(Error::Counts { counts: week.len(), cells });
    }
    let flagged = ((plan.area_share * cells as f64).round() as usize).clamp(1, cells);
    let kernel = CellKernel::new(area.cells(), plan.bandwidth_m, stop)?;
    let first = weeks.len() - test_weeks;
    let mut training = vec![0_u64; cells];
    for week in &weeks[first - training_weeks..first] {
        stop.check()?;
        add(&mut training, week);
    }
    let (mut incidents, mut best) = (Vec::new(), Vec::new());
    let mut hits = Method::ALL.map(|_| Vec::new());
    for tested in first..weeks.len() {
        let week = &weeks[tested];
        let inside = |cells: &[u32]| cells.iter().map(|cell| u64::from(week[*cell as usize])).sum::<u64>();
        incidents.push(week.iter().map(|count| u64::from(*count)).sum());
        best.push(inside(&top(week, flagged, u32::cmp)));
        for (method, hits) in Method::ALL.into_iter().zip(&mut hits) {
            stop.check()?;
            hits.push(inside(&match method {
                Method::GiStar => {
                    let z = gi_star(&training, area.neighbors());
                    let z: Vec<f64> = z.into_iter().map(|z| z.unwrap_or(f64::NEG_INFINITY)).collect();
                    top(&z, flagged, f64::total_cmp)
                }
                Method::DensitySurface => top(&kernel.densities(&training), flagged, f64::total_cmp),
                Method::Count => top(&training, flagged, u64::cmp),
            }));
        }
        add(&mut training, week);
        for (sum, gone) in training.iter_mut().zip(&weeks[tested - training_weeks]) {
            *sum -= u64::from(*gone);
        }
    }
    let (all, most) = (incidents.iter().sum(), best.iter().sum());
    let scores = Method::ALL.into_iter().zip(hits);
    let scores = scores.map(|(method, hits)| score(method, hits, all, most, flagged as f64 / cells as f64)).collect();
    Ok(BacktestResult { cells, flagged, incidents, best, scores })
}

fn add(sums: &mut [u64], week: &[u32]) {
    for (sum, count) in sums.iter_mut().zip(week) {
        *sum += u64::from(*count);
    }
}

/// The numbers of the `most` cells with the greatest scores, the lower number first where they are equal; in no order.
fn top<S>(scores: &[S], most: usize, compare: impl Fn(&S, &S) -> Ordering) -> Vec<u32> {
    let mut cells: Vec<u32> = (0..scores.len() as u32).collect();
    if most < cells.len() {
        cells.select_nth_unstable_by(most, |a, b| compare(&scores[*b as usize], &scores[*a as usize]).then(a.cmp(b)));
        cells.truncate(most);
    }
    cells
}

/// `incidents` happened, `most` of them in the best cells; the flagged cells are `share` of the area.
fn score(method: Method, hits: Vec<u64>, incidents: u64, most: u64, share: f64) -> Score {
    let inside = hits.iter().sum::<u64>() as f64;
    let hit_rate = (incidents > 0).then(|| inside / incidents as f64);
    // (n/N / (a/A)) / (n*/N / (a/A)) is n/n*; and where anything happened, something did in the best cells.
    let pei_star = (most > 0).then(|| inside / most as f64);
    Score { method, hits, hit_rate, pai: hit_rate.map(|rate| rate / share), pei_star }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use h3o::{CellIndex, LatLng, Resolution};
    use proptest::prelude::*;

    fn area(rings: u32) -> StudyArea {
        let centre = LatLng::new(41.88, -87.63).unwrap().to_cell(Resolution::Nine);
        StudyArea::new(centre.grid_disk::<Vec<CellIndex>>(rings))
    }

    const PLAN: BacktestPlan = BacktestPlan { training_weeks: 2, test_weeks: 2, area_share: 0.3, bandwidth_m: 500.0 };

    #[test]
    fn by_hand() {
        // Seven cells, two of which are flagged; weeks three and four are foretold.
        let weeks = [
            vec![5, 0, 0, 0, 0, 0, 1],
            vec![3, 2, 0, 0, 0, 0, 0],
            vec![4, 0, 0, 6, 0, 0, 0],
            vec![1, 0, 0, 2, 0, 7, 0],
        ];
        let found = backtest(&weeks, &area(1), &PLAN, Stop::never()).unwrap();
        assert_eq!((found.cells, found.flagged), (7, 2));
        assert_eq!(found.incidents, [10, 10]);
        assert_eq!(found.best, [10, 9]);
        // By count: first cells 0 and 1 (8, 2), then 0 and 3 (7, 6).
        let count = &found.scores[2];
        assert_eq!((count.method, count.hits.as_slice()), (Method::Count, &[4, 3][..]));
        assert_eq!(count.hit_rate, Some(7.0 / 20.0));
        assert_eq!(count.pai, Some(7.0 / 20.0 / (2.0 / 7.0)));
        assert_eq!(count.pei_star, Some(7.0 / 19.0));
    }

    #[test]
    fn of_equal_cells_the_first() {
        let weeks = [vec![1; 7], vec![1; 7], vec![9, 8, 7, 6, 5, 4, 3], vec![0; 7]];
        let plan = BacktestPlan { test_weeks: 1, training_weeks: 2, ..PLAN };
        let found = backtest(&weeks[..3], &area(1), &plan, Stop::never()).unwrap();
        // z is nowhere defined, and the counts are all equal.
        assert_eq!((found.scores[0].hits[0], found.scores[2].hits[0]), (17, 17));
        assert_eq!(found.best, [17]);
        // A week in which nothing happens has no rate.
        let nothing = backtest(&weeks, &area(1), &plan, Stop::never()).unwrap();
        assert!(nothing.scores.iter().all(|score| (score.hit_rate, score.pai, score.pei_star) == (None, None, None)));
    }

    #[test]
    fn all_of_the_area_is_as_good_as_chance_and_as_the_best() {
        let weeks = vec![vec![3, 1, 0, 0, 2, 0, 1]; 5];
        let found = backtest(&weeks, &area(1), &BacktestPlan { area_share: 1.0, ..PLAN }, Stop::never()).unwrap();
        assert!(found.scores.iter().all(|score| (score.pai, score.pei_star) == (Some(1.0), Some(1.0))));
        let least = backtest(&weeks, &area(1), &BacktestPlan { area_share: 1e-9, ..PLAN }, Stop::never()).unwrap();
        assert_eq!(least.flagged, 1);
        let one = backtest(&vec![vec![4]; 4], &area(0), &PLAN, Stop::never()).unwrap();
        assert!(one.scores.iter().all(|score| score.hit_rate == Some(1.0)));
    }

    #[test]
    fn what_is_no_backtest_is_refused() {
        let weeks = vec![vec![0; 7]; 4];
        let check = |plan: BacktestPlan, expect: &str| {
            let error = backtest(&weeks, &area(1), &plan, Stop::never()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(BacktestPlan { training_weeks: 3, ..PLAN }, "3 weeks to train on and 2 to test, of 4");
        check(BacktestPlan { training_weeks: 0, ..PLAN }, "at least one of each");
        check(BacktestPlan { test_weeks: 0, ..PLAN }, "at least one of each");
        check(BacktestPlan { test_weeks: usize::MAX, ..PLAN }, "no more than there are");
        for share in [0.0, -0.1, 1.1, f64::NAN, f64::INFINITY] {
            check(BacktestPlan { area_share: share, ..PLAN }, "of the area");
        }
        for bandwidth_m in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            check(BacktestPlan { bandwidth_m, ..PLAN }, "bandwidth");
        }
        assert_eq!(backtest(&weeks, &StudyArea::new([]), &PLAN, Stop::never()), Err(Error::NoCells));
        assert_eq!(backtest(&[], &area(1), &PLAN, Stop::never()), Err(Error::Weeks { given: 0, training: 2, test: 2 }));
        assert_eq!(backtest(&weeks, &area(2), &PLAN, Stop::never()), Err(Error::Counts { counts: 7, cells: 19 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Against sorting everything anew each week.
        #[test]
        fn is_the_naive_ranking(
            weeks in prop::collection::vec(prop::collection::vec(0_u32..4, 37), 3..9),
            area_share in 0.01_f64..1.0,
        ) {
            let area = area(3);
            let plan = BacktestPlan { training_weeks: 2, test_weeks: weeks.len() - 2, area_share, bandwidth_m: 600.0 };
            let found = backtest(&weeks, &area, &plan, Stop::never()).unwrap();
            let kernel = CellKernel::new(area.cells(), 600.0, Stop::never()).unwrap();
            for (number, week) in weeks[2..].iter().enumerate() {
                let past: Vec<u64> = weeks[number].iter().zip(&weeks[number + 1]).map(|(a, b)| u64::from(a + b)).collect();
                let inside = |scores: Vec<f64>| -> u64 {
                    let mut ranked: Vec<(f64, usize)> = scores.into_iter().zip(0..).collect();
                    // A stable sort leaves equal cells in their order.
                    ranked.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap());
                    ranked[..found.flagged].iter().map(|(_, cell)| u64::from(week[*cell])).sum()
                };
                let plain = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect::<Vec<f64>>();
                let week_wide: Vec<u64> = week.iter().map(|count| u64::from(*count)).collect();
                let z = gi_star(&past, area.neighbors()).into_iter().map(|z| z.unwrap_or(-1e9)).collect();
                let expect = [inside(z), inside(kernel.densities(&past)), inside(plain(&past))];
                for (score, expect) in found.scores.iter().zip(expect) {
                    prop_assert_eq!(score.hits[number], expect, "{:?}", score.method);
                }
                prop_assert_eq!(found.best[number], inside(plain(&week_wide)));
                prop_assert_eq!(found.incidents[number], week_wide.iter().sum::<u64>());
            }
            for score in &found.scores {
                prop_assert!(score.pei_star.is_none_or(|pei| (0.0..=1.0).contains(&pei)));
            }
        }
    }
}
