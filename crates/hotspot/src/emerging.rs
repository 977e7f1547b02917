//! Emerging hot spots: Gi\* of every step by itself, and what each cell's series of them says.
//!
//! Hot and cold are decided at each step by q over all cells of that step. (ArcGIS, whose classes these are, looks at the
//! neighbours of the step before as well and may compare with the whole cube.) A step at which a cell's z is not defined,
//! such as a month without an incident, is no step of its history.

use crate::{
    Class, Confidence, Direction, Heat, MannKendall, Neighbors, Pattern, Stop,
    error::{Error, LEAST_STEPS},
    gi_star::z_scores,
    mann_kendall::Ranks,
    q_values,
    threads::{in_parallel, worth},
    two_sided_p,
};

/// Counts, over cells and steps, from which a second thread pays.
const MANY: usize = 20_000;

/// Cells between two looks at whether the answer is still wanted: each ranks its steps and compares all pairs of them.
const LOOK_EVERY: usize = 256;

/// What a cell's history says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emergence {
    /// None where the last step is not defined or fewer than [`LEAST_STEPS`] are.
    pub pattern: Option<Pattern>,
    /// Of the z scores of the steps that are defined; none where they are fewer than [`LEAST_STEPS`].
    pub trend: Option<MannKendall>,
    /// Steps whose z is defined.
    pub steps: u32,
    /// At so many of them hot.
    pub hot: u32,
    /// And cold.
    pub cold: u32,
    /// z of the last step.
    pub z: Option<f64>,
    /// q of the last step.
    pub q: Option<f64>,
}

/// The history of each cell, from the counts of each step (the oldest first) in the order of the cells. A cell is hot or
/// cold at a step, and its trend is one, at `confidence` or surer.
pub fn emerging(
    steps: &[Vec<u32>],
    neighbors: &Neighbors,
    confidence: Confidence,
    stop: Stop<'_>,
) -> Result<Vec<Emergence>, Error> {
    if steps.len() < LEAST_STEPS {
        return Err(Error::TooFewSteps(steps.len()));
    }
    let cells = neighbors.len();
    if let Some(step) = steps.iter().find(|step| step.len() != cells) {
        return Err(Error::Counts { counts: step.len(), cells });
    }
    let threads = worth(steps.len() * cells, MANY);
    let tested = in_parallel(steps.chunks(steps.len().div_ceil(threads)), |steps| {
        let test = |counts: &Vec<u32>| stop.check().map(|()| test(counts, neighbors, confidence).0);
        steps.iter().map(test).collect::<Result<Vec<_>, Error>>()
    });
    let tested: Vec<CellsAtStep> =
        tested.into_iter().collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect();
    // Of the last step alone; kept for every step, q would be half of the memory.
    let q = steps.last().map(|counts| test(counts, neighbors, confidence).1).unwrap_or_default();
    let share = cells.div_ceil(threads).max(1);
    let parts = (0..cells).step_by(share).map(|first| first..(first + share).min(cells));
    let histories = in_parallel(parts, |cells| {
        let mut history = History::default();
        let mut of = |(turn, cell): (usize, usize)| {
            stop.check_every(LOOK_EVERY, turn)?;
            Ok(history.of(cell, &tested, q[cell], confidence))
        };
        cells.enumerate().map(&mut of).collect::<Result<Vec<_>, Error>>()
    });
    Ok(histories.into_iter().collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
}

/// The cells at a step: nine bytes each, for there may be millions of cells and steps.
#[derive(Clone, Debug)]
struct CellsAtStep {
    /// Not a number where it is not defined.
    z: Vec<f64>,
    /// What z and q make it; neither where they are not defined.
    heat: Vec<Heat>,
}

/// The cells at a step, and q of each.
fn test(counts: &[u32], neighbors: &Neighbors, confidence: Confidence) -> (CellsAtStep, Vec<Option<f64>>) {
    let z = z_scores(counts, neighbors);
    let p: Vec<Option<f64>> = z.iter().map(|z| z.map(two_sided_p)).collect();
    let q = q_values(&p);
    let heat = |(z, q): (&Option<f64>, &Option<f64>)| match (*z, *q) {
        (Some(z), Some(q)) => match Class::of(z, q, confidence) {
            Class::Hot(_) => Heat::Hot,
            Class::Cold(_) => Heat::Cold,
            Class::NotSignificant => Heat::Neither,
        },
        _ => Heat::Neither,
    };
    let heat = z.iter().zip(&q).map(heat).collect();
    (CellsAtStep { z: z.into_iter().map(|z| z.unwrap_or(f64::NAN)).collect(), heat }, q)
}

/// Room for one cell's history after another.
#[derive(Default)]
struct History {
    z: Vec<f64>,
    heat: Vec<Heat>,
    ranks: Ranks,
}

impl History {
    /// `q` is that of the last step.
    fn of(&mut self, cell: usize, steps: &[CellsAtStep], q: Option<f64>, confidence: Confidence) -> Emergence {
        self.z.clear();
        self.heat.clear();
        for step in steps.iter().filter(|step| !step.z[cell].is_nan()) {
            self.z.push(step.z[cell]);
            self.heat.push(step.heat[cell]);
        }
        let last = steps.last().map(|step| step.z[cell]).filter(|z| !z.is_nan());
        let trend = if self.z.len() < LEAST_STEPS { None } else { self.ranks.test(&self.z) };
        let direction = match trend {
            Some(trend) if trend.p <= confidence.alpha() && trend.s > 0 => Direction::Up,
            Some(trend) if trend.p <= confidence.alpha() && trend.s < 0 => Direction::Down,
            _ => Direction::Neither,
        };
        let count = |wanted: Heat| self.heat.iter().filter(|heat| **heat == wanted).count() as u32;
        Emergence {
            pattern: (trend.is_some() && last.is_some()).then(|| Pattern::of(&self.heat, direction)),
            trend,
            steps: self.z.len() as u32,
            hot: count(Heat::Hot),
            cold: count(Heat::Cold),
            z: last,
            q: last.and(q),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{gi_star, mann_kendall};
    use proptest::prelude::*;

    /// Cells on a line, each beside the next.
    fn line(cells: u32) -> Neighbors {
        Neighbors::new((0..cells).map(|cell| {
            let around = [cell.checked_sub(1), (cell + 1 < cells).then_some(cell + 1)];
            around.into_iter().flatten().collect()
        }))
    }

    /// Sixty cells with one incident each, and so many more in the middle at each step.
    fn middle(more: &[u32]) -> Vec<Vec<u32>> {
        more.iter()
            .map(|more| (0..60).map(|cell| 1 + if (28..32).contains(&cell) { *more } else { 0 }).collect())
            .collect()
    }

    #[test]
    fn a_spot_that_appears_stays_and_goes() {
        let check = |more: &[u32], expect: &str| {
            let mut steps = middle(more);
            // Where nothing is more anywhere, nothing is defined: there is one elsewhere.
            for step in &mut steps {
                step[55] += 1;
            }
            let found = emerging(&steps, &line(60), Confidence::NinetyFive, Stop::never()).unwrap();
            assert_eq!(found[30].pattern.unwrap().name(), expect, "{:?}", found[30]);
            assert_eq!(found[5].pattern.unwrap().name(), "not_detected", "{:?}", found[5]);
        };
        check(&[9; 12], "persistent_hot");
        check(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], "new_hot");
        check(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9], "consecutive_hot");
        check(&[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], "intensifying_hot");
        check(&[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2], "diminishing_hot");
        check(&[9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0], "historical_hot");
        check(&[9, 0, 9, 0, 9, 0, 9, 0, 9, 0, 9, 9], "sporadic_hot");
    }

    #[test]
    fn what_is_not_defined_is_none() {
        // All equal at every step, and only at the last, and at a step between.
        let never = emerging(&middle(&[0; 12]), &line(60), Confidence::Ninety, Stop::never()).unwrap();
        assert!(
            never
                .iter()
                .all(|cell| cell.pattern.is_none() && cell.trend.is_none() && cell.steps == 0 && cell.z.is_none())
        );
        let mut more = [9; 12];
        more[11] = 0;
        let last = emerging(&middle(&more), &line(60), Confidence::Ninety, Stop::never()).unwrap();
        assert!(last.iter().all(|cell| cell.pattern.is_none() && cell.trend.is_some() && cell.steps == 11));
        more = [9; 12];
        more[4] = 0;
        let between = emerging(&middle(&more), &line(60), Confidence::Ninety, Stop::never()).unwrap();
        assert_eq!(between[30].steps, 11);
        assert_eq!(between[30].pattern, Some(Pattern::Hot(crate::Kind::Persistent)));
        // One cell is no comparison; none is none.
        let one = emerging(&vec![vec![3]; 12], &line(1), Confidence::Ninety, Stop::never()).unwrap();
        assert_eq!((one.len(), one[0].pattern), (1, None));
        assert_eq!(emerging(&vec![Vec::new(); 12], &line(0), Confidence::Ninety, Stop::never()), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_cube_is_refused() {
        assert_eq!(emerging(&[], &line(3), Confidence::Ninety, Stop::never()), Err(Error::TooFewSteps(0)));
        assert_eq!(
            emerging(&vec![vec![1, 2, 3]; 9], &line(3), Confidence::Ninety, Stop::never()),
            Err(Error::TooFewSteps(9))
        );
        let mut steps = vec![vec![1, 2, 3]; 10];
        steps[7].pop();
        assert_eq!(
            emerging(&steps, &line(3), Confidence::Ninety, Stop::never()),
            Err(Error::Counts { counts: 2, cells: 3 })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Against the parts put together cell by cell; also where there is enough for threads.
        #[test]
        fn is_its_parts(seed in any::<u64>(), cells in prop_oneof![2_u32..40, Just(1800)], steps in 10_usize..14) {
            let mut state = seed;
            let counts: Vec<Vec<u32>> = (0..steps).map(|_| (0..cells).map(|cell| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let noise = ((state >> 60) / 4) as u32;
                if cell % 17 < 4 { 6 + noise } else { noise }
            }).collect()).collect();
            let neighbors = line(cells);
            let found = emerging(&counts, &neighbors, Confidence::Ninety, Stop::never()).unwrap();
            let z: Vec<_> = counts.iter().map(|counts| gi_star(&counts.iter().map(|count| u64::from(*count)).collect::<Vec<_>>(), &neighbors)).collect();
            let q: Vec<_> = z.iter().map(|z| q_values(&z.iter().map(|z| z.map(two_sided_p)).collect::<Vec<_>>())).collect();
            prop_assert_eq!(found.len(), cells as usize);
            for (cell, found) in found.iter().enumerate() {
                let series: Vec<f64> = z.iter().filter_map(|z| z[cell]).collect();
                let trend = if series.len() < LEAST_STEPS { None } else { mann_kendall(&series) };
                prop_assert_eq!(found.trend, trend);
                prop_assert_eq!((found.z, found.q), (z[steps - 1][cell], q[steps - 1][cell]));
                let hot = (0..steps).filter(|step| q[*step][cell].is_some_and(|q| q <= 0.10) && z[*step][cell] > Some(0.0));
                prop_assert_eq!(found.hot as usize, hot.count());
                prop_assert_eq!(found.pattern.is_some(), found.z.is_some() && trend.is_some());
            }
        }
    }
}
