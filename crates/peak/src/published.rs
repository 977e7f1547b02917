//! The records of topic `peaks`: what was published at each tick, in JSON, by the hour at which it ended.

use crate::{Hour, Report, ReportedPeak, ReportedWindow, begin_of, hour_of};
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

/// A published tick, with the alerts that it caused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublishedTick {
    /// Its most surprising peaks.
    #[serde(flatten)]
    pub report: Report,
    /// Episodes that have not ended. Only in topic `peaks`; the live stream leaves it out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<Episode>,
    /// Pairs that earlier ticks of the same hour listed and this one does not, as they stand now. Only in topic `peaks`: a sink
    /// overwrites with them what it has.
    #[schema(ignore)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<ReportedWindow>,
    /// Alerts of episodes that began at this tick; may be empty.
    #[schema(required)]
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

/// An area and category that a rule found peaking. It ends after `quiet_hours` without a find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Episode {
    /// Name of the rule.
    pub rule: String,
    /// Area code.
    pub area: String,
    /// Category.
    pub category: String,
    /// End of the first tick that found it, UTC.
    #[schema(format = DateTime)]
    pub since: String,
    /// End of the newest tick that found it, UTC.
    #[schema(format = DateTime)]
    pub until: String,
}

/// Sent when an episode begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Idempotency key: the same in every delivery.
    pub id: String,
    /// The alert in one sentence.
    pub text: String,
    /// Short name of the city.
    pub city: String,
    /// Name of the rule.
    pub rule: String,
    /// End of the windows, exclusive: city time with offset.
    #[schema(format = DateTime)]
    pub at: String,
    /// Length of the window, in hours.
    pub hours: u16,
    /// Layer of the area.
    pub layer: String,
    /// Name of the area; its code if it has no name.
    pub area_name: String,
    /// The most surprising of the rule's windows.
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
    use crate::WindowState;

    #[test]
    fn rows_survive_the_columns() {
        let rows = [TickRecord { at: -1, json: "{}".into() }, TickRecord { at: 412_345, json: String::new() }];
        assert_eq!(said_rows(&said_batch(&rows).unwrap()).unwrap(), rows);
    }

    #[test]
    fn a_published_tick_survives_json_to_the_last_bit() {
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
            course: None,
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
                windows: windows.clone(),
            },
            unlisted: windows,
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
