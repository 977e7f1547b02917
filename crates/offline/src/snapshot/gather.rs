//! The second pass: the winners of one slice of time, sorted, as files of whole months.

use crate::{
    columns::{Place, columns, gather, wrong},
    error::{OfflineError, Result},
    manifest::{FOLDER, Manifest, ManifestFile, checksum},
    rows::{Bits, Rows},
    snapshot::publish,
};
use arrow::{
    array::{AsArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray},
    compute::filter_record_batch,
    datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType},
    error::ArrowError,
};
use blotter_city::{CityClock, Profile, UtcMicros};
use blotter_incident::{MAX_BATCH_ROWS, incident_schema};
use blotter_runtime::Shutdown;
use blotter_store::{ArchiveTable, Store, civil_month, to_incidents, writer_properties};
use bytes::Bytes;
use hashbrown::HashMap;
use parquet::arrow::ArrowWriter;
use std::{ops::Range, sync::Arc};

/// The files of a snapshot, so far.
#[derive(Debug, Default)]
pub(super) struct SnapshotFiles {
    pub(super) files: Vec<ManifestFile>,
    pub(super) rows: u64,
    pub(super) incidents: u64,
    /// Files of the snapshot before, which need not be written.
    pub(super) referred_to: usize,
    folder: String,
    version: u64,
    /// The files of the snapshot before, by checksum.
    before: HashMap<String, ManifestFile>,
}

impl SnapshotFiles {
    /// None yet, of a snapshot of `version` in `folder`; `before` is the newest one.
    pub(super) fn new(folder: &str, version: u64, before: Option<&Manifest>) -> Self {
        let files = before.into_iter().flat_map(|manifest| {
            let lies_in = |file: &ManifestFile| file.version.or(Some(manifest.version));
            manifest.files.iter().map(move |file| ManifestFile { version: lies_in(file), ..file.clone() })
        });
        // One that is taken again refers to its own files by their names alone.
        let before = files.filter(|file| file.version != Some(version));
        let before = before.map(|file| (file.checksum.clone(), file)).collect();
        Self { folder: folder.to_owned(), version, before, ..Self::default() }
    }

    fn add(&mut self, store: &Store, rows: u64, bytes: Bytes) -> Result<()> {
        let checksum = checksum(&bytes);
        self.rows += rows;
        if let Some(same) = self.before.get(&checksum)
            && (same.rows, same.bytes) == (rows, bytes.len() as u64)
            && publish::is_sound(store, self.version, same)?
        {
            self.referred_to += 1;
            self.files.push(same.clone());
            return Ok(());
        }
        let path = format!("part-{}-{:05}.parquet", self.version, self.files.len());
        let file = ManifestFile { path, rows, bytes: bytes.len() as u64, checksum, version: None };
        store.put(&format!("{FOLDER}/{}/{}", self.folder, file.path), bytes)?;
        self.files.push(file);
        Ok(())
    }
}

/// Whose rows go where.
pub(super) struct Destination<'a> {
    pub(super) profile: &'a Profile,
    pub(super) clock: &'a CityClock,
    pub(super) store: &'a Store,
    /// A file ends with the month in which it has so many rows.
    pub(super) file_rows: usize,
    pub(super) stop: &'a Shutdown,
}

/// A snapshot's columns.
pub(super) fn snapshot_schema(profile: &Profile) -> SchemaRef {
    let mut fields = incident_schema(profile).fields().to_vec();
    fields.push(Arc::new(Field::new("partition", DataType::Int32, false)));
    fields.push(Arc::new(Field::new("offset", DataType::Int64, false)));
    Arc::new(Schema::new(fields))
}

/// A row of the sorted slice, and where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortedRow {
    occurred_at_utc: i64,
    place: Place,
}

/// The winners of one slice of the table.
pub(super) fn write(
    table: &ArchiveTable,
    rows: &Rows,
    winners: &Bits,
    slice: &Range<i64>,
    place: &Destination<'_>,
    written: &mut SnapshotFiles,
) -> Result<()> {
    let batches = read(table, rows, winners, slice, &snapshot_schema(place.profile))?;
    write_batches(&batches, place, written)
}

/// The rows of one slice, in any order, with the columns of [`snapshot_schema`].
pub(super) fn write_batches(
    batches: &[RecordBatch],
    place: &Destination<'_>,
    written: &mut SnapshotFiles,
) -> Result<()> {
    let schema = snapshot_schema(place.profile);
    let sorted = sort(batches)?;
    let columns = columns(&schema, batches)?;
    for cut in files(&sorted, place.clock, place.file_rows) {
        let mut writer =
            ArrowWriter::try_new(Vec::new(), SchemaRef::clone(&schema), Some(writer_properties(&schema)?))?;
        for chunk in cut.chunks(MAX_BATCH_ROWS) {
            OfflineError::unless(place.stop)?;
            let batch = gather(&schema, &columns, &chunk.iter().map(|sorted| sorted.place).collect::<Vec<_>>())?;
            written.incidents += batch.num_rows() as u64;
            if let Some(deleted) = batch.column_by_name("deleted").and_then(|column| column.as_boolean_opt()) {
                written.incidents -= deleted.true_count() as u64;
            }
            writer.write(&batch)?;
        }
        written.add(place.store, cut.len() as u64, writer.into_inner()?.into())?;
    }
    Ok(())
}

/// Cuts sorted rows into files of whole civil months: what changes in one month leaves the files of the others as they are.
fn files<'a>(sorted: &'a [SortedRow], clock: &CityClock, file_rows: usize) -> Vec<&'a [SortedRow]> {
    let month = |row: &SortedRow| civil_month(clock.to_civil(UtcMicros(row.occurred_at_utc)).0);
    let mut files: Vec<&[SortedRow]> = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < sorted.len() {
        let this = month(&sorted[at]);
        // In UTC order civil months come one after the other but for the hour that a clock is set back.
        at += sorted[at..].iter().take_while(|row| month(row) == this).count();
        if at - start >= file_rows {
            files.push(&sorted[start..at]);
            start = at;
        }
    }
    if start < sorted.len() {
        files.push(&sorted[start..]);
    }
    files
}

fn read(
    table: &ArchiveTable,
    rows: &Rows,
    winners: &Bits,
    slice: &Range<i64>,
    schema: &SchemaRef,
) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    rows.read(
        table,
        None,
        |group| group.may_have(slice),
        |first, batch| {
            let times = occurred_at_utc(&batch)?;
            let wanted: BooleanArray =
                (first..).zip(times.values()).map(|(row, at)| Some(slice.contains(at) && winners.has(row))).collect();
            let kept = wanted.true_count();
            if kept == batch.num_rows() {
                batches.push(to_incidents(&batch, schema)?);
            } else if kept > 0 {
                batches.push(to_incidents(&filter_record_batch(&batch, &wanted)?, schema)?);
            }
            Ok(())
        },
    )?;
    Ok(batches)
}

/// The rows of the batches by (`occurred_at_utc`, `id`).
fn sort(batches: &[RecordBatch]) -> Result<Vec<SortedRow>> {
    let mut places = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    let mut ids: Vec<&StringArray> = Vec::with_capacity(batches.len());
    for (batch, rows) in (0..).zip(batches) {
        let times = occurred_at_utc(rows)?;
        places.extend(
            (0..).zip(times.values()).map(|(row, at)| SortedRow { occurred_at_utc: *at, place: Place { batch, row } }),
        );
        ids.push(rows.column(0).as_string_opt::<i32>().ok_or_else(|| wrong("id"))?);
    }
    places.sort_unstable();
    for same in places.chunk_by_mut(|a, b| a.occurred_at_utc == b.occurred_at_utc) {
        if same.len() > 1 {
            same.sort_unstable_by_key(|SortedRow { place, .. }| ids[place.batch as usize].value(place.row as usize));
        }
    }
    Ok(places)
}

fn occurred_at_utc(batch: &RecordBatch) -> Result<&PrimitiveArray<TimestampMicrosecondType>, ArrowError> {
    batch
        .column_by_name("occurred_at_utc")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or_else(|| wrong("occurred_at_utc"))
}
