//! For tests by the routes themselves: a city, revisions that reach it, and what it answers.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod memory_log;
mod snapshots;

pub(crate) use memory_log::MemoryLog;
pub(crate) use snapshots::write_snapshot;

use crate::{api, ask::LoadedCity, state::State};
use arrow::array::RecordBatch;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use blotter_city::{CivilMicros, Profile, UtcMicros, format_civil};
use blotter_cube::Locator;
use blotter_incident::{Header, IncidentBatch, Observation, Parser, Row};
use blotter_runtime::http::Limits;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

pub(crate) const CHICAGO: &str = include_str!("../../../../cities/chicago.toml");

/// One revision of an incident; the greatest `observed` of an id is in force.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: u32,
    pub(crate) observed: i64,
    pub(crate) deleted: bool,
    /// Civil seconds since 1970.
    pub(crate) second: i64,
    /// A community area; 0 is none.
    pub(crate) area: u8,
    pub(crate) category: u8,
    /// Latitude and longitude.
    pub(crate) point: Option<(f64, f64)>,
}

/// Chicago, with no log and nothing loaded.
pub(crate) fn chicago() -> Arc<State> {
    Arc::new(State::new(Arc::new(Profile::from_toml(CHICAGO).unwrap()), None, Arc::default()))
}

/// The records as a source's, by partition; `description` is every record's.
pub(crate) fn batches(
    profile: &Arc<Profile>,
    partitions: u32,
    records: &[Record],
    description: &str,
) -> Vec<(u32, RecordBatch)> {
    let mut parser = Parser::new(Arc::clone(profile), partitions);
    let names = ["id", "date", "primary_type", "community_area", "latitude", "longitude", "description"];
    parser.set_header(Header::resolve(profile, &names).unwrap());
    for record in records {
        let degrees =
            |of: fn((f64, f64)) -> f64| record.point.map(of).map(|degrees| degrees.to_string()).unwrap_or_default();
        let fields = [
            record.id.to_string(),
            format_civil(CivilMicros(record.second * 1_000_000)),
            format!("C{}", record.category),
            if record.area == 0 { String::new() } else { record.area.to_string() },
            degrees(|point| point.0),
            degrees(|point| point.1),
            description.to_owned(),
        ];
        let ends: Vec<usize> = (1..=fields.len()).map(|count| fields[..count].concat().len()).collect();
        let observation = Observation { observed_at: UtcMicros(record.observed), deleted: record.deleted, id: None };
        let bytes = fields.concat();
        parser.push(&Row::new(bytes.as_bytes(), &ends), &observation, UtcMicros(2_000_000_000_000_000)).unwrap();
    }
    parser.finish().unwrap()
}

/// What a follower does with a batch of records.
pub(crate) fn apply(state: &State, records: &[Record]) {
    let batches = batches(&state.profile, 1, records, "");
    let mut view = state.write();
    for (_, batch) in &batches {
        let batch = IncidentBatch::try_new(batch).unwrap();
        let changes = view.cube.apply(&batch, |row| Locator { partition: 0, offset: row as u64 });
        view.hourly.get_mut().unwrap_or_else(PoisonError::into_inner).note(&changes);
    }
}

/// What a fresh load of a table would hold after these records: what is in force, sorted by time.
pub(crate) fn in_force(records: &[Record]) -> Vec<Record> {
    let mut winners: BTreeMap<u32, &Record> = BTreeMap::new();
    for record in records {
        let winner = winners.entry(record.id).or_insert(record);
        if record.observed > winner.observed {
            *winner = record;
        }
    }
    let mut all: Vec<Record> = winners.into_values().filter(|record| !record.deleted).cloned().collect();
    all.sort_by_key(|record| (record.second, record.id));
    all
}

/// What loading a snapshot of these records does: what is in force.
pub(crate) fn load_afresh(state: &State, records: &[Record]) {
    apply(state, &in_force(records));
}

/// The status and body of an answer.
pub(crate) fn ask(state: &Arc<State>, question: &str) -> (u16, String) {
    let reply = LoadedCity::of(Arc::clone(state)).unwrap().ask(question).unwrap();
    (reply.status, String::from_utf8_lossy(&reply.body).into_owned())
}

/// An answer with its headers, to a client that says these headers.
pub(crate) fn ask_with(state: &Arc<State>, question: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    let (_, stopped) = tokio::sync::watch::channel(false);
    let mut request = Request::get(question);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut router = api::router(Arc::clone(state), stopped, Limits::default());
        let (head, body) = tower_service::Service::call(&mut router, request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
    })
}

/// An answer that there is.
pub(crate) fn json(state: &Arc<State>, question: &str) -> Value {
    let (status, body) = ask(state, question);
    assert_eq!(status, 200, "{question}: {body}");
    serde_json::from_str(&body).unwrap()
}
