//! CSV as cities publish it: a file or an address, plain, gzip, xz or zstd; with ids or with key columns; a
//! table of the present or a feed of revisions.
//!
//! Invariants:
//! - Every record is either accepted or rejected with its bytes and a reason; neither is lost, whatever follows.
//! - A chunk's position is the place right behind its last record: opened again there, the same file goes on
//!   without a row lost or repeated, and a finished one ends at once. A file that has changed is read again
//!   from its beginning; the log's rule of the winning revision makes that safe.
//! - A file that breaks off (a cut download) ends with a rejected record that says so.

mod feed;
mod keyed;
mod marks;
mod options;
mod position;
mod ranks;
mod records;
mod roll;
mod shared;
mod sorter;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub use options::CsvOptions;

use crate::{
    Chunk, Decision, Location, Progress, Source, SourceError, Step,
    input::{Before, Compression, DamagedInput, Identity, Input, fault_of},
};
use blotter_city::{Profile, UtcMicros};
use blotter_health::{Notice, NoticeKind};
use blotter_incident::{Header, MAX_BATCH_ROWS, Parser, Rejected};
pub(crate) use keyed::{Ids, MEMORY};
use position::Position;
pub(crate) use ranks::Ranks;
pub(crate) use records::Records;
pub use roll::hash_of_id;
use roll::{Roll, VanishedIncidents};
use shared::SeenIds;
use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use table::{Advance, Table, TableError};
use tempfile::{NamedTempFile, TempPath};

/// A chunk is not held back longer than this while a slow source is waited for.
const PATIENCE: Duration = Duration::from_millis(250);

/// A CSV file, as a source.
pub struct CsvSource {
    location: Location,
    options: CsvOptions,
    parser: Parser,
    position: Position,
    open: Option<Open>,
    /// To be reported after the rows before it.
    fault: Option<SourceError>,
    /// The first chunk, which was read to see whether the file can be used at all.
    first: Option<Step>,
    seen: SeenIds,
    /// None where nothing is kept of its ids.
    roll: Option<Roll>,
}

/// An open file.
struct Open {
    /// None where the file has not even a header.
    table: Option<Table>,
    ids: Option<Ids>,
    taken: Arc<AtomicU64>,
    /// How a file that was read before breaks off.
    damage: Option<DamagedInput>,
    /// What is read, where it is a copy.
    _copy: Option<RereadFile>,
}

/// A file that is read twice: itself where it is a plain one, else a decompressed copy.
struct RereadFile {
    path: PathBuf,
    damage: Option<DamagedInput>,
    /// Deletes the copy when it is read.
    _copy: Option<TempPath>,
}

impl RereadFile {
    fn of(input: &mut Input, location: &Location, folder: Option<&Path>) -> Result<Self, TableError> {
        if let Location::Path(path) = location
            && input.compression == Compression::None
            && input.identity.size.is_some()
        {
            return Ok(Self { path: path.clone(), damage: None, _copy: None });
        }
        let mut copy = match folder {
            Some(folder) => NamedTempFile::new_in(folder)?,
            None => NamedTempFile::new()?,
        };
        let damage = match io::copy(&mut input.reader, &mut copy).map_err(io::Error::downcast::<DamagedInput>) {
            Ok(_) => None,
            Err(Ok(damage)) => Some(damage),
            Err(Err(error)) => return Err(error.into()),
        };
        copy.flush()?;
        let copy = copy.into_temp_path();
        Ok(Self { path: copy.to_path_buf(), damage, _copy: Some(copy) })
    }

    fn reader(&self, offset: u64) -> io::Result<File> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }
}

impl CsvSource {
    /// Opens a file at its beginning or behind an earlier chunk's position. What is no CSV of the city's incidents
    /// is refused with a sentence.
    pub fn open(
        location: Location,
        profile: Arc<Profile>,
        partitions: u32,
        position: Option<&[u8]>,
        options: CsvOptions,
    ) -> Result<Self, SourceError> {
        let position = position.map(|bytes| Position::read(bytes, &location.describe())).transpose()?;
        let mut source = Self {
            parser: Parser::new(profile, partitions),
            position: Position::new(Identity::default(), 0),
            open: None,
            fault: None,
            first: None,
            seen: SeenIds::default(),
            roll: None,
            location,
            options,
        };
        let begins = position.is_none();
        source.reopen(position)?;
        if begins {
            source.first = match source.advance() {
                // The connection may be back when it is asked for the next time.
                Err(error) if error.is_retryable() => None,
                step => Some(step?),
            };
        }
        Ok(source)
    }

    /// Opens the file behind `before`, or at its beginning where it is another.
    fn reopen(&mut self, before: Option<Position>) -> Result<(), SourceError> {
        let what = self.location.describe();
        let profile = Arc::clone(self.parser.profile());
        let keyed = profile.columns.id.is_empty();
        let known = before.as_ref().map(|before| Before {
            identity: &before.file,
            offset: if keyed || before.done { 0 } else { before.offset },
            plain: before.plain,
        });
        let mut input = Input::open(&self.location, known.as_ref())?;
        let now = self.options.clock.now();
        self.position = match before {
            Some(before) if input.resumed => before,
            before => {
                // What another file of the name had is compared with this one.
                let mut fresh = Position::new(input.identity.clone(), input.modified.unwrap_or(now).0);
                fresh.replaced = before.is_some_and(|before| before.done || before.replaced);
                fresh
            }
        };
        self.position.plain = input.compression == Compression::None;
        let rows = if self.position.done { None } else { Some(self.position.rows) };
        self.roll = match (&self.options.rolls, rows) {
            (Some(folder), Some(rows)) => Some(Roll::open(folder, &self.location.name(), rows)?),
            _ => None,
        };
        if self.position.offset == 0 {
            self.seen = SeenIds::default();
        }
        let observed_at = UtcMicros(self.position.observed_at);
        let file = self.location.file_name();
        let fault = |error: TableError| match error {
            TableError::Refused(error) => error,
            TableError::Io(error) => fault_of(error, |error| SourceError::Refused {
                what: what.clone(),
                why: format!("it cannot be read: {error}"),
            }),
        };
        if self.position.done {
            self.open = Some(Open { table: None, ids: None, taken: input.taken, damage: None, _copy: None });
            return Ok(());
        }
        let mut damage = None;
        let (mut ids, mut copy) = (None, None);
        let records = if keyed {
            let kept = RereadFile::of(&mut input, &self.location, self.options.rolls.as_deref()).map_err(&fault)?;
            damage.clone_from(&kept.damage);
            let records = |offset: u64| -> Result<Records, TableError> {
                let mut records = Records::new(Box::new(kept.reader(offset)?), offset);
                records.breaks_off(kept.damage.clone());
                Ok(records)
            };
            let whole = records(0).and_then(|records| Table::open(records, &profile, file.clone(), &what, observed_at));
            if let Some(mut table) = whole.map_err(&fault)? {
                self.parser.set_header(table.header.clone());
                let ranks = match &self.options.rolls {
                    Some(folder) => Ranks::open(folder, &self.location.name()),
                    None => Ok(Ranks::none()),
                };
                let numbered =
                    ranks.and_then(|ranks| Ids::number(&mut table, &mut self.parser, now, ranks, self.options.memory));
                ids = Some(numbered.map_err(|error| fault(error.into()))?);
            }
            let records = records(self.position.offset).map_err(&fault)?;
            copy = Some(kept);
            records
        } else {
            Records::new(input.reader, self.position.offset)
        };
        let mut table = if self.position.offset == 0 {
            Table::open(records, &profile, file, &what, observed_at)
        } else {
            let names = self.position.header.clone();
            Table::with_header(records, &profile, file, &what, observed_at, names).map(Some)
        }
        .map_err(&fault)?;
        if let Some(table) = &mut table {
            table.rows = self.position.rows;
            self.position.header.clone_from(&table.names);
            self.parser.set_header(table.header.clone());
        }
        self.open = Some(Open { table, ids, taken: input.taken, damage, _copy: copy });
        Ok(())
    }

    /// That the file holds nothing, as a record.
    fn nothing(&self, open: &Open) -> Rejected {
        let reason = open.damage.as_ref().map_or_else(
            || "the file is empty or breaks off before its first record: it has not even a header".to_owned(),
            ToString::to_string,
        );
        table::broken_off(&self.location.file_name(), 0, reason, UtcMicros(self.position.observed_at))
    }
}

impl Source for CsvSource {
    fn describe(&self) -> String {
        self.location.describe()
    }

    fn name(&self) -> String {
        self.location.name()
    }

    fn notices(&self) -> Vec<Notice> {
        let profile = self.parser.profile();
        let Position { header, rows, shared, points, .. } = &self.position;
        let mut notices = Vec::new();
        let missing = if header.is_empty() { Vec::new() } else { Header::missing(profile, header) };
        if !missing.is_empty() {
            let named = |(field, names): &(String, Vec<String>)| format!("{field} (`{}`)", names.join("` or `"));
            let named: Vec<String> = missing.iter().map(named).collect();
            let text = format!(
                "{} has no column for {}: its incidents are loaded without. If a column has another name, add the name to \
                 the city's profile",
                self.location.file_name(),
                named.join(", ")
            );
            notices.push(Notice { kind: NoticeKind::MissingColumns, text });
        }
        if shared.rows > 0 {
            let text = format!("{}: {}", self.location.file_name(), shared.sentence(*rows));
            notices.push(Notice { kind: NoticeKind::SharedIds, text });
        }
        let VanishedIncidents { missing, known } = self.position.vanished;
        if missing > 0 {
            let what = if self.options.replace && !self.may_delete(missing, known) {
                "so many are not deleted without a confirmation: start with --replace --confirm-deletions to delete them"
            } else {
                "they stay on the map: if the new file is right, start with --replace to delete them"
            };
            let text = format!(
                "{} was replaced: the new file lacks {missing} of the {known} incidents that the one before had; {what}",
                self.location.file_name()
            );
            let held = self.options.replace && !self.may_delete(missing, known);
            let kind = if held { NoticeKind::HeldDeletions } else { NoticeKind::VanishedRows };
            notices.push(Notice { kind, text });
        }
        if let Some(text) = points.sentence(&profile.name) {
            let text = format!("{}: {text}", self.location.file_name());
            notices.push(Notice { kind: NoticeKind::OutsideCity, text });
        }
        notices
    }

    fn next(&mut self) -> Result<Step, SourceError> {
        match self.first.take() {
            Some(step) => Ok(step),
            None => self.advance(),
        }
    }
}

impl CsvSource {
    fn advance(&mut self) -> Result<Step, SourceError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.position.done {
            return Ok(self.delete_vanished()?.map_or(Step::End, Step::Chunk));
        }
        let mut open = if let Some(open) = self.open.take() {
            open
        } else {
            // After a broken connection.
            self.reopen(Some(self.position.clone()))?;
            match self.open.take() {
                Some(open) => open,
                None => return Ok(Step::End),
            }
        };
        let mut rejected = Vec::new();
        let now = self.options.clock.now();
        let Some(table) = &mut open.table else {
            self.position.done = true;
            rejected.push(self.nothing(&open));
            return Ok(Step::Chunk(self.chunk(rejected, &open.taken)?));
        };
        let started = Instant::now();
        let limit = self.options.chunk_rows.clamp(1, MAX_BATCH_ROWS) as u64;
        let first = table.rows;
        let keyed = open.ids.is_some();
        let mut fault = None;
        let (seen, shared, is_feed) = (&mut self.seen, &mut self.position.shared, table.is_feed());
        let header = table.header.clone();
        let mut roll = if is_feed { None } else { self.roll.as_mut() };
        let ended = loop {
            if table.rows - first >= limit {
                break Ok(false);
            }
            let (ids, fault) = (open.ids.as_mut(), &mut fault);
            let advance = table.advance(&mut self.parser, now, |row, offset| {
                if !keyed && !is_feed {
                    seen.note(&header, row, shared);
                }
                let id = ids.map(|ids| {
                    ids.of(offset).unwrap_or_else(|error| {
                        *fault = Some(error);
                        ""
                    })
                });
                if let Some(roll) = &mut roll {
                    match id {
                        Some(id) => roll.note(id),
                        None => roll.note(&header.id_of(row)),
                    }
                }
                id
            });
            if let Some(error) = fault.take() {
                break Err(error);
            }
            match advance {
                Ok(Advance::Accepted(_)) => {}
                Ok(Advance::Rejected(record)) => rejected.push(record),
                Ok(Advance::More) => {
                    if table.rows > first && started.elapsed() > PATIENCE {
                        break Ok(false);
                    }
                    if let Err(error) = table.records.fill() {
                        break Err(error);
                    }
                }
                Ok(Advance::End) => break Ok(true),
                Err(error) => break Err(error),
            }
        };
        self.position.rows = table.rows;
        self.position.offset = table.records.next_offset();
        self.position.points.merge(&self.parser.take_points());
        if first == 0 && self.position.shared.is_hopeless(self.position.rows) {
            let why = self.position.shared.sentence(self.position.rows);
            return Err(SourceError::Refused { what: self.location.describe(), why });
        }
        let some = table.rows > first;
        if let Some(roll) = roll {
            roll.keep(table.rows - first)?;
        }
        match ended {
            Ok(done) => {
                self.position.done = done;
                if done && let Some(roll) = &mut self.roll {
                    self.position.vanished =
                        if is_feed { VanishedIncidents::default() } else { roll.finish(self.position.replaced)? };
                }
                if done {
                    rejected.extend(table.broken_off());
                }
                let taken = Arc::clone(&open.taken);
                self.open = Some(open);
                Ok(Step::Chunk(self.chunk(rejected, &taken)?))
            }
            Err(error) => {
                let what = self.location.describe();
                let fault = fault_of(error, |error| SourceError::Refused {
                    what: what.clone(),
                    why: format!("it cannot be read to its end: {error}"),
                });
                if !some {
                    return Err(fault);
                }
                self.fault = Some(fault);
                Ok(Step::Chunk(self.chunk(rejected, &open.taken)?))
            }
        }
    }

    /// That the file is the truth: what it lacks is deleted, where that was asked for and the brake lets it.
    fn delete_vanished(&mut self) -> Result<Option<Chunk>, SourceError> {
        let VanishedIncidents { missing, known } = self.position.vanished;
        if missing == 0 || !self.options.replace || !self.may_delete(missing, known) {
            return Ok(None);
        }
        let Some(folder) = &self.options.rolls else { return Ok(None) };
        // Read as it is: the lists are those of the reading that is done.
        let roll = Roll::of(folder, &self.location.name());
        let vanished = roll.vanished();
        roll.forget(&vanished)?;
        self.position.vanished = VanishedIncidents::default();
        let position = self.position.to_bytes();
        Ok(Some(Chunk { position, vanished, ..Chunk::default() }))
    }

    fn may_delete(&self, missing: u64, known: u64) -> bool {
        let brake = &self.options.brake;
        brake.confirm || brake.decide(missing, known, None, self.options.clock.now()) == Decision::Believe
    }

    fn chunk(&mut self, rejected: Vec<Rejected>, taken: &AtomicU64) -> Result<Chunk, SourceError> {
        if self.parser.profile().columns.id.is_empty() && self.position.plain {
            // It was read before it was numbered.
            taken.store(self.position.offset, Ordering::Relaxed);
        }
        let progress = Input::progress(&self.position.file, taken);
        Ok(Chunk {
            incidents: self.parser.finish()?,
            rejected,
            position: self.position.to_bytes(),
            progress: if self.position.done {
                Progress { done: progress.total.unwrap_or(progress.done), ..progress }
            } else {
                progress
            },
            caught_up: false,
            vanished: Vec::new(),
        })
    }
}
