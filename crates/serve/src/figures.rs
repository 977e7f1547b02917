//! The figures of `meta` that change, as they are said in an answer and on the live stream.

use crate::{
    caught_up::{Facts, caught_up},
    state::{State, View},
};
use blotter_incident::{UtcMicros, format_utc};
use blotter_produce::held;
use serde_json::{Map, Value, json};

/// The figures as of a view.
pub(crate) fn figures(state: &State, view: &View) -> Map<String, Value> {
    let figures = view.cube.figures();
    let local = |at: Option<UtcMicros>| at.map(|at| view.cube.clock().format(at));
    let (facts, simulated, source) = facts(state, view);
    let caught_up = match &facts {
        Some(facts) => caught_up(facts),
        // Without the log it is as fresh as its snapshot.
        None => view.snapshot.is_some(),
    };
    let value = json!({
        "incidents": { "total": figures.total, "mapped": figures.mapped, "unmapped": figures.total - figures.mapped },
        "rejected": view.rejected.len(),
        "data_as_of": local(figures.data_as_of),
        "earliest": local(figures.earliest),
        "received_at": view.received_at_ms.map(|ms| format_utc(UtcMicros(ms * 1000))),
        "caught_up": caught_up,
        "simulated": simulated,
        "source": source,
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

fn facts(state: &State, view: &View) -> (Option<Facts>, bool, Option<String>) {
    let Some(standing) = state.standing() else { return (None, false, None) };
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
    let simulated = sources.values().any(|source| source.simulated);
    (Some(facts), simulated, (!described.is_empty()).then(|| described.join("; ")))
}
