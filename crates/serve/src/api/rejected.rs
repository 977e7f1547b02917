//! `GET /api/v1/rejected`: the records that could not be accepted, newest first, a page at a time.

use super::{
    Context,
    answer::{self, Timing},
    handlers::off,
    parameters::Parameters,
};
use axum::{extract::State as Shared, http::Uri, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use blotter_city::format_utc;
use blotter_incident::{Rejected, rejected_rows};
use blotter_log::{Log, LogError, Offset, Topic};
use blotter_runtime::Problem;
use serde_json::{Value, json};
use std::{collections::HashSet, sync::Arc};

/// Offsets that are looked at in one step backwards.
const STEP: u64 = 512;
/// Bytes read from the log at a time.
const READ_BYTES: usize = 1 << 20;
/// A page is no longer than this, whatever its limit; it has one record at least.
const MOST_PAGE_BYTES: usize = 1 << 20;

pub(super) async fn rejected(Shared(context): Shared<Context>, uri: Uri) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    off(&lanes.records, move || {
        let mut timing = Timing::start();
        let parameters = Parameters::read(uri.query(), &[&["limit", "before"]])?;
        let limit = parameters.limit()?;
        let before = parameters.offset("before")?;
        let Some(log) = context.state.log.as_deref() else {
            return Err(Problem::unavailable(
                "this server does not read the log, where rejected records are kept: start it with --log",
            ));
        };
        let (rows, next) = page(log, before, limit).map_err(|error| Problem::internal(&error))?;
        timing.cube_done();
        let rows: Vec<Value> = rows.iter().map(said).collect();
        let body = json!({ "rejected": rows, "next_before": next });
        Ok(answer::json(body.to_string(), None, &timing))
    })
    .await
}

fn said(row: &Rejected) -> Value {
    let text = std::str::from_utf8(&row.bytes);
    json!({
        "key": row.key,
        "reason": row.reason,
        "observed_at": format_utc(row.observed_at),
        "text": text.ok(),
        "base64": text.is_err().then(|| STANDARD.encode(&row.bytes)),
    })
}

/// The newest records before an offset, and the offset to go on from; none at the end.
fn page(log: &dyn Log, before: Option<u64>, limit: usize) -> Result<(Vec<Rejected>, Option<u64>), LogError> {
    let bounds = log.bounds(Topic::Rejected, 0)?;
    let mut until = before.map_or(bounds.next.0, |before| before.min(bounds.next.0));
    let (mut rows, mut seen, mut bytes) = (Vec::new(), HashSet::new(), 0);
    while until > bounds.earliest.0 {
        let from = until.saturating_sub(STEP).max(bounds.earliest.0);
        let mut step: Vec<(u64, Rejected)> = Vec::new();
        let mut at = from;
        while at < until {
            let fetched = log.read(Topic::Rejected, 0, Offset(at), READ_BYTES)?;
            let Some(last) = fetched.last() else { break };
            at = last.next.0;
            for batch in &fetched {
                // What is not a rejected record is passed over, as everywhere.
                let batch_rows = rejected_rows(&batch.records).unwrap_or_default();
                step.extend((batch.base.0..).zip(batch_rows).filter(|(offset, _)| *offset < until));
            }
        }
        while let Some((offset, row)) = step.pop() {
            if rows.len() >= limit || !rows.is_empty() && bytes + row.bytes.len() > MOST_PAGE_BYTES {
                return Ok((rows, Some(offset + 1)));
            }
            // A producer that was killed may have said the same record twice.
            if seen.insert(row.key.clone()) {
                bytes += row.bytes.len();
                rows.push(row);
            }
        }
        until = from;
    }
    Ok((rows, None))
}
