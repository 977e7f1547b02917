//! Distinct places: incidents share some points (blocks are coarsened), so coordinates and cells are kept once per point.
//!
//! Finding a point's cells is dearer than everything else that a row costs, so it is done apart ([`Places::index`]),
//! whenever there is time. A question that comes before finds the missing ones itself.

use crate::narrow::{Narrow, bytes};
use h3o::{CellIndex, LatLng, Resolution};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::{borrow::Cow, hash::BuildHasher};

/// The finest resolution whose cells are kept.
pub const FINEST: u8 = 11;
/// The coarsest.
pub const COARSEST: u8 = 7;

/// The resolution whose cells stand beside each incident: that of maps and hot spots, unless asked otherwise.
pub(crate) const ROW_RESOLUTION: u8 = 9;
/// The place of unmapped incidents: the first, so that counting needs no branch.
pub(crate) const UNMAPPED: u32 = 0;
/// The number of their cell.
pub(crate) const NOWHERE: u32 = 0;

const RESOLUTIONS: [Resolution; (FINEST - COARSEST + 1) as usize] =
    [Resolution::Seven, Resolution::Eight, Resolution::Nine, Resolution::Ten, Resolution::Eleven];

#[derive(Debug)]
pub(crate) struct Places {
    /// Numbers of places, found by their points.
    by_point: HashTable<u32>,
    hasher: DefaultHashBuilder,
    points: Vec<(f64, f64)>,
    /// Per resolution from the coarsest to the finest.
    cells: [Cells; RESOLUTIONS.len()],
    /// Places whose cells are known, from the first on.
    indexed: usize,
}

/// The cells of one resolution.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    /// The number of each place's cell, as far as places are indexed.
    pub(crate) of_place: Narrow,
    numbers: HashMap<u64, u32>,
    /// By number, from 1 on.
    indexes: Vec<CellIndex>,
    /// Numbers in the order of their cells.
    order: Vec<u32>,
}

impl Default for Cells {
    fn default() -> Self {
        let mut of_place = Narrow::default();
        of_place.push(NOWHERE);
        Self { of_place, numbers: HashMap::new(), indexes: Vec::new(), order: Vec::new() }
    }
}

impl Cells {
    /// Numbers that there are, `NOWHERE` included.
    pub(crate) fn numbers(&self) -> usize {
        self.indexes.len() + 1
    }

    /// The cells that have any, in their order.
    pub(crate) fn named(&self, counts: &[u32]) -> Vec<(CellIndex, u64)> {
        let all = self.numbers_in_order().map(|number| (self.cell(number), u64::from(counts[number as usize])));
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// The numbers of all cells, in the order of the cells.
    pub(crate) fn numbers_in_order(&self) -> impl Iterator<Item = u32> {
        self.order.iter().copied()
    }

    /// A cell by its number.
    pub(crate) fn cell(&self, number: u32) -> CellIndex {
        self.indexes[number as usize - 1]
    }

    fn add(&mut self, points: &[(f64, f64)], resolution: Resolution) {
        for point in points {
            let number = cell_of(*point, resolution).map_or(NOWHERE, |cell| {
                let next = self.numbers() as u32;
                let number = *self.numbers.entry(u64::from(cell)).or_insert(next);
                if number == next {
                    self.indexes.push(cell);
                    self.order.push(number);
                }
                number
            });
            self.of_place.push(number);
        }
        // What was there is in order already, so this merges what is new.
        let indexes = &self.indexes;
        self.order.sort_by_key(|number| u64::from(indexes[*number as usize - 1]));
    }

    fn bytes(&self) -> usize {
        let table = self.numbers.capacity() * 8 / 7 * (size_of::<(u64, u32)>() + 1);
        self.of_place.bytes() + table + bytes(&self.indexes) + bytes(&self.order)
    }
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
        crate::narrow::push(&mut self.points, point);
        let (points, hasher) = (&self.points, &self.hasher);
        self.by_point.insert_unique(hash, number, |number| hasher.hash_one(bits(points[*number as usize])));
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    /// By number.
    pub(crate) fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// Finds the cells of so many places more; whether all are known then.
    pub(crate) fn index(&mut self, most: usize) -> bool {
        let end = self.points.len().min(self.indexed.saturating_add(most));
        if end > self.indexed {
            for (resolution, cells) in RESOLUTIONS.into_iter().zip(&mut self.cells) {
                cells.add(&self.points[self.indexed..end], resolution);
            }
        }
        self.indexed = end;
        end == self.points.len()
    }

    /// The cells of a resolution, where those of all places are known.
    pub(crate) fn all_cells(&self, resolution: u8) -> Option<&Cells> {
        let cells = self.cells.get(usize::from(resolution.checked_sub(COARSEST)?))?;
        (self.indexed == self.points.len()).then_some(cells)
    }

    /// The cells of a resolution, those of all places found where they are not known yet.
    pub(crate) fn cells(&self, resolution: u8) -> Cow<'_, Cells> {
        let kept = resolution.checked_sub(COARSEST).and_then(|number| self.cells.get(usize::from(number)));
        let indexed = if kept.is_some() { self.indexed } else { UNMAPPED as usize + 1 };
        if let Some(kept) = kept
            && indexed == self.points.len()
        {
            return Cow::Borrowed(kept);
        }
        let mut cells = kept.cloned().unwrap_or_default();
        cells.add(&self.points[indexed..], Resolution::try_from(resolution).unwrap_or(Resolution::Fifteen));
        Cow::Owned(cells)
    }

    /// The number of a place's cell of the resolution that stands beside each incident, where it is known.
    pub(crate) fn row_cell(&self, place: u32) -> Option<u32> {
        let cells = &self.cells[usize::from(ROW_RESOLUTION - COARSEST)];
        ((place as usize) < self.indexed).then(|| cells.of_place.value(place as usize))
    }

    /// Sums counts per place into counts per cell, those that are not zero, whether their cells are known or not.
    pub(crate) fn roll_up(&self, resolution: u8, counts: &[u32]) -> Vec<(CellIndex, u64)> {
        let known = resolution.checked_sub(COARSEST).and_then(|number| self.cells.get(usize::from(number)));
        let mut sums = vec![0_u32; known.map_or(0, Cells::numbers)];
        let mut first = UNMAPPED as usize + 1;
        if let Some(cells) = known {
            for (place, count) in counts.iter().enumerate().take(self.indexed).skip(first) {
                sums[cells.of_place.value(place) as usize] += count;
            }
            first = self.indexed;
        }
        let mut answer: HashMap<CellIndex, u64> = known.map(|cells| cells.named(&sums)).into_iter().flatten().collect();
        let resolution = Resolution::try_from(resolution).unwrap_or(Resolution::Fifteen);
        for (count, point) in counts.iter().zip(&self.points).skip(first).filter(|(count, _)| **count > 0) {
            if let Some(cell) = cell_of(*point, resolution) {
                *answer.entry(cell).or_default() += u64::from(*count);
            }
        }
        let mut answer: Vec<_> = answer.into_iter().collect();
        answer.sort_unstable_by_key(|(cell, _)| u64::from(*cell));
        answer
    }

    /// Bytes that they occupy.
    pub(crate) fn bytes(&self) -> usize {
        let table = self.by_point.capacity() * 8 / 7 * (size_of::<u32>() + 1);
        bytes(&self.points) + table + self.cells.iter().map(Cells::bytes).sum::<usize>()
    }
}
