//! Hours: incidents by hour of the week.

use crate::{
    Caller, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, beside},
    parameters::{allowed::By, by},
};
use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, UInt8Array, UInt32Array},
    error::ArrowError,
};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// At which hours of the week do incidents happen?
#[derive(Clone, Debug, IntoParams)]
pub struct Hours {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// One line per `category` or per area of the named layer. `none`: one line in total.
    #[param(value_type = By, inline, required = false)]
    pub by: Option<String>,
}

/// Counts by hour of the week, one line per category or area.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoursAnswer {
    /// Lines, the largest total first; empty lines are left out.
    pub lines: Vec<HoursLine>,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// A line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoursLine {
    /// Category or area code. Empty if the incident has none, or with `by=none`.
    pub key: String,
    /// Incidents in each of the 168 hours of the week, city time: the first is Monday 00:00–01:00.
    #[schema(min_items = 168, max_items = 168)]
    pub counts: Vec<u32>,
}

impl FromParameters for Hours {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self { by: parameters.text("by"), selection: parameters.selection()? })
    }
}

impl Question for Hours {
    type Answer = HoursAnswer;

    const SUMMARY: &'static str = "Incidents by hour of the week";
    const DESCRIPTION: &'static str =
        "Counts incidents by hour of the week in city time. Arrow and CSV have one row per line and hour.";

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<HoursAnswer>, QueryError> {
        let by = by(self.by.as_deref(), &city.profile)?;
        let view = city.read();
        let filter = self.selection.filter(&city.profile, &view.cube)?;
        let edition = Edition { content: vec![view.cube.content(&filter)], next_offsets: view.reflects() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let found = view.cube.hours_of_week(&filter, by);
        drop(view);
        let lines = found.into_iter().map(|line| HoursLine { key: line.key, counts: line.counts }).collect();
        Ok(Reply::Answer(HoursAnswer { lines, next_offsets: edition.next_offsets.clone() }, Some(edition)))
    }
}

impl Answer for HoursAnswer {
    const FORMS: &'static [Form] = Form::TABLE;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let rows = table(&self.lines).map_err(|error| QueryError::internal(&error))?;
        Ok(Some(Table::of(rows, beside(&json!({ "next_offsets": self.next_offsets }))?)))
    }
}

fn table(lines: &[HoursLine]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<(&str, u8, u32)> = lines
        .iter()
        .flat_map(|line| (0_u8..).zip(&line.counts).map(|(hour, count)| (line.key.as_str(), hour, *count)))
        .collect();
    RecordBatch::try_from_iter([
        ("key", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef),
        ("hour_of_week", Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("count", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.2)))),
    ])
}
