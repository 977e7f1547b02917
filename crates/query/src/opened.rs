//! The open files of the snapshot that a view was loaded from.
//!
//! They belong to the view and live as long as somebody answers from it, so a row number of the view is never looked up in
//! another snapshot, and the files stay readable when newer snapshots have taken their place in the directory.

use crate::{
    LoadError,
    snapshot::{LocalSnapshot, reader_options},
    snapshot_columns::{column, wrong},
};
use arrow::{
    array::{AsArray, RecordBatch, StringArray},
    compute::concat_batches,
};
use blotter_city::Profile;
use blotter_incident::{Incident, IncidentBatch};
use blotter_store::ObjectReader;
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{
        ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    },
};
use std::path::PathBuf;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 16_384;

/// See the module.
#[derive(Debug)]
pub(crate) struct OpenSnapshot {
    /// What it reflects, by partition.
    pub(crate) next_offsets: Vec<u64>,
    files: Vec<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    /// The number of its first row in the snapshot, and of the first behind it.
    first: u64,
    end: u64,
    /// Compared with its checksums: nothing is read from it that was not written.
    bytes: ObjectReader,
    metadata: ArrowReaderMetadata,
}

impl OpenSnapshot {
    /// By the open files of a snapshot, in order.
    pub(crate) fn open(
        snapshot: &LocalSnapshot,
        readers: &[ObjectReader],
        profile: &Profile,
    ) -> Result<Self, LoadError> {
        let mut files = Vec::new();
        let mut first = 0;
        for (file, bytes) in snapshot.manifest.files.iter().zip(readers) {
            let path = snapshot.folder.join(&file.path);
            let unreadable = |why: String| LoadError::Snapshot { path: path.clone(), why };
            let bytes = bytes.clone();
            let metadata = ArrowReaderMetadata::load(&bytes, reader_options(profile))
                .map_err(|error| unreadable(error.to_string()))?;
            let end = first + file.rows;
            files.push(OpenFile { path, first, end, bytes, metadata });
            first = end;
        }
        Ok(Self { next_offsets: snapshot.next_offsets(), files })
    }

    /// The incidents of some rows, which are in ascending order and each named once.
    pub(crate) fn incidents(&self, rows: &[u64]) -> Result<Vec<Incident>, LoadError> {
        let mut found = Vec::with_capacity(rows.len());
        let mut left = rows;
        for file in &self.files {
            let (here, rest) = left.split_at(left.partition_point(|row| *row < file.end));
            left = rest;
            if !here.is_empty() {
                file.read(here, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Some columns of all rows, batch by batch, with the number of each batch's first row.
    pub(crate) fn each_batch(
        &self,
        columns: &[&str],
        mut take: impl FnMut(u64, &RecordBatch) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        for file in &self.files {
            let mut row = file.first;
            for batch in file.batches(columns)? {
                let batch = batch.map_err(|error| file.unreadable(error.to_string()))?;
                take(row, &batch)?;
                row += batch.num_rows() as u64;
            }
        }
        Ok(())
    }

    /// The rows with a case number, in capitals.
    pub(crate) fn rows_of_case(&self, number: &str) -> Result<Vec<u64>, LoadError> {
        let mut found = Vec::new();
        self.each_batch(&["case_number"], |first, batch| {
            let numbers: &StringArray =
                column(batch, "case_number")?.as_string_opt().ok_or_else(|| wrong("case_number"))?;
            let is_it = |text: Option<&str>| text.is_some_and(|text| text.trim().eq_ignore_ascii_case(number));
            found.extend((first..).zip(numbers).filter(|(_, text)| is_it(*text)).map(|(row, _)| row));
            Ok(())
        })?;
        Ok(found)
    }
}

impl OpenFile {
    fn unreadable(&self, why: String) -> LoadError {
        LoadError::Snapshot { path: self.path.clone(), why }
    }

    fn batches(&self, columns: &[&str]) -> Result<ParquetRecordBatchReader, LoadError> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone());
        let schema = builder.schema();
        let wanted = (0..schema.fields().len()).filter(|index| columns.contains(&schema.field(*index).name().as_str()));
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| self.unreadable(error.to_string()))
    }

    fn read(&self, rows: &[u64], found: &mut Vec<Incident>) -> Result<(), LoadError> {
        let unreadable = |why: String| self.unreadable(why);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone())
            .with_row_selection(selection(rows, self.first))
            .build()
            .map_err(|error| unreadable(error.to_string()))?;
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(error.to_string()))?;
        let Some(schema) = batches.first().map(RecordBatch::schema) else {
            return Err(unreadable("it holds fewer rows than its manifest says".to_owned()));
        };
        let read = concat_batches(&schema, &batches)?;
        if read.num_rows() != rows.len() {
            return Err(unreadable("it holds fewer rows than its manifest says".to_owned()));
        }
        // The last two are the partition and the offset.
        let columns: Vec<usize> = (0..read.num_columns() - 2).collect();
        let read = read.project(&columns)?;
        let incidents = IncidentBatch::try_new(&read)?;
        found.extend((0..rows.len()).map(|row| incidents.incident(row)));
        Ok(())
    }
}

fn selection(rows: &[u64], first: u64) -> RowSelection {
    let mut selectors = Vec::with_capacity(rows.len() * 2);
    let mut at = first;
    for row in rows {
        if *row > at {
            selectors.push(RowSelector::skip((row - at) as usize));
        }
        selectors.push(RowSelector::select(1));
        at = row + 1;
    }
    RowSelection::from(selectors)
}
