//! Incidents by hexagon and time: a space-time cube.

use crate::{
    buckets::Buckets,
    calendar::Bucket,
    cube::Cube,
    filter::{CompiledFilter, Filter},
    narrow::with_values,
    places::{NOWHERE, ROW_RESOLUTION},
    scan::{self, Reads},
    series::TooLarge,
};
use h3o::CellIndex;

/// Counts by bucket and cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellBuckets {
    /// The beginning of each bucket, contiguous, as in a series.
    pub buckets: Vec<String>,
    /// Cells that hold any selected incident, in their order.
    pub cells: Vec<CellIndex>,
    /// For each bucket one number a cell.
    pub counts: Vec<Vec<u32>>,
    /// Selected incidents with a place.
    pub mapped: u64,
    /// Selected incidents without.
    pub unmapped: u64,
}

impl Cube {
    /// Selected incidents by bucket and cell of an H3 resolution; which resolutions take longer, [`Cube::cells`] says. The
    /// buckets are those of the period of the filter, from the first to the last in which any incident lies, whether it
    /// is selected or not: the same period has the same buckets.
    pub fn cells_by_bucket(
        &self,
        filter: &Filter,
        resolution: u8,
        bucket: Bucket,
        most: usize,
    ) -> Result<CellBuckets, TooLarge> {
        let filter = &self.on_axis(filter);
        let period = Filter { from: filter.from, to: filter.to, ..Filter::default() };
        let Some(buckets) = Buckets::new(self, &CompiledFilter::new(self, &period), bucket) else {
            return Ok(CellBuckets::default());
        };
        let cells = self.places.cells(resolution);
        // One column a number, that of no cell included.
        let columns = cells.numbers();
        let numbers = buckets.len().saturating_mul(columns);
        if numbers > most {
            return Err(TooLarge { numbers, most });
        }
        let stands_beside_rows = resolution == ROW_RESOLUTION && self.without_cell.is_empty();
        let counts = scan::fold(
            self,
            &CompiledFilter::new(self, filter),
            Reads::Rows,
            || vec![0_u32; numbers],
            |counts, group, rows| {
                let (buckets, len) = (buckets.of(group), group.len());
                // Of one length with the rows: none is looked for beyond it.
                if stands_beside_rows {
                    with_values!(&group.cell, numbers => {
                        let numbers = &numbers[..len];
                        buckets.count_at(group, rows, counts, |slot, bucket| bucket * columns + numbers[slot] as usize);
                    });
                } else {
                    with_values!(&group.place, places => with_values!(&cells.of_place, of_place => {
                        let places = &places[..len];
                        let number = |slot: usize| of_place[places[slot] as usize] as usize;
                        buckets.count_at(group, rows, counts, |slot, bucket| bucket * columns + number(slot));
                    }));
                }
            },
            scan::add,
        );
        let mut sums = vec![0_u64; columns];
        for row in counts.chunks_exact(columns) {
            for (sum, count) in sums.iter_mut().zip(row) {
                *sum += u64::from(*count);
            }
        }
        let held: Vec<u32> = cells.numbers_in_order().filter(|number| sums[*number as usize] > 0).collect();
        let kept = |row: &[u32]| held.iter().map(|number| row[*number as usize]).collect();
        let unmapped = sums[NOWHERE as usize];
        Ok(CellBuckets {
            buckets: buckets.names(),
            cells: held.iter().map(|number| cells.cell(*number)).collect(),
            counts: counts.chunks_exact(columns).map(kept).collect(),
            mapped: sums.iter().sum::<u64>() - unmapped,
            unmapped,
        })
    }
}
