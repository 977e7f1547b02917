//! The records that the log has behind a snapshot: what they say of hourly counts.

use crate::{
    LoadError,
    snapshot::LocalSnapshot,
    snapshot_columns::{column, times, wrong},
};
use arrow::{
    array::{Array, AsArray, RecordBatch, StringArray},
    datatypes::Int64Type,
    error::ArrowError,
};
use blotter_city::{CivilMicros, UtcMicros};
use blotter_incident::{IncidentBatch, Revision};
use blotter_log::{Log, LogError, Offset, Topic};
use blotter_runtime::Shutdown;
use std::{collections::HashMap, time::Duration};

/// Bytes read from a partition at a time.
const READ_BYTES: usize = 1 << 20;
/// More records behind the snapshot are not kept by incident: loading everything costs less then.
const MOST_BEHIND: u64 = 200_000;
/// Before a log that has not delivered all records yet is asked again.
const LOOK: Duration = Duration::from_millis(100);

/// The records that the log has behind a snapshot: the winning one of each incident.
pub(crate) struct Behind {
    pub(crate) incidents: HashMap<String, RankedRevision>,
    primary_layer: usize,
    pub(crate) next_offsets: Vec<u64>,
    pub(crate) received_at_ms: Option<i64>,
}

/// What is counted of an incident, and which of its revisions it is.
pub(crate) struct RankedRevision {
    revision: Revision,
    pub(crate) deleted: bool,
    pub(crate) at: UtcMicros,
    pub(crate) category: String,
    pub(crate) area: Option<String>,
}

impl Behind {
    pub(crate) fn new(snapshot: &LocalSnapshot, primary_layer: usize) -> Self {
        let next_offsets = snapshot.next_offsets();
        Self { incidents: HashMap::new(), primary_layer, next_offsets, received_at_ms: None }
    }

    /// Reads the log to the end that it has now; whether it has come there.
    pub(crate) fn read(&mut self, log: &dyn Log, shutdown: &Shutdown) -> Result<bool, LoadError> {
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
            let ranked = RankedRevision {
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
    pub(crate) fn replaced(&mut self, batch: &RecordBatch) -> Result<Vec<bool>, ArrowError> {
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
