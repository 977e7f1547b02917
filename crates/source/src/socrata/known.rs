//! What is known of a portal's rows, so that a row that vanished can be named with its last fields.
//!
//! One file per month of occurrence, one JSON row a line, in the order in which they were seen; the last line
//! of an id holds. A month that was compared is written anew without the rows that left it. The files are written
//! before their rows are handed out and may know more than the log; a deletion of a row that the log never had
//! does no harm. A row that vanished keeps a tombstone here until the log is sure to know: when it was found out,
//! and in which comparison, so that a comparison that is repeated after a crash says the same again. Without a
//! month's file nothing of it can be said to have vanished: the next comparison of that month fetches its rows and
//! starts from them.

use super::client::Fields;
use crate::SourceError;
use blotter_incident::UtcMicros;
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

/// When a row was found to have vanished, in microseconds.
const GONE_AT: &str = ":gone_at";
/// In which comparison.
const GONE_IN: &str = ":gone_in";

/// Marks a row as vanished.
pub(super) fn bury(row: &mut Fields, at: UtcMicros, comparison: u32) {
    row.insert(GONE_AT.into(), at.0.into());
    row.insert(GONE_IN.into(), comparison.into());
}

/// When and in which comparison a row was found to have vanished, if it was.
pub(super) fn tombstone(row: &Fields) -> Option<(UtcMicros, u32)> {
    let number = |name: &str| row.get(name)?.as_i64();
    Some((UtcMicros(number(GONE_AT)?), number(GONE_IN)? as u32))
}

/// The files of one dataset.
pub(super) struct Known {
    folder: PathBuf,
}

impl Known {
    pub(super) fn open(spool: &Path, name: &str) -> Result<Self, SourceError> {
        let folder = spool.join(name);
        fs::create_dir_all(&folder).map_err(|error| SourceError::File { path: folder.clone(), error })?;
        Ok(Self { folder })
    }

    fn path(&self, month: &str) -> PathBuf {
        self.folder.join(format!("{month}.jsonl"))
    }

    /// Whether anything is known of a month.
    pub(super) fn has(&self, month: &str) -> bool {
        self.path(month).exists()
    }

    /// The months of which anything is known.
    pub(super) fn months(&self) -> Result<Vec<String>, SourceError> {
        let fault = |error| SourceError::File { path: self.folder.clone(), error };
        let mut months = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            months.extend(name.to_str().and_then(|name| name.strip_suffix(".jsonl")).map(ToOwned::to_owned));
        }
        months.sort_unstable();
        Ok(months)
    }

    /// Adds rows to their months; each as (month, row).
    pub(super) fn append<'a>(&self, rows: impl Iterator<Item = (String, &'a Fields)>) -> Result<(), SourceError> {
        let mut months: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (month, row) in rows {
            let text = months.entry(month).or_default();
            // Writing to memory cannot fail.
            let _written = serde_json::to_writer(&mut *text, row);
            text.push(b'\n');
        }
        for (month, text) in months {
            let path = self.path(&month);
            let fault = |error| SourceError::File { path: path.clone(), error };
            let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(fault)?;
            file.write_all(&text).map_err(fault)?;
        }
        Ok(())
    }

    /// The last row of each id of a month. A line cut by a crash counts for nothing: its row comes again.
    pub(super) fn rows(
        &self,
        month: &str,
        id: impl Fn(&Fields) -> Option<String>,
    ) -> Result<BTreeMap<String, Fields>, SourceError> {
        let path = self.path(month);
        let fault = |error| SourceError::File { path: path.clone(), error };
        let mut rows = BTreeMap::new();
        for line in BufReader::new(File::open(&path).map_err(fault)?).split(b'\n') {
            if let Ok(row) = serde_json::from_slice::<Fields>(&line.map_err(fault)?)
                && let Some(id) = id(&row)
            {
                rows.insert(id, row);
            }
        }
        Ok(rows)
    }

    /// Writes a month anew.
    pub(super) fn replace<'a>(&self, month: &str, rows: impl Iterator<Item = &'a Fields>) -> Result<(), SourceError> {
        let path = self.path(month);
        let fault = |error| SourceError::File { path: path.clone(), error };
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(fault)?;
        let mut out = BufWriter::new(&mut file);
        for row in rows {
            serde_json::to_writer(&mut out, row).map_err(|error| fault(error.into()))?;
            out.write_all(b"\n").map_err(fault)?;
        }
        out.flush().map_err(fault)?;
        drop(out);
        file.persist(&path).map_err(|error| fault(error.error))?;
        Ok(())
    }
}
