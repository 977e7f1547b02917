//! Incidents by hexagon.

use crate::{
    cube::Cube,
    filter::{CompiledFilter, Filter},
    group::Group,
    narrow::{Narrow, with_values},
    places::{Cells, NOWHERE, ROW_RESOLUTION, UNMAPPED},
    scan::{self, Reads, Rows},
    split::{Split, correct},
};
use h3o::CellIndex;

/// Counts by cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellCounts {
    /// Cells that have any, in their order.
    pub cells: Vec<(CellIndex, u64)>,
    /// Selected incidents with a place.
    pub mapped: u64,
    /// Selected incidents without.
    pub unmapped: u64,
}

impl Cube {
    /// Selected incidents by cell of an H3 resolution. From [`COARSEST`](crate::COARSEST) to
    /// [`FINEST`](crate::FINEST) the cells of places are known (see [`Cube::index_places`]), and those of resolution 9
    /// stand beside each incident; at others the cell of each place is found anew, and takes its time.
    pub fn cells(&self, filter: &Filter, resolution: u8) -> CellCounts {
        let compiled = CompiledFilter::new(self, filter);
        let Some(cells) = self.places.all_cells(resolution) else {
            let counts = self.count_by_place(&compiled);
            return answer(self.places.roll_up(resolution, &counts), counts[UNMAPPED as usize]);
        };
        if resolution != ROW_RESOLUTION || !self.without_cell.is_empty() {
            let counts = self.count_cells(&compiled, cells, |group, rows, counts| {
                tally_through(&group.place, &cells.of_place, rows, counts);
            });
            return answer(cells.named(&counts), counts[NOWHERE as usize]);
        }
        let split = Split::new(self, compiled, cells.numbers());
        let count =
            |filter| self.count_cells(filter, cells, |group, rows, counts| scan::tally(&group.cell, rows, counts));
        let mut counts = count(&split.inside);
        if let Some((outside, categories)) = &split.outside {
            let totals = categories.iter().filter_map(|category| self.totals.of(*category));
            correct(&mut counts, &count(outside), totals.map(|totals| totals.cells.as_slice()));
        }
        answer(cells.named(&counts), counts[NOWHERE as usize])
    }

    fn count_cells(
        &self,
        filter: &CompiledFilter,
        cells: &Cells,
        tally: impl Fn(&Group, Rows<'_>, &mut [u32]) + Sync,
    ) -> Vec<u32> {
        let start = || vec![0_u32; cells.numbers()];
        scan::fold(self, filter, Reads::Rows, start, |counts, group, rows| tally(group, rows, counts), scan::add)
    }

    /// Selected incidents by the number of their place.
    pub(crate) fn count_by_place(&self, filter: &CompiledFilter) -> Vec<u32> {
        scan::fold(
            self,
            filter,
            Reads::Rows,
            || vec![0_u32; self.places.len()],
            |counts, group, rows| scan::tally(&group.place, rows, counts),
            scan::add,
        )
    }
}

fn answer(cells: Vec<(CellIndex, u64)>, unmapped: u32) -> CellCounts {
    let mapped = cells.iter().map(|(_, count)| count).sum();
    CellCounts { cells, mapped, unmapped: u64::from(unmapped) }
}

/// Selected rows by the value that their place has in a table.
fn tally_through(places: &Narrow, table: &Narrow, rows: Rows<'_>, counts: &mut [u32]) {
    with_values!(places, places => with_values!(table, table => {
        rows.count_at(places.len(), counts, |slot| table[places[slot] as usize] as usize);
    }));
}
