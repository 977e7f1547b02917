//! `GET /api/v1/peaks`: what holds more than was to be expected, by area, category and window.
//!
//! A tick ends with the hour in which the data's newest incident lies, or where `at` says: hours that are over by then. The
//! filters select what is listed; what was tested, and therefore q, is always everything. `as=said` answers with what `detect`
//! said by then, from topic `peaks`, instead of what today's revisions say of then.

use super::{
    Context,
    answer::{self, Edition, Form, Timing},
    handlers::off,
    parameters::Parameters,
    places::{Places, beside},
};
use crate::{
    hourly::Hourly,
    state::{State, View},
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array},
    error::ArrowError,
};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::Response,
};
use blotter_city::{CityClock, UtcMicros, format_utc};
use blotter_cube::Filter;
use blotter_log::{LogError, Topic};
use blotter_peak::{
    City, Hour, Names, Peak, PublishedTick, Report, ReportedPeak, ReportedWindow, Tick, Window, begin_of, hour_of,
    said_rows,
};
use blotter_runtime::Problem;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// Everything that a large city has at a tick.
const MOST_PEAKS: usize = 10_000;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    report: Report,
    /// Of what was said: when, by the wall clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    said_at: Option<String>,
}

pub(super) async fn peaks(Shared(context): Shared<Context>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    off(&lanes.quick, move || {
        let mut timing = Timing::start();
        let state = &context.state;
        let parameters = Parameters::read(uri.query(), &[&["at", "as", "area", "category", "limit", "format"]])?;
        let form = Form::of_places(&headers, parameters.format())?;
        let limit = parameters.number("limit", 1..=MOST_PEAKS, 100)?;
        let is_as_said = parameters.is_as_said()?;
        let (clock, at, selected, now) = {
            let view = state.read();
            let clock = view.cube.clock().clone();
            let at = parameters.at(&clock)?.map(hour_of);
            let (areas, categories) = parameters.areas_and_categories(&state.profile, &view.cube)?;
            let now = (!is_as_said).then(|| Found::now(state, &view, at));
            (clock, at, Selected { areas, categories, limit }, now)
        };
        let found = match now {
            Some(now) => now,
            None => said(state, at, &clock)?,
        };
        let edition = Edition::new(state, &found.content, offsets_text(found.next_offsets()), &uri, form);
        if edition.is_seen(&headers) {
            return Ok(edition.not_modified());
        }
        let answer = found.answer(state, &selected, &clock)?;
        timing.cube_done();
        if form == Form::Json {
            let body = serde_json::to_string(&answer).map_err(|error| Problem::internal(&error))?;
            return Ok(answer::json(body, Some(&edition), &timing));
        }
        let rows = table(&answer.report.windows).map_err(|error| Problem::internal(&error))?;
        let areas: Vec<String> =
            answer.report.windows.iter().flat_map(|window| &window.peaks).map(|peak| peak.area.clone()).collect();
        let geometries = if form == Form::GeoJson { geometries(state) } else { BTreeMap::new() };
        let geometry = move |row: usize| geometries.get(&areas[row]).cloned().unwrap_or_else(|| "null".to_owned());
        let (count, held_bytes) = (rows.num_rows(), rows.get_array_memory_size());
        let rows = Box::new(move |range: Range<usize>| Ok(rows.slice(range.start, range.len())));
        let places = Places { count, rows, geometry: Box::new(geometry), beside: answer.beside()?, held_bytes };
        places.answer(form, &edition, &timing, &context.lanes.sending)
    })
    .await
}

/// What an answer is made from, and what stands for it in the answer's tag.
struct Found {
    content: Vec<u64>,
    source: Source,
}

enum Source {
    /// Totals, the hour that was asked for, and the next offsets that they reflect.
    Totals(Hourly, Option<Hour>, BTreeMap<String, u64>),
    /// What was said, and when in milliseconds since 1970.
    Published(Box<PublishedTick>, i64),
}

impl Found {
    fn now(state: &State, view: &View, at: Option<Hour>) -> Self {
        let hourly = view.hourly();
        let before = Filter { to: at.map(begin_of), ..Filter::default() };
        let mut content = vec![view.cube.content(&before)];
        // What is still unreported of an hour depends on how long ago it was at the data's end.
        if state.peaking.reporting_lag() != "none" {
            content.extend(hourly.history.end().map(|end| end as u64));
        }
        Self { content, source: Source::Totals(hourly, at, view.offsets_json()) }
    }

    /// That the answer reflects.
    fn next_offsets(&self) -> &BTreeMap<String, u64> {
        match &self.source {
            Source::Totals(_, _, next_offsets) => next_offsets,
            Source::Published(said, _) => &said.report.next_offsets,
        }
    }

    fn answer(self, state: &State, selected: &Selected, clock: &CityClock) -> Result<Answer, Problem> {
        match self.source {
            Source::Published(said, said_at_ms) => {
                let mut report = said.report;
                report.windows.iter_mut().for_each(|window| selected.keep(&mut window.peaks));
                Ok(Answer { report, said_at: Some(format_utc(UtcMicros(said_at_ms * 1000))) })
            }
            Source::Totals(hourly, at, next_offsets) => {
                let tick = tick(&hourly, at, clock, &state.peaking)?;
                let window = |window| selected.window(window, &hourly.names);
                let report = Report {
                    at: at.or(hourly.history.end()).map(|at| clock.format(begin_of(at))),
                    layer: state.profile.layers[state.profile.primary_layer()].name.clone(),
                    tests: tick.tests(),
                    reporting_lag: state.peaking.reporting_lag().to_owned(),
                    next_offsets,
                    windows: tick.windows.iter().map(window).collect(),
                };
                Ok(Answer { report, said_at: None })
            }
        }
    }
}

impl Answer {
    /// All but the peaks.
    fn beside(&self) -> Result<Map<String, Value>, Problem> {
        let mut said = beside(self)?;
        for window in said.get_mut("windows").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(window) = window.as_object_mut() {
                window.remove("peaks");
            }
        }
        Ok(said)
    }
}

/// What was said last by an hour, or at all.
fn said(state: &State, at: Option<Hour>, clock: &CityClock) -> Result<Found, Problem> {
    let Some(log) = &state.log else {
        return Err(Problem::parameter("as", "`as=said` needs the log, and this server does not follow one"));
    };
    let (hour, offset) = match state.said().by(at) {
        Ok(found) => found,
        Err(None) => return Err(Problem::parameter("as", "nothing has been published yet")),
        Err(Some(first)) => {
            let first = clock.format(begin_of(first));
            return Err(Problem::parameter(
                "at",
                format!("nothing was published by then: the first tick is at {first}"),
            ));
        }
    };
    let gone = || Problem::not_found("what was published then is no longer in the log");
    let mut from = offset;
    // It lies there, or a little behind: compaction moves what it keeps up to what comes next.
    loop {
        let fetched = log.read(Topic::Peaks, 0, from, 1).map_err(|error| match error {
            LogError::OffsetGone { .. } => gone(),
            error => Problem::internal(&error),
        })?;
        from = fetched.last().ok_or_else(gone)?.next;
        for fetched in &fetched {
            let rows = said_rows(&fetched.records).map_err(|error| Problem::internal(&error))?;
            if let Some(row) = rows.into_iter().rfind(|row| row.at == hour) {
                let said = serde_json::from_str(&row.json).map_err(|error| Problem::internal(&error))?;
                // What the last tick of an hour says does not change. The second number keeps it apart from what is known now.
                let source = Source::Published(Box::new(said), fetched.appended_at_ms);
                return Ok(Found { content: vec![offset.0, u64::MAX], source });
            }
        }
    }
}

/// The tick that ends at an hour, or with the newest incident.
fn tick(hourly: &Hourly, asked: Option<Hour>, clock: &CityClock, peaking: &City) -> Result<Arc<Tick>, Problem> {
    let end = hourly.history.end();
    let at = asked.or(end).unwrap_or(0);
    let end = end.unwrap_or(at);
    if at > end {
        let end = clock.format(begin_of(end));
        return Err(Problem::parameter("at", format!("nothing is known yet of that hour: the data end before {end}")));
    }
    Ok(hourly.ticks.at(at, || peaking.tick(&hourly.history, at)))
}

/// The outlines of the areas of the hourly counts as GeoJSON, by code; none where they are not known.
fn geometries(state: &State) -> BTreeMap<String, String> {
    let Some(outlines) = state.boundaries.of(state.profile.primary_layer()) else { return BTreeMap::new() };
    let all: Value = serde_json::from_slice(&outlines.geojson()).unwrap_or_default();
    let features = all["features"].as_array().into_iter().flatten();
    let of =
        |feature: &Value| Some((feature["properties"]["code"].as_str()?.to_owned(), feature["geometry"].to_string()));
    features.filter_map(of).collect()
}

/// What is listed: peaks of some areas and categories, or of all, at most so many a window.
struct Selected {
    areas: Vec<String>,
    categories: Vec<String>,
    limit: usize,
}

impl Selected {
    fn has(&self, area: &String, category: &String) -> bool {
        (self.areas.is_empty() || self.areas.contains(area))
            && (self.categories.is_empty() || self.categories.contains(category))
    }

    fn keep(&self, peaks: &mut Vec<ReportedPeak>) {
        peaks.retain(|peak| self.has(&peak.area, &peak.category));
        peaks.truncate(self.limit);
    }

    fn window(&self, window: &Window, names: &Names) -> ReportedWindow {
        let is_selected =
            |peak: &&Peak| self.has(&names.areas[peak.area as usize], &names.categories[peak.category as usize]);
        ReportedWindow::new(window, names, window.peaks.iter().filter(is_selected).take(self.limit))
    }
}

/// `0:12,1:7`.
fn offsets_text(next_offsets: &BTreeMap<String, u64>) -> String {
    let mut parts: Vec<(&String, &u64)> = next_offsets.iter().collect();
    parts.sort_by_key(|(part, _)| (part.len(), *part));
    let parts: Vec<String> = parts.into_iter().map(|(part, next)| format!("{part}:{next}")).collect();
    parts.join(",")
}

fn table(windows: &[ReportedWindow]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<(u16, &ReportedPeak)> =
        windows.iter().flat_map(|window| window.peaks.iter().map(|peak| (window.hours, peak))).collect();
    let number = |of: fn(&ReportedPeak) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, peak)| of(peak)).collect::<Float64Array>())
    };
    RecordBatch::try_from_iter([
        ("window_hours", Arc::new(UInt16Array::from_iter_values(rows.iter().map(|(hours, _)| *hours))) as ArrayRef),
        ("area", Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, peak)| &peak.area)))),
        ("category", Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, peak)| &peak.category)))),
        ("observed", Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(_, peak)| peak.observed)))),
        ("expected", number(|peak| Some(peak.expected))),
        ("ratio", number(|peak| peak.ratio)),
        ("percent_more", number(|peak| peak.percent_more)),
        ("dispersion", number(|peak| Some(peak.dispersion))),
        ("p", number(|peak| Some(peak.p))),
        ("q", number(|peak| Some(peak.q))),
        ("surge_evidence", number(|peak| peak.surge_evidence)),
    ])
}

#[cfg(test)]
mod tests;
