//! `GET /api/v1/backtest`: how good a map of the past weeks would have been in the weeks that followed.

use super::{
    Context,
    answer::{self, Edition, Form, Timing},
    handlers::off_while_wanted,
    parameters::{FILTER, Parameters},
    places::Places,
    statistic::{MOST_COUNTS, mapped_and_not, of_whole_cells, refused, steps, too_large, which_cells, within_bounds},
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array},
    error::ArrowError,
};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::Response,
};
use blotter_cube::{Bucket, Filter};
use blotter_hotspot::{BacktestPlan, Score, Stop, backtest as foretell};
use blotter_runtime::Problem;
use serde::Serialize;
use serde_json::Map;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

#[derive(Serialize)]
struct Answer {
    resolution: u8,
    study_area: &'static str,
    /// Cells of the study area, and how many of them are flagged.
    n: usize,
    flagged: usize,
    share: f64,
    training_weeks: usize,
    bandwidth_m: f64,
    /// The Monday of each week that is foretold, its incidents, and those in its best cells.
    weeks: Vec<String>,
    incidents: Vec<u64>,
    best: Vec<u64>,
    methods: Vec<Method>,
    mapped: u64,
    unmapped: u64,
    next_offsets: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Method {
    #[serde(rename = "method")]
    name: &'static str,
    /// Of each week.
    hits: Vec<u64>,
    hit_rate: Option<f64>,
    pai: Option<f64>,
    pei_star: Option<f64>,
}

pub(super) async fn backtest(
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
        let known: [&[&str]; 2] =
            [&["resolution", "share", "weeks", "training_weeks", "bandwidth_m", "format"], &FILTER];
        let parameters = Parameters::read(uri.query(), &known)?;
        let form = Form::of_table(&headers, parameters.format())?;
        let resolution = parameters.resolution()?;
        let plan = BacktestPlan {
            training_weeks: parameters.number("training_weeks", 1..=520, 52)?,
            test_weeks: parameters.number("weeks", 1..=520, 12)?,
            area_share: parameters.number("share", 0.0001..=1.0, 0.05)?,
            bandwidth_m: parameters.number("bandwidth_m", 50.0..=5000.0, 400.0)?,
        };
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
        let buckets = view
            .cube
            .cells_by_bucket(&of_whole_cells(&filter), resolution, Bucket::Week, MOST_COUNTS)
            .map_err(too_large)?;
        let next_offsets = view.offsets_json();
        drop(view);
        wanted.yield_to_others();
        let area = state.study_areas.selected(resolution, &everything, &filter, stop).map_err(refused)?;
        within_bounds(area.cells().len(), buckets.buckets.len()).map_err(too_large)?;
        let counts = steps(&area, &buckets);
        let sums: Vec<u64> = counts.iter().map(|week| week.iter().copied().map(u64::from).sum()).collect();
        let (mapped, unmapped) = mapped_and_not(&filter, &sums, buckets.unmapped);
        let found = foretell(&counts, &area, &plan, stop).map_err(refused)?;
        timing.cube_done();
        if form != Form::Json {
            let rows = table(&found.scores, &found.incidents).map_err(|error| Problem::internal(&error))?;
            // There is no place: a map of it was refused above.
            let (count, held_bytes) = (rows.num_rows(), rows.get_array_memory_size());
            let rows = Box::new(move |range: Range<usize>| Ok(rows.slice(range.start, range.len())));
            let geometry = Box::new(|_| String::new());
            let places = Places { count, rows, geometry, beside: Map::new(), held_bytes };
            return places.answer(form, &edition, &timing, &context.lanes.sending);
        }
        let methods = found.scores.into_iter().map(|score| Method {
            name: score.method.name(),
            hits: score.hits,
            hit_rate: score.hit_rate,
            pai: score.pai,
            pei_star: score.pei_star,
        });
        let answer = Answer {
            resolution,
            study_area: state.study_areas.method(),
            n: found.cells,
            flagged: found.flagged,
            share: plan.area_share,
            training_weeks: plan.training_weeks,
            bandwidth_m: plan.bandwidth_m,
            weeks: buckets.buckets[buckets.buckets.len() - plan.test_weeks..].to_vec(),
            incidents: found.incidents,
            best: found.best,
            methods: methods.collect(),
            mapped,
            unmapped,
            next_offsets,
        };
        let body = serde_json::to_string(&answer).map_err(|error| Problem::internal(&error))?;
        Ok(answer::json(body, Some(&edition), &timing))
    })
    .await
}

/// A row for each method.
fn table(scores: &[Score], incidents: &[u64]) -> Result<RecordBatch, ArrowError> {
    let ratio =
        |of: fn(&Score) -> Option<f64>| -> ArrayRef { Arc::new(scores.iter().map(of).collect::<Float64Array>()) };
    let all: u64 = incidents.iter().sum();
    RecordBatch::try_from_iter([
        ("method", Arc::new(StringArray::from_iter_values(scores.iter().map(|score| score.method.name()))) as ArrayRef),
        ("incidents", Arc::new(UInt64Array::from_iter_values(scores.iter().map(|_| all)))),
        ("hits", Arc::new(UInt64Array::from_iter_values(scores.iter().map(|score| score.hits.iter().sum::<u64>())))),
        ("hit_rate", ratio(|score| score.hit_rate)),
        ("pai", ratio(|score| score.pai)),
        ("pei_star", ratio(|score| score.pei_star)),
    ])
}
