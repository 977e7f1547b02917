//! Series: incidents by time.

use crate::{
    Caller, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, beside},
    parameters::{
        allowed::{BUCKET, BucketWord, By},
        by,
    },
};
use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, UInt32Array},
    error::ArrowError,
};
use blotter_cube::{Bucket, TooLarge};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// More numbers than this are no answer but a download.
const MOST_NUMBERS: usize = 500_000;

/// How many incidents were there hour by hour, or year by year?
#[derive(Clone, Debug, IntoParams)]
pub struct Series {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// One line per `category` or per area of the named layer. `none`: one line in total.
    #[param(value_type = By, inline, required = false)]
    pub by: Option<String>,
    /// Length of a bucket. Hours are elapsed hours, so a clock change repeats none. Longer buckets are calendar periods in city time;
    /// weeks begin on Monday.
    #[param(value_type = BucketWord, inline, required = false)]
    pub bucket: Bucket,
}

/// Counts by bucket, one line per category or area.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesAnswer {
    /// Start of each bucket, without gaps, from the first to the last with an incident: hours as city time with offset, others as dates.
    pub buckets: Vec<String>,
    /// Lines, the largest total first; empty lines are left out.
    pub series: Vec<SeriesLine>,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// A line of a series.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesLine {
    /// Category or area code. Empty if the incident has none, or with `by=none`.
    pub key: String,
    /// Incidents in each bucket.
    pub counts: Vec<u32>,
}

impl FromParameters for Series {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            by: parameters.text("by"),
            bucket: BUCKET.read(parameters, "bucket")?,
            selection: parameters.selection()?,
        })
    }
}

impl Question for Series {
    type Answer = SeriesAnswer;

    const SUMMARY: &'static str = "Incidents over time";
    const DESCRIPTION: &'static str = "Counts incidents by bucket of time, with one line per category or area. If `from` or `to` is \
        missing, outliers at that end (see `outliers` in `/api/v1/meta`) are not counted. Arrow and CSV have one row per line and \
        bucket with any incident.";

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<SeriesAnswer>, QueryError> {
        let by = by(self.by.as_deref(), &city.profile)?;
        let view = city.read();
        let filter = self.selection.filter(&city.profile, &view.cube)?;
        let edition = Edition { content: vec![view.cube.content(&filter)], next_offsets: view.reflects() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let found = view
            .cube
            .series(&filter, by, self.bucket, MOST_NUMBERS)
            .map_err(|error: TooLarge| QueryError::parameter("bucket", error.to_string()))?;
        drop(view);
        let series = found.lines.into_iter().map(|line| SeriesLine { key: line.key, counts: line.counts }).collect();
        let answer = SeriesAnswer { buckets: found.buckets, series, next_offsets: edition.next_offsets.clone() };
        Ok(Reply::Answer(answer, Some(edition)))
    }
}

impl Answer for SeriesAnswer {
    const FORMS: &'static [Form] = Form::TABLE;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    /// A row for each line and bucket that has any.
    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let rows = table(&self).map_err(|error| QueryError::internal(&error))?;
        Ok(Some(Table::of(rows, beside(&json!({ "next_offsets": self.next_offsets }))?)))
    }
}

fn table(series: &SeriesAnswer) -> Result<RecordBatch, ArrowError> {
    let (mut buckets, mut keys, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for line in &series.series {
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
