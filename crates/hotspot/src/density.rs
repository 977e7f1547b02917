//! Kernel density on a grid: incidents per km² around the middle of each cell.
//!
//! Every distinct place counts from where it is; nothing is binned. Each cell adds up its places in one order, from south
//! to north, so that neither the order in which they were found nor the number of threads shows in a bit of the answer.

use crate::{
    Grid, Sites, Stop,
    error::{Error, is_length},
    grid::Reach,
    kernel::{falloff, peak_per_km2},
    sites::Spot,
    threads::{in_parallel, worth},
};
use std::ops::Range;

/// Spots from which a second thread pays.
const MANY: usize = 4096;
/// Spots between two looks at whether the answer is still wanted: some milliseconds at the widest bandwidth.
const LOOK_EVERY: usize = 512;
/// Columns that are summed together.
const GROUP: usize = 4;

/// A kernel density.
#[derive(Clone, Debug, PartialEq)]
pub struct DensitySurface {
    /// Where its values lie.
    pub grid: Grid,
    /// Of the kernel.
    pub bandwidth_m: f64,
    /// Incidents per km², or per km² and year, around the middle of each cell; row by row from the south-west.
    pub values: Vec<f64>,
}

/// The sum of 3/(π h²) (1 − d²/h²)² over all incidents nearer than the bandwidth h to the middle of each cell of a grid
/// over the city, in incidents per km²; per year, where the length of the period is given. Incidents are counted by the
/// number of their site; those beyond the grid count as far as they reach into it.
pub fn density(
    sites: &Sites,
    counts: &[u32],
    cell_m: f64,
    bandwidth_m: f64,
    years: Option<f64>,
    stop: Stop<'_>,
) -> Result<DensitySurface, Error> {
    if !is_length(bandwidth_m) {
        return Err(Error::Bandwidth(bandwidth_m));
    }
    if let Some(years) = years
        && !(years.is_finite() && years > 0.0)
    {
        return Err(Error::Years(years));
    }
    let grid = Grid::covering(sites.bounds(), cell_m)?;
    let spots = sites.spots(counts);
    let mut values = Spread { grid: &grid, bandwidth_m, spots: &spots, stop }.sums(worth(spots.len(), MANY))?;
    let scale = peak_per_km2(bandwidth_m) / years.unwrap_or(1.0);
    for value in &mut values {
        *value *= scale;
    }
    Ok(DensitySurface { grid, bandwidth_m, values })
}

/// Spots, from south to north, that spread over a grid.
struct Spread<'a> {
    grid: &'a Grid,
    bandwidth_m: f64,
    spots: &'a [Spot],
    stop: Stop<'a>,
}

impl Spread<'_> {
    /// Σ count (1 − d²/h²)² of each cell: each thread a band of rows.
    fn sums(&self, threads: usize) -> Result<Vec<f64>, Error> {
        let mut values = vec![0.0; self.grid.width() * self.grid.height()];
        let mut rest = values.as_mut_slice();
        let parts = self.bands(threads).into_iter().map(|rows| {
            let length = rows.len() * self.grid.width();
            (rows, rest.split_off_mut(..length).unwrap_or_default())
        });
        in_parallel(parts, |(rows, values)| self.sum_band(&rows, values)).into_iter().collect::<Result<(), Error>>()?;
        Ok(values)
    }

    /// All rows, divided into bands of as many spots.
    fn bands(&self, threads: usize) -> Vec<Range<usize>> {
        let mut first = 0;
        let band = |thread: usize| {
            let last_spot = self.spots.get(self.spots.len() * thread / threads);
            let end = if thread == threads { None } else { last_spot.map(|spot| self.grid.row_at(spot.north_m)) };
            let band = first..end.unwrap_or(self.grid.height()).max(first);
            first = band.end;
            band
        };
        (1..=threads).map(band).collect()
    }

    fn sum_band(&self, rows: &Range<usize>, band: &mut [f64]) -> Result<(), Error> {
        let Some(last_row) = rows.end.checked_sub(1) else { return Ok(()) };
        let (width, inverse) = (self.grid.width(), 1.0 / self.bandwidth_m);
        // Rows as wide as whole groups of columns: a loop over a group is straight instructions.
        let stride = width.next_multiple_of(GROUP) + GROUP;
        let mut sums = vec![0.0; rows.len() * stride];
        // A little further than the bandwidth reaches, for rounding.
        let reach = self.bandwidth_m + self.grid.cell_m();
        let from = self.grid.north_of(rows.start) - reach;
        let to = self.grid.north_of(last_row) + reach;
        let near = self.spots.partition_point(|spot| spot.north_m < from)
            ..self.spots.partition_point(|spot| spot.north_m <= to);
        let mut insides: Vec<f64> = Vec::new();
        for (turn, &Spot { east_m, north_m, count }) in self.spots[near].iter().enumerate() {
            self.stop.check_every(LOOK_EVERY, turn)?;
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
                        std::array::from_fn(|offset| sums[offset] + count * falloff(inside - across[offset]));
                    *sums = sum;
                }
            }
        }
        for (values, sums) in band.chunks_exact_mut(width).zip(sums.chunks_exact(stride)) {
            values.copy_from_slice(&sums[..width]);
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::Extent;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    const BOUNDS: Extent = Extent { west: -87.70, south: 41.80, east: -87.60, north: 41.90 };

    type PlaceCount = (f64, f64, u32);

    fn grid(cell_m: f64) -> Grid {
        Grid::covering(BOUNDS, cell_m).unwrap()
    }

    fn sites(places: &[PlaceCount]) -> (Sites, Vec<u32>) {
        let mut sites = Sites::new(BOUNDS).unwrap();
        sites.add(&places.iter().map(|(latitude, longitude, _)| (*latitude, *longitude)).collect::<Vec<_>>());
        (sites, places.iter().map(|(_, _, count)| *count).collect())
    }

    fn of(places: &[PlaceCount], cell_m: f64, bandwidth_m: f64, years: Option<f64>) -> Result<DensitySurface, Error> {
        let (sites, counts) = sites(places);
        density(&sites, &counts, cell_m, bandwidth_m, years, Stop::never())
    }

    /// The definition, place by place and cell by cell.
    fn direct(places: &[PlaceCount], grid: &Grid, bandwidth_m: f64) -> Vec<f64> {
        let km = bandwidth_m / 1000.0;
        let mut values = Vec::new();
        for row in 0..grid.height() {
            for column in 0..grid.width() {
                let (x, y) = grid.centre_m(column, row);
                let terms = places.iter().map(|(latitude, longitude, count)| {
                    let (east, north) = grid.projection().project(*latitude, *longitude);
                    let squared = ((x - east).powi(2) + (y - north).powi(2)) / bandwidth_m.powi(2);
                    let near = if squared < 1.0 { (1.0 - squared).powi(2) } else { 0.0 };
                    f64::from(*count) * 3.0 / (PI * km * km) * near
                });
                values.push(terms.sum());
            }
        }
        values
    }

    /// Where all that a cell has are places at the very edge of the bandwidth, the last bits of the distance are all that
    /// there is: such values are compared with the kernel's height.
    fn check(places: &[PlaceCount], cell_m: f64, bandwidth_m: f64) {
        let ours = of(places, cell_m, bandwidth_m, None).unwrap().values;
        let all: f64 = places.iter().map(|(_, _, count)| f64::from(*count)).sum();
        let floor = 1e-13 * peak_per_km2(bandwidth_m) * all;
        for (ours, expect) in ours.iter().zip(direct(places, &grid(cell_m), bandwidth_m)) {
            assert!((ours - expect).abs() <= 1e-9 * expect + floor, "{ours} {expect}");
        }
    }

    #[test]
    fn one_place_is_the_kernel() {
        let grid = grid(100.0);
        let (x, y) = grid.centre_m(40, 50);
        let (latitude, longitude) = grid.projection().unproject(x, y);
        let found = of(&[(latitude, longitude, 7)], 100.0, 400.0, Some(2.0)).unwrap();
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
        let some = [(41.85, -87.65, 1)];
        for bandwidth_m in [0.0, -400.0, 0.5, 1e9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = of(&some, 500.0, bandwidth_m, None).unwrap_err();
            assert!(matches!(error, Error::Bandwidth(_)), "{error}");
        }
        for years in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(of(&some, 500.0, 400.0, Some(years)), Err(Error::Years(_))));
        }
        assert!(matches!(of(&some, 0.0, 400.0, None), Err(Error::CellSize(_))));
    }

    #[test]
    fn nothing_is_nothing_and_far_is_nothing() {
        let far = [(36.6, -91.7, 9), (-41.85, 92.35, 9), (90.0, 0.0, 9), (f64::NAN, f64::NAN, 9), (41.85, -87.65, 0)];
        for places in [&[][..], &far[..]] {
            let found = of(places, 500.0, 20_000.0, None).unwrap();
            assert!(found.values.iter().all(|value| *value == 0.0));
        }
    }

    #[test]
    fn neither_order_nor_threads_show() {
        // More than enough for threads, with places at the same point and on both sides of the grid's edges.
        let mut places: Vec<PlaceCount> = (0..3 * MANY as u32)
            .map(|number| {
                let (a, b) = (number.wrapping_mul(7_919) % 4_001, number.wrapping_mul(104_729) % 3_989);
                (41.79 + f64::from(a) * 3e-5, -87.71 + f64::from(b) * 3e-5, number % 5)
            })
            .collect();
        places.extend_from_within(..50);
        let expect = of(&places, 200.0, 700.0, None).unwrap();
        assert!(expect.values.iter().any(|value| *value > 0.0));
        places.reverse();
        assert_eq!(of(&places, 200.0, 700.0, None).unwrap(), expect);
        let (sites, counts) = sites(&places);
        let spots = sites.spots(&counts);
        for threads in [1, 2, 3, 8, 500] {
            let spread = Spread { grid: &expect.grid, bandwidth_m: 700.0, spots: &spots, stop: Stop::never() };
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            let scaled: Vec<f64> = spread.sums(threads).unwrap().iter().map(|sum| sum * peak_per_km2(700.0)).collect();
            assert_eq!(bits(&scaled), bits(&expect.values), "{threads}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn is_the_direct_sum(
            places in prop::collection::vec((41.78_f64..41.92, -87.73_f64..-87.57, 0_u32..2000), 0..60),
            bandwidth_m in 1.0_f64..6000.0,
            cell_m in 150.0_f64..3000.0,
        ) {
            check(&places, cell_m, bandwidth_m);
        }
    }
}
