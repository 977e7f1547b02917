//! `GET /api/v1/density`: kernel density of the selected incidents on a grid over the city.

use super::{
    Context,
    answer::{self, Edition, Form, Timing},
    handlers::off_while_wanted,
    parameters::{FILTER, Parameters},
    places::{Places, beside, polygon},
    statistic::refused,
    written,
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, UInt32Array},
    error::ArrowError,
};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::Response,
};
use blotter_cube::{Filter, Period};
use blotter_hotspot::{Density, Grid, Stop, density as kernel_density};
use blotter_runtime::Problem;
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

const MICROS_OF_A_YEAR: f64 = 365.25 * 86_400e6;
/// Cells of the grid in a bandwidth: with more, an answer takes seconds and shows no more.
const MOST_CELLS_IN_A_BANDWIDTH: f64 = 20.0;

#[derive(Serialize)]
struct Summary {
    bandwidth_m: f64,
    unit: &'static str,
    /// Length of what the data cover of the period, where it has both ends.
    years: Option<f64>,
    grid: Cells,
    /// The greatest value.
    greatest: f64,
    mapped: u64,
    unmapped: u64,
    next_offsets: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Cells {
    cell_m: f64,
    width: usize,
    height: usize,
    /// Metres east and north of the plane's origin: the south-west corner.
    origin_m: [f64; 2],
    /// The plane, as PROJ knows it.
    projection: String,
    /// Longitude and latitude of the corners, from the south-west one counter-clockwise.
    corners: [[f64; 2]; 4],
}

impl Cells {
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

pub(super) async fn density(
    Shared(context): Shared<Context>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    off_while_wanted(&lanes.heavy, move |wanted| {
        let is_over = || wanted.is_over();
        let stop = Stop::when(&is_over);
        let mut timing = Timing::start();
        let state = &context.state;
        let parameters = Parameters::read(uri.query(), &[&["bandwidth_m", "grid_m", "format"], &FILTER])?;
        let form = Form::of_places(&headers, parameters.format())?;
        let (bandwidth_m, grid_m) = (
            parameters.number("bandwidth_m", 50.0..=5000.0, 400.0)?,
            parameters.number("grid_m", 50.0..=2000.0, 100.0)?,
        );
        if bandwidth_m > MOST_CELLS_IN_A_BANDWIDTH * grid_m {
            let least = bandwidth_m / MOST_CELLS_IN_A_BANDWIDTH;
            return Err(Problem::parameter("grid_m", format!("for this bandwidth give a grid_m of at least {least}")));
        }
        let view = state.read();
        let filter = parameters.filter(&state.profile, &view.cube)?;
        let years = years(&filter, &view.cube.period());
        // The years depend on the period that the data cover.
        let content = [view.cube.content(&filter), years.map_or(0, f64::to_bits)];
        let edition = Edition::new(state, &content, view.offsets_text(), &uri, form);
        if edition.is_seen(&headers) {
            return Ok(edition.not_modified());
        }
        let selected = view.cube.points(&filter);
        let sites = view.sites.of(&view.cube).map_err(refused)?;
        let next_offsets = view.offsets_json();
        drop(view);
        wanted.yield_to_others();
        let density =
            kernel_density(&sites.found(), &selected.counts, grid_m, bandwidth_m, years, stop).map_err(refused)?;
        let Density { grid, values, .. } = density;
        timing.cube_done();
        let summary = Summary {
            bandwidth_m,
            unit: if years.is_some() { "incidents per km² and year" } else { "incidents per km²" },
            years,
            grid: Cells::of(&grid),
            greatest: values.iter().copied().fold(0.0, f64::max),
            mapped: selected.mapped,
            unmapped: selected.unmapped,
            next_offsets,
        };
        let sending = &context.lanes.sending;
        if form != Form::Json {
            let filled: Arc<[u32]> = (0..values.len() as u32).filter(|cell| values[*cell as usize] > 0.0).collect();
            let (count, held_bytes) = (filled.len(), size_of_val(values.as_slice()) + size_of_val(&*filled));
            let rows = {
                let filled = Arc::clone(&filled);
                Box::new(move |rows: Range<usize>| table(&grid, &values, &filled[rows]))
            };
            let square = move |row: usize| {
                let cell = filled[row] as usize;
                let (column, row) = (cell % grid.width(), cell / grid.width());
                let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(right, up)| grid.corner(column + right, row + up));
                polygon(&corners.map(|(latitude, longitude)| (longitude, latitude)))
            };
            let geometry = Box::new(square);
            let places = Places { count, rows, geometry, beside: beside(&summary)?, held_bytes };
            return places.answer(form, &edition, &timing, sending);
        }
        // Row by row from the south-west.
        let (count, held_bytes) = (values.len(), size_of_val(values.as_slice()));
        let value = move |cell: usize, body: &mut Vec<u8>| serde_json::to_writer(body, &values[cell]);
        let body = written::json_array(sending, held_bytes, &summary, "values", count, value)?;
        Ok(answer::streamed(answer::JSON, body, Some(&edition), &timing))
    })
    .await
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
