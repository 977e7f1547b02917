//! Kernel density in the middle of cells, of incidents that count in the middle of theirs: what ranks cells.

use crate::{
    Projection, Stop,
    error::{Error, MOST_PAIRS},
    kernel::{falloff, peak_per_km2},
};
use h3o::{CellIndex, LatLng};
use hashbrown::HashMap;

/// Cells between two looks at whether the answer is still wanted: each has some thousand others within its bandwidth.
const LOOK_EVERY: usize = 64;

/// For each cell those within the bandwidth and how much they weigh.
pub(crate) struct CellKernel {
    /// Where each cell's end in `others` and `weights`.
    ends: Vec<usize>,
    others: Vec<u32>,
    /// Per km².
    weights: Vec<f64>,
}

impl CellKernel {
    /// Of cells of a city; the bandwidth is one.
    pub(crate) fn new(cells: &[CellIndex], bandwidth_m: f64, stop: Stop<'_>) -> Result<Self, Error> {
        let centres: Vec<(f64, f64)> =
            cells.iter().map(|cell| LatLng::from(*cell)).map(|at| (at.lat(), at.lng())).collect();
        let range = |of: fn(&(f64, f64)) -> f64| {
            let least = centres.iter().map(of).fold(f64::INFINITY, f64::min);
            let greatest = centres.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
            f64::midpoint(least, greatest)
        };
        let city = Projection::centred(range(|at| at.0), range(|at| at.1));
        let points: Vec<(f64, f64)> = centres.iter().map(|at| city.project(at.0, at.1)).collect();
        // Into squares as wide as the bandwidth: what is near lies in the same or the next.
        let square = |at: (f64, f64)| ((at.0 / bandwidth_m).floor() as i64, (at.1 / bandwidth_m).floor() as i64);
        let mut squares: HashMap<(i64, i64), Vec<u32>> = HashMap::new();
        for (number, point) in points.iter().enumerate() {
            squares.entry(square(*point)).or_default().push(number as u32);
        }
        let peak = peak_per_km2(bandwidth_m);
        let mut kernel = Self { ends: Vec::with_capacity(cells.len()), others: Vec::new(), weights: Vec::new() };
        let mut near: Vec<(u32, f64)> = Vec::new();
        for (turn, point) in points.iter().enumerate() {
            stop.check_every(LOOK_EVERY, turn)?;
            let (column, row) = square(*point);
            near.clear();
            for other in (row - 1..=row + 1)
                .flat_map(|row| (column - 1..=column + 1).map(move |column| (column, row)))
                .filter_map(|square| squares.get(&square))
                .flatten()
            {
                let at = points[*other as usize];
                let (x, y) = ((at.0 - point.0) / bandwidth_m, (at.1 - point.1) / bandwidth_m);
                let weight = peak * falloff(1.0 - (x * x + y * y));
                if weight > 0.0 {
                    near.push((*other, weight));
                }
            }
            // In the order of the cells, which is that of the sums.
            near.sort_unstable_by_key(|(other, _)| *other);
            if kernel.others.len() + near.len() > MOST_PAIRS {
                return Err(Error::TooManyPairs);
            }
            for (other, weight) in &near {
                kernel.others.push(*other);
                kernel.weights.push(*weight);
            }
            kernel.ends.push(kernel.others.len());
        }
        Ok(kernel)
    }

    /// Incidents per km² in the middle of each cell.
    pub(crate) fn densities(&self, counts: &[u64]) -> Vec<f64> {
        let mut start = 0;
        self.ends
            .iter()
            .map(|end| {
                let pairs = self.others[start..*end].iter().zip(&self.weights[start..*end]);
                start = *end;
                pairs.map(|(other, weight)| counts[*other as usize] as f64 * weight).sum()
            })
            .collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{Extent, Sites, density};
    use h3o::Resolution;

    /// The density on a grid of one cell around the middle of a hexagon is the same.
    #[test]
    fn is_the_density_of_the_grid() {
        let centre = LatLng::new(41.88, -87.63).unwrap().to_cell(Resolution::Nine);
        let cells: Vec<CellIndex> = centre.grid_disk(4);
        let counts: Vec<u32> = (0..cells.len() as u32).map(|number| number * 7 % 5).collect();
        let points: Vec<(f64, f64)> =
            cells.iter().map(|cell| LatLng::from(*cell)).map(|at| (at.lat(), at.lng())).collect();
        let whole: Vec<u64> = counts.iter().map(|count| u64::from(*count)).collect();
        for bandwidth_m in [100.0, 400.0, 1500.0] {
            let found = CellKernel::new(&cells, bandwidth_m, Stop::never()).unwrap().densities(&whole);
            for ((latitude, longitude), found) in points.iter().zip(found) {
                // The middle of its only cell lies half a metre from that point in both directions.
                let bounds = Extent { west: *longitude, south: *latitude, east: *longitude, north: *latitude };
                let mut sites = Sites::new(bounds).unwrap();
                sites.add(&points);
                let expect = density(&sites, &counts, 1.0, bandwidth_m, None, Stop::never()).unwrap().values[0];
                assert!((found - expect).abs() <= 0.02 * (1.0 + expect), "{found} {expect}");
            }
        }
        assert!(CellKernel::new(&[], 400.0, Stop::never()).unwrap().densities(&[]).is_empty());
    }

    #[test]
    fn a_bandwidth_that_holds_too_many_cells_is_refused() {
        let centre = LatLng::new(41.88, -87.63).unwrap().to_cell(Resolution::Nine);
        let cells: Vec<CellIndex> = centre.grid_disk(40);
        assert!(matches!(CellKernel::new(&cells, 20_000.0, Stop::never()), Err(Error::TooManyPairs)));
    }
}
