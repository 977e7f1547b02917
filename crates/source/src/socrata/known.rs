//! What is known of a portal's rows, so that a row that vanished can be named with its last fields.
//!
//! By month of occurrence, one JSON row a line, in the order in which they were seen; the last line of an id holds, and a
//! line that is marked as left takes it away. Only what changes is written: a month is written anew when most of its lines
//! no longer hold. Lines are written before their rows are handed out and may know more than the log; a deletion of a row
//! that the log never had does no harm.
//!
//! What a comparison found out is marked, so that one that is repeated after a crash says the same again: a row that
//! vanished and a row that is listed again each have the time and the number of the comparison. A mark stays until the log is
//! sure to know. A later line without a mark takes it away only if its record wins over what was said: a row that is
//! published again as it was before loses to its own deletion.
//!
//! Without stored rows of a month no deletion in it can be found: the next comparison fetches its rows and starts from them.
//!
//! Where the lines lie is the [`Shelf`]'s business: beside an embedded log, or in the object store of a cluster.

use super::rows::{Evidence, Fields, updated_at};
use crate::SourceError;
use blotter_city::UtcMicros;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
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

/// A row has vanished: when that was found, in microseconds …
const GONE_AT: &str = ":gone_at";
/// … and in which comparison.
const GONE_IN: &str = ":gone_in";
/// A row is listed that had vanished, or that nobody knew.
const BACK_AT: &str = ":back_at";
const BACK_IN: &str = ":back_in";
/// The row is not of this month any more.
const LEFT: &str = ":left";

/// A month is written anew when it has so many lines and twice as many as rows.
const MANY_LINES: usize = 1000;

/// What a comparison found out about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// It has vanished; else it is back.
    pub(super) gone: bool,
    pub(super) at: UtcMicros,
    pub(super) comparison: u32,
}

impl Mark {
    /// The mark of a line.
    pub(super) fn of(row: &Fields) -> Option<Self> {
        let number = |name: &str| row.get(name)?.as_i64();
        let mark = |gone, at: &str, comparison: &str| {
            Some(Self { gone, at: UtcMicros(number(at)?), comparison: number(comparison)? as u32 })
        };
        mark(true, GONE_AT, GONE_IN).or_else(|| mark(false, BACK_AT, BACK_IN))
    }

    /// The row with this mark instead of any other.
    pub(super) fn on(self, mut row: Fields) -> Fields {
        for name in [GONE_AT, GONE_IN, BACK_AT, BACK_IN] {
            row.remove(name);
        }
        let (at, comparison) = if self.gone { (GONE_AT, GONE_IN) } else { (BACK_AT, BACK_IN) };
        row.insert(at.into(), self.at.0.into());
        row.insert(comparison.into(), self.comparison.into());
        row
    }

    /// As which it is said.
    pub(super) fn said(self) -> Evidence {
        if self.gone { Evidence::Gone(self.at) } else { Evidence::Back(self.at) }
    }
}

/// Whether a line says that its row has vanished.
pub(super) fn is_gone(row: &Fields) -> bool {
    Mark::of(row).is_some_and(|mark| mark.gone)
}

/// Marks a row as one that the month no longer has.
pub(super) fn left(mut row: Fields) -> Fields {
    row.insert(LEFT.into(), true.into());
    row
}

/// What is known of one month: its text, and where in it the line of each row lies.
pub(super) struct Month {
    text: Vec<u8>,
    rows: BTreeMap<String, Line>,
    lines: usize,
}

struct Line {
    at: Range<usize>,
    /// With the time from which on another record wins.
    mark: Option<(Mark, UtcMicros)>,
}

impl Month {
    /// A line cut by a crash counts for nothing: its row comes again.
    fn read(text: Vec<u8>, id: impl Fn(&Fields) -> Option<String>) -> Self {
        let (mut rows, mut lines, mut start) = (BTreeMap::<String, Line>::new(), 0, 0);
        for line in text.split(|byte| *byte == b'\n') {
            let at = start..start + line.len();
            start = at.end + 1;
            if line.is_empty() {
                continue;
            }
            lines += 1;
            let Ok(row) = serde_json::from_slice::<Fields>(line) else { continue };
            let Some(id) = id(&row) else { continue };
            if row.contains_key(LEFT) {
                rows.remove(&id);
                continue;
            }
            let updated = updated_at(&row);
            let stays = |(_, from): &(Mark, UtcMicros)| updated.is_some_and(|updated| updated <= *from);
            let mark = Mark::of(&row)
                .map(|mark| (mark, mark.said().observed_at(updated, mark.at)))
                .or_else(|| rows.get(&id)?.mark.filter(stays));
            rows.insert(id, Line { at, mark });
        }
        Self { text, rows, lines }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.rows.keys()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.rows.contains_key(id)
    }

    pub(super) fn mark(&self, id: &str) -> Option<Mark> {
        self.rows.get(id)?.mark.map(|(mark, _)| mark)
    }

    /// The last fields of a row, with its mark.
    pub(super) fn row(&self, id: &str) -> Option<Fields> {
        let line = self.rows.get(id)?;
        let row: Fields = serde_json::from_slice(self.text.get(line.at.clone())?).ok()?;
        Some(match line.mark {
            Some((mark, _)) => mark.on(row),
            None => row,
        })
    }

    /// All rows, by id.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&String, Fields)> {
        self.rows.keys().filter_map(|id| Some((id, self.row(id)?)))
    }
}

/// What is known of one dataset's rows.
pub(super) struct KnownRows(Arc<dyn Shelf>);

impl KnownRows {
    pub(super) fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self(shelf)
    }

    /// The months of which anything is known.
    pub(super) fn months(&self) -> Result<Vec<String>, SourceError> {
        self.0.months()
    }

    /// Adds rows to their months; each as (month, row).
    pub(super) fn append<'a>(&self, rows: impl Iterator<Item = (String, &'a Fields)>) -> Result<(), SourceError> {
        let mut months: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (month, row) in rows {
            write_line(months.entry(month).or_default(), row);
        }
        for (month, text) in months {
            self.0.append(&month, &text)?;
        }
        Ok(())
    }

    /// A month; none where nothing is known of it.
    pub(super) fn month(
        &self,
        month: &str,
        id: impl Fn(&Fields) -> Option<String>,
    ) -> Result<Option<Month>, SourceError> {
        Ok(self.0.read(month)?.map(|text| Month::read(text, id)))
    }

    /// Adds what a comparison found. Where most lines no longer hold, the month is written anew, with what was added since
    /// `before` was read.
    pub(super) fn amend(
        &self,
        month: &str,
        before: &Month,
        changed: &[Fields],
        id: impl Fn(&Fields) -> Option<String>,
    ) -> Result<(), SourceError> {
        self.append(changed.iter().map(|row| (month.to_owned(), row)))?;
        let lines = before.lines + changed.len();
        if lines < MANY_LINES || lines < 2 * before.rows.len() {
            return Ok(());
        }
        let Some(now) = self.month(month, id)? else { return Ok(()) };
        let mut text = Vec::new();
        for (_, row) in now.rows() {
            write_line(&mut text, &row);
        }
        self.replace(month, &text)
    }

    /// Writes a month anew.
    pub(super) fn replace(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        self.0.replace(month, lines)
    }
}

/// Writes a row as a line.
pub(super) fn write_line(text: &mut Vec<u8>, row: &Fields) {
    // Writing to memory cannot fail.
    let _written = serde_json::to_writer(&mut *text, row);
    text.push(b'\n');
}

/// Lines that are added to a month's compressed ones together.
const PLAIN_BYTES: u64 = 1 << 20;
/// Of zstd: the lines are alike.
const LEVEL: i32 = 3;

/// Two files a month in a directory: `2024-06.jsonl.zst`, and the newest lines in `2024-06.jsonl`. A crash may leave lines in both,
/// which say the same twice.
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

    fn compressed(&self, month: &str) -> PathBuf {
        self.0.join(format!("{month}.jsonl.zst"))
    }

    /// Puts a compressed file in its place: what is kept of the one before, and new lines.
    fn put(&self, month: &str, kept: &[u8], lines: &[u8]) -> Result<(), SourceError> {
        let path = self.compressed(month);
        let fault = |error| SourceError::File { path: path.clone(), error };
        let mut file = tempfile::NamedTempFile::new_in(&self.0).map_err(fault)?;
        file.write_all(kept).map_err(fault)?;
        file.write_all(&zstd::encode_all(lines, LEVEL).map_err(fault)?).map_err(fault)?;
        file.as_file().sync_all().map_err(fault)?;
        file.persist(&path).map_err(|error| fault(error.error))?;
        let plain = self.path(month);
        match fs::remove_file(&plain) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(SourceError::File { path: plain, error }),
            _ => Ok(()),
        }
    }
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, SourceError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SourceError::File { path: path.to_owned(), error }),
    }
}

impl Shelf for Folder {
    fn months(&self) -> Result<Vec<String>, SourceError> {
        let fault = |error| SourceError::File { path: self.0.clone(), error };
        let mut months = BTreeSet::new();
        for entry in fs::read_dir(&self.0).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            let month = name.to_str().and_then(|name| name.strip_suffix(".zst").unwrap_or(name).strip_suffix(".jsonl"));
            months.extend(month.map(ToOwned::to_owned));
        }
        Ok(months.into_iter().collect())
    }

    fn read(&self, month: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.compressed(month);
        let Some(compressed) = read_file(&path)? else { return read_file(&self.path(month)) };
        let mut text = zstd::decode_all(&compressed[..]).map_err(|error| SourceError::File { path, error })?;
        text.extend(read_file(&self.path(month))?.unwrap_or_default());
        Ok(Some(text))
    }

    fn append(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        let path = self.path(month);
        let fault = |error| SourceError::File { path: path.clone(), error };
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(fault)?;
        // A line that a crash has cut must not swallow the next one.
        file.write_all(&[b"\n", lines].concat()).map_err(fault)?;
        if file.metadata().map_err(fault)?.len() < PLAIN_BYTES {
            return Ok(());
        }
        let kept = read_file(&self.compressed(month))?.unwrap_or_default();
        self.put(month, &kept, &fs::read(&path).map_err(fault)?)
    }

    fn replace(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        self.put(month, &[], lines)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn row(id: &str, minute: u32) -> Fields {
        let Value::Object(row) = json!({"id": id, ":updated_at": format!("2024-06-01T10:{minute:02}:00.000Z")}) else {
            panic!("an object")
        };
        row
    }

    fn id_of(row: &Fields) -> Option<String> {
        Some(row.get("id")?.as_str()?.to_owned())
    }

    #[test]
    fn a_mark_stays_until_a_record_comes_that_wins() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownRows::new(Arc::new(Folder::open(folder.path(), "x").unwrap()));
        let said = |row: &Fields| known.append([("2024-06".to_owned(), row)].into_iter()).unwrap();
        let mark = || known.month("2024-06", id_of).unwrap().unwrap().mark("1");
        let at = |minute| updated_at(&row("1", minute)).unwrap();
        said(&row("1", 1));
        assert_eq!(mark(), None);
        let gone = Mark { gone: true, at: at(5), comparison: 3 };
        said(&gone.on(row("1", 1)));
        // Published again as it was, or changed before it was found to have vanished.
        said(&row("1", 1));
        said(&row("1", 4));
        assert_eq!(mark(), Some(gone));
        let known_row = known.month("2024-06", id_of).unwrap().unwrap().row("1").unwrap();
        assert_eq!((Mark::of(&known_row), updated_at(&known_row)), (Some(gone), Some(at(4))));
        said(&row("1", 6));
        assert_eq!(mark(), None);
        let back = Mark { gone: false, at: at(9), comparison: 4 };
        said(&back.on(gone.on(row("1", 6))));
        assert_eq!(mark(), Some(back));
    }

    #[test]
    fn a_month_that_is_written_anew_keeps_what_was_added_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownRows::new(Arc::new(Folder::open(folder.path(), "x").unwrap()));
        let rows: Vec<Fields> = (0..MANY_LINES).map(|line| row(&(line % 7).to_string(), 1)).collect();
        known.append(rows.iter().map(|row| ("2024-06".to_owned(), row))).unwrap();
        let before = known.month("2024-06", id_of).unwrap().unwrap();
        known.append([("2024-06".to_owned(), &row("new", 2))].into_iter()).unwrap();
        known.amend("2024-06", &before, &[left(row("3", 1))], id_of).unwrap();
        let after = known.month("2024-06", id_of).unwrap().unwrap();
        assert_eq!(after.ids().collect::<Vec<_>>(), ["0", "1", "2", "4", "5", "6", "new"]);
        assert_eq!(after.lines, 7);
    }

    #[test]
    fn a_folder_keeps_many_lines_compressed_and_all_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::open(directory.path(), "x").unwrap();
        let mut expected = Vec::new();
        for batch in 0..30 {
            let row = |line: u32| format!("{{\"a row with some words\":{batch},\"n\":{line}}}\n");
            let lines = (0..1000).map(row).collect::<Vec<_>>().concat();
            expected.extend(lines.lines().map(ToOwned::to_owned));
            folder.append("2024-06", lines.as_bytes()).unwrap();
        }
        folder.append("2024-07", b"another month\n").unwrap();
        let read = |month: &str| -> Vec<String> {
            let text = String::from_utf8(folder.read(month).unwrap().unwrap()).unwrap();
            text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
        };
        assert_eq!((read("2024-06"), read("2024-07")), (expected.clone(), vec!["another month".to_owned()]));
        assert_eq!(folder.months().unwrap(), ["2024-06", "2024-07"]);
        assert_eq!(folder.read("2024-08").unwrap(), None);
        let bytes = |name: &str| folder.0.join(name).metadata().map_or(0, |file| file.len());
        assert!(bytes("2024-06.jsonl") + bytes("2024-06.jsonl.zst") < PLAIN_BYTES);
        assert!(bytes("2024-06.jsonl.zst") > 0);
        folder.replace("2024-06", b"one\n").unwrap();
        assert_eq!((read("2024-06"), bytes("2024-06.jsonl")), (vec!["one".to_owned()], 0));
    }
}
