//! What is known of a portal's rows, so that a row that vanished can be named with its last fields.
//!
//! By month of occurrence, one JSON row a line, in the order in which they were seen; the last line of an id holds, and a
//! line that is marked as left takes it away. Only what changes is written: a month is written anew when most of its lines
//! no longer hold. Lines are written before their rows are handed out and may know more than the log; a deletion of a row
//! that the log never had does no harm. A row that vanished keeps a tombstone here until the log is sure to know: when it
//! was found out, and in which comparison, so that a comparison that is repeated after a crash says the same again. Of a
//! month of which nothing is kept nothing can be said to have vanished: the next comparison fetches its rows and starts
//! from them.
//!
//! Where the lines lie is the [`Shelf`]'s business: beside an embedded log, or in the object store of a cluster.

use super::client::Fields;
use crate::SourceError;
use blotter_city::UtcMicros;
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Texts by month, to which lines are added. One source writes them.
pub trait Shelf: Send + Sync {
    /// The months of which anything is kept.
    fn months(&self) -> Result<Vec<String>, SourceError>;

    /// All lines of a month; none where nothing is kept of it.
    fn read(&self, month: &str) -> Result<Option<Vec<u8>>, SourceError>;

    /// Adds lines to a month; they are durable when this returns.
    fn append(&self, month: &str, lines: &[u8]) -> Result<(), SourceError>;

    /// Writes a month anew: as a whole or not at all.
    fn replace(&self, month: &str, lines: &[u8]) -> Result<(), SourceError>;
}

/// When a row was found to have vanished, in microseconds.
const GONE_AT: &str = ":gone_at";
/// In which comparison.
const GONE_IN: &str = ":gone_in";
/// The row is not of this month any more.
const LEFT: &str = ":left";

/// A month is written anew when it has so many lines and twice as many as rows.
const MANY_LINES: usize = 1000;

/// Marks a row as vanished.
pub(super) fn bury(row: &mut Fields, at: UtcMicros, comparison: u32) {
    row.insert(GONE_AT.into(), at.0.into());
    row.insert(GONE_IN.into(), comparison.into());
}

/// Marks a row as one that the month no longer has.
pub(super) fn left(mut row: Fields) -> Fields {
    row.insert(LEFT.into(), true.into());
    row
}

/// When and in which comparison a row was found to have vanished, if it was.
pub(super) fn tombstone(row: &Fields) -> Option<(UtcMicros, u32)> {
    let number = |name: &str| row.get(name)?.as_i64();
    Some((UtcMicros(number(GONE_AT)?), number(GONE_IN)? as u32))
}

/// What is known of one dataset's rows.
pub(super) struct Known {
    shelf: Arc<dyn Shelf>,
    /// Lines of the months that were read.
    lines: Mutex<HashMap<String, usize>>,
}

impl Known {
    pub(super) fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf, lines: Mutex::default() }
    }

    /// The months of which anything is known.
    pub(super) fn months(&self) -> Result<Vec<String>, SourceError> {
        self.shelf.months()
    }

    /// Adds rows to their months; each as (month, row).
    pub(super) fn append<'a>(&self, rows: impl Iterator<Item = (String, &'a Fields)>) -> Result<(), SourceError> {
        let mut months: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (month, row) in rows {
            line(months.entry(month).or_default(), row);
        }
        for (month, text) in months {
            self.shelf.append(&month, &text)?;
        }
        Ok(())
    }

    /// The last row of each id of a month; none where nothing is known of it. A line cut by a crash counts for nothing: its
    /// row comes again.
    pub(super) fn rows(
        &self,
        month: &str,
        id: impl Fn(&Fields) -> Option<String>,
    ) -> Result<Option<BTreeMap<String, Fields>>, SourceError> {
        let Some(text) = self.shelf.read(month)? else { return Ok(None) };
        let (mut rows, mut lines) = (BTreeMap::new(), 0);
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            lines += 1;
            let Ok(row) = serde_json::from_slice::<Fields>(line) else { continue };
            let Some(id) = id(&row) else { continue };
            if row.contains_key(LEFT) {
                rows.remove(&id);
            } else {
                rows.insert(id, row);
            }
        }
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(month.to_owned(), lines);
        Ok(Some(rows))
    }

    /// Brings a month up to `rows`, of which `changed` are the lines that are new.
    pub(super) fn amend(
        &self,
        month: &str,
        changed: &[Fields],
        rows: &BTreeMap<String, Fields>,
    ) -> Result<(), SourceError> {
        let lines =
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).remove(month).unwrap_or(0) + changed.len();
        if lines >= MANY_LINES && lines >= 2 * rows.len() {
            return self.replace(month, rows.values());
        }
        let mut text = Vec::new();
        for row in changed {
            line(&mut text, row);
        }
        if text.is_empty() { Ok(()) } else { self.shelf.append(month, &text) }
    }

    /// Writes a month anew.
    pub(super) fn replace<'a>(&self, month: &str, rows: impl Iterator<Item = &'a Fields>) -> Result<(), SourceError> {
        let mut text = Vec::new();
        for row in rows {
            line(&mut text, row);
        }
        self.shelf.replace(month, &text)
    }
}

fn line(text: &mut Vec<u8>, row: &Fields) {
    // Writing to memory cannot fail.
    let _written = serde_json::to_writer(&mut *text, row);
    text.push(b'\n');
}

/// One file a month in a directory.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(spool: &Path, name: &str) -> Result<Self, SourceError> {
        let folder = spool.join(name);
        fs::create_dir_all(&folder).map_err(|error| SourceError::File { path: folder.clone(), error })?;
        Ok(Self(folder))
    }

    fn path(&self, month: &str) -> PathBuf {
        self.0.join(format!("{month}.jsonl"))
    }
}

impl Shelf for Folder {
    fn months(&self) -> Result<Vec<String>, SourceError> {
        let fault = |error| SourceError::File { path: self.0.clone(), error };
        let mut months = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            months.extend(name.to_str().and_then(|name| name.strip_suffix(".jsonl")).map(ToOwned::to_owned));
        }
        months.sort_unstable();
        Ok(months)
    }

    fn read(&self, month: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.path(month);
        match fs::read(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SourceError::File { path, error }),
        }
    }

    fn append(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        let path = self.path(month);
        let fault = |error| SourceError::File { path: path.clone(), error };
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(fault)?;
        // A line that a crash has cut must not swallow the next one.
        file.write_all(&[b"\n", lines].concat()).map_err(fault)
    }

    fn replace(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        let path = self.path(month);
        let fault = |error| SourceError::File { path: path.clone(), error };
        let mut file = tempfile::NamedTempFile::new_in(&self.0).map_err(fault)?;
        file.write_all(lines).map_err(fault)?;
        file.persist(&path).map_err(|error| fault(error.error))?;
        Ok(())
    }
}
