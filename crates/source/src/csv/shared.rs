//! Rows of one file that share an id and are different incidents.
//!
//! A spreadsheet rounds long numbers (`2.02E+16`), and a report number is no id where a report has several incidents. Each
//! row would replace the one before. Two rows are different incidents where the time of occurrence or the case number
//! differs and the portal's time of change does not: an update has another one. The first [`MOST_IDS`] ids are compared.

use blotter_incident::{Header, Row};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Ids that are remembered: 17 bytes each, or 34 while the table grows.
const MOST_IDS: usize = 4 << 20;
/// A file with so many such rows, and one in [`SHARE`] or more of all, is refused.
const MOST_SHARED: u64 = 3;
const SHARE: u64 = 100;

/// How many rows share an id, as the position keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SharedIds {
    /// Rows whose id is that of another incident.
    pub(super) rows: u64,
    /// One of the ids.
    pub(super) example: String,
}

impl SharedIds {
    /// Whether nobody can want to load it.
    pub(super) fn is_hopeless(&self, rows: u64) -> bool {
        self.rows >= MOST_SHARED && self.rows.saturating_mul(SHARE) >= rows
    }

    /// What to do about it.
    pub(super) fn sentence(&self, rows: u64) -> String {
        format!(
            "{} of {rows} rows have the id of another incident (for example `{}`), so that one would replace the other. A \
             spreadsheet has rounded the ids, or `columns.id` names a report number: get the file again from its source, or \
             name the columns that identify an incident as `columns.key` in the city's profile",
            self.rows, self.example
        )
    }
}

/// What is remembered of the rows of a file that is being read.
#[derive(Debug, Default)]
pub(super) struct SeenIds {
    seen: HashMap<u64, (u32, u32)>,
}

impl SeenIds {
    /// Looks at a row.
    pub(super) fn note(&mut self, header: &Header, row: &Row<'_>, shared: &mut SharedIds) {
        let text = |column: Option<usize>| match column {
            Some(column) if column < row.len() => row.field(column).trim_ascii(),
            _ => &[],
        };
        let Some(id) = header.id_column() else { return };
        let id = text(Some(id));
        if id.is_empty() || row.len() < header.width() {
            return;
        }
        let (date, time) = header.occurred_columns();
        let what = [text(Some(date)), text(time), text(header.case_number_column())].join(&0);
        let said = (xxh3_64(&what) as u32, xxh3_64(text(header.updated_at_column())) as u32);
        match self.seen.get(&xxh3_64(id)) {
            Some((what, updated_at)) if *what != said.0 && *updated_at == said.1 => {
                shared.rows += 1;
                if shared.example.is_empty() {
                    shared.example = String::from_utf8_lossy(id).chars().take(40).collect();
                }
            }
            None if self.seen.len() < MOST_IDS => drop(self.seen.insert(xxh3_64(id), said)),
            _ => {}
        }
    }
}
