//! The open files of the snapshot that a view was loaded from.
//!
//! They belong to the view and live as long as somebody answers from it, so a row number of the view is never looked up in
//! another snapshot, and the files stay readable when newer snapshots have taken their place in the directory.

use crate::{
    ServeError,
    snapshot::{LocalSnapshot, reader_options},
};
use arrow::{array::RecordBatch, compute::concat_batches};
use blotter_incident::{Incident, IncidentBatch, Profile};
use bytes::Bytes;
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

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
    bytes: Positioned,
    metadata: ArrowReaderMetadata,
}

impl OpenSnapshot {
    /// Opens the files of a snapshot.
    pub(crate) fn open(snapshot: &LocalSnapshot, profile: &Profile) -> Result<Self, ServeError> {
        let mut files = Vec::new();
        let mut first = 0;
        for file in &snapshot.manifest.files {
            let path = snapshot.folder.join(&file.path);
            let unreadable = |why: String| ServeError::Snapshot { path: path.clone(), why };
            let bytes = File::open(&path).and_then(Positioned::new).map_err(|error| unreadable(error.to_string()))?;
            let metadata = ArrowReaderMetadata::load(&bytes, reader_options(profile))
                .map_err(|error| unreadable(error.to_string()))?;
            let end = first + file.rows;
            files.push(OpenFile { path, first, end, bytes, metadata });
            first = end;
        }
        Ok(Self { next_offsets: snapshot.next_offsets(), files })
    }

    /// The incidents of some rows, which are in ascending order and each named once. Readers share the files and wait for
    /// each other while bytes are copied, not while they are decoded.
    pub(crate) fn incidents(&self, rows: &[u64]) -> Result<Vec<Incident>, ServeError> {
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
}

impl OpenFile {
    fn read(&self, rows: &[u64], found: &mut Vec<Incident>) -> Result<(), ServeError> {
        let unreadable = |why: String| ServeError::Snapshot { path: self.path.clone(), why };
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

/// A file that many read at once, each at a place of its own.
#[derive(Clone, Debug)]
struct Positioned {
    file: Arc<Mutex<File>>,
    len: u64,
}

impl Positioned {
    fn new(file: File) -> std::io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file: Arc::new(Mutex::new(file)), len })
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read(into)
    }
}

impl Length for Positioned {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Positioned {
    type T = BufReader<Behind>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(Behind { bytes: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = vec![0; length];
        Behind { bytes: self.clone(), at: start }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// What lies behind one place.
struct Behind {
    bytes: Positioned,
    at: u64,
}

impl Read for Behind {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.bytes.read_at(self.at, into)?;
        self.at += read as u64;
        Ok(read)
    }
}
