//! Kernel density of the selected incidents on a grid over the city.

use super::statistic::refused;
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, beside, polygon},
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, UInt32Array},
    error::ArrowError,
};
use blotter_cube::{Filter, Period};
use blotter_hotspot::{Grid, Stop, density as kernel_density};
use serde::Serialize;
use std::{ops::Range, sync::Arc};

const MICROS_OF_A_YEAR: f64 = 365.25 * 86_400e6;
/// Cells of the grid in a bandwidth: with more, an answer takes seconds and shows no more.
const MOST_CELLS_IN_A_BANDWIDTH: f64 = 20.0;

/// How many incidents are there per square kilometre, around every place?
#[derive(Clone, Debug)]
pub struct Density {
    /// Of which incidents.
    pub selection: Selection,
    /// Of the kernel, in metres.
    pub bandwidth_m: f64,
    /// Of the grid, in metres.
    pub grid_m: f64,
}

/// A value for each cell of a grid.
#[derive(Debug)]
pub struct DensityAnswer {
    /// What is said of all values.
    pub summary: DensitySummary,
    /// Row by row from the south-west.
    pub values: Vec<f64>,
    grid: Grid,
}

/// What is said of all values.
#[derive(Clone, Debug, Serialize)]
pub struct DensitySummary {
    /// Of the kernel, in metres.
    pub bandwidth_m: f64,
    /// Of the values.
    pub unit: &'static str,
    /// Length of what the data cover of the period, where it has both ends.
    pub years: Option<f64>,
    /// Where the values are.
    pub grid: DensityGrid,
    /// The greatest value.
    pub greatest: f64,
    /// Selected incidents on the map.
    pub mapped: u64,
    /// Selected incidents without a place on the map.
    pub unmapped: u64,
    /// What it reflects.
    pub next_offsets: NextOffsets,
}

/// A grid.
#[derive(Clone, Debug, Serialize)]
pub struct DensityGrid {
    /// The side of a cell, in metres.
    pub cell_m: f64,
    /// Cells from west to east.
    pub width: usize,
    /// Cells from south to north.
    pub height: usize,
    /// Metres east and north of the plane's origin: the south-west corner.
    pub origin_m: [f64; 2],
    /// The plane, as PROJ knows it.
    pub projection: String,
    /// Longitude and latitude of the corners, from the south-west one counter-clockwise.
    pub corners: [[f64; 2]; 4],
}

impl DensityGrid {
    fn of(grid: &Grid) -> Self {
        let (latitude, longitude) = grid.projection().centre();
        let (east, north) = grid.origin_m();
        let corner = |column: usize, row: usize| {
            let (latitude, longitude) = grid.corner(column, row);
            [longitude, latitude]
        };
        let (width, height) = (grid.width(), grid.height());
        Self {
            cell_m: grid.cell_m(),
            width,
            height,
            origin_m: [east, north],
            projection: format!("+proj=tmerc +lat_0={latitude} +lon_0={longitude} +k=1 +ellps=WGS84 +units=m"),
            corners: [corner(0, 0), corner(width, 0), corner(width, height), corner(0, height)],
        }
    }
}

impl FromParameters for Density {
    const NAMES: &'static [&'static str] = &["bandwidth_m", "grid_m"];
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            bandwidth_m: parameters.number("bandwidth_m", 50.0..=5000.0, 400.0)?,
            grid_m: parameters.number("grid_m", 50.0..=2000.0, 100.0)?,
            selection: parameters.selection()?,
        })
    }
}

impl Question for Density {
    type Answer = DensityAnswer;

    fn cost(&self) -> Cost {
        Cost::Heavy
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<DensityAnswer>, QueryError> {
        let (bandwidth_m, grid_m) = (self.bandwidth_m, self.grid_m);
        let is_over = || caller.is_over();
        let stop = Stop::when(&is_over);
        if bandwidth_m > MOST_CELLS_IN_A_BANDWIDTH * grid_m {
            let least = bandwidth_m / MOST_CELLS_IN_A_BANDWIDTH;
            return Err(QueryError::parameter(
                "grid_m",
                format!("for this bandwidth give a grid_m of at least {least}"),
            ));
        }
        let view = city.read();
        let filter = self.selection.filter(&city.profile, &view.cube)?;
        let years = years(&filter, &view.cube.period());
        // The years depend on the period that the data cover.
        let content = vec![view.cube.content(&filter), years.map_or(0, f64::to_bits)];
        let edition = Edition { content, next_offsets: view.reflects() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let selected = view.cube.points(&filter);
        let sites = view.sites.of(&view.cube).map_err(refused)?;
        drop(view);
        caller.long_work_begins();
        let density =
            kernel_density(&sites.found(), &selected.counts, grid_m, bandwidth_m, years, stop).map_err(refused)?;
        let blotter_hotspot::Density { grid, values, .. } = density;
        let summary = DensitySummary {
            bandwidth_m,
            unit: if years.is_some() { "incidents per km² and year" } else { "incidents per km²" },
            years,
            grid: DensityGrid::of(&grid),
            greatest: values.iter().copied().fold(0.0, f64::max),
            mapped: selected.mapped,
            unmapped: selected.unmapped,
            next_offsets: edition.next_offsets.clone(),
        };
        Ok(Reply::Answer(DensityAnswer { summary, values, grid }, Some(edition)))
    }
}

impl Answer for DensityAnswer {
    const FORMS: &'static [Form] = Form::PLACES;

    fn into_json(self) -> Result<Json, QueryError> {
        let Self { summary, values, .. } = self;
        let (count, held_bytes) = (values.len(), size_of_val(values.as_slice()));
        let value = move |cell: usize, body: &mut Vec<u8>| serde_json::to_writer(body, &values[cell]);
        Json::elements(&summary, "values", count, held_bytes, value)
    }

    /// A row for each cell that is not zero.
    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let Self { summary, values, grid } = self;
        let filled: Arc<[u32]> = (0..values.len() as u32).filter(|cell| values[*cell as usize] > 0.0).collect();
        let (count, held_bytes) = (filled.len(), size_of_val(values.as_slice()) + size_of_val(&*filled));
        let rows = {
            let (filled, grid) = (Arc::clone(&filled), grid);
            Box::new(move |rows: Range<usize>| table(&grid, &values, &filled[rows]))
        };
        let square = move |row: usize| {
            let cell = filled[row] as usize;
            let (column, row) = (cell % grid.width(), cell / grid.width());
            let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(right, up)| grid.corner(column + right, row + up));
            polygon(&corners.map(|(latitude, longitude)| (longitude, latitude)))
        };
        Ok(Some(Table { count, rows, geometry: Box::new(square), beside: beside(&summary)?, held_bytes }))
    }
}

/// The length of the part of a period that the data cover, where both of its ends are given: what is not known yet, or was
/// never published, is no quiet time. Of the whole period, where they cover nothing of it.
fn years(filter: &Filter, data: &Period) -> Option<f64> {
    let (from, to) = (filter.from?, filter.to?);
    let covered = (from.max(data.earliest.unwrap_or(from)), to.min(data.newest.unwrap_or(to)));
    let (from, to) = if covered.0 < covered.1 { covered } else { (from, to) };
    Some((to.0 - from.0) as f64 / MICROS_OF_A_YEAR)
}

/// A row for each cell that is not zero.
fn table(grid: &Grid, values: &[f64], filled: &[u32]) -> Result<RecordBatch, ArrowError> {
    let centres: Vec<(f64, f64)> = filled
        .iter()
        .map(|cell| {
            let cell = *cell as usize;
            let (east, north) = grid.centre_m(cell % grid.width(), cell / grid.width());
            grid.projection().unproject(east, north)
        })
        .collect();
    let number = |of: &dyn Fn(usize) -> usize| -> ArrayRef {
        Arc::new(UInt32Array::from_iter_values(filled.iter().map(|cell| of(*cell as usize) as u32)))
    };
    RecordBatch::try_from_iter([
        ("column", number(&|cell| cell % grid.width())),
        ("row", number(&|cell| cell / grid.width())),
        ("latitude", Arc::new(Float64Array::from_iter_values(centres.iter().map(|centre| centre.0))) as ArrayRef),
        ("longitude", Arc::new(Float64Array::from_iter_values(centres.iter().map(|centre| centre.1)))),
        ("density", Arc::new(Float64Array::from_iter_values(filled.iter().map(|cell| values[*cell as usize])))),
    ])
}
