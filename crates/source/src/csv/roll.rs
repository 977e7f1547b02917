//! Which ids a file had, so that a file that was replaced can be compared with the one before.
//!
//! A list of hashes of ids, eight bytes a row, beside the sources' other files: `NAME.ids` of the last complete reading,
//! `NAME.reading` of the one that is under way, and `NAME.vanished`, what the newest file lacks. A list that is lost or
//! does not fit its position says nothing, and nothing is deleted by it.

use crate::SourceError;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_64;

/// The hash of an id, as the lists have it.
pub fn hash_of_id(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// What a file lacks that the one before it had, as the position keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VanishedIncidents {
    /// Incidents that it lacks.
    pub(super) missing: u64,
    /// Incidents that the one before had.
    pub(super) known: u64,
}

/// The lists of one file.
#[derive(Debug)]
pub(super) struct Roll {
    path: PathBuf,
    /// Of the rows of this chunk.
    new: Vec<u64>,
    /// All rows before it are in the list.
    complete: bool,
}

impl Roll {
    /// The lists of a file that was read to its end.
    pub(super) fn of(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(name), new: Vec::new(), complete: true }
    }

    /// The lists of a file of that name, read on behind `rows` rows.
    pub(super) fn open(folder: &Path, name: &str, rows: u64) -> Result<Self, SourceError> {
        fs::create_dir_all(folder).map_err(|error| SourceError::File { path: folder.to_owned(), error })?;
        let mut roll = Self { path: folder.join(name), new: Vec::new(), complete: true };
        let reading = roll.list("reading");
        let fault = |error| SourceError::File { path: reading.clone(), error };
        if rows == 0 {
            fs::write(&reading, []).map_err(fault)?;
            return Ok(roll);
        }
        let length = fs::metadata(&reading).map_or(0, |metadata| metadata.len());
        roll.complete = length >= rows * 8;
        if roll.complete {
            // What was noted behind the position comes again.
            OpenOptions::new().write(true).open(&reading).and_then(|file| file.set_len(rows * 8)).map_err(fault)?;
        }
        Ok(roll)
    }

    fn list(&self, kind: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{kind}"));
        name.into()
    }

    /// A row was read. Rows without an id are noted too: there are as many entries as rows.
    pub(super) fn note(&mut self, id: &str) {
        self.new.push(if id.is_empty() { 0 } else { hash_of_id(id) });
    }

    /// Keeps what was noted of `rows` rows.
    pub(super) fn keep(&mut self, rows: u64) -> Result<(), SourceError> {
        let reading = self.list("reading");
        let fault = |error| SourceError::File { path: reading.clone(), error };
        self.new.resize(rows as usize, 0);
        let bytes: Vec<u8> = self.new.drain(..).flat_map(u64::to_le_bytes).collect();
        let file = OpenOptions::new().create(true).append(true).open(&reading);
        file.and_then(|mut file| file.write_all(&bytes)).map_err(fault)
    }

    /// The file was read to its end. What it lacks, where it replaced another.
    pub(super) fn finish(&mut self, replaced: bool) -> Result<VanishedIncidents, SourceError> {
        let (before, reading) = (self.list("ids"), self.list("reading"));
        if !self.complete {
            let _gone = fs::remove_file(&before);
            return Ok(VanishedIncidents::default());
        }
        let mut now = read(&reading);
        let known = if replaced { read(&before) } else { Vec::new() };
        let missing: Vec<u64> = known.iter().filter(|id| now.binary_search(id).is_err()).copied().collect();
        let vanished = VanishedIncidents { missing: missing.len() as u64, known: known.len() as u64 };
        write(&self.list("vanished"), &missing)?;
        // Until it is deleted, what vanished stays known.
        now.extend(missing);
        write(&before, &now)?;
        let _gone = fs::remove_file(&reading);
        Ok(vanished)
    }

    /// What vanished.
    pub(super) fn vanished(&self) -> Vec<u64> {
        read(&self.list("vanished"))
    }

    /// What vanished is deleted: it is not known any more.
    pub(super) fn forget(&self, vanished: &[u64]) -> Result<(), SourceError> {
        let mut known = read(&self.list("ids"));
        known.retain(|id| vanished.binary_search(id).is_err());
        write(&self.list("ids"), &known)
    }
}

/// A list, ascending, each once, without rows that have no id.
fn read(path: &Path) -> Vec<u64> {
    let bytes = fs::read(path).unwrap_or_default();
    let mut ids: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|id| u64::from_le_bytes(*id)).filter(|id| *id != 0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn write(path: &Path, ids: &[u64]) -> Result<(), SourceError> {
    let fault = |error| SourceError::File { path: path.to_owned(), error };
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
    file.write_all(&bytes).map_err(fault)?;
    file.persist(path).map_err(|error| fault(error.error))?;
    Ok(())
}
