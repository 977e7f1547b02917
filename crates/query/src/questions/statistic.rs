//! What the statistics have in common: space-time cubes, and which parameter a refused question is about.

use crate::QueryError;
use blotter_cube::{CellBuckets, CellCounts, Filter, TooLarge};
use blotter_hotspot::{Error, StudyArea};
use h3o::CellIndex;
use xxhash_rust::xxh3::Xxh3;

/// Numbers that a space-time cube may have: 20 years by week at resolution 9 fit, of any city.
/// At some 20 bytes each while they are looked at, two such questions at once hold less than 700 MB.
pub(super) const MOST_COUNTS: usize = 1 << 24;

/// Refuses more counts than that of a study area, which may have many more cells than those with incidents.
pub(super) fn within_bounds(cells: usize, steps: usize) -> Result<(), TooLarge> {
    let numbers = cells.saturating_mul(steps);
    if numbers > MOST_COUNTS { Err(TooLarge { numbers, most: MOST_COUNTS }) } else { Ok(()) }
}

/// What is counted in cells: a box narrows the study area to cells whose middle it contains, and cuts none of them in two.
pub(super) fn of_whole_cells(filter: &Filter) -> Filter {
    Filter { bbox: None, ..filter.clone() }
}

/// A fingerprint of the cells in which incidents lie, however many: a study area is made from them.
pub(super) fn which_cells(counts: &CellCounts) -> u64 {
    let mut hash = Xxh3::new();
    counts.cells.iter().for_each(|(cell, _)| hash.update(&u64::from(*cell).to_le_bytes()));
    hash.digest()
}

/// The selected incidents that are in the study area, and those of which nobody knows; of a box, these are nowhere near.
pub(super) fn mapped_and_not(filter: &Filter, counts: &[u64], unmapped: u64) -> (u64, u64) {
    (counts.iter().sum(), if filter.bbox.is_some() { 0 } else { unmapped })
}

/// Incidents in a neighbourhood from which on the normal distribution is a fair approximation.
const ENOUGH: f64 = 10.0;

/// What is to be said of Gi\* where so many incidents are spread over so many cells and steps, if anything.
pub(super) fn caution(incidents: u64, cells: usize, steps: usize) -> Option<String> {
    let held = incidents as f64 * 7.0 / (cells * steps) as f64;
    // Of nothing nothing is said, and of no cells.
    let (step, longer) = if steps > 1 { (" a step", ", longer steps") } else { ("", "") };
    (held > 0.0 && held < ENOUGH).then(|| {
        format!(
            "seven cells together hold {held:.2} of these incidents on average{step}: with fewer than {ENOUGH} the normal \
             distribution is a poor approximation, and single incidents are called hot; choose a longer period{longer}, a \
             coarser resolution or more categories"
        )
    })
}

/// The counts of each bucket in the order of a study area's cells; what lies outside of it is left out.
pub(super) fn steps(area: &StudyArea, buckets: &CellBuckets) -> Vec<Vec<u32>> {
    let columns = columns(area.cells(), &buckets.cells);
    let row = |counts: &Vec<u32>| columns.iter().map(|column| column.map_or(0, |column| counts[column])).collect();
    buckets.counts.iter().map(row).collect()
}

/// Where each of some cells is among others; both are in their order.
fn columns(cells: &[CellIndex], others: &[CellIndex]) -> Vec<Option<usize>> {
    let mut left = others.iter().enumerate().peekable();
    cells
        .iter()
        .map(|cell| {
            while left.next_if(|(_, other)| u64::from(**other) < u64::from(*cell)).is_some() {}
            left.next_if(|(_, other)| *other == cell).map(|(column, _)| column)
        })
        .collect()
}

/// The problem of a question that a statistic cannot be asked, and of one whose cube is too large.
pub(super) fn refused(error: Error) -> QueryError {
    let parameter = match error {
        Error::Bandwidth(_) | Error::TooManyPairs => "bandwidth_m",
        Error::CellSize(_) | Error::TooManyGridCells(_) => "grid_m",
        Error::Years(_) => "to",
        Error::TooFewSteps(_) => "step",
        Error::AreaShare(_) => "share",
        Error::Weeks { .. } => "weeks",
        Error::NoCells => "bbox",
        Error::Stopped => {
            return QueryError::Busy(
                "the answer takes longer than a client may wait: choose a coarser resolution or grid, longer steps or a \
                 shorter period, or try again in some seconds"
                    .to_owned(),
            );
        }
        Error::Extent | Error::Counts { .. } => return QueryError::internal(&error),
    };
    QueryError::parameter(parameter, error.to_string())
}

pub(super) fn too_large(error: TooLarge) -> QueryError {
    let TooLarge { numbers, most } = error;
    let detail = format!(
        "{numbers} counts are more than the {most} that one question may look at: choose a coarser resolution, longer steps \
         or a shorter period"
    );
    QueryError::parameter("resolution", detail)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use h3o::{LatLng, Resolution};

    #[test]
    fn counts_fall_into_place() {
        let centre = LatLng::new(41.88, -87.63).unwrap().to_cell(Resolution::Nine);
        let mut cells: Vec<CellIndex> = centre.grid_disk(1);
        cells.sort_unstable_by_key(|cell| u64::from(*cell));
        let area = StudyArea::new(cells[1..6].iter().copied());
        let buckets = CellBuckets {
            buckets: vec!["2016-01-01".into(), "2016-02-01".into()],
            cells: vec![cells[0], cells[2], cells[5], cells[6]],
            counts: vec![vec![9, 1, 2, 9], vec![9, 3, 4, 9]],
            mapped: 0,
            unmapped: 0,
        };
        assert_eq!(steps(&area, &buckets), [[0, 1, 0, 0, 2], [0, 3, 0, 0, 4]]);
        assert_eq!(steps(&area, &CellBuckets::default()), Vec::<Vec<u32>>::new());
    }
}
