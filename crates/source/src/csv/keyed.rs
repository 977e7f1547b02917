//! Ids for a source that has none: the profile's key columns and an ordinal, `169180023-1`.
//!
//! The ordinal counts the accepted rows of one key in the order of their content: fields compared as bytes, one
//! after the other, columns in the order of their names. So the same rows have the same ids in whatever order
//! a file lists them, and a row that is alone under its key keeps its id when it changes. Where rows of one key
//! come or go or change, the ordinals behind them can move; a source without ids has no better answer.
//!
//! The rows of one key may lie in several files: the ordinals of a file begin behind those of the files that were
//! numbered before it (see [`Ranks`]).
//!
//! Numbering needs the whole file first, which is sorted on disk where it is larger than memory allows.

use super::{
    ranks::Ranks,
    sorter::{SortedPairs, Sorter},
    table::{Advance, Table},
};
use blotter_city::UtcMicros;
use blotter_incident::{Parser, Row};
use hashbrown::HashMap;
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of rows that are sorted in memory.
pub(crate) const MEMORY: usize = 256 << 20;
/// Rows between two lines that say how far the numbering is.
const SAID_EVERY: u64 = 1_000_000;

/// The ids of one file's rows, in the order of the file.
pub(crate) struct Ids {
    sorted: SortedPairs,
    /// The row that is next, and its id.
    next: Option<(u64, String)>,
    id: String,
}

impl Ids {
    /// Reads the whole table and numbers what the parser accepts. `memory`: bytes of rows that are sorted without the disk.
    pub(crate) fn number(
        table: &mut Table,
        parser: &mut Parser,
        now: UtcMicros,
        mut ranks: Ranks,
        memory: usize,
    ) -> io::Result<Self> {
        let columns = table.header.key_columns().to_vec();
        let mut by_name: Vec<usize> = (0..table.names.len()).collect();
        by_name.sort_by_key(|index| table.names[*index].to_lowercase());
        let mut rows = Sorter::new(memory);
        let mut last = None;
        let mut read = 0_u64;
        loop {
            let advance = table.advance(parser, now, |row, offset| {
                last = Some((key_of(row, &columns), content_of(row, &by_name), offset));
                Some("-")
            })?;
            match advance {
                Advance::Accepted(_) => {
                    read += 1;
                    if read.is_multiple_of(SAID_EVERY) {
                        tracing::info!(
                            read,
                            "rows have no id: all are read once to number those of each key, then loaded"
                        );
                    }
                    // A row without a key has no id.
                    if let Some((key, content, offset)) = last.take().filter(|(key, ..)| !key.is_empty()) {
                        let length = (key.len() as u32).to_be_bytes();
                        let hash = xxh3_64(&key).to_be_bytes();
                        let sort_key = [&hash[..], &length, &key, &content, &offset.to_be_bytes()].concat();
                        rows.push(&sort_key, &offset.to_be_bytes())?;
                    }
                }
                Advance::Rejected(_) => {}
                Advance::More => {
                    table.records.fill()?;
                }
                Advance::End => break,
            }
            if parser.is_full() {
                // Only whether a row is accepted matters here.
                let _batches = parser.finish();
            }
        }
        let _batches = parser.finish();
        // The rows are counted when they are handed out.
        let _points = parser.take_points();
        let mut ids = Sorter::new(memory);
        let mut rows = rows.sorted()?;
        let mut group: Option<(Vec<u8>, u64)> = None;
        while let Some((sort_key, offset)) = rows.next()? {
            let hash = u64::from_be_bytes(eight(&sort_key));
            let length = sort_key.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
            let key = sort_key.get(12..12 + length as usize).unwrap_or_default();
            let ordinal = match &mut group {
                Some((before, ordinal)) if before == key => {
                    *ordinal += 1;
                    *ordinal
                }
                _ => {
                    let first = ranks.before(hash)? + 1;
                    group = Some((key.to_vec(), first));
                    first
                }
            };
            ranks.count(hash)?;
            ids.push(&offset, format!("{}-{ordinal}", String::from_utf8_lossy(key)).as_bytes())?;
        }
        ranks.finish()?;
        let mut ids = Self { sorted: ids.sorted()?, next: None, id: String::new() };
        ids.turn()?;
        Ok(ids)
    }

    fn turn(&mut self) -> io::Result<()> {
        self.next = self
            .sorted
            .next()?
            .map(|(offset, id)| (u64::from_be_bytes(eight(&offset)), String::from_utf8_lossy(&id).into_owned()));
        Ok(())
    }
}

impl Ids {
    /// The id of the row that starts there; empty where it has none. Rows are asked for in the order of the file.
    pub(crate) fn of(&mut self, offset: u64) -> io::Result<&str> {
        while self.next.as_ref().is_some_and(|(next, _)| *next < offset) {
            self.turn()?;
        }
        match self.next.take_if(|(next, _)| *next == offset) {
            Some((_, id)) => self.id = id,
            None => self.id.clear(),
        }
        if self.next.is_none() {
            self.turn()?;
        }
        Ok(&self.id)
    }

    /// All of them by where their rows start, for reading in any order.
    pub(crate) fn by_place(mut self) -> io::Result<HashMap<u64, String>> {
        let mut ids = HashMap::new();
        while let Some((offset, id)) = self.next.take() {
            ids.insert(offset, id);
            self.turn()?;
        }
        Ok(ids)
    }
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    bytes.get(..8).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// The key columns, joined by hyphens; empty where all are.
fn key_of(row: &Row<'_>, columns: &[usize]) -> Vec<u8> {
    let parts: Vec<&[u8]> =
        columns.iter().map(|column| if *column < row.len() { row.field(*column).trim_ascii() } else { &[] }).collect();
    if parts.iter().all(|part| part.is_empty()) { Vec::new() } else { parts.join(&b'-') }
}

/// The fields, each behind a byte that sorts before all others.
fn content_of(row: &Row<'_>, columns: &[usize]) -> Vec<u8> {
    let mut content = Vec::new();
    for column in columns.iter().filter(|column| **column < row.len()) {
        content.push(0);
        content.extend_from_slice(row.field(*column));
    }
    content
}
