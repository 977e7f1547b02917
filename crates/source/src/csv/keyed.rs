//! Ids for a source that has none: the profile's key columns and an ordinal, `169180023-1`.
//!
//! The ordinal counts the accepted rows of one key in the order of their content: fields compared as bytes, one
//! after the other, columns in the order of their names. So the same rows have the same ids in whatever order
//! a file lists them, and a row that is alone under its key keeps its id when it changes. Where rows of one key
//! come or go or change, the ordinals behind them can move; a source without ids has no better answer. The key
//! of one incident must lie in one file.
//!
//! That needs the whole file first: it is kept in memory, decompressed, up to [`LIMIT`].

use super::table::{Advance, Table};
use blotter_incident::{Parser, Row, UtcMicros};
use hashbrown::HashMap;
use std::io;

/// Decompressed bytes of the largest file without ids.
pub(crate) const LIMIT: usize = 1 << 30;

/// The ids of one file's rows, by where they start.
#[derive(Debug, Default)]
pub(crate) struct Ids(HashMap<u64, String>);

struct Keyed {
    key: Vec<u8>,
    content: Vec<u8>,
    offset: u64,
}

impl Ids {
    /// Reads the whole table and numbers what the parser accepts.
    pub(crate) fn number(table: &mut Table, parser: &mut Parser, now: UtcMicros) -> io::Result<Self> {
        let columns = table.header.key_columns().to_vec();
        let mut by_name: Vec<usize> = (0..table.names.len()).collect();
        by_name.sort_by_key(|index| table.names[*index].to_lowercase());
        let mut rows = Vec::new();
        let mut last = None;
        loop {
            let advance = table.advance(parser, now, |row, offset| {
                last = Some(Keyed { key: key_of(row, &columns), content: content_of(row, &by_name), offset });
                Some("-")
            })?;
            match advance {
                // A row without a key has no id.
                Advance::Accepted(_) => rows.extend(last.take().filter(|row| !row.key.is_empty())),
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
        rows.sort_unstable_by(|a, b| (&a.key, &a.content, a.offset).cmp(&(&b.key, &b.content, b.offset)));
        let mut ids = HashMap::with_capacity(rows.len());
        let mut ordinal = 0;
        for (index, row) in rows.iter().enumerate() {
            ordinal = if index > 0 && rows[index - 1].key == row.key { ordinal + 1 } else { 1 };
            ids.insert(row.offset, format!("{}-{ordinal}", String::from_utf8_lossy(&row.key)));
        }
        Ok(Self(ids))
    }

    /// The id of the row that starts there; empty where it has none.
    pub(crate) fn of(&self, offset: u64) -> &str {
        self.0.get(&offset).map_or("", String::as_str)
    }
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
