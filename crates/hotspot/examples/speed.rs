//! How long each statistic takes over a synthetic city of a realistic size, medians:
//! `cargo run --release -p blotter-hotspot --example speed`.

use blotter_hotspot::{BacktestPlan, Confidence, Extent, Sites, Stop, StudyArea, backtest, density, emerging};
use h3o::{CellIndex, LatLng, Resolution};
use std::{error::Error, io::Write, time::Instant};

/// As Chicago.
const BOUNDS: Extent = Extent { west: -87.95, south: 41.64, east: -87.52, north: 42.03 };
const PLACES: usize = 400_000;
const RUNS: usize = 15;

fn main() -> Result<(), Box<dyn Error>> {
    let (places, counts_of_places) = places();
    let incidents: u32 = counts_of_places.iter().sum();
    let mut sites = Sites::new(BOUNDS)?;
    sites.add(&places);
    for (bandwidth_m, cell_m) in [(400.0, 100.0), (1000.0, 100.0), (400.0, 50.0)] {
        let what = format!("density, {bandwidth_m} m, cells of {cell_m} m, {PLACES} places, {incidents} incidents");
        median(&what, || density(&sites, &counts_of_places, cell_m, bandwidth_m, None, Stop::never()))?;
    }
    median("sites, found anew", || {
        let mut sites = Sites::new(BOUNDS)?;
        sites.add(&places);
        Ok::<_, blotter_hotspot::Error>(sites)
    })?;
    let area = area(&places)?;
    let months = counts(&area, 72);
    let what = format!("emerging, {} months over {} cells", months.len(), area.cells().len());
    median(&what, || emerging(&months, area.neighbors(), Confidence::Ninety, Stop::never()))?;
    let weeks = counts(&area, 104);
    let plan = BacktestPlan { training_weeks: 52, test_weeks: 52, area_share: 0.05, bandwidth_m: 400.0 };
    let what = format!("backtest, 52 weeks, each from 52, over {} cells", area.cells().len());
    median(&what, || backtest(&weeks, &area, &plan, Stop::never()))?;
    Ok(())
}

fn median<A, E: Error + 'static>(what: &str, mut run: impl FnMut() -> Result<A, E>) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        let answer = run()?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        drop(answer);
    }
    times.sort_unstable_by(f64::total_cmp);
    writeln!(std::io::stdout(), "{:8.1} ms (least {:.1}): {what}", times[RUNS / 2], times[0])?;
    Ok(())
}

/// Pseudo-random numbers from 0 to 1: splitmix64.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Points of a city that lies along a shore, denser in its middle, with counts whose mean is that of six years.
fn places() -> (Vec<(f64, f64)>, Vec<u32>) {
    let mut draws = Draws(1);
    (0..PLACES)
        .map(|_| {
            let (a, b) = (draws.next(), draws.next());
            let south = 0.65 * a + 0.35 * f64::midpoint(draws.next(), draws.next());
            let latitude = BOUNDS.south + (BOUNDS.north - BOUNDS.south) * south;
            let longitude = -87.84 + 0.30 * (0.5 * b + 0.5 * f64::midpoint(draws.next(), draws.next()));
            ((latitude, longitude), 1 + (3.8 * -libm::log(1.0 - draws.next())) as u32)
        })
        .unzip()
}

/// The cells of resolution 9 that hold places.
fn area(places: &[(f64, f64)]) -> Result<StudyArea, Box<dyn Error>> {
    let mut cells: Vec<CellIndex> = Vec::new();
    for (latitude, longitude) in places {
        cells.push(LatLng::new(*latitude, *longitude)?.to_cell(Resolution::Nine));
    }
    Ok(StudyArea::new(cells))
}

/// Counts of each step in each cell: few cells have many.
fn counts(area: &StudyArea, steps: usize) -> Vec<Vec<u32>> {
    let mut draws = Draws(2);
    let levels: Vec<f64> = area.cells().iter().map(|_| 7.0 * draws.next().powi(3)).collect();
    (0..steps).map(|_| levels.iter().map(|level| (level * -libm::log(1.0 - draws.next())) as u32).collect()).collect()
}
