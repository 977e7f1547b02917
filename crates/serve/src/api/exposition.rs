//! `/metrics`: the figures of the data and of the server, for Prometheus.

use super::Context;
use crate::metrics::BOUNDS;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{PoisonError, atomic::Ordering},
};

/// The text of `/metrics`.
pub(super) fn render(context: &Context) -> String {
    let Context { city, metrics, lanes, .. } = context;
    city.find_areas(usize::MAX);
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing into a string cannot fail.
        let _infallible = writeln!(text, "{line}");
    };
    let view = city.read();
    let figures = view.cube.figures();
    line(format_args!(
        "# HELP blotter_incidents Incidents: winning revisions, not deleted.\n# TYPE blotter_incidents gauge"
    ));
    line(format_args!("blotter_incidents{{state=\"mapped\"}} {}", figures.mapped));
    line(format_args!("blotter_incidents{{state=\"unmapped\"}} {}", figures.total - figures.mapped));
    line(format_args!("# HELP blotter_rejected Distinct rejected records.\n# TYPE blotter_rejected gauge"));
    line(format_args!("blotter_rejected {}", view.rejected.len()));
    line(format_args!(
        "# HELP blotter_disagreeing Mapped incidents whose area differs from the one whose outline contains them.\n# TYPE blotter_disagreeing gauge"
    ));
    for (layer, count) in city.profile.layers.iter().zip(city.disagreeing(&view)) {
        if let Some(count) = count {
            line(format_args!("blotter_disagreeing{{layer=\"{}\"}} {count}", layer.name));
        }
    }
    line(format_args!(
        "# HELP blotter_ready Whether the snapshot is loaded and the log was followed to its end.\n# TYPE blotter_ready gauge"
    ));
    line(format_args!("blotter_ready {}", u8::from(city.is_ready())));
    if let Some(standing) = city.standing() {
        let reports = || {
            let sources = standing.sources.values().filter(|source| !source.retired);
            let escaped = |name: &String| name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            sources.flat_map(|source| &source.reports).map(move |(name, report)| (escaped(name), report))
        };
        line(format_args!(
            "# HELP blotter_source_failing Whether a source cannot be read now.\n# TYPE blotter_source_failing gauge"
        ));
        for (name, report) in reports() {
            line(format_args!("blotter_source_failing{{source=\"{name}\"}} {}", u8::from(report.failing.is_some())));
        }
        line(format_args!(
            "# HELP blotter_source_last_success_timestamp_seconds When a source last answered, to the minute.\n# TYPE blotter_source_last_success_timestamp_seconds gauge"
        ));
        for (name, report) in reports() {
            if let Some(at) = report.last_success {
                let seconds = at.0.div_euclid(1_000_000);
                line(format_args!("blotter_source_last_success_timestamp_seconds{{source=\"{name}\"}} {seconds}"));
            }
        }
        line(format_args!(
            "# HELP blotter_source_notices Notices about a source's rows, by kind.\n# TYPE blotter_source_notices gauge"
        ));
        for (name, report) in reports() {
            let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
            for notice in &report.notices {
                *kinds.entry(notice.kind.word()).or_default() += 1;
            }
            for (kind, count) in kinds {
                line(format_args!("blotter_source_notices{{source=\"{name}\",kind=\"{kind}\"}} {count}"));
            }
        }
        line(format_args!(
            "# HELP blotter_lag_records Records of the log that a role has not reached.\n# TYPE blotter_lag_records gauge"
        ));
        let ends = standing.ends.iter().zip(&standing.counted);
        for (part, (applied, (end, counted))) in view.next_offsets.iter().zip(ends).enumerate() {
            let lag = |next: u64| end.saturating_sub(next);
            line(format_args!("blotter_lag_records{{role=\"serve\",partition=\"{part}\"}} {}", lag(*applied)));
            line(format_args!("blotter_lag_records{{role=\"count\",partition=\"{part}\"}} {}", lag(*counted)));
            if let Some(next) = view.snapshot.as_ref().and_then(|(_, next)| next.get(part)) {
                line(format_args!("blotter_lag_records{{role=\"snapshot\",partition=\"{part}\"}} {}", lag(*next)));
            }
        }
    }
    drop(view);
    line(format_args!("# HELP blotter_live_clients Browsers on the live stream.\n# TYPE blotter_live_clients gauge"));
    line(format_args!("blotter_live_clients {}", metrics.live_clients.load(Ordering::Relaxed)));
    if let Some(connections) = metrics.connections.get() {
        line(format_args!("# HELP blotter_http_connections Open connections.\n# TYPE blotter_http_connections gauge"));
        line(format_args!("blotter_http_connections {}", connections.open()));
        line(format_args!(
            "# HELP blotter_http_connections_refused_total Connections that were sent away because all places were taken.\n# TYPE blotter_http_connections_refused_total counter"
        ));
        line(format_args!("blotter_http_connections_refused_total {}", connections.refused.load(Ordering::Relaxed)));
        line(format_args!(
            "# HELP blotter_http_connections_displaced_total Idle connections that were closed for newcomers.\n# TYPE blotter_http_connections_displaced_total counter"
        ));
        line(format_args!(
            "blotter_http_connections_displaced_total {}",
            connections.displaced.load(Ordering::Relaxed)
        ));
    }
    line(format_args!(
        "# HELP blotter_http_busy_total Questions that were sent away because their lane was full.\n# TYPE blotter_http_busy_total counter"
    ));
    for lane in lanes.all() {
        line(format_args!(
            "blotter_http_busy_total{{lane=\"{}\"}} {}",
            lane.name,
            lane.refused.load(Ordering::Relaxed)
        ));
    }
    line(format_args!(
        "# HELP blotter_refused_snapshots_total Newer snapshots that could not be loaded; the map goes on with the one before.\n# TYPE blotter_refused_snapshots_total counter"
    ));
    line(format_args!("blotter_refused_snapshots_total {}", city.refused_snapshots.load(Ordering::Relaxed)));
    line(format_args!(
        "# HELP blotter_http_request_seconds Time to answer.\n# TYPE blotter_http_request_seconds histogram"
    ));
    let all = metrics.requests.lock().unwrap_or_else(PoisonError::into_inner);
    for ((route, status), requests) in all.iter() {
        let labels = format!("route=\"{route}\",status=\"{status}\"");
        for (bound, count) in BOUNDS.iter().zip(requests.buckets) {
            line(format_args!("blotter_http_request_seconds_bucket{{{labels},le=\"{bound}\"}} {count}"));
        }
        line(format_args!("blotter_http_request_seconds_bucket{{{labels},le=\"+Inf\"}} {}", requests.count));
        line(format_args!("blotter_http_request_seconds_sum{{{labels}}} {}", requests.seconds));
        line(format_args!("blotter_http_request_seconds_count{{{labels}}} {}", requests.count));
    }
    text
}
