//! The hourly totals of a city without its incidents: what peaks are answered from.
//!
//! Of the snapshot it reads times, categories and areas of the primary layer. Of the log it reads the records behind the snapshot: each
//! replaces the snapshot's revision of its incident if it wins. Answers are those of [`LoadedCity`], byte for byte.

use crate::{
    LoadError, LoadParts, LoadedCity, Patient, QueryError, Question, Reply,
    figures::Figures,
    follower::read_ticks,
    log_status::LogStatus,
    questions::{Peaks, PeaksAnswer},
    snapshot::LocalSnapshot,
    view::View,
};
use arrow::{
    array::{Array, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{Int64Type, TimestampMicrosecondType},
    error::ArrowError,
};
use blotter_city::{CivilMicros, Profile, UtcMicros, parse_instant};
use blotter_cube::{Cube, Occurrences};
use blotter_incident::{DictionaryColumn, IncidentBatch, Revision};
use blotter_log::{Log, LogError, Offset, Topic};
use blotter_runtime::Shutdown;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

/// Bytes read from a partition at a time.
const READ_BYTES: usize = 1 << 20;
/// More records behind the snapshot are not kept by incident: loading everything costs less then.
const MOST_BEHIND: u64 = 200_000;
/// Before a log that has not delivered all records yet is asked again.
const LOOK: Duration = Duration::from_millis(100);

/// Columns of what is counted.
const COUNTED: [&str; 3] = ["occurred_at_utc", "deleted", "category"];
/// Columns of an incident's identity and rank.
const RANKED: [&str; 4] = ["id", "updated_at", "observed_at", "content_hash"];

/// See the module. Only peaks can be asked for: nothing else is loaded.
pub struct CityTotals {
    city: LoadedCity,
}

impl CityTotals {
    /// Loads what a question about peaks needs. None if only [`LoadedCity::load`] can answer it, or say why nobody can: without a sound
    /// snapshot of this city and this log, with a log that does not answer or holds many more records, and where the question names an
    /// area of a layer that has no hourly counts.
    pub fn load(parts: &LoadParts, question: &Peaks, shutdown: &Shutdown) -> Option<Self> {
        match Self::try_load(parts, question, shutdown) {
            Ok(totals) => totals,
            Err(error) => {
                tracing::debug!(%error, "the totals alone cannot be loaded; loading everything");
                None
            }
        }
    }

    fn try_load(parts: &LoadParts, question: &Peaks, shutdown: &Shutdown) -> Result<Option<Self>, LoadError> {
        let Some(snapshot) = LocalSnapshot::newest(&parts.snapshots)? else { return Ok(None) };
        let log = parts.log.as_deref();
        let is_ours = log.is_none_or(|log| log.id().0 == snapshot.manifest.log_id);
        if !is_ours || snapshot.manifest.city != parts.profile.slug || names_another_layer(question, &parts.profile) {
            return Ok(None);
        }
        let mut behind = Behind::new(&snapshot, parts.profile.primary_layer());
        if let Some(log) = log
            && !behind.read(log, shutdown)?
        {
            return Ok(None);
        }
        let mut view = View::new(&parts.profile, 0);
        count(&snapshot, &parts.profile, &mut behind, &mut view.cube, shutdown)?;
        if shutdown.is_triggered() {
            return Ok(None);
        }
        let ingested = snapshot.manifest.ingested_as_of.as_deref().and_then(parse_instant);
        view.received_at_ms = ingested.map(|at| at.0.div_euclid(1000)).max(behind.received_at_ms);
        view.snapshot = Some((snapshot.manifest.version, snapshot.next_offsets()));
        view.next_offsets = behind.next_offsets;
        let city = LoadedCity::new(Arc::clone(&parts.profile), parts.log.clone(), Arc::clone(&parts.boundaries));
        *city.write() = view;
        if let Some(log) = log {
            *city.standing.lock().unwrap_or_else(PoisonError::into_inner) = LogStatus::ask(log)?;
            if question.is_as_said {
                read_ticks(log, &city, shutdown)?;
            }
        }
        city.ready.store(true, Ordering::Release);
        Ok(Some(Self { city }))
    }

    /// What is unusual at a moment.
    pub fn peaks(&self, question: &Peaks) -> Result<PeaksAnswer, QueryError> {
        match question.ask(&self.city, &Patient)? {
            Reply::Answer(answer, _) => Ok(answer),
            Reply::Known(_) => Err(QueryError::internal(&"a caller that has no answer was told that it has it")),
        }
    }

    /// What `meta` says that can be said without the incidents.
    pub fn meta(&self) -> Value {
        let view = self.city.read();
        let figures = Figures::of(&self.city, &view);
        let profile = &self.city.profile;
        let layers = profile.layers.get(profile.primary_layer()).map(|layer| {
            let name = |code: &str| layer.names.get(code).map_or_else(|| code.to_owned(), Clone::clone);
            let codes = view.cube.area_codes(profile.primary_layer()).into_iter();
            let areas: Vec<Value> = codes.map(|code| json!({ "code": code, "name": name(code) })).collect();
            json!({ "name": layer.name, "areas": areas })
        });
        json!({
            "simulated": figures.simulated,
            "data_as_of": figures.data_as_of,
            "received_at": figures.received_at,
            "incidents": { "total": figures.incidents.total },
            "profile": { "name": profile.name, "disclaimer": profile.disclaimer },
            "layers": layers.into_iter().collect::<Vec<Value>>(),
        })
    }
}

/// Whether a question names an area of a layer that totals do not have. It is refused with the areas of that layer.
fn names_another_layer(question: &Peaks, profile: &Profile) -> bool {
    let mut layers = question.area.iter().filter_map(|area| profile.layer(area.split_once(':')?.0));
    layers.any(|layer| layer != profile.primary_layer())
}

/// The records that the log has behind a snapshot: the winning one of each incident.
struct Behind {
    incidents: HashMap<String, Ranked>,
    primary_layer: usize,
    next_offsets: Vec<u64>,
    received_at_ms: Option<i64>,
}

/// What is counted of an incident, and which of its revisions it is.
struct Ranked {
    revision: Revision,
    deleted: bool,
    at: UtcMicros,
    category: String,
    area: Option<String>,
}

impl Behind {
    fn new(snapshot: &LocalSnapshot, primary_layer: usize) -> Self {
        let next_offsets = snapshot.next_offsets();
        Self { incidents: HashMap::new(), primary_layer, next_offsets, received_at_ms: None }
    }

    /// Reads the log to the end that it has now; whether it has come there.
    fn read(&mut self, log: &dyn Log, shutdown: &Shutdown) -> Result<bool, LoadError> {
        let partitions = log.partitions(Topic::Incidents);
        self.next_offsets.resize(partitions as usize, 0);
        let end = |part| Ok(log.bounds(Topic::Incidents, part)?.next.0);
        let goal: Vec<u64> = (0..partitions).map(end).collect::<Result<_, LogError>>()?;
        let left = goal.iter().zip(&self.next_offsets).map(|(goal, next)| goal.saturating_sub(*next)).sum::<u64>();
        if left > MOST_BEHIND {
            return Ok(false);
        }
        for (part, goal) in (0..partitions).zip(goal) {
            while self.next_offsets[part as usize] < goal {
                let from = Offset(self.next_offsets[part as usize]);
                let fetched = log.read(Topic::Incidents, part, from, READ_BYTES)?;
                if fetched.is_empty() {
                    log.wait_any(&[(Topic::Incidents, part, from)], LOOK);
                }
                for fetched in fetched {
                    self.take(&fetched.records)?;
                    self.next_offsets[part as usize] = fetched.next.0;
                    if fetched.records.num_rows() > 0 {
                        self.received_at_ms = self.received_at_ms.max(Some(fetched.appended_at_ms));
                    }
                }
                if shutdown.is_triggered() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn take(&mut self, records: &RecordBatch) -> Result<(), ArrowError> {
        let rows = IncidentBatch::try_new(records)?;
        for row in 0..rows.len {
            let (id, revision) = (rows.id.value(row), rows.revision(row));
            if self.incidents.get(id).is_some_and(|known| known.revision >= revision) {
                continue;
            }
            let ranked = Ranked {
                revision,
                deleted: rows.deleted.value(row),
                at: UtcMicros(rows.occurred_at_utc[row]),
                category: rows.category.value(row).unwrap_or_default().to_owned(),
                area: rows.areas.get(self.primary_layer).and_then(|column| column.value(row)).map(ToOwned::to_owned),
            };
            self.incidents.insert(id.to_owned(), ranked);
        }
        Ok(())
    }

    /// Which rows of the snapshot a record of the log replaces. A record that does not win is forgotten.
    fn replaced(&mut self, batch: &RecordBatch) -> Result<Vec<bool>, ArrowError> {
        let ids: &StringArray = column(batch, "id")?.as_string_opt().ok_or_else(|| wrong("id"))?;
        let updated_at = times(batch, "updated_at")?;
        let observed_at = times(batch, "observed_at")?;
        let hashes =
            column(batch, "content_hash")?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong("content_hash"))?;
        let mut is_replaced = vec![false; batch.num_rows()];
        for (row, is_replaced) in is_replaced.iter_mut().enumerate() {
            let Some(ranked) = self.incidents.get(ids.value(row)) else { continue };
            let revision = Revision {
                updated_at: updated_at.is_valid(row).then(|| CivilMicros(updated_at.value(row))),
                observed_at: UtcMicros(observed_at.value(row)),
                content_hash: hashes.value(row),
            };
            *is_replaced = ranked.revision > revision;
            if !*is_replaced {
                self.incidents.remove(ids.value(row));
            }
        }
        Ok(is_replaced)
    }
}

/// Counts the snapshot's incidents, those behind it in the place of what they replace.
fn count(
    snapshot: &LocalSnapshot,
    profile: &Profile,
    behind: &mut Behind,
    cube: &mut Cube,
    shutdown: &Shutdown,
) -> Result<(), LoadError> {
    let area = profile.layers.get(profile.primary_layer()).map(|layer| format!("areas.{}", layer.name));
    let is_behind = !behind.incidents.is_empty();
    let is_used =
        |name: &str| COUNTED.contains(&name) || area.as_deref() == Some(name) || (is_behind && RANKED.contains(&name));
    snapshot.each_batch(&snapshot.open()?, profile, is_used, shutdown, |batch| {
        let words = |name: &str| DictionaryColumn::try_new(column(&batch, name)?).ok_or_else(|| wrong(name));
        let rows = Occurrences {
            at: times(&batch, "occurred_at_utc")?.values(),
            category: words("category")?,
            area: area.as_deref().map(words).transpose()?,
        };
        let deleted: &BooleanArray = column(&batch, "deleted")?.as_boolean_opt().ok_or_else(|| wrong("deleted"))?;
        if is_behind {
            let is_replaced = behind.replaced(&batch)?;
            cube.tally(&rows, |row| !deleted.value(row) && !is_replaced[row]);
        } else {
            cube.tally(&rows, |row| !deleted.value(row));
        }
        Ok(())
    })?;
    for incident in behind.incidents.values().filter(|incident| !incident.deleted) {
        cube.tally_one(incident.at, &incident.category, incident.area.as_deref());
    }
    Ok(())
}

fn times<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a TimestampMicrosecondArray, ArrowError> {
    column(batch, name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| wrong(name))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, ArrowError> {
    Ok(batch.column_by_name(name).ok_or_else(|| wrong(name))?.as_ref())
}

fn wrong(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("not a snapshot's columns: {name}"))
}
