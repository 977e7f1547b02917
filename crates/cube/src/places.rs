//! Distinct places: incidents share some points (blocks are coarsened), so coordinates and cells are kept once per point.
//!
//! Finding a point's cells is dearer than everything else that a row costs, so it is done apart ([`Places::index`]),
//! whenever there is time. A question that comes before finds the missing ones itself.

use h3o::{CellIndex, LatLng, Resolution};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::hash::BuildHasher;

/// The finest resolution of cells.
pub const FINEST: u8 = 11;
/// The coarsest.
pub const COARSEST: u8 = 7;

/// The place of unmapped incidents: the first, so that counting needs no branch.
pub(crate) const UNMAPPED: u32 = 0;

const RESOLUTIONS: [Resolution; (FINEST - COARSEST + 1) as usize] =
    [Resolution::Seven, Resolution::Eight, Resolution::Nine, Resolution::Ten, Resolution::Eleven];

#[derive(Debug)]
pub(crate) struct Places {
    /// Numbers of places, found by their points.
    by_point: HashTable<u32>,
    hasher: DefaultHashBuilder,
    points: Vec<(f64, f64)>,
    /// Per resolution from the coarsest to the finest: the number of each place's cell, and the cells by number.
    cells: [Cells; RESOLUTIONS.len()],
    /// Places whose cells are known, from the first on.
    indexed: usize,
}

#[derive(Debug, Default)]
struct Cells {
    of_place: Vec<u32>,
    numbers: HashMap<u64, u32>,
    indexes: Vec<CellIndex>,
}

/// A cell's parent need not contain the point: each resolution is asked for itself. None for what is no point.
fn cell_of((latitude, longitude): (f64, f64), resolution: Resolution) -> Option<CellIndex> {
    LatLng::new(latitude, longitude).ok().map(|point| point.to_cell(resolution))
}

impl Places {
    pub(crate) fn new() -> Self {
        Self {
            by_point: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            points: vec![(f64::NAN, f64::NAN)],
            cells: Default::default(),
            indexed: 1,
        }
    }

    pub(crate) fn number(&mut self, latitude: f64, longitude: f64) -> u32 {
        if !(latitude.is_finite() && longitude.is_finite()) {
            return UNMAPPED;
        }
        let bits = |(latitude, longitude): (f64, f64)| (latitude.to_bits(), longitude.to_bits());
        let point = (latitude, longitude);
        let hash = self.hasher.hash_one(bits(point));
        let known = self.by_point.find(hash, |number| bits(self.points[*number as usize]) == bits(point));
        if let Some(number) = known {
            return *number;
        }
        let number = self.points.len() as u32;
        self.points.push(point);
        let (points, hasher) = (&self.points, &self.hasher);
        self.by_point.insert_unique(hash, number, |number| hasher.hash_one(bits(points[*number as usize])));
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    pub(crate) fn point(&self, place: u32) -> (f64, f64) {
        self.points[place as usize]
    }

    /// Finds the cells of so many places more; whether all are known then.
    pub(crate) fn index(&mut self, most: usize) -> bool {
        let end = self.points.len().min(self.indexed.saturating_add(most));
        for (resolution, cells) in RESOLUTIONS.into_iter().zip(&mut self.cells) {
            for cell in self.points[self.indexed..end].iter().filter_map(|point| cell_of(*point, resolution)) {
                let next = cells.indexes.len() as u32;
                let number = *cells.numbers.entry(u64::from(cell)).or_insert(next);
                if number == next {
                    cells.indexes.push(cell);
                }
                cells.of_place.push(number);
            }
        }
        self.indexed = end;
        end == self.points.len()
    }

    /// The number of each place's cell, and the cells by number, in their order; where there is no cell, the number after
    /// the last.
    pub(crate) fn cells_of_places(&self, resolution: u8) -> (Vec<u32>, Vec<CellIndex>) {
        let number = usize::from(resolution - COARSEST);
        let known = &self.cells[number];
        let others: Vec<Option<CellIndex>> =
            self.points[self.indexed..].iter().map(|point| cell_of(*point, RESOLUTIONS[number])).collect();
        let mut cells: Vec<CellIndex> = known.indexes.iter().copied().chain(others.iter().flatten().copied()).collect();
        cells.sort_unstable_by_key(|cell| u64::from(*cell));
        cells.dedup();
        let none = cells.len() as u32;
        let find = |cell: &CellIndex| {
            cells.binary_search_by_key(&u64::from(*cell), |cell| u64::from(*cell)).map_or(none, |found| found as u32)
        };
        let ordered: Vec<u32> = known.indexes.iter().map(find).collect();
        let indexed = known.of_place.iter().map(|cell| ordered[*cell as usize]);
        let others = others.iter().map(|cell| cell.as_ref().map_or(none, find));
        (std::iter::once(none).chain(indexed).chain(others).collect(), cells)
    }

    /// Sums counts per place into counts per cell, those that are not zero.
    pub(crate) fn roll_up(&self, resolution: u8, counts: &[u32]) -> Vec<(CellIndex, u64)> {
        let number = usize::from(resolution - COARSEST);
        let cells = &self.cells[number];
        let mut sums = vec![0_u64; cells.indexes.len()];
        for (count, cell) in counts[1..].iter().zip(&cells.of_place) {
            sums[*cell as usize] += u64::from(*count);
        }
        let mut others: HashMap<CellIndex, u64> = HashMap::new();
        for (count, point) in counts.iter().zip(&self.points).skip(self.indexed).filter(|(count, _)| **count > 0) {
            let Some(cell) = cell_of(*point, RESOLUTIONS[number]) else { continue };
            match cells.numbers.get(&u64::from(cell)) {
                Some(known) => sums[*known as usize] += u64::from(*count),
                None => *others.entry(cell).or_default() += u64::from(*count),
            }
        }
        let known = cells.indexes.iter().copied().zip(sums);
        let mut answer: Vec<_> = known.filter(|(_, sum)| *sum > 0).chain(others).collect();
        answer.sort_unstable_by_key(|(cell, _)| u64::from(*cell));
        answer
    }
}
