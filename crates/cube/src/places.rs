//! Distinct places: incidents share some points (blocks are coarsened), so coordinates and cells are kept once per point.

use h3o::{CellIndex, LatLng, Resolution};
use hashbrown::HashMap;

/// The finest resolution of cells.
pub const FINEST: u8 = 11;
/// The coarsest.
pub const COARSEST: u8 = 7;

/// The place of unmapped incidents: the first, so that counting needs no branch.
pub(crate) const UNMAPPED: u32 = 0;

#[derive(Debug)]
pub(crate) struct Places {
    by_point: HashMap<(u64, u64), u32>,
    points: Vec<(f64, f64)>,
    /// Per resolution from the coarsest to the finest: the number of each place's cell, and the cells by number.
    cells: [Cells; (FINEST - COARSEST + 1) as usize],
}

#[derive(Debug, Default)]
struct Cells {
    of_place: Vec<u32>,
    numbers: HashMap<u64, u32>,
    cells: Vec<CellIndex>,
}

impl Places {
    pub(crate) fn new() -> Self {
        Self { by_point: HashMap::new(), points: vec![(f64::NAN, f64::NAN)], cells: Default::default() }
    }

    pub(crate) fn number(&mut self, latitude: f64, longitude: f64) -> u32 {
        if let Some(number) = self.by_point.get(&(latitude.to_bits(), longitude.to_bits())) {
            return *number;
        }
        let Ok(point) = LatLng::new(latitude, longitude) else { return UNMAPPED };
        let number = self.points.len() as u32;
        let resolutions = [Resolution::Seven, Resolution::Eight, Resolution::Nine, Resolution::Ten, Resolution::Eleven];
        // A cell's parent need not contain the point: each resolution is asked for itself.
        for (resolution, cells) in resolutions.into_iter().zip(&mut self.cells) {
            let cell = point.to_cell(resolution);
            let next = cells.cells.len() as u32;
            let number = *cells.numbers.entry(u64::from(cell)).or_insert(next);
            if number == next {
                cells.cells.push(cell);
            }
            cells.of_place.push(number);
        }
        self.points.push((latitude, longitude));
        self.by_point.insert((latitude.to_bits(), longitude.to_bits()), number);
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    pub(crate) fn point(&self, place: u32) -> (f64, f64) {
        self.points[place as usize]
    }

    /// Sums counts per place into counts per cell, those that are not zero.
    pub(crate) fn roll_up(&self, resolution: u8, counts: &[u32]) -> Vec<(CellIndex, u64)> {
        let cells = &self.cells[usize::from(resolution - COARSEST)];
        let mut sums = vec![0_u64; cells.cells.len()];
        for (count, cell) in counts[1..].iter().zip(&cells.of_place) {
            sums[*cell as usize] += u64::from(*count);
        }
        let mut answer: Vec<_> =
            sums.into_iter().zip(&cells.cells).filter(|(sum, _)| *sum > 0).map(|(sum, cell)| (*cell, sum)).collect();
        answer.sort_unstable_by_key(|(cell, _)| u64::from(*cell));
        answer
    }
}
