//! `GET /api/v1/hotspots`: Gi\* of every cell of the study area.

use super::{
    Context,
    answer::{self, Edition, Form, Timing},
    handlers::off_while_wanted,
    parameters::{FILTER, Parameters},
    places::{Places, as_text, beside, hexagon, middles},
    statistic::{caution, mapped_and_not, of_whole_cells, refused, which_cells},
    written,
};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::Response,
};
use blotter_cube::Filter;
use blotter_hotspot::{Class, Stop, gi_star, q_values, two_sided_p};
use blotter_runtime::Problem;
use h3o::CellIndex;
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// At finer resolutions a city has ten thousands of cells, and an answer takes longer than a map should wait for.
const FINEST_QUICK: u8 = 9;

#[derive(Serialize)]
struct Summary {
    resolution: u8,
    /// How the study area is bounded.
    study_area: &'static str,
    /// Cells of the study area.
    n: usize,
    /// Cells whose z is defined: so many tests were made, and corrected for.
    tests: usize,
    confidence: u8,
    /// The least |z| that is called significant here; none where nothing is.
    critical_z: Option<f64>,
    /// Why these numbers are to be taken with care, where they are.
    caution: Option<String>,
    mapped: u64,
    unmapped: u64,
    next_offsets: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Cell {
    #[serde(rename = "cell", serialize_with = "as_text")]
    index: CellIndex,
    count: u64,
    /// Incidents in it and its neighbours together: what z is about.
    neighborhood: u64,
    neighbors: u32,
    z: Option<f64>,
    p: Option<f64>,
    q: Option<f64>,
    class: String,
}

pub(super) async fn hotspots(
    Shared(context): Shared<Context>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let parameters = Parameters::read(uri.query(), &[&["resolution", "confidence", "format"], &FILTER])?;
    let lanes = Arc::clone(&context.lanes);
    let lane = if parameters.resolution()? > FINEST_QUICK { &lanes.heavy } else { &lanes.quick };
    off_while_wanted(lane, move |wanted| {
        let is_over = || wanted.is_over();
        let stop = Stop::when(&is_over);
        let mut timing = Timing::start();
        let state = &context.state;
        let form = Form::of_places(&headers, parameters.format())?;
        let (resolution, confidence) = (parameters.resolution()?, parameters.confidence()?);
        let view = state.read();
        let filter = parameters.filter(&state.profile, &view.cube)?;
        let everything = view.cube.cells(&Filter::default(), resolution);
        let content = [view.cube.content(&filter), which_cells(&everything)];
        let edition = Edition::new(state, &content, view.offsets_text(), &uri, form);
        if edition.is_seen(&headers) {
            return Ok(edition.not_modified());
        }
        let selected = view.cube.cells(&of_whole_cells(&filter), resolution);
        let next_offsets = view.offsets_json();
        drop(view);
        wanted.yield_to_others();
        let area = state.study_areas.selected(resolution, &everything, &filter, stop).map_err(refused)?;
        let counts = area.counts(&selected.cells);
        let (mapped, unmapped) = mapped_and_not(&filter, &counts, selected.unmapped);
        stop.check().map_err(refused)?;
        let z = gi_star(&counts, area.neighbors());
        let p: Vec<Option<f64>> = z.iter().map(|z| z.map(two_sided_p)).collect();
        let q = q_values(&p);
        let class = |z: Option<f64>, q: Option<f64>| match (z, q) {
            (Some(z), Some(q)) => Class::of(z, q, confidence),
            _ => Class::NotSignificant,
        };
        let around = |number: usize| area.neighbors().of(number).iter();
        let cells: Vec<Cell> = (0..counts.len())
            .map(|number| Cell {
                index: area.cells()[number],
                count: counts[number],
                neighborhood: around(number).map(|other| counts[*other as usize]).sum::<u64>() + counts[number],
                neighbors: around(number).len() as u32,
                z: z[number],
                p: p[number],
                q: q[number],
                class: class(z[number], q[number]).name(),
            })
            .collect();
        let significant = z.iter().zip(&q).filter(|(z, q)| class(**z, **q) != Class::NotSignificant);
        let summary = Summary {
            resolution,
            study_area: state.study_areas.method(),
            n: cells.len(),
            tests: p.iter().flatten().count(),
            confidence: confidence.percent(),
            critical_z: significant.filter_map(|(z, _)| z.map(f64::abs)).min_by(f64::total_cmp),
            caution: caution(mapped, cells.len(), 1),
            mapped,
            unmapped,
            next_offsets,
        };
        timing.cube_done();
        let sending = &context.lanes.sending;
        // With the name of its class or pattern.
        let (count, held_bytes) = (cells.len(), cells.len() * (size_of::<Cell>() + 32));
        if form != Form::Json {
            let rows = Box::new(move |rows: Range<usize>| table(&cells[rows]));
            let geometry = Box::new(move |row| hexagon(area.cells()[row]));
            let places = Places { count, rows, geometry, beside: beside(&summary)?, held_bytes };
            return places.answer(form, &edition, &timing, sending);
        }
        let cell = move |row: usize, body: &mut Vec<u8>| serde_json::to_writer(body, &cells[row]);
        let body = written::json_array(sending, held_bytes, &summary, "cells", count, cell)?;
        Ok(answer::streamed(answer::JSON, body, Some(&edition), &timing))
    })
    .await
}

fn table(cells: &[Cell]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let [latitude, longitude] = middles(cells.iter().map(|cell| cell.index));
    let number =
        |of: fn(&Cell) -> Option<f64>| -> ArrayRef { Arc::new(cells.iter().map(of).collect::<Float64Array>()) };
    RecordBatch::try_from_iter([
        ("cell", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.index.to_string()))) as ArrayRef),
        latitude,
        longitude,
        ("count", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.count)))),
        ("neighborhood", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.neighborhood)))),
        ("neighbors", Arc::new(UInt32Array::from_iter_values(cells.iter().map(|cell| cell.neighbors)))),
        ("z", number(|cell| cell.z)),
        ("p", number(|cell| cell.p)),
        ("q", number(|cell| cell.q)),
        ("class", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| &cell.class)))),
    ])
}
