//! Kernel density on a grid: incidents per km² around the middle of each cell.
//!
//! Every distinct place counts from where it is; nothing is binned. Each cell adds up its places in one order, that of
//! their position on the grid, so that neither the order in which they are given nor the number of threads shows in a
//! bit of the answer.

use crate::{
    Grid,
    error::{Error, is_length},
    grid::Reach,
    kernel::{falloff, peak_per_km2},
    threads::{in_parallel, worth},
};
use std::ops::Range;

/// Places from which a second thread pays.
const MANY: usize = 4096;
/// Columns that are summed together.
const GROUP: usize = 4;
/// Degrees from the extent that no bandwidth reaches, and where the plane is still one.
const FAR_DEGREES: f64 = 2.0;

/// Incidents at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaceCount {
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// So many.
    pub count: u64,
}

/// A kernel density.
#[derive(Clone, Debug, PartialEq)]
pub struct Density {
    /// Where its values lie.
    pub grid: Grid,
    /// Of the kernel.
    pub bandwidth_m: f64,
    /// Incidents per km², or per km² and year, around the middle of each cell; row by row from the south-west.
    pub values: Vec<f64>,
}

/// The sum of 3/(π h²) (1 − d²/h²)² over all incidents nearer than the bandwidth h to the middle of each cell, in incidents
/// per km²; per year, where the length of the period is given. Places beyond the grid count as far as they reach into it.
pub fn density(places: &[PlaceCount], grid: &Grid, bandwidth_m: f64, years: Option<f64>) -> Result<Density, Error> {
    if !is_length(bandwidth_m) {
        return Err(Error::Bandwidth(bandwidth_m));
    }
    if let Some(years) = years
        && !(years.is_finite() && years > 0.0)
    {
        return Err(Error::Years(years));
    }
    if let Some(place) = places.iter().find(|place| !is_point(place)) {
        return Err(Error::Place { latitude: place.latitude, longitude: place.longitude });
    }
    let threads = worth(places.len(), MANY);
    let spread = Spread::new(places, grid, bandwidth_m, threads);
    let mut values = vec![0.0; grid.width() * grid.height()];
    spread.sum(&mut values);
    let scale = peak_per_km2(bandwidth_m) / years.unwrap_or(1.0);
    for value in &mut values {
        *value *= scale;
    }
    Ok(Density { grid: *grid, bandwidth_m, values })
}

fn is_point(place: &PlaceCount) -> bool {
    place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0
}

/// A place on the plane, with its weight.
#[derive(Clone, Copy, Debug, Default)]
struct Spot {
    east_m: f64,
    north_m: f64,
    weight: f64,
}

/// The places that reach into a grid, in the order in which they are summed.
struct Spread<'a> {
    grid: &'a Grid,
    bandwidth_m: f64,
    spots: Vec<Spot>,
    /// Where the spots of each row of the grid begin, and the end of all. Those beyond it are with its first or last.
    starts: Vec<u32>,
    /// Rows of the grid, a part for each thread.
    bands: Vec<Range<usize>>,
}

impl<'a> Spread<'a> {
    fn new(places: &[PlaceCount], grid: &'a Grid, bandwidth_m: f64, threads: usize) -> Self {
        // On the plane, and apart from those that reach nothing.
        let chunk = places.len().div_ceil(threads).max(1);
        let parts: Vec<Vec<(u32, Spot)>> = in_parallel(places.chunks(chunk), |places| {
            places.iter().filter_map(|place| spot_of(place, grid, bandwidth_m)).collect()
        });
        // Into the cells of the grid, row by row: a counting sort.
        let cells = grid.width() * grid.height();
        let mut ends = vec![0_u32; cells + 1];
        for (cell, _) in parts.iter().flatten() {
            ends[*cell as usize + 1] += 1;
        }
        let mut before = 0;
        for end in &mut ends {
            before += *end;
            *end = before;
        }
        let mut spots = vec![Spot::default(); before as usize];
        let mut next = ends.clone();
        for (cell, spot) in parts.iter().flatten() {
            let at = &mut next[*cell as usize];
            spots[*at as usize] = *spot;
            *at += 1;
        }
        let starts: Vec<u32> = ends.iter().copied().step_by(grid.width()).collect();
        // As many spots for each thread.
        let mut first = 0;
        let bands: Vec<Range<usize>> = (1..=threads)
            .map(|thread| {
                let share = spots.len() * thread / threads;
                let end = starts.partition_point(|start| (*start as usize) < share);
                let band = first..if thread == threads { grid.height() } else { end.clamp(first, grid.height()) };
                first = band.end;
                band
            })
            .collect();
        // Within a cell by position, so that the order is that of the places and not of whoever gave them.
        let mut rest = spots.as_mut_slice();
        let parts = bands.iter().map(|rows| {
            let ends = &ends[rows.start * grid.width()..=rows.end * grid.width()];
            let length = (starts[rows.end] - starts[rows.start]) as usize;
            (ends, rest.split_off_mut(..length).unwrap_or_default())
        });
        in_parallel(parts, |(ends, spots)| {
            for cell in ends.windows(2).filter(|cell| cell[1] - cell[0] > 1) {
                let cell = (cell[0] - ends[0]) as usize..(cell[1] - ends[0]) as usize;
                spots[cell].sort_unstable_by(|a, b| {
                    (a.north_m.total_cmp(&b.north_m))
                        .then(a.east_m.total_cmp(&b.east_m))
                        .then(a.weight.total_cmp(&b.weight))
                });
            }
        });
        Self { grid, bandwidth_m, spots, starts, bands }
    }

    /// Adds Σ weight (1 − d²/h²)² to the values of all cells: each thread a band of rows.
    fn sum(&self, values: &mut [f64]) {
        let mut rest = values;
        let parts = self.bands.iter().map(|rows| {
            let length = rows.len() * self.grid.width();
            (rows, rest.split_off_mut(..length).unwrap_or_default())
        });
        in_parallel(parts, |(rows, values)| self.sum_band(rows, values));
    }

    fn sum_band(&self, rows: &Range<usize>, band: &mut [f64]) {
        let (width, inverse) = (self.grid.width(), 1.0 / self.bandwidth_m);
        // Rows as wide as whole groups of columns: a loop over a group is straight instructions.
        let stride = width.next_multiple_of(GROUP) + GROUP;
        let mut sums = vec![0.0; rows.len() * stride];
        // One row more on each side than the bandwidth reaches, for rounding.
        let margin = (self.bandwidth_m / self.grid.cell_m()).ceil() as usize + 1;
        let first = self.starts[rows.start.saturating_sub(margin)] as usize;
        let last = self.starts[rows.end.saturating_add(margin).min(self.grid.height())] as usize;
        let mut insides: Vec<f64> = Vec::new();
        for &Spot { east_m, north_m, weight } in &self.spots[first..last] {
            let Some(Reach { columns, rows: reached }) = self.grid.within(east_m, north_m, self.bandwidth_m) else {
                continue;
            };
            let reached = reached.0.max(rows.start)..reached.1.min(rows.end);
            if reached.is_empty() {
                continue;
            }
            let start = (reached.start - rows.start) * stride;
            insides.clear();
            insides.extend(reached.map(|row| {
                let distance = (self.grid.north_of(row) - north_m) * inverse;
                1.0 - distance * distance
            }));
            // The columns of the last group that are out of reach get nothing, bit for bit.
            for column in (columns.0..columns.1).step_by(GROUP) {
                let across: [f64; GROUP] = std::array::from_fn(|offset| {
                    let distance = (self.grid.east_of(column + offset) - east_m) * inverse;
                    distance * distance
                });
                let below = sums[start + column..].chunks_mut(stride);
                for (sums, inside) in below.zip(&insides) {
                    let Some(sums) = sums.first_chunk_mut::<GROUP>() else { break };
                    // All of it before any of it is stored: else the compiler cannot know that these are independent.
                    let sum: [f64; GROUP] =
                        std::array::from_fn(|offset| sums[offset] + weight * falloff(inside - across[offset]));
                    *sums = sum;
                }
            }
        }
        for (values, sums) in band.chunks_exact_mut(width).zip(sums.chunks_exact(stride)) {
            values.copy_from_slice(&sums[..width]);
        }
    }
}

/// A place on the plane and the cell to which it belongs, or the nearest; none where it reaches nothing.
fn spot_of(place: &PlaceCount, grid: &Grid, bandwidth_m: f64) -> Option<(u32, Spot)> {
    let bounds = grid.bounds();
    let near = (bounds.south - FAR_DEGREES..=bounds.north + FAR_DEGREES).contains(&place.latitude)
        && (bounds.west - FAR_DEGREES..=bounds.east + FAR_DEGREES).contains(&place.longitude);
    if !near || place.count == 0 {
        return None;
    }
    let (east_m, north_m) = grid.projection().project(place.latitude, place.longitude);
    let cell = grid.nearest(east_m, north_m, bandwidth_m)?;
    Some((cell as u32, Spot { east_m, north_m, weight: place.count as f64 }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::Bounds;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    const BOUNDS: Bounds = Bounds { west: -87.70, south: 41.80, east: -87.60, north: 41.90 };

    fn grid(cell_m: f64) -> Grid {
        Grid::covering(BOUNDS, cell_m).unwrap()
    }

    fn place((latitude, longitude, count): (f64, f64, u64)) -> PlaceCount {
        PlaceCount { latitude, longitude, count }
    }

    /// The definition, place by place and cell by cell.
    fn direct(places: &[PlaceCount], grid: &Grid, bandwidth_m: f64) -> Vec<f64> {
        let km = bandwidth_m / 1000.0;
        let mut values = Vec::new();
        for row in 0..grid.height() {
            for column in 0..grid.width() {
                let (x, y) = grid.centre_m(column, row);
                let terms = places.iter().map(|place| {
                    let (east, north) = grid.projection().project(place.latitude, place.longitude);
                    let squared = ((x - east).powi(2) + (y - north).powi(2)) / bandwidth_m.powi(2);
                    let near = if squared < 1.0 { (1.0 - squared).powi(2) } else { 0.0 };
                    place.count as f64 * 3.0 / (PI * km * km) * near
                });
                values.push(terms.sum());
            }
        }
        values
    }

    /// Where all that a cell has are places at the very edge of the bandwidth, the last bits of the distance are all that
    /// there is: such values are compared with the kernel's height.
    fn check(places: &[PlaceCount], grid: &Grid, bandwidth_m: f64) {
        let ours = density(places, grid, bandwidth_m, None).unwrap().values;
        let floor = 1e-13 * peak_per_km2(bandwidth_m) * places.iter().map(|place| place.count as f64).sum::<f64>();
        for (ours, expect) in ours.iter().zip(direct(places, grid, bandwidth_m)) {
            assert!((ours - expect).abs() <= 1e-9 * expect + floor, "{ours} {expect}");
        }
    }

    #[test]
    fn one_place_is_the_kernel() {
        let grid = grid(100.0);
        let (x, y) = grid.centre_m(40, 50);
        let (latitude, longitude) = grid.projection().unproject(x, y);
        let alone = [place((latitude, longitude, 7))];
        let found = density(&alone, &grid, 400.0, Some(2.0)).unwrap();
        let at = |column: usize, row: usize| found.values[row * grid.width() + column];
        // 3/(π 0.4²) in the middle, (1 − 1/16)² of it a cell away, nothing four cells away.
        let peak = 7.0 / 2.0 * 3.0 / (PI * 0.16);
        let check = |value: f64, expect: f64| assert!((value - expect).abs() < 1e-7, "{value} {expect}");
        check(at(40, 50), peak);
        check(at(41, 50), peak * 0.937_5 * 0.937_5);
        check(at(40, 47), peak * 0.437_5 * 0.437_5);
        check(at(44, 50), 0.0);
        // All of it is there: the integral of the kernel is one.
        let total: f64 = found.values.iter().map(|value| value * 0.01).sum();
        assert!((total - 3.5).abs() < 0.02, "{total}");
    }

    #[test]
    fn what_is_no_density_is_refused() {
        let (grid, some) = (grid(500.0), [place((41.85, -87.65, 1))]);
        for bandwidth_m in [0.0, -400.0, 0.5, 1e9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = density(&some, &grid, bandwidth_m, None).unwrap_err();
            assert!(matches!(error, Error::Bandwidth(_)), "{error}");
        }
        for years in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(density(&some, &grid, 400.0, Some(years)), Err(Error::Years(_))));
        }
        for (latitude, longitude) in [(f64::NAN, 0.0), (91.0, 0.0), (0.0, f64::INFINITY)] {
            let error = density(&[place((latitude, longitude, 1))], &grid, 400.0, None).unwrap_err();
            assert!(matches!(error, Error::Place { .. }), "{error}");
        }
    }

    #[test]
    fn nothing_is_nothing_and_far_is_nothing() {
        let grid = grid(500.0);
        let far =
            [place((36.6, -91.7, 9)), place((-41.85, 92.35, 9)), place((90.0, 0.0, 9)), place((41.85, -87.65, 0))];
        for places in [&[][..], &far[..]] {
            let found = density(places, &grid, 20_000.0, None).unwrap();
            assert!(found.values.iter().all(|value| *value == 0.0));
        }
    }

    #[test]
    fn neither_order_nor_threads_show() {
        // More than enough for threads, with places at the same point and on both sides of the grid's edges.
        let mut places: Vec<PlaceCount> = (0..3 * MANY as u64)
            .map(|number| {
                let (a, b) = (number.wrapping_mul(7_919) % 4_001, number.wrapping_mul(104_729) % 3_989);
                place((41.79 + a as f64 * 3e-5, -87.71 + b as f64 * 3e-5, number % 5))
            })
            .collect();
        places.extend_from_within(..50);
        let grid = grid(200.0);
        let expect = density(&places, &grid, 700.0, None).unwrap();
        assert!(expect.values.iter().any(|value| *value > 0.0));
        places.reverse();
        assert_eq!(density(&places, &grid, 700.0, None).unwrap(), expect);
        for threads in [1, 2, 3, 8] {
            let mut values = vec![0.0; expect.values.len()];
            Spread::new(&places, &grid, 700.0, threads).sum(&mut values);
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            let scaled: Vec<f64> = values.iter().map(|sum| sum * peak_per_km2(700.0)).collect();
            assert_eq!(bits(&scaled), bits(&expect.values));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn is_the_direct_sum(
            places in prop::collection::vec((41.78_f64..41.92, -87.73_f64..-87.57, 0_u64..2000), 0..60),
            bandwidth_m in 1.0_f64..6000.0,
            cell_m in 150.0_f64..3000.0,
        ) {
            let places: Vec<PlaceCount> = places.into_iter().map(place).collect();
            check(&places, &grid(cell_m), bandwidth_m);
        }
    }
}
