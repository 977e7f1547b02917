//! Work that can be stopped: its client has left, or waits no longer.

use crate::Error;
use std::fmt;

/// Says whether a computation is still wanted. Loops ask it every few milliseconds and end with [`Error::Stopped`]. The
/// caller decides what it depends on: this crate knows no clock and no client.
#[derive(Clone, Copy, Default)]
pub struct Stop<'a>(Option<&'a (dyn Fn() -> bool + Sync)>);

impl<'a> Stop<'a> {
    /// The computation runs to its end.
    pub fn never() -> Self {
        Self(None)
    }

    /// The computation ends early once this answers true. It must be cheap.
    pub fn when(is_unwanted: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self(Some(is_unwanted))
    }

    /// Fails with [`Error::Stopped`] where the computation is no longer wanted.
    pub fn check(&self) -> Result<(), Error> {
        match self.0 {
            Some(is_unwanted) if is_unwanted() => Err(Error::Stopped),
            _ => Ok(()),
        }
    }

    /// The same for one turn in `every` of a loop: asking costs more than a turn of a tight loop does.
    pub(crate) fn check_every(&self, every: usize, turn: usize) -> Result<(), Error> {
        if turn.is_multiple_of(every) { self.check() } else { Ok(()) }
    }
}

impl fmt::Debug for Stop<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Stop::when(…)" } else { "Stop::never()" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BacktestPlan, Confidence, Extent, Sites, StudyArea, backtest, density, emerging};
    use h3o::{CellIndex, LatLng, Resolution};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Runs a computation that is unwanted from the `after`th look on; answers how often it looked.
    fn looks<A>(after: usize, compute: impl Fn(Stop<'_>) -> Result<A, Error>) -> (Result<A, Error>, usize) {
        let looked = AtomicUsize::new(0);
        let is_unwanted = || looked.fetch_add(1, Ordering::Relaxed) >= after;
        let found = compute(Stop::when(&is_unwanted));
        (found, looked.load(Ordering::Relaxed))
    }

    /// It looks often enough, and ends soon after it was stopped, wherever that is.
    fn check<A: std::fmt::Debug + PartialEq>(least: usize, compute: impl Fn(Stop<'_>) -> Result<A, Error>) {
        let (whole, all) = looks(usize::MAX, &compute);
        assert!(all >= least, "looked {all} times, of at least {least}");
        assert_eq!(whole, compute(Stop::never()), "being watched changes nothing");
        for after in [0, all / 2, all - 1] {
            let (found, looked) = looks(after, &compute);
            assert!(matches!(found, Err(Error::Stopped)), "went on after look {after} of {all}");
            // Each thread notices by itself.
            assert!(looked <= after + 1 + 8, "looked {looked} times after being stopped at {after}");
        }
    }

    fn area() -> StudyArea {
        #[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
        let centre = LatLng::new(41.88, -87.63).unwrap().to_cell(Resolution::Nine);
        StudyArea::new(centre.grid_disk::<Vec<CellIndex>>(20))
    }

    #[test]
    fn emerging_stops_between_steps_and_between_cells() {
        let area = area();
        let steps: Vec<Vec<u32>> = (0..40_u32)
            .map(|step| (0..area.cells().len() as u32).map(|cell| (cell * 7 + step) % 5).collect())
            .collect();
        check(41, |stop| emerging(&steps, area.neighbors(), Confidence::Ninety, stop));
    }

    #[test]
    fn a_backtest_stops_between_weeks() {
        let area = area();
        let weeks: Vec<Vec<u32>> = (0..30_u32)
            .map(|week| (0..area.cells().len() as u32).map(|cell| (cell * 3 + week) % 4).collect())
            .collect();
        let plan = BacktestPlan { training_weeks: 5, test_weeks: 20, area_share: 0.1, bandwidth_m: 400.0 };
        check(20, |stop| backtest(&weeks, &area, &plan, stop));
    }

    #[test]
    #[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    fn a_density_stops_between_places() {
        let bounds = Extent { west: -87.95, south: 41.64, east: -87.52, north: 42.03 };
        let mut sites = Sites::new(bounds).unwrap();
        let places: Vec<(f64, f64)> =
            (0..20_000).map(|n| (41.7 + f64::from(n % 150) * 0.002, -87.9 + f64::from(n / 150) * 0.002)).collect();
        sites.add(&places);
        let counts = vec![1; places.len()];
        check(10, |stop| density(&sites, &counts, 500.0, 900.0, None, stop));
    }

    #[test]
    fn study_areas_stop_between_cells() {
        let area = area();
        let check = |compute: &dyn Fn(Stop<'_>) -> Result<StudyArea, Error>| {
            assert!(matches!(looks(0, compute).0, Err(Error::Stopped)));
            assert!(looks(usize::MAX, compute).0.is_ok());
        };
        check(&|stop| StudyArea::try_new(area.cells().iter().copied(), stop));
        check(&|stop| StudyArea::try_within_reach(area.cells(), stop));
        check(&|stop| StudyArea::try_inside(area.cells(), |_, _| false, stop));
        check(&|stop| area.try_only(|_, _| true, stop));
    }
}
