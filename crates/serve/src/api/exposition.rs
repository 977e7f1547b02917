//! `/metrics`: the figures of the data and of the server, for Prometheus.

use super::Context;
use crate::metrics::BOUNDS;
use blotter_query::View;
use blotter_runtime::Exposition;
use std::{
    collections::BTreeMap,
    sync::{PoisonError, atomic::Ordering},
};

/// The text of `/metrics`.
pub(super) fn render(context: &Context) -> String {
    context.city.find_areas(usize::MAX);
    let mut text = Exposition::default();
    {
        let view = context.city.read();
        data(context, &view, &mut text);
        sources(context, &mut text);
        lags(context, &view, &mut text);
    }
    server(context, &mut text);
    text.into_text()
}

fn data(context: &Context, view: &View, text: &mut Exposition) {
    let city = &context.city;
    let incidents = view.cube.incident_totals();
    text.family("blotter_incidents", "gauge", "Incidents: winning revisions, not deleted.")
        .sample(&[("state", &"mapped")], incidents.mapped)
        .sample(&[("state", &"unmapped")], incidents.total - incidents.mapped);
    text.family("blotter_rejected", "gauge", "Distinct rejected records.").sample(&[], view.rejected.len());
    let help = "Mapped incidents whose area differs from the one whose outline contains them.";
    text.family("blotter_disagreeing", "gauge", help);
    for (layer, count) in city.profile.layers.iter().zip(city.disagreeing(view)) {
        if let Some(count) = count {
            text.sample(&[("layer", &layer.name)], count);
        }
    }
    if let Some(at) = view.snapshot.as_ref().and_then(|snapshot| snapshot.ingested_as_of) {
        let help = "When the newest record of the newest local snapshot was ingested.";
        text.family("blotter_snapshot_ingested_timestamp_seconds", "gauge", help)
            .sample(&[], at.0.div_euclid(1_000_000));
    }
    text.family("blotter_ready", "gauge", "Whether the snapshot is loaded and the log was followed to its end.")
        .sample(&[], u8::from(city.is_ready()));
}

fn sources(context: &Context, text: &mut Exposition) {
    let Some(standing) = context.city.standing() else { return };
    let reports = || standing.sources.values().filter(|source| !source.retired).flat_map(|source| &source.reports);
    text.family("blotter_source_failing", "gauge", "Whether a source cannot be read now.");
    for (name, report) in reports() {
        text.sample(&[("source", name)], u8::from(report.failing.is_some()));
    }
    let help = "When a source last answered, to the minute.";
    text.family("blotter_source_last_success_timestamp_seconds", "gauge", help);
    for (name, report) in reports() {
        if let Some(at) = report.last_success {
            text.sample(&[("source", name)], at.0.div_euclid(1_000_000));
        }
    }
    text.family("blotter_source_notices", "gauge", "Notices about a source's rows, by kind.");
    for (name, report) in reports() {
        let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
        for notice in &report.notices {
            *kinds.entry(notice.kind.word()).or_default() += 1;
        }
        for (kind, count) in kinds {
            text.sample(&[("source", name), ("kind", &kind)], count);
        }
    }
}

fn lags(context: &Context, view: &View, text: &mut Exposition) {
    let Some(standing) = context.city.standing() else { return };
    text.family("blotter_lag_records", "gauge", "Records of the log that a role has not reached.");
    let ends = standing.ends.iter().zip(&standing.counted);
    for (part, (applied, (end, counted))) in view.next_offsets.iter().zip(ends).enumerate() {
        let snapshot = view.snapshot.as_ref().and_then(|snapshot| snapshot.next_offsets.get(part).copied());
        for (role, next) in [("serve", Some(*applied)), ("count", Some(*counted)), ("snapshot", snapshot)] {
            if let Some(next) = next {
                text.sample(&[("role", &role), ("partition", &part)], end.saturating_sub(next));
            }
        }
    }
}

fn server(context: &Context, text: &mut Exposition) {
    let Context { city, metrics, lanes, .. } = context;
    text.family("blotter_live_clients", "gauge", "Browsers on the live stream.")
        .sample(&[], metrics.live_clients.load(Ordering::Relaxed));
    if let Some(connections) = metrics.connections.get() {
        text.family("blotter_http_connections", "gauge", "Open connections.").sample(&[], connections.open());
        let help = "Connections that were sent away because all places were taken.";
        text.family("blotter_http_connections_refused_total", "counter", help)
            .sample(&[], connections.refused.load(Ordering::Relaxed));
        let help = "Idle connections that were closed for newcomers.";
        text.family("blotter_http_connections_displaced_total", "counter", help)
            .sample(&[], connections.displaced.load(Ordering::Relaxed));
    }
    let help = "Questions that were sent away because their lane was full.";
    text.family("blotter_http_busy_total", "counter", help);
    for lane in lanes.all() {
        text.sample(&[("lane", &lane.name)], lane.refused.load(Ordering::Relaxed));
    }
    let help = "Newer snapshots that could not be loaded; the map goes on with the one before.";
    text.family("blotter_refused_snapshots_total", "counter", help)
        .sample(&[], city.refused_snapshots.load(Ordering::Relaxed));
    text.family("blotter_http_request_seconds", "histogram", "Time to answer.");
    let all = metrics.requests.lock().unwrap_or_else(PoisonError::into_inner);
    for ((route, status), requests) in all.iter() {
        let buckets: Vec<(f64, u64)> = BOUNDS.into_iter().zip(requests.buckets).collect();
        text.histogram(&[("route", route), ("status", status)], &buckets, requests.seconds, requests.count);
    }
}
