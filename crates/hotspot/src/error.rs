//! What a statistic cannot be asked.

/// Metres that a bandwidth or the side of a grid cell may have.
pub const LEAST_LENGTH_M: f64 = 1.0;
/// The greatest of them.
pub const GREATEST_LENGTH_M: f64 = 20_000.0;
/// Cells that a grid may have.
pub const MOST_GRID_CELLS: usize = 4_000_000;
/// Degrees that a grid may extend: a city and its surroundings.
pub const GREATEST_EXTENT_DEGREES: f64 = 4.0;
/// Steps that a trend needs, as in ArcGIS: with fewer the normal distribution of Mann and Kendall's S is no approximation.
pub const LEAST_STEPS: usize = 10;
/// Pairs of cells within a bandwidth of each other that one backtest may hold in memory.
pub const MOST_PAIRS: usize = 10_000_000;

/// A question that has no answer, and what to ask instead.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A bandwidth that is not finite, zero, negative or beyond all measure.
    #[error("a bandwidth of {0} m: give metres from {LEAST_LENGTH_M} to {GREATEST_LENGTH_M}")]
    Bandwidth(f64),
    /// The same of a grid cell's side.
    #[error("grid cells of {0} m: give metres from {LEAST_LENGTH_M} to {GREATEST_LENGTH_M}")]
    CellSize(f64),
    /// Bounds that are no extent of a city.
    #[error(
        "no extent of a city: give west ≤ east and south ≤ north, in degrees, at most {GREATEST_EXTENT_DEGREES} apart \
         and 80 from the equator"
    )]
    Extent,
    /// A grid that does not fit.
    #[error("a grid of {0} cells is more than {MOST_GRID_CELLS}: give larger cells or a smaller extent")]
    TooManyGridCells(usize),
    /// A period of no length.
    #[error("a period of {0} years: give one that has a length")]
    Years(f64),
    /// A step or week without one count for each cell.
    #[error("{counts} counts for {cells} cells: give one a cell")]
    Counts {
        /// Given.
        counts: usize,
        /// Of the study area.
        cells: usize,
    },
    /// Too short a series.
    #[error("{0} steps are too few for a trend, which needs {LEAST_STEPS}: choose a longer period or a shorter step")]
    TooFewSteps(usize),
    /// A study area without cells.
    #[error("the study area has no cells: nothing can be ranked")]
    NoCells,
    /// A share of the area that flags nothing or more than there is.
    #[error("a share of {0} of the area: give more than 0 and at most 1")]
    AreaShare(f64),
    /// Weeks that are not there.
    #[error(
        "{training} weeks to train on and {test} to test, of {given}: give at least one of each, and no more than there are"
    )]
    Weeks {
        /// That there are.
        given: usize,
        /// To train on.
        training: usize,
        /// To test.
        test: usize,
    },
    /// A bandwidth with too many cells in it.
    #[error(
        "more than {MOST_PAIRS} pairs of cells within the bandwidth: give a smaller bandwidth or a coarser resolution"
    )]
    TooManyPairs,
    /// Stopped by [`crate::Stop`].
    #[error("cancelled: the client has left")]
    Stopped,
}

/// Whether a length is one.
pub(crate) fn is_length(length_m: f64) -> bool {
    (LEAST_LENGTH_M..=GREATEST_LENGTH_M).contains(&length_m)
}
