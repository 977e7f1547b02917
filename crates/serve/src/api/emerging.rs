//! `GET /api/v1/emerging`: what has become of the hot and cold spots of each cell, month by month or week by week.

use super::{
    Context,
    answer::{self, Edition, Form, Timing},
    handlers::off_while_wanted,
    parameters::{FILTER, Parameters},
    places::{Places, as_text, beside, hexagon, middles},
    statistic::{
        MOST_COUNTS, caution, mapped_and_not, of_whole_cells, refused, steps, too_large, which_cells, within_bounds,
    },
    written,
};
use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array},
    error::ArrowError,
};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::Response,
};
use blotter_cube::{Bucket, CellBuckets, Filter};
use blotter_hotspot::{MannKendall, Pattern, Stop, emerging as histories};
use blotter_runtime::Problem;
use h3o::CellIndex;
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

#[derive(Serialize)]
struct Summary {
    resolution: u8,
    study_area: &'static str,
    /// Cells of the study area.
    n: usize,
    confidence: u8,
    step: Bucket,
    /// The beginning of each step.
    steps: Vec<String>,
    /// Cells of each pattern that there is.
    patterns: BTreeMap<String, usize>,
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
    pattern: Option<String>,
    /// Steps whose z is defined, and at how many of them the cell is hot, and cold.
    steps: u32,
    hot_steps: u32,
    cold_steps: u32,
    /// Of the last step.
    z: Option<f64>,
    q: Option<f64>,
    trend_s: Option<i64>,
    trend_z: Option<f64>,
    trend_p: Option<f64>,
}

pub(super) async fn emerging(
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
        let known: [&[&str]; 2] = [&["resolution", "step", "confidence", "format"], &FILTER];
        let parameters = Parameters::read(uri.query(), &known)?;
        let form = Form::of_places(&headers, parameters.format())?;
        let (resolution, step, confidence) = (parameters.resolution()?, parameters.step()?, parameters.confidence()?);
        let view = state.read();
        let filter = parameters.filter(&state.profile, &view.cube)?;
        let everything = view.cube.cells(&Filter::default(), resolution);
        // The steps reach from the first to the last in which any incident lies, of whatever category.
        let period = Filter { from: filter.from, to: filter.to, ..Filter::default() };
        let content = [view.cube.content(&period), which_cells(&everything)];
        let edition = Edition::new(state, &content, view.offsets_text(), &uri, form);
        if edition.is_seen(&headers) {
            return Ok(edition.not_modified());
        }
        let buckets =
            view.cube.cells_by_bucket(&of_whole_cells(&filter), resolution, step, MOST_COUNTS).map_err(too_large)?;
        let next_offsets = view.offsets_json();
        drop(view);
        wanted.yield_to_others();
        let area = state.study_areas.selected(resolution, &everything, &filter, stop).map_err(refused)?;
        within_bounds(area.cells().len(), buckets.buckets.len()).map_err(too_large)?;
        let counts = steps(&area, &buckets);
        let CellBuckets { buckets: names, unmapped, .. } = buckets;
        let found = histories(&counts, area.neighbors(), confidence, stop).map_err(refused)?;
        let trend = |trend: Option<MannKendall>, of: fn(MannKendall) -> f64| trend.map(of);
        let cells: Vec<Cell> = found
            .iter()
            .enumerate()
            .map(|(number, history)| Cell {
                index: area.cells()[number],
                count: counts.iter().map(|step| u64::from(step[number])).sum(),
                pattern: history.pattern.map(Pattern::name),
                steps: history.steps,
                hot_steps: history.hot,
                cold_steps: history.cold,
                z: history.z,
                q: history.q,
                trend_s: history.trend.map(|trend| trend.s),
                trend_z: trend(history.trend, |trend| trend.z),
                trend_p: trend(history.trend, |trend| trend.p),
            })
            .collect();
        let whole: Vec<u64> = cells.iter().map(|cell| cell.count).collect();
        let (mapped, unmapped) = mapped_and_not(&filter, &whole, unmapped);
        let mut patterns = BTreeMap::new();
        for pattern in cells.iter().filter_map(|cell| cell.pattern.clone()) {
            *patterns.entry(pattern).or_default() += 1;
        }
        let summary = Summary {
            resolution,
            study_area: state.study_areas.method(),
            n: cells.len(),
            confidence: confidence.percent(),
            step,
            steps: names,
            patterns,
            caution: caution(mapped, cells.len(), counts.len()),
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

fn table(cells: &[Cell]) -> Result<RecordBatch, ArrowError> {
    let [latitude, longitude] = middles(cells.iter().map(|cell| cell.index));
    let number =
        |of: fn(&Cell) -> Option<f64>| -> ArrayRef { Arc::new(cells.iter().map(of).collect::<Float64Array>()) };
    let steps = |of: fn(&Cell) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(cells.iter().map(of))) };
    RecordBatch::try_from_iter([
        ("cell", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.index.to_string()))) as ArrayRef),
        latitude,
        longitude,
        ("count", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.count)))),
        ("pattern", Arc::new(cells.iter().map(|cell| cell.pattern.as_deref()).collect::<StringArray>())),
        ("steps", steps(|cell| cell.steps)),
        ("hot_steps", steps(|cell| cell.hot_steps)),
        ("cold_steps", steps(|cell| cell.cold_steps)),
        ("z", number(|cell| cell.z)),
        ("q", number(|cell| cell.q)),
        ("trend_s", Arc::new(cells.iter().map(|cell| cell.trend_s).collect::<Int64Array>())),
        ("trend_z", number(|cell| cell.trend_z)),
        ("trend_p", number(|cell| cell.trend_p)),
    ])
}
