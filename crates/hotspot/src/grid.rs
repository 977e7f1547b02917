//! A metric grid over a city: square cells on its plane, always in the same places whatever is counted.

use crate::{
    Projection,
    error::{Error, GREATEST_EXTENT_DEGREES, MOST_GRID_CELLS, is_length},
};

/// Degrees of latitude beyond which the plane is none.
const GREATEST_LATITUDE: f64 = 80.0;

/// Part of a cell's side that is more than any error of a position on the grid.
const ROUNDING: f64 = 1e-6;

/// An extent in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Least longitude.
    pub west: f64,
    /// Least latitude.
    pub south: f64,
    /// Greatest longitude.
    pub east: f64,
    /// Greatest latitude.
    pub north: f64,
}

/// The middle of an extent of a city: latitude and longitude.
pub(crate) fn centre_of(bounds: Extent) -> Result<(f64, f64), Error> {
    let Extent { west, south, east, north } = bounds;
    let spans = 0.0..=GREATEST_EXTENT_DEGREES;
    let near = south >= -GREATEST_LATITUDE && north <= GREATEST_LATITUDE && west >= -180.0 && east <= 180.0;
    // What is not a number is in no range.
    if !(near && spans.contains(&(east - west)) && spans.contains(&(north - south))) {
        return Err(Error::Extent);
    }
    Ok((f64::midpoint(south, north), f64::midpoint(west, east)))
}

/// Square cells, row by row from the south-west corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    projection: Projection,
    bounds: Extent,
    west_m: f64,
    south_m: f64,
    cell_m: f64,
    /// Cells a metre: multiplied by, not divided.
    per_m: f64,
    width: usize,
    height: usize,
}

impl Grid {
    /// Cells of a side that cover an extent. Their sides lie at whole multiples of it from the extent's middle, so that
    /// the same extent and side always give the same cells.
    pub fn covering(bounds: Extent, cell_m: f64) -> Result<Self, Error> {
        if !is_length(cell_m) {
            return Err(Error::CellSize(cell_m));
        }
        let (latitude, longitude) = centre_of(bounds)?;
        let Extent { west, south, east, north } = bounds;
        let projection = Projection::centred(latitude, longitude);
        // Parallels are curves on the plane, widest at the latitude nearest to the equator.
        let widest = 0.0_f64.clamp(south, north);
        let edge =
            [south, widest, north].map(|latitude| [west, longitude, east].map(|lng| projection.project(latitude, lng)));
        let (mut least, mut greatest) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for (x, y) in edge.into_iter().flatten() {
            least = (least.0.min(x), least.1.min(y));
            greatest = (greatest.0.max(x), greatest.1.max(y));
        }
        let first = ((least.0 / cell_m).floor(), (least.1 / cell_m).floor());
        let count = |greatest: f64, first: f64| ((greatest / cell_m).ceil() - first).max(1.0) as usize;
        let (width, height) = (count(greatest.0, first.0), count(greatest.1, first.1));
        let cells = width.saturating_mul(height);
        if cells > MOST_GRID_CELLS {
            return Err(Error::TooManyGridCells(cells));
        }
        Ok(Self {
            projection,
            bounds,
            west_m: first.0 * cell_m,
            south_m: first.1 * cell_m,
            cell_m,
            per_m: 1.0 / cell_m,
            width,
            height,
        })
    }

    /// The plane on which it lies.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// The extent that it was made for.
    pub fn bounds(&self) -> Extent {
        self.bounds
    }

    /// The south-west corner: metres east and north of the plane's origin.
    pub fn origin_m(&self) -> (f64, f64) {
        (self.west_m, self.south_m)
    }

    /// A cell's side in metres.
    pub fn cell_m(&self) -> f64 {
        self.cell_m
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The middle of a cell: metres east and north of the plane's origin.
    pub fn centre_m(&self, column: usize, row: usize) -> (f64, f64) {
        (self.east_of(column), self.north_of(row))
    }

    /// The corner of cells that lies south-west of one (columns and rows up to the width and height): latitude and
    /// longitude.
    pub fn corner(&self, column: usize, row: usize) -> (f64, f64) {
        self.projection.unproject(self.west_m + column as f64 * self.cell_m, self.south_m + row as f64 * self.cell_m)
    }

    pub(crate) fn east_of(&self, column: usize) -> f64 {
        self.west_m + (column as f64 + 0.5) * self.cell_m
    }

    pub(crate) fn north_of(&self, row: usize) -> f64 {
        self.south_m + (row as f64 + 0.5) * self.cell_m
    }

    /// The row in which a point of the plane lies, or the nearest.
    pub(crate) fn row_at(&self, north_m: f64) -> usize {
        // Negative saturates to zero.
        (((north_m - self.south_m) * self.per_m) as usize).min(self.height - 1)
    }

    /// The columns and rows whose middle may lie within a distance of a point of the plane, from and to (not included):
    /// all that do, and perhaps one more where rounding decides.
    pub(crate) fn within(&self, east_m: f64, north_m: f64, distance_m: f64) -> Option<Reach> {
        let range = |at: f64, cells: usize| {
            let (middle, reach) = (at * self.per_m - 0.5, distance_m * self.per_m);
            // Rounding up and down by truncation: there is no instruction for either on every processor. Negative
            // saturates to zero.
            let from = (middle - reach + (1.0 - ROUNDING)) as usize;
            let to = (middle + reach + (1.0 + ROUNDING)) as usize;
            (from, to.min(cells))
        };
        let columns = range(east_m - self.west_m, self.width);
        let rows = range(north_m - self.south_m, self.height);
        (columns.0 < columns.1 && rows.0 < rows.1).then_some(Reach { columns, rows })
    }
}

/// Columns and rows, from and to (not included).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) columns: (usize, usize),
    pub(crate) rows: (usize, usize),
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    const CHICAGO: Extent = Extent { west: -87.95, south: 41.64, east: -87.52, north: 42.03 };

    #[test]
    fn covers_the_city_and_little_more() {
        let grid = Grid::covering(CHICAGO, 100.0).unwrap();
        let (south, west) = grid.corner(0, 0);
        let (north, east) = grid.corner(grid.width(), grid.height());
        assert!(west <= CHICAGO.west && south <= CHICAGO.south && east >= CHICAGO.east && north >= CHICAGO.north);
        assert!((357..362).contains(&grid.width()), "{}", grid.width());
        assert!((433..437).contains(&grid.height()), "{}", grid.height());
        let (west_m, south_m) = grid.origin_m();
        assert_eq!((west_m % 100.0, south_m % 100.0), (0.0, 0.0));
    }

    #[test]
    fn every_point_of_the_extent_lies_in_it() {
        // A parallel bends on the plane: the middle of the southern edge is further south than its ends, or north.
        for (south, north) in [(41.0, 43.0), (-43.0, -41.0), (-1.0, 2.0)] {
            let bounds = Extent { west: 10.0, south, east: 13.0, north };
            let grid = Grid::covering(bounds, 1000.0).unwrap();
            for step in 0..=100 {
                let part = f64::from(step) / 100.0;
                for (latitude, longitude) in [
                    (south, 10.0 + 3.0 * part),
                    (north, 10.0 + 3.0 * part),
                    (south + (north - south) * part, 10.0),
                    (south + (north - south) * part, 13.0),
                ] {
                    let (x, y) = grid.projection().project(latitude, longitude);
                    let (column, row) = ((x - grid.west_m) / 1000.0, (y - grid.south_m) / 1000.0);
                    assert!((0.0..=grid.width() as f64).contains(&column), "{latitude} {longitude} {column}");
                    assert!((0.0..=grid.height() as f64).contains(&row), "{latitude} {longitude} {row}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        let check = |bounds: Extent, cell_m: f64, expect: Error| match Grid::covering(bounds, cell_m) {
            Err(error) => assert_eq!(error.to_string(), expect.to_string()),
            Ok(grid) => panic!("{grid:?}"),
        };
        for side in [0.0, -5.0, f64::NAN, f64::INFINITY] {
            check(CHICAGO, side, Error::CellSize(side));
        }
        check(Extent { west: f64::NAN, ..CHICAGO }, 100.0, Error::Extent);
        check(Extent { west: -87.0, ..CHICAGO }, 100.0, Error::Extent);
        check(Extent { south: 10.0, ..CHICAGO }, 100.0, Error::Extent);
        check(Extent { south: 89.0, north: 90.0, ..CHICAGO }, 100.0, Error::Extent);
        assert!(matches!(Grid::covering(CHICAGO, 1.0), Err(Error::TooManyGridCells(_))));
        // A point is an extent of one cell.
        let point = Grid::covering(Extent { west: 1.0, south: 1.0, east: 1.0, north: 1.0 }, 100.0).unwrap();
        assert_eq!((point.width(), point.height()), (1, 1));
    }
}
