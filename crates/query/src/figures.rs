//! The figures of `meta` that change, as they are said in an answer and on the live stream.

use crate::{
    caught_up::{Facts, caught_up},
    loaded::LoadedCity,
    view::View,
};
use blotter_city::{UtcMicros, format_utc};
use blotter_cube::Apart;
use blotter_produce::{SourceState, held};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The figures of the data as of a view, by name, as `meta` and live events have them.
pub fn figures(city: &LoadedCity, view: &View) -> Map<String, Value> {
    let (figures, period) = (view.cube.figures(), view.cube.period());
    let local = |at: Option<UtcMicros>| at.map(|at| view.cube.clock().format(at));
    let apart = |apart: Option<Apart>| {
        apart.map(|Apart { incidents, first, last }| {
            json!({ "incidents": incidents, "first": local(Some(first)), "last": local(Some(last)) })
        })
    };
    let Known { facts, simulated, source, failing, sources } = facts(city, view);
    let caught_up = match &facts {
        // What a source that fails holds is not known.
        Some(facts) => caught_up(facts) && !failing,
        // Without the log it is as fresh as its snapshot.
        None => view.snapshot.is_some(),
    };
    let value = json!({
        "incidents": { "total": figures.total, "mapped": figures.mapped, "unmapped": figures.total - figures.mapped },
        "rejected": view.rejected.len(),
        "data_as_of": local(period.newest),
        "earliest": local(period.earliest),
        "outliers": { "early": apart(period.early), "late": apart(period.late) },
        "received_at": view.received_at_ms.map(|ms| format_utc(UtcMicros(ms * 1000))),
        "caught_up": caught_up,
        "simulated": simulated,
        "source": source,
        "sources": sources,
        "snapshot": {
            "version": view.snapshot.as_ref().map(|(version, _)| version),
            "refused": view.refused.as_ref().map(|refused| json!({ "version": refused.version, "why": refused.why })),
        },
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What the log says of the sources, and what follows from it.
#[derive(Default)]
struct Known {
    facts: Option<Facts>,
    simulated: bool,
    source: Option<String>,
    failing: bool,
    sources: Vec<Value>,
}

fn facts(city: &LoadedCity, view: &View) -> Known {
    let Some(standing) = city.standing() else { return Known::default() };
    let partitions = view.next_offsets.len() as u32;
    let sources = &standing.sources;
    let described: Vec<&str> =
        sources.values().filter(|source| !source.retired).map(|source| source.describe.as_str()).collect();
    let facts = Facts {
        held: held(sources)
            .map(|ends| (0..partitions).map(|partition| ends.get(&partition).map_or(0, |end| end.0)).collect()),
        counted: standing.counted,
        snapshot: view.snapshot.as_ref().map(|(_, next)| next.clone()),
        applied: view.next_offsets.clone(),
    };
    Known {
        facts: Some(facts),
        simulated: sources.values().any(|source| source.simulated),
        source: (!described.is_empty()).then(|| described.join("; ")),
        failing: sources.values().any(SourceState::is_failing),
        sources: said_of(sources),
    }
}

/// The state of each source that is read, as `meta` has it.
fn said_of(sources: &BTreeMap<String, SourceState>) -> Vec<Value> {
    let reports = sources.values().filter(|source| !source.retired).flat_map(|source| &source.reports);
    let said = reports.map(|(name, report)| {
        let notices: Vec<Value> =
            report.notices.iter().map(|notice| json!({ "kind": notice.kind.word(), "text": notice.text })).collect();
        json!({
            "name": name,
            "describe": report.describe,
            "state": report.condition.word(),
            "last_success_at": report.last_success.map(format_utc),
            "failing_since": report.failing.as_ref().map(|failing| format_utc(failing.since)),
            "why": report.failing.as_ref().map(|failing| failing.why.as_str()),
            "notices": notices,
        })
    });
    said.collect()
}
