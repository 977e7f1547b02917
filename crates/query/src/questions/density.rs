//! Kernel density of the selected incidents on a grid over the city.

use super::statistic::refused;
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, beside, polygon},
    parameters::allowed::{BANDWIDTH_M, BandwidthM, GRID_M, GridM},
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, UInt32Array},
    error::ArrowError,
};
use blotter_cube::{Filter, Period};
use blotter_hotspot::{Grid, Stop, density as kernel_density};
use serde::Serialize;
use std::{ops::Range, sync::Arc};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

const MICROS_OF_A_YEAR: f64 = 365.25 * 86_400e6;
/// Cells of the grid in a bandwidth: with more, an answer takes seconds and shows no more.
const MOST_CELLS_IN_A_BANDWIDTH: f64 = 20.0;

/// How many incidents are there per square kilometre, around every place?
#[derive(Clone, Debug, IntoParams)]
pub struct Density {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// Bandwidth of the kernel, in metres.
    #[param(value_type = BandwidthM, inline, required = false)]
    pub bandwidth_m: f64,
    /// Side of a grid cell, in metres. At least `bandwidth_m` / 20.
    #[param(value_type = GridM, inline, required = false)]
    pub grid_m: f64,
}

/// A value for each cell of a grid.
#[derive(Debug, Serialize, ToSchema)]
pub struct DensityAnswer {
    /// Values that hold for the whole answer.
    #[serde(flatten)]
    pub summary: DensitySummary,
    /// Density of each cell in `unit`, row by row from the south-west, each row west to east.
    pub values: Vec<f64>,
    #[serde(skip)]
    grid: Grid,
}

/// Values that hold for the whole answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DensitySummary {
    /// Bandwidth of the kernel, in metres.
    pub bandwidth_m: f64,
    /// Unit of `values`.
    pub unit: DensityUnit,
    /// Years of the period that the data cover (the whole period if they cover none). Null unless `from` and `to` are given.
    #[schema(required)]
    pub years: Option<f64>,
    /// Where the cells of `values` are.
    pub grid: DensityGrid,
    /// Maximum of `values`.
    pub greatest: f64,
    /// Selected incidents with coordinates inside the city's bounding box.
    pub mapped: u64,
    /// Selected incidents without coordinates inside the city's bounding box. Always 0 with `bbox`.
    pub unmapped: u64,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// Unit of `values`. Per year if both `from` and `to` are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum DensityUnit {
    /// If the period has both ends.
    #[serde(rename = "incidents per km² and year")]
    PerYear,
    /// If it lacks one.
    #[serde(rename = "incidents per km²")]
    InAll,
}

/// A grid.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DensityGrid {
    /// Side of a cell, in metres.
    pub cell_m: f64,
    /// Cells from west to east.
    pub width: usize,
    /// Cells from south to north.
    pub height: usize,
    /// South-west corner: metres east and north of the plane's origin.
    #[schema(min_items = 2, max_items = 2)]
    pub origin_m: [f64; 2],
    /// Projection of the plane, as a PROJ string.
    pub projection: String,
    /// Corners, counter-clockwise from the south-west: longitude and latitude in degrees.
    #[schema(value_type = Vec<Corner>, inline, min_items = 4, max_items = 4)]
    pub corners: [[f64; 2]; 4],
}

/// Longitude and latitude, in the API's document.
struct Corner;

impl PartialSchema for Corner {
    fn schema() -> RefOr<Schema> {
        let degrees =
            ObjectBuilder::new().schema_type(Type::Number).format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)));
        ArrayBuilder::new().items(degrees).min_items(Some(2)).max_items(Some(2)).into()
    }
}

impl ToSchema for Corner {}

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
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            bandwidth_m: BANDWIDTH_M.read(parameters, "bandwidth_m")?,
            grid_m: GRID_M.read(parameters, "grid_m")?,
            selection: parameters.selection()?,
        })
    }
}

impl Question for Density {
    type Answer = DensityAnswer;

    const SUMMARY: &'static str = "Kernel density on a grid over the city";
    const DESCRIPTION: &'static str = "The sum of the quartic kernel 3/(π h²) (1 − d²/h²)² over all selected incidents nearer than the \
        bandwidth h to the centre of each cell, in incidents per km²; per year if both `from` and `to` are given. The grid \
        covers the city's bounding box, whatever is selected, on a transverse Mercator plane. Arrow, GeoJSON and CSV have only the \
        cells whose density is above zero.";

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
        let blotter_hotspot::DensitySurface { grid, values, .. } = density;
        let summary = DensitySummary {
            bandwidth_m,
            unit: if years.is_some() { DensityUnit::PerYear } else { DensityUnit::InAll },
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
