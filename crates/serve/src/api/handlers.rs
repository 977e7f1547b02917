//! One handler a route.

use super::{
    Context,
    answer::{self, Edition, Form, Timing},
    parameters::{FILTER, Parameters},
    places::{Table, arrow as arrow_stream},
    written,
};
use crate::{figures::figures, metrics::render, state::State, texts::Sources, web as files};
use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array},
    error::ArrowError,
};
use axum::{
    extract::{Path, State as Shared, rejection::PathRejection},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use blotter_cube::{Cursor, Series, TooLarge};
use blotter_incident::Incident;
use blotter_runtime::{Lane, Problem, Wanted};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{collections::HashMap, io::Write, sync::Arc};

/// More numbers than this are no answer but a download.
const MOST_NUMBERS: usize = 500_000;

/// Runs a question off the threads that answer, in a lane.
pub(super) async fn off<T: Send + 'static>(
    lane: &Lane,
    question: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    lane.run(question).await
}

/// The same of a question that gives up when nobody waits for its answer.
pub(super) async fn off_while_wanted<T: Send + 'static>(
    lane: &Lane,
    question: impl FnOnce(&Wanted) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    lane.run_while_wanted(question).await
}

pub(super) async fn meta(Shared(context): Shared<Context>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    Parameters::read(uri.query(), &[])?;
    Form::of_json(&headers)?;
    let lanes = Arc::clone(&context.lanes);
    off(&lanes.quick, move || {
        let mut timing = Timing::start();
        let state = &context.state;
        state.find_areas(usize::MAX);
        let view = state.read();
        let mut answer = figures(state, &view);
        let disagreeing = state.disagreeing(&view);
        let profile = &state.profile;
        let city = profile.bounding_box;
        let layers: Vec<Value> = profile
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| {
                let seen = view.cube.area_codes(index);
                let areas: Vec<Value> = seen
                    .iter()
                    .map(|code| json!({ "code": code, "name": layer.names.get(*code).map_or(*code, String::as_str) }))
                    .collect();
                json!({
                    "name": layer.name, "title": layer.title, "primary": layer.primary,
                    "boundaries": state.boundaries.of(index).is_some(), "disagreeing": disagreeing[index],
                    "areas": areas,
                })
            })
            .collect();
        for (name, value) in [
            ("city", json!(profile.slug)),
            (
                "profile",
                json!({
                    "name": profile.name, "time_zone": profile.time_zone, "disclaimer": profile.disclaimer,
                    "bounding_box": [city.west, city.south, city.east, city.north],
                    "portal": profile.portal.as_ref().map(|portal| &portal.page),
                }),
            ),
            ("next_offsets", json!(view.offsets_json())),
            ("layers", json!(layers)),
            ("categories", json!(view.cube.categories())),
        ] {
            answer.insert(name.to_owned(), value);
        }
        drop(view);
        timing.cube_done();
        Ok(answer::json(Value::Object(answer).to_string(), None, &timing))
    })
    .await
}

pub(super) async fn series(
    Shared(context): Shared<Context>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    off(&lanes.quick, move || {
        let mut timing = Timing::start();
        let form = Form::of(&headers)?;
        let state = &context.state;
        let parameters = Parameters::read(uri.query(), &[&["by", "bucket"], &FILTER])?;
        let (by, bucket) = (parameters.by(&state.profile)?, parameters.bucket()?);
        let view = state.read();
        let filter = parameters.filter(&state.profile, &view.cube)?;
        let content = view.cube.content(&filter);
        let edition = Edition::new(state, &[content], view.offsets_text(), &uri, form);
        if edition.is_seen(&headers) {
            return Ok(edition.not_modified());
        }
        let series = view
            .cube
            .series(&filter, by, bucket, MOST_NUMBERS)
            .map_err(|error: TooLarge| Problem::parameter("bucket", error.to_string()))?;
        let offsets = view.offsets_json();
        drop(view);
        timing.cube_done();
        if form == Form::Arrow {
            let batch = long(&series).map_err(|error| Problem::internal(&error))?;
            return Ok(answer::arrow(&batch, Some(&edition), &timing));
        }
        let lines: Vec<Value> =
            series.lines.iter().map(|line| json!({ "key": line.key, "counts": line.counts })).collect();
        let body = json!({ "buckets": series.buckets, "series": lines, "next_offsets": offsets });
        Ok(answer::json(body.to_string(), Some(&edition), &timing))
    })
    .await
}

/// A row per line and bucket that has any.
fn long(series: &Series) -> Result<RecordBatch, ArrowError> {
    let (mut buckets, mut keys, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for line in &series.lines {
        for (bucket, count) in series.buckets.iter().zip(&line.counts).filter(|(_, count)| **count > 0) {
            buckets.push(bucket.as_str());
            keys.push(line.key.as_str());
            counts.push(*count);
        }
    }
    RecordBatch::try_from_iter([
        ("bucket", Arc::new(StringArray::from(buckets)) as ArrayRef),
        ("key", Arc::new(StringArray::from(keys))),
        ("count", Arc::new(UInt32Array::from(counts))),
    ])
}

pub(super) async fn cells(Shared(context): Shared<Context>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    off(&lanes.quick, move || {
        let mut timing = Timing::start();
        let form = Form::of(&headers)?;
        let state = &context.state;
        let parameters = Parameters::read(uri.query(), &[&["resolution"], &FILTER])?;
        let resolution = parameters.resolution()?;
        let view = state.read();
        let filter = parameters.filter(&state.profile, &view.cube)?;
        let content = view.cube.content(&filter);
        let edition = Edition::new(state, &[content], view.offsets_text(), &uri, form);
        if edition.is_seen(&headers) {
            return Ok(edition.not_modified());
        }
        let counts = view.cube.cells(&filter, resolution);
        let offsets = view.offsets_json();
        drop(view);
        timing.cube_done();
        let (sending, count) = (&context.lanes.sending, counts.cells.len());
        let held_bytes = size_of_val(counts.cells.as_slice());
        if form == Form::Arrow {
            let rows: Table = Box::new(move |range| {
                let rows = &counts.cells[range];
                let cells: StringArray = rows.iter().map(|(cell, _)| Some(cell.to_string())).collect();
                let totals = UInt64Array::from_iter_values(rows.iter().map(|(_, count)| *count));
                RecordBatch::try_from_iter([("cell", Arc::new(cells) as ArrayRef), ("count", Arc::new(totals))])
            });
            let stream = arrow_stream(count, rows, HashMap::new()).map_err(|error| Problem::internal(&error))?;
            let body = written::body(sending, held_bytes, stream)?;
            return Ok(answer::streamed(answer::ARROW, body, Some(&edition), &timing));
        }
        // Thousands of small pairs: written as they are, without a tree in between.
        let head = format!("{{\"resolution\":{resolution},\"cells\":[");
        let rest = json!({ "mapped": counts.mapped, "unmapped": counts.unmapped, "next_offsets": offsets }).to_string();
        let pair = move |index: usize, body: &mut Vec<u8>| {
            let (cell, count) = counts.cells[index];
            write!(body, "[\"{:x}\",{count}]", u64::from(cell)).map_err(serde_json::Error::io)
        };
        let body = written::json_between(sending, held_bytes, head, count, pair, format!("],{}", &rest[1..]))?;
        Ok(answer::streamed(answer::JSON, body, Some(&edition), &timing))
    })
    .await
}

pub(super) async fn incidents(
    Shared(context): Shared<Context>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    off(&lanes.records, move || {
        let mut timing = Timing::start();
        let form = Form::of(&headers)?;
        let state = &context.state;
        let parameters = Parameters::read(uri.query(), &[&["limit", "cursor"], &FILTER])?;
        let (limit, cursor) = (parameters.limit()?, parameters.cursor()?);
        // Everything that the answer is made from is taken under one hold: row numbers mean nothing in another snapshot.
        let (page, snapshot, offsets, edition) = {
            let view = state.read();
            let filter = parameters.filter(&state.profile, &view.cube)?;
            let content = view.cube.content(&filter);
            let edition = Edition::new(state, &[content], view.offsets_text(), &uri, form);
            if edition.is_seen(&headers) {
                return Ok(edition.not_modified());
            }
            let page = view.cube.newest(&filter, limit, cursor.as_ref());
            (page, view.opened.clone(), view.offsets_json(), edition)
        };
        let texts = Sources { snapshot: snapshot.as_deref(), log: state.log.as_deref() };
        let read = state.texts.page(&texts, &page).map_err(|error| {
            if error.is_retryable() {
                Problem::unavailable("the log does not answer, and the texts of these incidents are in it: ask again")
            } else {
                Problem::internal(&error)
            }
        })?;
        timing.cube_done();
        // What is missing comes back, or more goes, without a change of the incidents.
        let edition = read.missing.is_empty().then_some(&edition);
        let next = read.next.as_ref().map(Cursor::to_text);
        if form == Form::Arrow {
            let mut beside = HashMap::new();
            if let Some(next) = next {
                beside.insert("next_cursor".to_owned(), next);
            }
            if !read.missing.is_empty() {
                beside.insert("missing".to_owned(), read.missing.join(","));
            }
            let batch = table(state, &read.incidents, beside).map_err(|error| Problem::internal(&error))?;
            return Ok(answer::arrow(&batch, edition, &timing));
        }
        let rows: Vec<Value> = read.incidents.iter().map(Incident::to_json).collect();
        let body = json!({ "incidents": rows, "missing": read.missing, "next_cursor": next, "next_offsets": offsets });
        Ok(answer::json(body.to_string(), edition, &timing))
    })
    .await
}

/// The records as columns, as texts and numbers that any reader of Arrow knows. `beside`: the schema's metadata.
fn table(state: &State, incidents: &[Incident], beside: HashMap<String, String>) -> Result<RecordBatch, ArrowError> {
    use arrow::array::{BooleanArray, Float64Array, TimestampMicrosecondArray};
    let text =
        |of: fn(&Incident) -> Option<&str>| -> ArrayRef { Arc::new(incidents.iter().map(of).collect::<StringArray>()) };
    let flag = |of: fn(&Incident) -> Option<bool>| -> ArrayRef {
        Arc::new(incidents.iter().map(of).collect::<BooleanArray>())
    };
    let degrees =
        |of: fn(&Incident) -> Option<f64>| -> ArrayRef { Arc::new(incidents.iter().map(of).collect::<Float64Array>()) };
    let civil = |of: fn(&Incident) -> Option<i64>| -> ArrayRef {
        Arc::new(incidents.iter().map(of).collect::<TimestampMicrosecondArray>())
    };
    let utc = |of: fn(&Incident) -> Option<i64>| -> ArrayRef {
        Arc::new(incidents.iter().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("id".into(), text(|incident| Some(&incident.id))),
        ("case_number".into(), text(|incident| incident.case_number.as_deref())),
        ("occurred_at".into(), civil(|incident| Some(incident.occurred_at.0))),
        ("occurred_at_utc".into(), utc(|incident| Some(incident.occurred_at_utc.0))),
        ("updated_at".into(), civil(|incident| incident.updated_at.map(|at| at.0))),
        ("observed_at".into(), utc(|incident| Some(incident.observed_at.0))),
        ("category".into(), text(|incident| Some(&incident.category))),
        ("category_published".into(), text(|incident| Some(&incident.category_published))),
        ("description".into(), text(|incident| incident.description.as_deref())),
        ("place".into(), text(|incident| incident.place.as_deref())),
        ("code".into(), text(|incident| incident.code.as_deref())),
        ("block".into(), text(|incident| incident.block.as_deref())),
        ("arrest".into(), flag(|incident| incident.arrest)),
        ("domestic".into(), flag(|incident| incident.domestic)),
        ("latitude".into(), degrees(|incident| incident.position.map(|(latitude, _)| latitude))),
        ("longitude".into(), degrees(|incident| incident.position.map(|(_, longitude)| longitude))),
    ];
    for layer in &state.profile.layers {
        let codes: StringArray = incidents.iter().map(|incident| incident.areas.get(&layer.name)).collect();
        columns.push((format!("areas.{}", layer.name), Arc::new(codes)));
    }
    let batch = RecordBatch::try_from_iter(columns)?;
    let schema = batch.schema().as_ref().clone().with_metadata(beside);
    batch.with_schema(Arc::new(schema))
}

pub(super) async fn boundaries(
    Shared(context): Shared<Context>,
    layer: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::read(uri.query(), &[])?;
    let state = &context.state;
    let Ok(Path(layer)) = layer else {
        return Err(Problem::not_found("the layer's name is not UTF-8; /api/v1/meta lists the layers"));
    };
    match state.profile.layer(&layer).and_then(|layer| state.boundaries.of(layer)) {
        Some(outlines) => {
            let headers = [(header::CONTENT_TYPE, "application/geo+json"), (header::CACHE_CONTROL, "no-cache")];
            Ok((headers, Bytes::from_owner(outlines.geojson())).into_response())
        }
        None => Err(Problem::not_found(format!(
            "the outlines of `{layer}` are not known: `blotter boundaries` fetches what the portal has, and --boundaries {layer}=FILE gives them"
        ))),
    }
}

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], super::openapi_json()).into_response()
}

pub(super) async fn metrics(Shared(context): Shared<Context>) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    off(&lanes.operations, move || {
        let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
        Ok((headers, render(&context.state, &context.lanes)).into_response())
    })
    .await
}

pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

pub(super) async fn readyz(Shared(context): Shared<Context>) -> Result<&'static str, Problem> {
    if context.state.is_ready() {
        Ok("ready\n")
    } else {
        Err(Problem::unavailable("the snapshot is being loaded, or the log followed to its end"))
    }
}

pub(super) async fn web(uri: Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with("/api/") {
        return Problem::not_found(format!("there is no {}; /openapi.json lists what there is", uri.path()))
            .into_response();
    }
    files::file(uri.path(), &headers)
}
