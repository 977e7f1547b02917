//! Batches to files: split by civil year, one open file a year, in bounded memory.

use super::{
    columns::{archive_schema, from_incidents},
    file::{EncodedFile, FileWriter},
    year::{civil_year, span_of},
};
use crate::error::Result;
use arrow::{
    array::{RecordBatch, UInt32Array},
    compute::take_record_batch,
    datatypes::SchemaRef,
};
use blotter_city::Profile;
use blotter_incident::IncidentBatch;
use std::collections::BTreeMap;

/// When a file is closed before its commit asks for it.
#[derive(Clone, Copy, Debug)]
pub struct WriterLimits {
    /// A file of this many encoded bytes is closed.
    pub file_bytes: usize,
    /// When the open files hold more memory than this, the largest is closed.
    pub memory_bytes: usize,
    /// When more years than this are open, the largest is closed.
    pub open_years: usize,
}

impl Default for WriterLimits {
    fn default() -> Self {
        Self { file_bytes: 64 << 20, memory_bytes: 32 << 20, open_years: 40 }
    }
}

/// Encodes the records of one log for the archive of one city.
pub struct ArchiveWriter {
    schema: SchemaRef,
    limits: WriterLimits,
    open: BTreeMap<i32, FileWriter>,
    closed: Vec<EncodedFile>,
    rows: u64,
    closed_bytes: u64,
}

impl ArchiveWriter {
    /// A writer for a city's archive.
    pub fn new(profile: &Profile, limits: WriterLimits) -> Self {
        Self {
            schema: archive_schema(profile),
            limits,
            open: BTreeMap::new(),
            closed: Vec::new(),
            rows: 0,
            closed_bytes: 0,
        }
    }

    /// Writes an incident batch whose first row has offset `base`.
    pub fn write(&mut self, batch: &RecordBatch, partition: u32, base: u64, ingested_at_ms: i64) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let rows = from_incidents(batch, &self.schema, partition, base, ingested_at_ms.saturating_mul(1000))?;
        self.write_rows(&rows, IncidentBatch::try_new(batch)?.occurred_at)
    }

    fn write_rows(&mut self, rows: &RecordBatch, occurred_at: &[i64]) -> Result<()> {
        let span = span_of(civil_year(occurred_at[0]));
        if occurred_at.iter().all(|at| span.contains(at)) {
            return self.write_year(civil_year(occurred_at[0]), rows);
        }
        let mut by_year: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
        for (row, at) in (0..).zip(occurred_at) {
            by_year.entry(civil_year(*at)).or_default().push(row);
        }
        for (year, indices) in by_year {
            self.write_year(year, &take_record_batch(rows, &UInt32Array::from(indices))?)?;
        }
        Ok(())
    }

    fn write_year(&mut self, year: i32, rows: &RecordBatch) -> Result<()> {
        let file = match self.open.entry(year) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(FileWriter::new(year, &self.schema)?),
        };
        file.write(rows)?;
        self.rows += rows.num_rows() as u64;
        if file.encoded_bytes() >= self.limits.file_bytes {
            self.close(year)?;
        }
        while self.open.len() > self.limits.open_years || self.memory_bytes() > self.limits.memory_bytes {
            let largest = self.open.iter().max_by_key(|(_, file)| file.memory_bytes()).map(|(year, _)| *year);
            let Some(largest) = largest else { break };
            self.close(largest)?;
        }
        Ok(())
    }

    fn close(&mut self, year: i32) -> Result<()> {
        if let Some(file) = self.open.remove(&year)
            && file.rows() > 0
        {
            let file = file.finish()?;
            self.closed_bytes += file.bytes.len() as u64;
            self.closed.push(file);
        }
        Ok(())
    }

    /// Rows written since the last [`ArchiveWriter::finish`].
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes encoded since the last [`ArchiveWriter::finish`].
    pub fn encoded_bytes(&self) -> u64 {
        self.closed_bytes + self.open.values().map(|file| file.encoded_bytes() as u64).sum::<u64>()
    }

    /// Bytes of memory that open files hold.
    pub fn memory_bytes(&self) -> usize {
        self.open.values().map(FileWriter::memory_bytes).sum()
    }

    /// Files that were closed meanwhile: upload them, they are part of the next commit.
    pub fn take_closed(&mut self) -> Vec<EncodedFile> {
        std::mem::take(&mut self.closed)
    }

    /// Closes every file, leaving the writer empty.
    pub fn finish(&mut self) -> Result<Vec<EncodedFile>> {
        let years: Vec<i32> = self.open.keys().copied().collect();
        for year in years {
            self.close(year)?;
        }
        self.rows = 0;
        self.closed_bytes = 0;
        Ok(self.take_closed())
    }
}
