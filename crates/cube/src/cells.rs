//! Incidents by hexagon.

use crate::{
    cube::Cube,
    filter::{Compiled, Filter},
    places::UNMAPPED,
    scan,
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
    /// Selected incidents by cell of a resolution from [`COARSEST`](crate::COARSEST) to [`FINEST`](crate::FINEST).
    pub fn cells(&self, filter: &Filter, resolution: u8) -> CellCounts {
        let compiled = Compiled::new(self, filter);
        let places = self.places.len();
        let counts = scan::fold(
            self,
            &compiled,
            || vec![0_u32; places],
            |counts, block, selected| {
                for (selected, place) in selected.iter().zip(&block.place) {
                    counts[*place as usize] += u32::from(*selected);
                }
            },
            |mut one, other| {
                for (one, other) in one.iter_mut().zip(other) {
                    *one += other;
                }
                one
            },
        );
        let unmapped = u64::from(counts[UNMAPPED as usize]);
        let mapped = counts.iter().map(|count| u64::from(*count)).sum::<u64>() - unmapped;
        CellCounts { cells: self.places.roll_up(resolution, &counts), mapped, unmapped }
    }
}
