//! The rejected records, newest first, in pages.

use crate::{
    Caller, Cost, FromParameters, LoadedCity, Parameters, QueryError, Question, Reply,
    encode::{Answer, Form, Json, Table, beside},
    parameters::allowed::{LogOffset, PAGE, PageLimit},
};
use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    error::ArrowError,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use blotter_city::format_utc;
use blotter_incident::{Rejected, rejected_rows};
use blotter_log::{Log, LogError, Offset, Topic};
use serde::Serialize;
use serde_json::json;
use std::{collections::HashSet, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// Offsets that are looked at in one step backwards.
const STEP: u64 = 512;
/// Bytes read from the log at a time.
const READ_BYTES: usize = 1 << 20;
/// A page is no longer than this, whatever its limit; it has one record at least.
const MOST_PAGE_BYTES: usize = 1 << 20;

/// Which records were rejected, and why?
#[derive(Clone, Debug, IntoParams)]
pub struct RejectedRecords {
    /// Maximum number of records in a page; a page ends early at 1 MB.
    #[param(value_type = PageLimit, inline, required = false)]
    pub limit: usize,
    /// Return records before this offset: `next_before` of the previous page.
    #[param(value_type = LogOffset, inline, required = false)]
    pub before: Option<u64>,
}

/// A page of rejected records.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RejectedAnswer {
    /// Newest first.
    pub rejected: Vec<RejectedRecord>,
    /// Value of `before` for the next page. Null in the last page.
    #[schema(required)]
    pub next_before: Option<u64>,
}

/// A rejected record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RejectedRecord {
    /// Origin of the record: file and row, or partition and offset.
    pub key: String,
    /// Reason of the rejection.
    pub reason: String,
    /// Time at which the source reported it, UTC.
    #[schema(format = DateTime)]
    pub observed_at: String,
    /// The record, if it is UTF-8; else null.
    #[schema(required)]
    pub text: Option<String>,
    /// The record in base64, if it is not UTF-8; else null.
    #[schema(required)]
    pub base64: Option<String>,
}

impl FromParameters for RejectedRecords {
    const HAS_FILTER: bool = false;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self { limit: PAGE.read(parameters, "limit")?, before: parameters.offset("before")? })
    }
}

impl Question for RejectedRecords {
    type Answer = RejectedAnswer;

    const SUMMARY: &'static str = "Rejected records, newest first, with their bytes and the reason";
    const DESCRIPTION: &'static str = "Returns one page. A server without the log answers 503.";
    const HAS_EDITION: bool = false;

    fn cost(&self) -> Cost {
        Cost::Records
    }

    fn ask(&self, city: &LoadedCity, _: &dyn Caller) -> Result<Reply<RejectedAnswer>, QueryError> {
        let Some(log) = city.log.as_deref() else {
            return Err(QueryError::Unavailable(
                "this server does not read the log, where rejected records are kept: start it with --log".to_owned(),
            ));
        };
        let (rows, next_before) = page(log, self.before, self.limit).map_err(|error| QueryError::internal(&error))?;
        let rejected = rows.into_iter().map(RejectedRecord::from).collect();
        Ok(Reply::Answer(RejectedAnswer { rejected, next_before }, None))
    }
}

impl From<Rejected> for RejectedRecord {
    fn from(row: Rejected) -> Self {
        let observed_at = format_utc(row.observed_at);
        let (text, base64) = match String::from_utf8(row.bytes) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self { key: row.key, reason: row.reason, observed_at, text, base64 }
    }
}

impl Answer for RejectedAnswer {
    const FORMS: &'static [Form] = Form::TABLE;
    const PAGE_PARAMETER: Option<&'static str> = Some("before");

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let rows = table(&self.rejected).map_err(|error| QueryError::internal(&error))?;
        Ok(Some(Table::of(rows, beside(&json!({ "next_before": self.next_before }))?)))
    }

    fn next_page(&self) -> Option<String> {
        self.next_before.map(|before| before.to_string())
    }
}

fn table(rejected: &[RejectedRecord]) -> Result<RecordBatch, ArrowError> {
    let texts = |of: fn(&RejectedRecord) -> Option<&str>| -> ArrayRef {
        Arc::new(rejected.iter().map(of).collect::<StringArray>())
    };
    RecordBatch::try_from_iter_with_nullable([
        ("key", texts(|one| Some(&one.key)), false),
        ("reason", texts(|one| Some(&one.reason)), false),
        ("observed_at", texts(|one| Some(&one.observed_at)), false),
        ("text", texts(|one| one.text.as_deref()), true),
        ("base64", texts(|one| one.base64.as_deref()), true),
    ])
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
