//! The texts of incidents: not kept in memory, read where they lie.

use crate::{
    ServeError,
    snapshot::{IN_SNAPSHOT, LocalSnapshot, reader_options},
};
use arrow::{array::RecordBatch, compute::concat_batches};
use blotter_cube::Locator;
use blotter_incident::{Incident, IncidentBatch, Profile};
use blotter_log::{Log, Offset, Topic};
use blotter_store::ObjectReader;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

/// Decoded batches that are kept: a page of the newest incidents comes from a few.
const KEPT: usize = 12;

/// Reads texts from the log of this process, or from the snapshot what lies in it.
#[derive(Default)]
pub(crate) struct Texts {
    kept: Mutex<VecDeque<Kept>>,
    /// The snapshot that was loaded, and its files.
    pub(crate) snapshot: Mutex<Option<(LocalSnapshot, Vec<ObjectReader>)>>,
}

struct Kept {
    partition: u32,
    base: u64,
    next: u64,
    records: Arc<RecordBatch>,
}

impl Texts {
    /// The incidents at those places, in their order.
    pub(crate) fn incidents(
        &self,
        profile: &Profile,
        log: Option<&dyn Log>,
        places: &[Locator],
    ) -> Result<Vec<Incident>, ServeError> {
        let mut sorted: Vec<Locator> = places.to_vec();
        sorted.sort_unstable();
        let mut found = BTreeMap::new();
        let (in_snapshot, in_log): (Vec<Locator>, Vec<Locator>) =
            sorted.into_iter().partition(|place| place.partition == IN_SNAPSHOT);
        if let Some(log) = log {
            for place in in_log {
                let batch = self.batch(log, place)?;
                let row = (place.offset - batch.base) as usize;
                found.insert(place, IncidentBatch::try_new(&batch.records)?.incident(row));
            }
        }
        if !in_snapshot.is_empty() {
            self.read_snapshot(profile, &in_snapshot, &mut found)?;
        }
        Ok(places.iter().filter_map(|place| found.get(place).cloned()).collect())
    }

    fn batch(&self, log: &dyn Log, place: Locator) -> Result<Kept, ServeError> {
        let copy = |kept: &Kept| Kept { records: Arc::clone(&kept.records), ..*kept };
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let holds =
                |kept: &&Kept| kept.partition == place.partition && (kept.base..kept.next).contains(&place.offset);
            if let Some(kept) = kept.iter().find(holds) {
                return Ok(copy(kept));
            }
        }
        let fetched = log.read(Topic::Incidents, place.partition, Offset(place.offset), 1)?;
        let first = fetched.into_iter().next().ok_or(blotter_log::LogError::OffsetAhead {
            topic: Topic::Incidents,
            partition: place.partition,
            offset: Offset(place.offset),
            next: Offset(place.offset),
        })?;
        let read = Kept { partition: place.partition, base: first.base.0, next: first.next.0, records: first.records };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(copy(&read));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(read)
    }

    fn read_snapshot(
        &self,
        profile: &Profile,
        places: &[Locator],
        found: &mut BTreeMap<Locator, Incident>,
    ) -> Result<(), ServeError> {
        let held = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((snapshot, opened)) = &*held else { return Ok(()) };
        let mut first = 0;
        let mut left = places;
        for (file, opened) in snapshot.manifest.files.iter().zip(opened) {
            let end = first + file.rows;
            let (here, rest) = left.split_at(left.partition_point(|place| place.offset < end));
            left = rest;
            if !here.is_empty() {
                let path = snapshot.folder.join(&file.path);
                let unreadable = |why: String| ServeError::Snapshot { path: path.clone(), why };
                let builder =
                    ParquetRecordBatchReaderBuilder::try_new_with_options(opened.clone(), reader_options(profile))
                        .map_err(|error| unreadable(error.to_string()))?;
                let reader = builder
                    .with_row_selection(selection(here, first))
                    .build()
                    .map_err(|error| unreadable(error.to_string()))?;
                let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(error.to_string()))?;
                if let Some(schema) = batches.first().map(RecordBatch::schema) {
                    let rows = concat_batches(&schema, &batches)?;
                    let columns: Vec<usize> = (0..rows.num_columns() - 2).collect();
                    let rows = rows.project(&columns)?;
                    let rows = IncidentBatch::try_new(&rows)?;
                    for (row, place) in here.iter().enumerate() {
                        found.insert(*place, rows.incident(row));
                    }
                }
            }
            first = end;
        }
        Ok(())
    }
}

fn selection(places: &[Locator], first: u64) -> RowSelection {
    let mut selectors = Vec::with_capacity(places.len() * 2);
    let mut at = first;
    for place in places {
        if place.offset > at {
            selectors.push(RowSelector::skip((place.offset - at) as usize));
        }
        selectors.push(RowSelector::select(1));
        at = place.offset + 1;
    }
    RowSelection::from(selectors)
}
