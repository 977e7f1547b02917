//! Rebuilds a lost embedded log from the archive. The rebuilt log has the same identity, and each record has its old offset and
//! time, so the archive, the snapshots and all stored offsets stay valid.
//!
//! The archive lacks records that it had not committed yet (the sources send them again), published peaks, and rejected records:
//! the last two are lost. `count` counts all hours again.

use crate::{
    columns::{Place, columns, gather},
    error::{OfflineError, Result},
    positions,
    rows::{Rows, column},
};
use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::{Int32Type, Int64Type, TimestampMicrosecondType},
};
use blotter_city::Profile;
use blotter_incident::incident_schema;
use blotter_log::{EmbeddedOptions, LogId, Rebuild, RecordPlace, Topic};
use blotter_runtime::Shutdown;
use blotter_store::{ArchiveTable, Checkpoints, Store, to_incidents};
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

/// Rows that are held in memory at a time, as far as their offsets lie close together.
const WINDOW_ROWS: u64 = 1 << 20;
/// Records of a batch of the log.
const BATCH_ROWS: usize = 8192;

/// What was made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreOutcome {
    /// Records.
    pub records: u64,
    /// Whether the sources go on where they were; else they begin anew.
    pub has_positions: bool,
    /// Where the log that was there is kept.
    pub kept_aside: Option<PathBuf>,
}

/// Rebuilds the archive's log in `dir`. Calls `progress` with the number of records written and of all records.
pub fn run(
    table: &ArchiveTable,
    store: &Store,
    profile: &Profile,
    dir: &Path,
    stop: &Shutdown,
    mut progress: impl FnMut(u64, u64),
) -> Result<RestoreOutcome> {
    let next_offsets = table.next_offsets();
    let options = EmbeddedOptions { owner: Some(profile.slug.clone()), ..EmbeddedOptions::default() };
    let log_id = LogId(table.log_id().to_owned());
    let mut log = Rebuild::begin(dir, log_id, next_offsets.len() as u32, &options)?;
    let rows = Rows::open(table, stop)?;
    let width = (WINDOW_ROWS / next_offsets.len().max(1) as u64).max(1);
    let end = next_offsets.iter().copied().max().unwrap_or_default();
    let mut records = 0;
    for from in (0..end).step_by(width as usize) {
        records += put_window(table, &rows, profile, from as i64..(from + width) as i64, &mut log)?;
        progress(records, rows.len.into());
    }
    for (partition, next) in (0..).zip(next_offsets) {
        log.end_at(Topic::Incidents, partition, *next)?;
    }
    OfflineError::unless(stop)?;
    let positions = positions::copy(store, table.log_id())?;
    let has_positions = positions.is_some();
    // They say what was counted into a topic that is empty now.
    let counted = Checkpoints::new(store.clone(), "count");
    for name in counted.list(&format!("{}/", table.log_id()))? {
        counted.delete(&name)?;
    }
    let kept_aside = log.finish(positions.unwrap_or_default())?;
    Ok(RestoreOutcome { records, has_positions, kept_aside })
}

/// One record's place, in the order of the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    partition: u32,
    offset: u64,
    appended_at_ms: i64,
    place: Place,
}

/// Puts the records of these offsets of all partitions; how many they are.
fn put_window(
    table: &ArchiveTable,
    rows: &Rows,
    profile: &Profile,
    offsets: Range<i64>,
    log: &mut Rebuild,
) -> Result<u64> {
    let schema = incident_schema(profile);
    let mut batches: Vec<RecordBatch> = Vec::new();
    let mut sorted: Vec<SortKey> = Vec::new();
    rows.read(
        table,
        None,
        |group| group.may_have_offsets(&offsets),
        |_, batch| {
            let wanted: BooleanArray =
                column::<Int64Type>(&batch, "offset")?.values().iter().map(|at| Some(offsets.contains(at))).collect();
            if wanted.true_count() == 0 {
                return Ok(());
            }
            let batch = if wanted.true_count() < wanted.len() { filter_record_batch(&batch, &wanted)? } else { batch };
            let partitions = column::<Int32Type>(&batch, "partition")?.values();
            let at = column::<Int64Type>(&batch, "offset")?.values();
            let ingested = column::<TimestampMicrosecondType>(&batch, "ingested_at")?.values();
            let number = batches.len() as u32;
            sorted.extend((0..batch.num_rows()).map(|row| SortKey {
                partition: partitions[row] as u32,
                offset: at[row] as u64,
                appended_at_ms: ingested[row].div_euclid(1000),
                place: Place { batch: number, row: row as u32 },
            }));
            batches.push(to_incidents(&batch, &schema)?);
            Ok(())
        },
    )?;
    sorted.sort_unstable();
    let columns = columns(&schema, &batches)?;
    for chunk in sorted.chunk_by(|a, b| a.partition == b.partition).flat_map(|part| part.chunks(BATCH_ROWS)) {
        OfflineError::unless(&rows.stop)?;
        let records = gather(&schema, &columns, &chunk.iter().map(|row| row.place).collect::<Vec<_>>())?;
        let places: Vec<RecordPlace> =
            chunk.iter().map(|row| RecordPlace { offset: row.offset, appended_at_ms: row.appended_at_ms }).collect();
        log.put(Topic::Incidents, chunk[0].partition, &records, &places)?;
    }
    Ok(sorted.len() as u64)
}
