//! CSV files again as they happened: sorted by event time, released `speed` times faster than it passed.
//!
//! Invariants:
//! - The rows are those of the files read plainly: the same incidents with the same ids and observation times, and the
//!   same rejected records. Those come first, as they have no sure time.
//! - A row is never released before it is due, and what is due is released in the order of event time: of
//!   occurrence, or of `feed_time` in a revisions feed; equal times in the order of the files.
//! - Memory is 24 bytes a row. The rows themselves stay in the files (in decompressed copies if need be).
//! - Time stands still while the replay is stopped: opened again, it goes on at the row where it was.

mod options;
mod spool;
#[cfg(test)]
mod tests;

pub use options::ReplayOptions;

use crate::{
    Chunk, Location, Progress, Source, SourceError, Step,
    csv::{
        Ids, MEMORY, Ranks, Records, table,
        table::{Advance, Table, TableError},
    },
    input::{Identity, fault_of},
};
use blotter_city::{Profile, UtcMicros};
use blotter_incident::{Parser, Rejected};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use spool::Spool;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use xxhash_rust::xxh3::xxh3_64;

const VERSION: u32 = 1;

/// The longest and the shortest time until the clock is looked at again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(500));

/// Indexing pauses after so long, so that it can be stopped.
const SLICE: Duration = Duration::from_millis(200);

/// Files that fit in one index entry's eight bits.
const MOST_FILES: usize = 256;

/// One row: when, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: i64,
    /// The file in the highest eight bits, its bytes' offset in the others.
    place: u64,
    length: u32,
    row: u32,
}

const OFFSET_BITS: u32 = 56;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    version: u32,
    files: Vec<Identity>,
    /// Rows released.
    released: u64,
    /// The files are indexed and the rejected records handed out.
    indexed: bool,
}

struct File {
    location: Location,
    spool: Spool,
    /// None where it has no header.
    table: Option<Table>,
    ids: Option<HashMap<u64, String>>,
}

/// Files, replayed.
pub struct Replay {
    files: Vec<File>,
    options: ReplayOptions,
    parser: Parser,
    name: String,
    position: Position,
    entries: Vec<Entry>,
    /// The file that is being indexed; all are when it is their number.
    indexing: usize,
    /// The steady clock's microseconds and the event time at which the replay started or went on.
    epoch: Option<(i64, i64)>,
    chunk_at: Option<UtcMicros>,
}

impl Replay {
    /// The name in the log of a replay of these files.
    pub fn name_of(locations: &[Location]) -> String {
        let names: Vec<String> = locations.iter().map(Location::name).collect();
        match names.as_slice() {
            [name] => format!("replay-{name}"),
            _ => format!("replay-{:016x}", xxh3_64(names.join("\n").as_bytes())),
        }
    }

    /// Opens the files, at the beginning of their time or behind an earlier chunk's position. Indexing is done by
    /// the first calls of `next`.
    pub fn open(
        locations: Vec<Location>,
        profile: Arc<Profile>,
        partitions: u32,
        position: Option<&[u8]>,
        options: ReplayOptions,
    ) -> Result<Self, SourceError> {
        let name = Self::name_of(&locations);
        if !(options.speed.is_finite() && options.speed > 0.0) || locations.len() > MOST_FILES {
            return Err(SourceError::Refused {
                what: name,
                why: format!("a replay needs a speed above 0 (it is {}) and at most {MOST_FILES} files", options.speed),
            });
        }
        let now = options.clock.now();
        let mut parser = Parser::new(profile, partitions);
        let mut files = Vec::new();
        for location in locations {
            let spool = Spool::open(&location, &options.spool)?;
            let mut file = File { location, spool, table: None, ids: None };
            file.rewind(&parser, now)?;
            if parser.profile().columns.id.is_empty()
                && let Some(table) = &mut file.table
            {
                parser.set_header(table.header.clone());
                let what = file.location.describe();
                let numbered = Ranks::open(&options.spool, &file.location.name())
                    .and_then(|ranks| Ids::number(table, &mut parser, now, ranks, MEMORY))
                    .and_then(Ids::by_place);
                let ids = numbered.map_err(|error| fault_of(error, |error| unreadable(&what, &error)))?;
                file.ids = Some(ids);
                file.rewind(&parser, now)?;
            }
            files.push(file);
        }
        let fresh = Position {
            version: VERSION,
            files: files.iter().map(|file| file.spool.identity.clone()).collect(),
            released: 0,
            indexed: false,
        };
        let position = match position {
            None => fresh,
            Some(bytes) => {
                let wrong = |why: String| SourceError::Position { what: name.clone(), why };
                let before: Position = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
                if before.version != VERSION {
                    return Err(wrong(format!("version {} is not {VERSION}", before.version)));
                }
                // Other files are replayed from their beginning.
                if before.files == fresh.files { before } else { fresh }
            }
        };
        let (entries, epoch, chunk_at) = (Vec::new(), None, None);
        Ok(Self { files, options, parser, name, position, entries, indexing: 0, epoch, chunk_at })
    }

    /// Indexes for a while. True when all is indexed.
    fn index(&mut self, rejected: &mut Vec<Rejected>) -> Result<bool, SourceError> {
        let now = self.options.clock.now();
        let started = Instant::now();
        while let Some(file) = self.files.get_mut(self.indexing) {
            let what = file.location.describe();
            let Some(table) = &mut file.table else {
                let reason = (file.spool.damage.as_ref())
                    .map_or_else(|| "the file is empty: it has not even a header".to_owned(), ToString::to_string);
                rejected.push(table::broken_off(&file.location.file_name(), 0, reason, now));
                self.indexing += 1;
                continue;
            };
            if table.rows == 0 {
                self.parser.set_header(table.header.clone());
            }
            let ids = file.ids.as_ref();
            loop {
                let advance = table
                    .advance(&mut self.parser, now, |_, offset| Some(ids?.get(&offset).map_or("", String::as_str)))
                    .map_err(|error| fault_of(error, |error| unreadable(&what, &error)))?;
                match advance {
                    Advance::Accepted(observed_at) => {
                        let at = if table.is_feed() {
                            observed_at.0
                        } else {
                            // It was accepted, so it has a time.
                            let civil = self.parser.occurred_at(&table.records.row()).unwrap_or_default();
                            self.parser.clock().to_utc(civil).0
                        };
                        self.entries.push(Entry {
                            at,
                            place: (self.indexing as u64) << OFFSET_BITS | table.records.offset(),
                            length: table.records.raw().len() as u32,
                            row: table.rows as u32,
                        });
                    }
                    Advance::Rejected(record) => rejected.push(record),
                    Advance::More => {
                        table.records.fill().map_err(|error| fault_of(error, |error| unreadable(&what, &error)))?;
                        if started.elapsed() > SLICE {
                            self.parser.finish()?;
                            return Ok(false);
                        }
                    }
                    Advance::End => break,
                }
                if self.parser.is_full() {
                    // Rows are parsed again when they are due.
                    self.parser.finish()?;
                }
            }
            rejected.extend(table.broken_off());
            self.parser.finish()?;
            self.indexing += 1;
        }
        self.entries.sort_unstable();
        Ok(true)
    }

    fn chunk(&mut self, rejected: Vec<Rejected>) -> Result<Step, SourceError> {
        Ok(Step::Chunk(Chunk {
            incidents: self.parser.finish()?,
            rejected,
            position: serde_json::to_vec(&self.position).unwrap_or_default(),
            progress: Progress {
                done: self.position.released,
                total: (self.indexing == self.files.len()).then_some(self.entries.len() as u64),
            },
            caught_up: false,
            vanished: Vec::new(),
        }))
    }

    /// Releases what is due.
    fn release(&mut self, now: UtcMicros, due: i64) -> Result<Step, SourceError> {
        let mut rejected = Vec::new();
        let mut last_file = None;
        let first = self.position.released as usize;
        let end = self.entries.len().min(first + self.options.chunk_rows.clamp(1, 60_000));
        let mut released = first;
        while let Some(entry) = self.entries[..end].get(released).filter(|entry| entry.at <= due) {
            let index = (entry.place >> OFFSET_BITS) as usize;
            let offset = entry.place & ((1 << OFFSET_BITS) - 1);
            let file = &mut self.files[index];
            let Some(table) = &mut file.table else { break };
            if last_file != Some(index) {
                file.spool.check()?;
                self.parser.set_header(table.header.clone());
                last_file = Some(index);
            }
            let bytes = file.spool.bytes(offset, entry.length as usize)?;
            table.records.load(bytes, offset);
            table.rows = u64::from(entry.row) - 1;
            let ids = file.ids.as_ref();
            let advance =
                table.advance(&mut self.parser, now, |_, offset| Some(ids?.get(&offset).map_or("", String::as_str)));
            if let Ok(Advance::Rejected(record)) = advance {
                rejected.push(record);
            }
            released += 1;
        }
        self.position.released = released as u64;
        self.chunk_at = Some(now);
        self.chunk(rejected)
    }
}

impl File {
    /// Goes to its beginning.
    fn rewind(&mut self, parser: &Parser, now: UtcMicros) -> Result<(), SourceError> {
        let what = self.location.describe();
        let observed_at = self.spool.modified.map_or(now, UtcMicros);
        let mut records = Records::new(Box::new(self.spool.reader()?), 0);
        records.breaks_off(self.spool.damage.clone());
        let opened = Table::open(records, parser.profile(), self.location.file_name(), &what, observed_at);
        self.table = opened.map_err(|error| match error {
            TableError::Refused(error) => error,
            TableError::Io(error) => fault_of(error, |error| unreadable(&what, &error)),
        })?;
        Ok(())
    }
}

fn unreadable(what: &str, error: &std::io::Error) -> SourceError {
    SourceError::Refused { what: what.into(), why: format!("it cannot be read: {error}") }
}

impl Source for Replay {
    fn describe(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|file| file.location.describe()).collect();
        format!("{}, replayed {} times faster", files.join(", "), self.options.speed)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn is_paced(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Step, SourceError> {
        if self.indexing < self.files.len() {
            let mut rejected = Vec::new();
            let all = self.index(&mut rejected)?;
            let said = self.position.indexed;
            self.position.indexed |= all;
            if !said && (!rejected.is_empty() || all && self.entries.is_empty()) {
                return self.chunk(rejected);
            }
            if !all {
                return Ok(Step::Wait { pause: Duration::ZERO, caught_up: false });
            }
        }
        let Some(next) = self.entries.get(self.position.released as usize).map(|entry| entry.at) else {
            return Ok(Step::End);
        };
        let now = self.options.clock.now();
        let steady_micros = self.options.clock.steady_micros();
        let (started, event) = *self.epoch.get_or_insert((steady_micros, next));
        let passed = ((steady_micros - started).max(0) as f64 * self.options.speed).min(1e18) as i64;
        let due = event.saturating_add(passed);
        if next <= due {
            return self.release(now, due);
        }
        let until = Duration::from_micros(((next - due) as f64 / self.options.speed).ceil().min(1e12) as u64);
        Ok(Step::Wait { pause: until.clamp(PAUSE.0, PAUSE.1), caught_up: false })
    }
}
