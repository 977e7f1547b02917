//! For tests: a city, revisions that reach it, a log in memory, and snapshots as `fetch` leaves them.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod memory_log;
mod snapshots;

pub use memory_log::MemoryLog;
pub use snapshots::write_snapshot;

use crate::{
    FromParameters, LoadedCity, Parameters, Patient, QueryError, Question, Reply, View,
    encode::{EncodedAnswer, Form},
    questions::{Cells, Incidents, Meta, Peaks, Series},
};
use arrow::array::RecordBatch;
use blotter_city::{CivilMicros, Profile, UtcMicros, format_civil};
use blotter_cube::Locator;
use blotter_incident::{Header, IncidentBatch, Observation, Parser, Row};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

/// Ranges of the log that one page reads.
pub const MOST_READS: usize = crate::texts::MOST_READS;
pub const CHICAGO: &str = include_str!("../../../../cities/chicago.toml");

/// One revision of an incident; the greatest `observed` of an id is in force.
#[derive(Clone, Debug)]
pub struct Record {
    pub id: u32,
    pub observed: i64,
    pub deleted: bool,
    /// Civil seconds since 1970.
    pub second: i64,
    /// A community area; 0 is none.
    pub area: u8,
    pub category: u8,
    /// Latitude and longitude.
    pub point: Option<(f64, f64)>,
}

/// Chicago, with no log and nothing loaded.
pub fn chicago() -> Arc<LoadedCity> {
    Arc::new(LoadedCity::new(Arc::new(Profile::from_toml(CHICAGO).unwrap()), None, Arc::default()))
}

/// The records as a source's, by partition; `description` is every record's.
pub fn batches(
    profile: &Arc<Profile>,
    partitions: u32,
    records: &[Record],
    description: &str,
) -> Vec<(u32, RecordBatch)> {
    let mut parser = Parser::new(Arc::clone(profile), partitions);
    let names = ["id", "date", "primary_type", "community_area", "latitude", "longitude", "description"];
    parser.set_header(Header::resolve(profile, &names).unwrap());
    for record in records {
        let degrees =
            |of: fn((f64, f64)) -> f64| record.point.map(of).map(|degrees| degrees.to_string()).unwrap_or_default();
        let fields = [
            record.id.to_string(),
            format_civil(CivilMicros(record.second * 1_000_000)),
            format!("C{}", record.category),
            if record.area == 0 { String::new() } else { record.area.to_string() },
            degrees(|point| point.0),
            degrees(|point| point.1),
            description.to_owned(),
        ];
        let ends: Vec<usize> = (1..=fields.len()).map(|count| fields[..count].concat().len()).collect();
        let observation = Observation { observed_at: UtcMicros(record.observed), deleted: record.deleted, id: None };
        let bytes = fields.concat();
        parser.push(&Row::new(bytes.as_bytes(), &ends), &observation, UtcMicros(2_000_000_000_000_000)).unwrap();
    }
    parser.finish().unwrap()
}

/// What a follower does with a batch of records.
pub fn apply(city: &LoadedCity, records: &[Record]) {
    let batches = batches(&city.profile, 1, records, "");
    let mut view = city.write();
    for (_, batch) in &batches {
        let batch = IncidentBatch::try_new(batch).unwrap();
        let changes = view.cube.apply(&batch, |row| Locator { partition: 0, offset: row as u64 });
        view.hourly.get_mut().unwrap_or_else(PoisonError::into_inner).note(&changes);
    }
}

/// What a fresh load of a table would hold after these records: what is in force, sorted by time.
pub fn in_force(records: &[Record]) -> Vec<Record> {
    let mut winners: BTreeMap<u32, &Record> = BTreeMap::new();
    for record in records {
        let winner = winners.entry(record.id).or_insert(record);
        if record.observed > winner.observed {
            *winner = record;
        }
    }
    let mut all: Vec<Record> = winners.into_values().filter(|record| !record.deleted).cloned().collect();
    all.sort_by_key(|record| (record.second, record.id));
    all
}

/// What loading a snapshot of these records does: what is in force.
pub fn load_afresh(city: &LoadedCity, records: &[Record]) {
    apply(city, &in_force(records));
}

/// Texts that were kept are read anew.
pub fn forget_texts(city: &LoadedCity) {
    city.texts.forget();
}

/// Whether it knows a tick that was published.
pub fn has_ticks(city: &LoadedCity) -> bool {
    city.said().by(None).is_ok()
}

/// The view, to change it.
pub fn write(city: &LoadedCity) -> parking_lot::RwLockWriteGuard<'_, View> {
    city.write()
}

/// What is answered as JSON to a question by its address in the API.
pub fn ask(city: &LoadedCity, address: &str) -> Result<String, QueryError> {
    fn answer<Q: Question + FromParameters>(city: &LoadedCity, query: Option<&str>) -> Result<String, QueryError> {
        let question = Q::from_parameters(&Parameters::read(query, &Q::names())?)?;
        let Reply::Answer(answer, _) = question.ask(city, &Patient)? else { panic!("nobody has an answer yet") };
        Ok(String::from_utf8(EncodedAnswer::new(answer, Form::Json)?.bytes()?).unwrap())
    }
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    match path {
        "/api/v1/meta" => answer::<Meta>(city, query),
        "/api/v1/series" => answer::<Series>(city, query),
        "/api/v1/cells" => answer::<Cells>(city, query),
        "/api/v1/incidents" => answer::<Incidents>(city, query),
        "/api/v1/peaks" => answer::<Peaks>(city, query),
        other => panic!("{other} is no question that a test asks here"),
    }
}

/// An answer that there is.
pub fn json(city: &LoadedCity, address: &str) -> serde_json::Value {
    serde_json::from_str(&ask(city, address).unwrap_or_else(|error| panic!("{address}: {error}"))).unwrap()
}
