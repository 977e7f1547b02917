//! The cells that are asked about: those of the city, with incidents or without, and none in the lake.

use crate::{Error, Stop};
use h3o::CellIndex;
use hashbrown::{HashMap, HashSet};

/// Of six neighbours, so many with incidents put a cell between them into the city.
const ENCLOSED: usize = 4;

/// For each cell the numbers of its neighbours, itself not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbors {
    /// Where each cell's neighbours end in `all`.
    ends: Vec<u32>,
    all: Vec<u32>,
}

impl Neighbors {
    /// From a list for each cell.
    pub fn new(lists: impl IntoIterator<Item = Vec<u32>>) -> Self {
        let mut neighbors = Self::default();
        lists.into_iter().for_each(|list| neighbors.push(list));
        neighbors
    }

    fn push(&mut self, list: Vec<u32>) {
        self.all.extend(list);
        self.ends.push(self.all.len() as u32);
    }

    /// Cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The neighbours of a cell.
    pub fn of(&self, cell: usize) -> &[u32] {
        let start = if cell == 0 { 0 } else { self.ends[cell - 1] };
        &self.all[start as usize..self.ends[cell] as usize]
    }
}

/// Cells in their order, and how they lie to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StudyArea {
    cells: Vec<CellIndex>,
    neighbors: Neighbors,
}

/// Cells between two looks at whether the answer is still wanted: a microsecond each.
const LOOK_EVERY: usize = 4096;

/// What [`Stop::never`] does not do.
fn unstopped(area: Result<StudyArea, Error>) -> StudyArea {
    area.unwrap_or_default()
}

impl StudyArea {
    /// Exactly these cells.
    pub fn new(cells: impl IntoIterator<Item = CellIndex>) -> Self {
        unstopped(Self::try_new(cells, Stop::never()))
    }

    /// [`Self::new`], as long as it is wanted.
    pub fn try_new(cells: impl IntoIterator<Item = CellIndex>, stop: Stop<'_>) -> Result<Self, Error> {
        stop.check()?;
        let mut cells: Vec<CellIndex> = cells.into_iter().collect();
        cells.sort_unstable_by_key(|cell| u64::from(*cell));
        cells.dedup();
        stop.check()?;
        let numbers: HashMap<CellIndex, u32> = (0..).zip(&cells).map(|(number, cell)| (*cell, number)).collect();
        let mut neighbors = Neighbors::default();
        for (turn, cell) in cells.iter().enumerate() {
            stop.check_every(LOOK_EVERY, turn)?;
            let mut around: Vec<u32> = around(*cell).filter_map(|other| numbers.get(&other).copied()).collect();
            around.sort_unstable();
            neighbors.push(around);
        }
        Ok(Self { cells, neighbors })
    }

    /// Where the city's outline is not known: the cells to which any incident was ever mapped, and those that such
    /// cells enclose (four of six neighbours).
    pub fn within_reach(mapped: &[CellIndex]) -> Self {
        unstopped(Self::try_within_reach(mapped, Stop::never()))
    }

    /// [`Self::within_reach`], as long as it is wanted.
    pub fn try_within_reach(mapped: &[CellIndex], stop: Stop<'_>) -> Result<Self, Error> {
        let known: HashSet<CellIndex> = mapped.iter().copied().collect();
        let enclosed = |cell: &CellIndex| around(*cell).filter(|other| known.contains(other)).count() >= ENCLOSED;
        let mut cells: Vec<CellIndex> = Vec::new();
        for (turn, cell) in known.iter().enumerate() {
            stop.check_every(LOOK_EVERY, turn)?;
            cells.push(*cell);
            cells.extend(around(*cell).filter(|cell| !known.contains(cell)).filter(enclosed));
        }
        Self::try_new(cells, stop)
    }

    /// Where it is known: the cells whose centre (longitude, latitude) lies inside, as far as they hang together with
    /// cells to which any incident was ever mapped, and these.
    pub fn inside(mapped: &[CellIndex], contains: impl Fn(f64, f64) -> bool) -> Self {
        unstopped(Self::try_inside(mapped, contains, Stop::never()))
    }

    /// [`Self::inside`], as long as it is wanted.
    pub fn try_inside(
        mapped: &[CellIndex],
        contains: impl Fn(f64, f64) -> bool,
        stop: Stop<'_>,
    ) -> Result<Self, Error> {
        let mut known: HashSet<CellIndex> = mapped.iter().copied().collect();
        let mut outside: HashSet<CellIndex> = HashSet::new();
        let mut frontier: Vec<CellIndex> = known.iter().copied().collect();
        let mut turn = 0;
        while let Some(cell) = frontier.pop() {
            stop.check_every(LOOK_EVERY, turn)?;
            turn += 1;
            for other in around(cell) {
                if known.contains(&other) || outside.contains(&other) {
                    continue;
                }
                let centre = h3o::LatLng::from(other);
                if contains(centre.lng(), centre.lat()) {
                    known.insert(other);
                    frontier.push(other);
                } else {
                    outside.insert(other);
                }
            }
        }
        Self::try_new(known, stop)
    }

    /// The cells of it that a condition on the centre (longitude, latitude) holds for.
    #[must_use]
    pub fn only(&self, holds: impl Fn(f64, f64) -> bool) -> Self {
        unstopped(self.try_only(holds, Stop::never()))
    }

    /// [`Self::only`], as long as it is wanted.
    pub fn try_only(&self, holds: impl Fn(f64, f64) -> bool, stop: Stop<'_>) -> Result<Self, Error> {
        let cells = self.cells.iter().copied().filter(|cell| {
            let centre = h3o::LatLng::from(*cell);
            holds(centre.lng(), centre.lat())
        });
        Self::try_new(cells, stop)
    }

    /// Its cells, in the order of their indexes.
    pub fn cells(&self) -> &[CellIndex] {
        &self.cells
    }

    /// How they lie to each other.
    pub fn neighbors(&self) -> &Neighbors {
        &self.neighbors
    }

    /// Counts in the order of its cells; `counted` is in the order of the cells' indexes. What lies outside is left out.
    pub fn counts(&self, counted: &[(CellIndex, u64)]) -> Vec<u64> {
        let mut counted = counted.iter().peekable();
        self.cells
            .iter()
            .map(|cell| {
                while counted.next_if(|(other, _)| u64::from(*other) < u64::from(*cell)).is_some() {}
                counted.next_if(|(other, _)| other == cell).map_or(0, |(_, count)| *count)
            })
            .collect()
    }
}

fn around(cell: CellIndex) -> impl Iterator<Item = CellIndex> {
    cell.grid_disk::<Vec<_>>(1).into_iter().filter(move |other| *other != cell)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use h3o::{LatLng, Resolution};

    fn loop_cell() -> CellIndex {
        LatLng::new(41.88, -87.63).unwrap().to_cell(Resolution::Nine)
    }

    #[test]
    fn an_enclosed_cell_belongs_and_the_outside_does_not() {
        let centre = loop_cell();
        let ring: Vec<CellIndex> = around(centre).collect();
        let area = StudyArea::within_reach(&ring);
        assert_eq!(area.cells().len(), 7);
        let number = area.cells().iter().position(|cell| *cell == centre).unwrap();
        assert_eq!(area.neighbors().of(number).len(), 6);
        assert_eq!(area.neighbors().len(), 7);
        assert_eq!(StudyArea::within_reach(&ring[..3]).cells().len(), 3);
        assert!(StudyArea::within_reach(&[]).cells().is_empty());
    }

    #[test]
    fn an_outline_is_filled_and_not_left() {
        let centre = loop_cell();
        let middle = LatLng::from(centre);
        let near = |lng: f64, lat: f64| (lng - middle.lng()).hypot(lat - middle.lat()) < 0.02;
        let area = StudyArea::inside(&[centre], near);
        assert!(area.cells().len() > 50);
        let inside = |cell: &CellIndex| near(LatLng::from(*cell).lng(), LatLng::from(*cell).lat());
        assert!(area.cells().iter().all(inside));
        // Every cell just outside is outside.
        let all: HashSet<CellIndex> = area.cells().iter().copied().collect();
        for cell in area.cells().iter().flat_map(|cell| around(*cell)).filter(|cell| !all.contains(cell)) {
            assert!(!inside(&cell));
        }
        assert!(area.only(|lng, _| lng < middle.lng()).cells().len() < area.cells().len());
    }

    #[test]
    fn counts_fall_into_place() {
        let area = StudyArea::new(around(loop_cell()));
        let cells = area.cells();
        let mut counted = vec![(cells[1], 5), (cells[4], 7), (loop_cell(), 9)];
        counted.sort_unstable_by_key(|(cell, _)| u64::from(*cell));
        assert_eq!(area.counts(&counted), [0, 5, 0, 0, 7, 0]);
        assert_eq!(area.counts(&[]), [0; 6]);
    }
}
