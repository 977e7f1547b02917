//! Comparing the ids that a portal lists of one month with those that are known of it.
//!
//! It goes request by request and keeps what it has when one fails: a portal that fails often is compared all the same. First
//! the month's ids are listed. Then the portal is asked, a hundred at a time, for what it did not list, as a row may have
//! moved to another month, and for what it lists and nobody knew. What was found is told at the end, at once.

use super::{
    client::{Client, quoted},
    known::{KnownRows, Mark, Month, left, write_line},
    rows::{Columns, Evidence, Fields, ROW_ID},
};
use crate::SourceError;
use blotter_city::UtcMicros;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Ids in one answer: they are short.
const LISTED: usize = 50_000;
/// Rows that one request asks for by their ids.
pub(super) const ASKED: usize = 100;
/// Rows that one comparison fetches by their ids; the others wait for the next.
const FETCHED: usize = 500;

/// A month that is compared, and the times between which it lies.
pub(super) struct Period {
    pub(super) month: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// Whom to ask, and in whose words.
pub(super) struct Asker<'a> {
    pub(super) client: &'a Client,
    pub(super) columns: &'a Columns,
    /// The field that has the time of occurrence.
    pub(super) occurred_field: &'a str,
    pub(super) page_rows: usize,
}

/// What a comparison has found.
#[derive(Default)]
pub(super) struct Differences {
    /// Rows to hand out.
    pub(super) rows: Vec<(Fields, Evidence)>,
    /// Lines that bring what is known up to it.
    pub(super) changed: Vec<Fields>,
}

/// A comparison that is under way.
pub(super) struct Comparison {
    pub(super) period: Period,
    /// What was known of the month before it was listed.
    known: Option<Month>,
    listed: HashSet<String>,
    stage: Stage,
    /// Lines of a month of which nothing was known.
    lines: Vec<u8>,
    /// Of the rows that were not listed, those that the portal still has: whether still in this month.
    there: BTreeMap<String, bool>,
    /// Rows that were not known.
    fetched: BTreeMap<String, Fields>,
    /// The portal does not take several ids at once.
    singly: bool,
    /// What is not listed may have vanished: the brake does not hold it.
    believed: bool,
}

/// What is asked next.
enum Stage {
    /// Ids behind this row.
    Listing(String),
    Listed,
    /// Rows by their ids, from the last one on.
    Asking {
        missing: Vec<String>,
        new: Vec<String>,
    },
}

impl Comparison {
    pub(super) fn begin(period: Period, known: &KnownRows, columns: &Columns) -> Result<Self, SourceError> {
        Ok(Self {
            known: known.month(&period.month, |row| columns.id_of(row))?,
            period,
            listed: HashSet::new(),
            stage: Stage::Listing(String::new()),
            lines: Vec::new(),
            there: BTreeMap::new(),
            fetched: BTreeMap::new(),
            singly: false,
            believed: true,
        })
    }

    /// Lists on; whether the list is complete.
    pub(super) fn list(&mut self, asker: &Asker<'_>) -> Result<bool, SourceError> {
        let Stage::Listing(after) = &self.stage else { return Ok(true) };
        let limit = if self.known.is_some() { LISTED } else { asker.page_rows };
        let select = match (&self.known, asker.columns.id_name()) {
            (None, _) => ":id,:updated_at,*".to_owned(),
            (Some(_), None) => ROW_ID.to_owned(),
            (Some(_), Some(id)) => format!("{ROW_ID},{id}"),
        };
        let (field, Period { from, to, .. }) = (asker.occurred_field, &self.period);
        let behind = if after.is_empty() { String::new() } else { format!(" AND {ROW_ID} > {}", quoted(after)) };
        let rows = asker.client.rows(&[
            ("$select", &select),
            ("$where", &format!("{field} >= {} AND {field} < {}{behind}", quoted(from), quoted(to))),
            ("$order", ROW_ID),
            ("$limit", &limit.to_string()),
        ])?;
        self.listed.extend(rows.iter().filter_map(|row| asker.columns.id_of(row)));
        if self.known.is_none() {
            for row in &rows {
                write_line(&mut self.lines, row);
            }
        }
        let last = rows.last().and_then(|row| row.get(ROW_ID)?.as_str().map(ToOwned::to_owned));
        self.stage = last.filter(|_| rows.len() >= limit).map_or(Stage::Listed, Stage::Listing);
        Ok(matches!(self.stage, Stage::Listed))
    }

    /// Whether the list is complete and nothing was asked for yet.
    pub(super) fn is_listed(&self) -> bool {
        matches!(self.stage, Stage::Listed)
    }

    /// Whether nothing was known of the month: its rows are taken as they are listed.
    pub(super) fn is_of_unknown_month(&self) -> bool {
        self.known.is_none()
    }

    fn is_present(&self, id: &str) -> bool {
        self.known.as_ref().is_some_and(|known| known.contains(id) && known.mark(id).is_none_or(|mark| !mark.gone))
    }

    /// Known rows that are not listed, and all known rows.
    pub(super) fn tally(&self) -> (u64, u64) {
        let known = self.known.iter().flat_map(Month::ids).filter(|id| self.is_present(id));
        known.fold((0, 0), |(missing, all), id| (missing + u64::from(!self.listed.contains(id)), all + 1))
    }

    /// Begins to ask for single rows. `believed`: what is not listed may have vanished.
    pub(super) fn begin_to_ask(&mut self, believed: bool) {
        let is_missing = |id: &&String| believed && self.is_present(id) && !self.listed.contains(*id);
        let missing = self.known.iter().flat_map(Month::ids).filter(is_missing).cloned().collect();
        let mut new: Vec<String> = self.listed.iter().filter(|id| !self.is_present(id)).cloned().collect();
        new.sort_unstable();
        new.truncate(FETCHED);
        (self.stage, self.believed) = (Stage::Asking { missing, new }, believed);
    }

    /// Asks for some rows; whether all were asked for.
    pub(super) fn ask(&mut self, asker: &Asker<'_>) -> Result<bool, SourceError> {
        let Stage::Asking { missing, new } = &mut self.stage else { return Ok(false) };
        let is_missing = !missing.is_empty();
        let (ids, select) = if is_missing {
            let id = asker.columns.id_name().map_or_else(String::new, |id| format!(",{id}"));
            (missing, format!("{ROW_ID}{id},{}", asker.occurred_field))
        } else {
            (new, ":id,:updated_at,*".to_owned())
        };
        let from = ids.len().saturating_sub(if self.singly { 1 } else { ASKED });
        if ids.is_empty() {
            return Ok(true);
        }
        let rows = match asker.rows_of(&ids[from..], &select) {
            Ok(rows) => rows,
            // It may not compare a number with a text.
            Err(error) if !self.singly && !error.is_retryable() => {
                self.singly = true;
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        ids.truncate(from);
        for row in rows {
            let Some(id) = asker.columns.id_of(&row) else { continue };
            if is_missing {
                self.there.insert(id, asker.columns.month_of(&row).as_ref() == Some(&self.period.month));
            } else {
                self.fetched.insert(id, row);
            }
        }
        Ok(matches!(&self.stage, Stage::Asking { missing, new } if missing.is_empty() && new.is_empty()))
    }

    /// What the portal's list and what is known do not have in common. `number`: of this comparison; `opened_at`: of that
    /// with which this start began.
    pub(super) fn differences(&self, number: u32, opened_at: u32, now: UtcMicros) -> Differences {
        let mut found = Differences::default();
        let Some(known) = &self.known else { return found };
        let mut tell = |row: Fields, mark: Mark| {
            found.rows.push((row.clone(), mark.said()));
            found.changed.push(mark.on(row));
        };
        let mut leaving = Vec::new();
        let mark = |gone| Mark { gone, at: now, comparison: number };
        for id in known.ids() {
            let (is_listed, before) = (self.listed.contains(id), known.mark(id));
            let is_repeated = before.is_some_and(|before| before.comparison == number && before.gone != is_listed);
            match before {
                // A comparison that is repeated says the same.
                Some(before) if is_repeated => tell(known.row(id).unwrap_or_default(), before),
                // Said since this start, or the log has it.
                Some(before) if before.gone && !is_listed => {
                    if before.comparison < opened_at {
                        leaving.push(id);
                    }
                }
                _ if is_listed || !self.believed => {}
                _ => match self.there.get(id) {
                    None => tell(known.row(id).unwrap_or_default(), mark(true)),
                    // It moved to another month, where it is known as well.
                    Some(false) => leaving.push(id),
                    Some(true) => {}
                },
            }
        }
        for row in self.fetched.values() {
            tell(row.clone(), mark(false));
        }
        found.changed.extend(leaving.into_iter().filter_map(|id| known.row(id)).map(left));
        found
    }

    /// Brings what is known up to what was found.
    pub(super) fn keep(&self, found: &Differences, shelf: &KnownRows, columns: &Columns) -> Result<(), SourceError> {
        let Some(known) = &self.known else { return shelf.replace(&self.period.month, &self.lines) };
        shelf.amend(&self.period.month, known, &found.changed, |row| columns.id_of(row))
    }
}

impl Asker<'_> {
    /// The rows that the portal has of these ids.
    fn rows_of(&self, ids: &[String], select: &str) -> Result<Vec<Fields>, SourceError> {
        let limit = ids.len().to_string();
        // A simple filter takes the text for the column's type.
        if let ([id], Some(name)) = (ids, self.columns.id_name()) {
            return self.client.rows(&[(name, id), ("$select", select), ("$limit", &limit)]);
        }
        let name = self.columns.id_name().unwrap_or(ROW_ID);
        self.client.rows(&[("$where", &any_of(name, ids)), ("$select", select), ("$limit", &limit)])
    }
}

/// A filter for the rows of which a field has one of the values.
pub(super) fn any_of(name: &str, values: &[String]) -> String {
    values.iter().map(|value| format!("{name} = {}", quoted(value))).collect::<Vec<_>>().join(" OR ")
}

/// Keys of rows that are back.
pub(super) fn keys_back(found: &Differences, columns: &Columns) -> BTreeSet<String> {
    found
        .rows
        .iter()
        .filter(|(_, said)| matches!(said, Evidence::Back(_)))
        .map(|(row, _)| columns.key_of(row))
        .collect()
}
