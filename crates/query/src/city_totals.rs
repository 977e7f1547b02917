//! The hourly totals of a city without its incidents: what peaks are answered from.
//!
//! Of the snapshot it reads times, categories and areas of the primary layer. Of the log it reads the records behind the snapshot: each
//! replaces the snapshot's revision of its incident if it wins. Answers are those of [`LoadedCity`], byte for byte.

use crate::{
    LoadError, LoadParts, LoadedCity, Patient, QueryError, Question, Reply,
    behind::Behind,
    figures::Figures,
    follower::read_ticks,
    log_status::LogStatus,
    questions::{Peaks, PeaksAnswer},
    snapshot::LocalSnapshot,
    snapshot_columns::{column, times, wrong},
    view::{NewestSnapshot, View},
};
use arrow::array::{AsArray, BooleanArray};
use blotter_city::Profile;
use blotter_cube::{Cube, Occurrences};
use blotter_incident::DictionaryColumn;
use blotter_runtime::Shutdown;
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError, atomic::Ordering};

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
        let newest = NewestSnapshot::from(&snapshot);
        view.received_at_ms = newest.received_at_ms().max(behind.received_at_ms);
        view.snapshot = Some(newest);
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
