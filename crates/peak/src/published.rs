//! The records of topic `peaks`: what was said at each tick, in JSON, by the hour at which it ended.

use crate::{Hour, Report, ReportedPeak, begin_of, hour_of};
use arrow::{
    array::{AsArray, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType},
    error::ArrowError,
};
use blotter_city::UtcMicros;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};
use utoipa::ToSchema;

/// A tick, and what it led to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublishedTick {
    /// Its most surprising peaks.
    #[serde(flatten)]
    pub report: Report,
    /// The episodes that last, those included that have just begun: what the next tick goes on from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<Episode>,
    /// What the rules say of episodes that have just begun.
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

/// A rule has found one area and category to be peaking, and has not been without for long since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Episode {
    /// The rule's name.
    pub rule: String,
    /// The area's code.
    pub area: String,
    /// The category's name.
    pub category: String,
    /// The end of the tick that found it first, UTC.
    pub since: String,
    /// The end of the newest tick that found it, UTC.
    pub until: String,
}

/// One episode has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// The same however often it is sent.
    pub id: String,
    /// A sentence for people.
    pub text: String,
    /// The city's short name.
    pub city: String,
    /// The rule's name.
    pub rule: String,
    /// The end of the tick, in the city's civil time with its offset.
    pub at: String,
    /// How many hours the window has.
    pub hours: u16,
    /// The area's layer.
    pub layer: String,
    /// The area's name, or its code where it has none.
    pub area_name: String,
    /// What is peaking: of the rule's windows the most surprising.
    #[serde(flatten)]
    pub peak: ReportedPeak,
    /// The next offsets that the tick reflects, by partition of topic `incidents`.
    pub next_offsets: BTreeMap<String, u64>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRecord {
    /// The tick's exclusive end.
    pub at: Hour,
    /// [`PublishedTick`] as JSON.
    pub json: String,
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("said", DataType::Utf8, false),
    ]))
});

/// The columns of topic `peaks`.
pub fn said_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Rows to columns.
pub fn said_batch(rows: &[TickRecord]) -> Result<RecordBatch, ArrowError> {
    let at = rows.iter().map(|row| begin_of(row.at).0);
    RecordBatch::try_new(
        said_schema(),
        vec![
            Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC")),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.json))),
        ],
    )
}

/// Columns to rows.
pub fn said_rows(batch: &RecordBatch) -> Result<Vec<TickRecord>, ArrowError> {
    if batch.schema_ref().fields() != SCHEMA.fields() {
        return Err(ArrowError::SchemaError("not a batch of topic `peaks`".into()));
    }
    let at = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    let said = batch.column(1).as_string::<i32>();
    let row = |row| TickRecord { at: hour_of(UtcMicros(at.value(row))), json: said.value(row).to_owned() };
    Ok((0..batch.num_rows()).map(row).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{ReportedWindow, WindowState};

    #[test]
    fn rows_survive_the_columns() {
        let rows = [TickRecord { at: -1, json: "{}".into() }, TickRecord { at: 412_345, json: String::new() }];
        assert_eq!(said_rows(&said_batch(&rows).unwrap()).unwrap(), rows);
    }

    #[test]
    fn what_was_said_survives_its_words_to_the_last_bit() {
        let peak = ReportedPeak {
            area: "25".into(),
            category: "THEFT".into(),
            observed: 9,
            expected: 0.1 + 0.2,
            ratio: None,
            percent_more: Some(1.0 / 3.0),
            dispersion: 1.0,
            p: 1e-300,
            q: f64::MIN_POSITIVE,
            surge_evidence: None,
        };
        let windows = vec![ReportedWindow {
            hours: 6,
            standing: WindowState::TooLittleHistory,
            reported_share: 1.0,
            tests: 1,
            peaks: vec![peak.clone()],
        }];
        let next_offsets = [("0".to_owned(), 7)].into();
        let said = PublishedTick {
            report: Report {
                at: None,
                layer: "community_area".into(),
                tests: 4,
                reporting_lag: "none".into(),
                next_offsets,
                windows,
            },
            episodes: vec![Episode {
                rule: "r".into(),
                area: "25".into(),
                category: "THEFT".into(),
                since: "2017-01-01T00:00:00Z".into(),
                until: "2017-01-01T05:00:00Z".into(),
            }],
            alerts: vec![Alert {
                id: "x".into(),
                text: "t".into(),
                city: "c".into(),
                rule: "r".into(),
                at: "a".into(),
                hours: 6,
                layer: "community_area".into(),
                area_name: "West".into(),
                peak,
                next_offsets: [("0".to_owned(), 7)].into(),
            }],
        };
        let json = serde_json::to_string(&said).unwrap();
        assert!(json.contains("\"standing\":\"too_little_history\""), "{json}");
        assert_eq!(serde_json::from_str::<PublishedTick>(&json).unwrap(), said);
    }
}
