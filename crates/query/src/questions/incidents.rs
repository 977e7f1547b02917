//! Incidents: the records themselves, newest first, in pages.

use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, beside},
    parameters::allowed::{PAGE, PageCursor, PageLimit},
    texts::{Sources, refusal},
};
use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    error::ArrowError,
};
use blotter_cube::Cursor;
use blotter_incident::{Incident, IncidentRecord};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which incidents are there?
#[derive(Clone, Debug, IntoParams)]
pub struct Incidents {
    /// Which.
    #[param(ignore)]
    pub selection: Selection,
    /// Maximum number of incidents in a page.
    #[param(value_type = PageLimit, inline, required = false)]
    pub limit: usize,
    /// Value of `next_cursor` in the previous page.
    #[param(value_type = PageCursor, inline, required = false)]
    pub cursor: Option<Cursor>,
}

/// A page of incidents.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentsAnswer {
    /// Newest first. A page may have fewer than `limit`, if reading more would take too long: continue with `next_cursor`.
    #[schema(value_type = Vec<IncidentRecord>)]
    #[serde(serialize_with = "records")]
    pub incidents: Vec<Incident>,
    /// Ids of incidents of this page whose texts are missing: the log no longer has them, and no local snapshot has them yet.
    pub missing: Vec<String>,
    /// Value of `cursor` for the next page. Null in the last page.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
    /// The area layers, by name.
    #[serde(skip)]
    layers: Vec<String>,
}

pub(super) fn records<S: Serializer>(incidents: &[Incident], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(incidents.iter().map(IncidentRecord::from))
}

impl FromParameters for Incidents {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            limit: PAGE.read(parameters, "limit")?,
            cursor: parameters.cursor()?,
            selection: parameters.selection()?,
        })
    }
}

impl Question for Incidents {
    type Answer = IncidentsAnswer;

    const SUMMARY: &'static str = "Incident records, newest first";
    const DESCRIPTION: &'static str = "Returns one page; the header `Link` has the address of the next.";

    fn cost(&self) -> Cost {
        Cost::Records
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<IncidentsAnswer>, QueryError> {
        // Everything that the answer is made from is taken under one hold: row numbers mean nothing in another snapshot.
        let (page, snapshot, edition) = {
            let view = city.read();
            let filter = self.selection.filter(&city.profile, &view.cube)?;
            let edition = Edition { content: vec![view.cube.content(&filter)], next_offsets: view.reflects() };
            if caller.has(&edition) {
                return Ok(Reply::Known(edition));
            }
            let page = view.cube.newest(&filter, self.limit, self.cursor.as_ref());
            (page, view.opened.clone(), edition)
        };
        let texts = Sources { snapshot: snapshot.as_deref(), log: city.log.as_deref() };
        let read = city.texts.page(&texts, &page).map_err(|error| refusal(&error))?;
        let answer = IncidentsAnswer {
            incidents: read.incidents,
            next_cursor: read.next.as_ref().map(Cursor::to_text),
            next_offsets: edition.next_offsets.clone(),
            layers: city.profile.layers.iter().map(|layer| layer.name.clone()).collect(),
            missing: read.missing,
        };
        // What is missing comes back, or more goes, without a change of the incidents.
        let edition = answer.missing.is_empty().then_some(edition);
        Ok(Reply::Answer(answer, edition))
    }
}

impl Answer for IncidentsAnswer {
    const FORMS: &'static [Form] = Form::PLACES;
    const PAGE_PARAMETER: Option<&'static str> = Some("cursor");

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let rows = table(&self.layers, &self.incidents).map_err(|error| QueryError::internal(&error))?;
        let mut beside = beside(&json!({ "next_offsets": self.next_offsets }))?;
        if let Some(next) = self.next_cursor {
            beside.insert("next_cursor".to_owned(), next.into());
        }
        if !self.missing.is_empty() {
            beside.insert("missing".to_owned(), self.missing.join(",").into());
        }
        let positions: Vec<_> = self.incidents.iter().map(|incident| incident.position).collect();
        let geometry = move |row: usize| match positions[row] {
            Some((latitude, longitude)) => format!("{{\"type\":\"Point\",\"coordinates\":[{longitude},{latitude}]}}"),
            None => "null".to_owned(),
        };
        Ok(Some(Table { geometry: Box::new(geometry), ..Table::of(rows, beside) }))
    }

    fn next_page(&self) -> Option<String> {
        self.next_cursor.clone()
    }
}

/// The records as columns, as texts and numbers that any reader of Arrow knows.
fn table(layers: &[String], incidents: &[Incident]) -> Result<RecordBatch, ArrowError> {
    let text =
        |of: fn(&Incident) -> Option<&str>| -> ArrayRef { Arc::new(incidents.iter().map(of).collect::<StringArray>()) };
    let flag = |of: fn(&Incident) -> Option<bool>| -> ArrayRef {
        Arc::new(incidents.iter().map(of).collect::<BooleanArray>())
    };
    let degrees =
        |of: fn(&Incident) -> Option<f64>| -> ArrayRef { Arc::new(incidents.iter().map(of).collect::<Float64Array>()) };
    let civil = |of: fn(&Incident) -> Option<i64>| -> ArrayRef {
        Arc::new(incidents.iter().map(of).collect::<TimestampMicrosecondArray>())
    };
    let utc = |of: fn(&Incident) -> Option<i64>| -> ArrayRef {
        Arc::new(incidents.iter().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("id".into(), text(|incident| Some(&incident.id))),
        ("case_number".into(), text(|incident| incident.case_number.as_deref())),
        ("occurred_at".into(), civil(|incident| Some(incident.occurred_at.0))),
        ("occurred_at_utc".into(), utc(|incident| Some(incident.occurred_at_utc.0))),
        ("updated_at".into(), civil(|incident| incident.updated_at.map(|at| at.0))),
        ("observed_at".into(), utc(|incident| Some(incident.observed_at.0))),
        ("category".into(), text(|incident| Some(&incident.category))),
        ("category_published".into(), text(|incident| Some(&incident.category_published))),
        ("description".into(), text(|incident| incident.description.as_deref())),
        ("place".into(), text(|incident| incident.place.as_deref())),
        ("code".into(), text(|incident| incident.code.as_deref())),
        ("block".into(), text(|incident| incident.block.as_deref())),
        ("arrest".into(), flag(|incident| incident.arrest)),
        ("domestic".into(), flag(|incident| incident.domestic)),
        ("latitude".into(), degrees(|incident| incident.position.map(|(latitude, _)| latitude))),
        ("longitude".into(), degrees(|incident| incident.position.map(|(_, longitude)| longitude))),
    ];
    for layer in layers {
        let codes: StringArray = incidents.iter().map(|incident| incident.areas.get(layer)).collect();
        columns.push((format!("areas.{layer}"), Arc::new(codes)));
    }
    RecordBatch::try_from_iter(columns)
}
