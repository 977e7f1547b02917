//! Incidents by hexagon and time: a space-time cube.

use crate::{
    calendar::{Bucket, bucket_of_day, first_day},
    cube::{Cube, instant_of},
    filter::{Compiled, Filter},
    places::UNMAPPED,
    scan,
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
    /// Selected incidents by bucket and cell of a resolution from [`COARSEST`](crate::COARSEST) to
    /// [`FINEST`](crate::FINEST). The buckets are those of the period of the filter, from the first to the last in which
    /// any incident lies, whether it is selected or not: the same period has the same buckets.
    pub fn cells_by_bucket(
        &self,
        filter: &Filter,
        resolution: u8,
        bucket: Bucket,
        most: usize,
    ) -> Result<CellBuckets, TooLarge> {
        let period = Filter { from: filter.from, to: filter.to, ..Filter::default() };
        let Some((least, greatest)) = self.minutes(&period) else { return Ok(CellBuckets::default()) };
        let number_of = |minute: u32| match bucket {
            Bucket::Hour => (minute / 60) as i32,
            _ => bucket_of_day(self.calendar.day(minute), bucket),
        };
        let (first, last) = (number_of(least), number_of(greatest));
        let width = (last - first + 1) as usize;
        let (of_place, cells) = self.places.cells_of_places(resolution);
        // One column more, for those without a cell.
        let columns = cells.len() + 1;
        let numbers = width.saturating_mul(columns);
        if numbers > most {
            return Err(TooLarge { numbers, most });
        }
        // Days to buckets: a table, as the same days come again and again.
        let first_of_all = self.calendar.day(least).min(self.calendar.day(greatest));
        let days = self.calendar.day(greatest) - first_of_all + 1;
        let of_day: Vec<u32> =
            (0..days).map(|day| (bucket_of_day(first_of_all + day, bucket) - first) as u32).collect();
        let (mut counts, unmapped) = scan::fold(
            self,
            &Compiled::new(self, filter),
            || (vec![0_u32; numbers], 0_u64),
            |(counts, unmapped), block, selected| {
                for (row, selected) in selected.iter().enumerate() {
                    if *selected == 0 {
                        continue;
                    }
                    let (minute, place) = (block.minute[row], block.place[row]);
                    let at = match bucket {
                        Bucket::Hour => (minute / 60) as usize - first as usize,
                        _ => of_day[(self.calendar.day(minute) - first_of_all) as usize] as usize,
                    };
                    counts[at * columns + of_place[place as usize] as usize] += 1;
                    *unmapped += u64::from(place == UNMAPPED);
                }
            },
            |mut one, other| {
                for (one, other) in one.0.iter_mut().zip(other.0) {
                    *one += other;
                }
                (one.0, one.1 + other.1)
            },
        );
        let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let mut held = vec![false; columns];
        for row in counts.chunks_exact_mut(columns) {
            row[columns - 1] = 0;
            for (held, count) in held.iter_mut().zip(row) {
                *held |= *count > 0;
            }
        }
        let kept = |row: &[u32]| row.iter().zip(&held).filter(|(_, held)| **held).map(|(count, _)| *count).collect();
        let name = |number: i32| match bucket {
            Bucket::Hour => self.clock().format(instant_of(number as u32 * 60)),
            _ => first_day(number, bucket),
        };
        Ok(CellBuckets {
            buckets: (first..=last).map(name).collect(),
            counts: counts.chunks_exact(columns).map(kept).collect(),
            cells: cells.into_iter().zip(&held).filter(|(_, held)| **held).map(|(cell, _)| cell).collect(),
            mapped: total - unmapped,
            unmapped,
        })
    }

    /// The least and the greatest minute of the selected incidents.
    fn minutes(&self, filter: &Filter) -> Option<(u32, u32)> {
        let (least, greatest) = scan::fold(
            self,
            &Compiled::new(self, filter),
            || (u32::MAX, 0),
            |range, block, selected| {
                for (selected, minute) in selected.iter().zip(&block.minute) {
                    // Neither bound moves where the row is not selected.
                    let off = u32::from(*selected).wrapping_sub(1);
                    range.0 = range.0.min(*minute | off);
                    range.1 = range.1.max(*minute & !off);
                }
            },
            |one, other| (one.0.min(other.0), one.1.max(other.1)),
        );
        (least <= greatest).then_some((least, greatest))
    }
}
