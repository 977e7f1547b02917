//! A Socrata portal (SODA 2.1): the last twelve months, then changes and deletions, without end.
//!
//! - **Changes.** Rows are paged in the order of `:updated_at` and `:id`, by keyset: 1.45 million rows can share one
//!   time of change, and a row that changes while it is paged moves behind the page and is met again. At the end of the
//!   pages the source is caught up and polls. A poll asks again for what changed shortly before the last poll, as a row
//!   may become visible late; rows seen before are left out, and one that is handed out twice is the same record.
//! - **Deletions.** One month at a time, the ids that the portal lists are compared with those known (see
//!   [`comparison`] and [`known`]). A row that is missing is asked for by its id; only if the portal has none is it deleted,
//!   with its last known fields. A row that is listed and not known, or back again, is fetched.
//! - **The brake** ([`crate::Brake`]): a month that would lose too much at once keeps its rows until the portal has said so for a
//!   while, or an operator confirms it. What waits is part of the position.
//! - **The schema** (see [`schema`]): rows that come with new fields and without one that the profile needs stop the source.
//! - **Failures** are errors; the same call continues where it failed. `RetryingSource` asks again after a pause that is never shorter
//!   than the portal's `Retry-After`.
//! - The time of observation is `:updated_at`. In a city without ids of its own they are key and ordinal
//!   (see [`groups`]); a portal's row id is no identity.
//! - An app token goes into `X-App-Token` and nowhere else.

mod boundaries;
mod client;
mod comparison;
mod groups;
mod known;
mod options;
mod position;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

pub use boundaries::BoundaryPortal;
pub use known::Shelf;
pub use options::{AppToken, SocrataOptions};

use crate::{Chunk, Decision, Progress, Source, SourceError, Step};
use blotter_city::{CivilMicros, Portal, Profile, UtcMicros, format_civil, parse_civil, parse_instant};
use blotter_health::{Notice, NoticeKind};
use blotter_incident::{Parser, Rejected};
use client::{Client, quoted};
use comparison::{ASKED, Asker, Comparison, Differences, Period, any_of, keys_back};
use groups::{GroupRows, Groups};
use jiff::{Span, civil::Date};
use known::{Folder, KnownRows, Mark, is_gone};
use position::{Cursor, Position};
use rows::{Columns, Evidence, Fields, ROW_ID, UPDATED_AT};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// A portal's dataset, as a source.
pub struct SocrataSource {
    client: Client,
    options: SocrataOptions,
    occurred_field: String,
    name: String,
    parser: Parser,
    columns: Columns,
    known: KnownRows,
    /// In a city without ids.
    groups: Option<Groups>,
    position: Position,
    /// The number of the comparison with which this start began.
    opened_at_sweep: u32,
    total: Option<u64>,
    counted: bool,
    /// Rows seen lately, as (`:id`, `:updated_at`), with their time of change.
    recent: HashMap<(String, String), UtcMicros>,
    /// When the paging at hand began.
    began: Option<UtcMicros>,
    next_poll: UtcMicros,
    next_sweep: UtcMicros,
    comparison: Option<Comparison>,
}

fn name(portal: &Portal) -> String {
    let domain = portal.domain.rsplit("//").next().unwrap_or_default();
    format!("socrata-{}-{}", domain.replace([':', '/'], "-"), portal.dataset)
}

impl SocrataSource {
    /// Opens the portal of the profile. Nothing is asked yet.
    pub fn open(
        profile: Arc<Profile>,
        partitions: u32,
        position: Option<&[u8]>,
        options: SocrataOptions,
    ) -> Result<Self, SourceError> {
        let Some(portal) = profile.portal.clone() else {
            return Err(SourceError::Refused {
                what: format!("the portal of {}", profile.name),
                why: "its profile names none; give a file with `--data`".into(),
            });
        };
        let client = Client::new(&portal, &options)?;
        let now = options.clock.now();
        let name = name(&portal);
        let before = position.map(|bytes| Position::read(bytes, &name)).transpose()?;
        let mut position = if let Some(before) = before.filter(|before| before.dataset == portal.dataset) {
            before
        } else {
            let today = date_of(profile.clock().to_civil(now));
            let first = today.saturating_sub(Span::new().months(i64::from(options.months.min(2400))));
            Position::new(&portal.dataset, format!("{first}T00:00:00"), now)
        };
        if options.brake.confirm {
            position.waiting.values_mut().for_each(|waiting| waiting.confirmed = waiting.missing);
        }
        let confirmed = position.waiting.values().any(|waiting| waiting.confirmed > 0);
        let mut parser = Parser::new(profile, partitions);
        let mut columns = Columns::default();
        columns.restore(&position.names, &mut parser, &client.describe())?;
        let known = KnownRows::new(match &options.shelf {
            Some(shelf) => Arc::clone(shelf),
            None => Arc::new(Folder::open(&options.spool, &name)?),
        });
        let is_keyed = parser.profile().columns.id.is_empty();
        let groups = is_keyed.then(|| groups_of(&known, &columns)).transpose()?;
        if position.names.is_empty() {
            position.keyed = true;
        }
        Ok(Self {
            known,
            groups,
            opened_at_sweep: position.sweep,
            occurred_field: portal.occurred_field,
            parser,
            columns,
            total: None,
            counted: false,
            recent: HashMap::new(),
            began: None,
            next_poll: now,
            // What an operator has confirmed does not wait for its turn.
            next_sweep: if confirmed { now } else { next_sweep(&position, &options, now) },
            comparison: None,
            client,
            name,
            position,
            options,
        })
    }

    /// The name in the log, where the profile names a portal.
    pub fn name_of(profile: &Profile) -> Option<String> {
        profile.portal.as_ref().map(name)
    }

    /// Whether the portal answers within a time: for those who have another source to fall back on.
    pub fn reachable(profile: &Profile, timeout: Duration, options: &SocrataOptions) -> Result<(), SourceError> {
        let portal = profile.portal.as_ref().ok_or_else(|| SourceError::Refused {
            what: format!("the portal of {}", profile.name),
            why: "its profile names none".into(),
        })?;
        let client = Client::new(portal, options)?;
        client.ask(&[("$select", ROW_ID), ("$limit", "1")], Some(timeout))?;
        Ok(())
    }

    fn since(&self) -> String {
        format!("{} >= {}", self.occurred_field, quoted(&self.position.since))
    }

    /// The next page of changes.
    fn page(&mut self, now: UtcMicros) -> Result<Option<Chunk>, SourceError> {
        if !self.position.backfilled && !self.counted {
            // Progress is worth one request, and no more.
            self.counted = true;
            let rows = self.client.rows(&[("$select", "count(*) as count"), ("$where", &self.since())]);
            let count = rows.ok().and_then(|rows| rows.first()?.get("count")?.as_str()?.parse().ok());
            self.total = count;
        }
        let began = *self.began.get_or_insert(now);
        let after = match &self.position.cursor {
            None => String::new(),
            Some(Cursor { updated_at, id }) => {
                let (at, id) = (quoted(updated_at), quoted(id));
                format!(" AND ({UPDATED_AT} > {at} OR ({UPDATED_AT} = {at} AND {ROW_ID} > {id}))")
            }
        };
        let limit = self.options.page_rows.clamp(1, 50_000);
        let rows = self.client.rows(&[
            ("$select", ":id,:updated_at,*"),
            ("$where", &format!("{}{after}", self.since())),
            ("$order", ":updated_at,:id"),
            ("$limit", &limit.to_string()),
        ])?;
        let last = rows
            .last()
            .map(cursor_of)
            .transpose()
            .map_err(|why| SourceError::Refused { what: self.client.describe(), why: why.to_owned() })?;
        let full = rows.len() >= limit;
        let chunk = self.hand_out(&rows, now)?;
        if full && last.is_some() && last == self.position.cursor {
            return Err(SourceError::Refused {
                what: self.client.describe(),
                why: "its pages do not advance: it ignores `$where`".into(),
            });
        }
        if let Some(last) = last {
            let further = self.position.furthest.as_ref().is_none_or(|furthest| is_behind(furthest, &last));
            if further {
                self.position.furthest = Some(last.clone());
            }
            self.position.cursor = Some(last);
        }
        if !full {
            self.finish_paging(began, now);
        }
        let (incidents, rejected, some) = chunk;
        if !some && full {
            return Ok(None);
        }
        Ok((some || !rejected.is_empty()).then(|| self.chunk(incidents, rejected)))
    }

    /// All pages are read: polls from now on.
    fn finish_paging(&mut self, began: UtcMicros, now: UtcMicros) {
        self.position.backfilled = true;
        self.position.polled_at = began.0;
        self.began = None;
        self.next_poll = UtcMicros(now.0 + micros(self.options.poll_every));
    }

    /// Goes back as far as a row may have become visible since the last poll.
    fn begin_poll(&mut self) {
        let from = UtcMicros(self.position.polled_at - micros(self.options.overlap));
        self.recent.retain(|_, at| *at >= from);
        let furthest = self.position.furthest.clone();
        let reached = furthest.as_ref().and_then(|cursor| parse_instant(&cursor.updated_at));
        self.position.cursor = match reached {
            Some(reached) if reached > from => {
                Some(Cursor { updated_at: blotter_city::format_utc(from), id: String::new() })
            }
            _ => furthest,
        };
    }

    /// Rows that were not seen lately, remembered and parsed.
    #[expect(clippy::type_complexity, reason = "the parts of a chunk, whose position is not known yet")]
    fn hand_out(
        &mut self,
        rows: &[Fields],
        now: UtcMicros,
    ) -> Result<(Vec<(u32, arrow::array::RecordBatch)>, Vec<Rejected>, bool), SourceError> {
        // The next poll asks again from here on.
        let remember_from = self.began.unwrap_or(now).0 - micros(self.options.overlap);
        let mut new = Vec::with_capacity(rows.len());
        let mut recent = Vec::new();
        for row in rows {
            let text = |field: &str| row.get(field).and_then(|value| value.as_str()).unwrap_or_default();
            let at = parse_instant(text(UPDATED_AT)).unwrap_or_default();
            let key = (text(ROW_ID).to_owned(), text(UPDATED_AT).to_owned());
            if self.recent.contains_key(&key) {
                continue;
            }
            if at.0 >= remember_from {
                recent.push((key, at));
            }
            new.push(row);
        }
        let mut lacking = self.position.lacking.clone();
        // Rare fields are new now and then until all rows were seen.
        let before = if self.position.backfilled { self.columns.names() } else { &[] };
        schema::look(self.parser.profile(), before, &new, &mut lacking);
        if let Some(why) = schema::essential(&lacking) {
            return Err(SourceError::Refused { what: self.client.describe(), why });
        }
        self.position.lacking = lacking;
        self.columns.learn(rows, &mut self.parser, &self.client.describe())?;
        self.known.append(new.iter().filter_map(|row| Some((self.columns.month_of(row)?, *row))))?;
        let mut rejected = Vec::new();
        if self.groups.is_some() {
            let keys = self.regroup(&new, now)?;
            self.say_groups(&keys, &BTreeSet::new(), now, &mut rejected);
        } else {
            for row in &new {
                rejected.extend(self.columns.push(&mut self.parser, row, Evidence::WithUpdate, None, now, &self.name));
            }
        }
        // Not before: a page that fails on its way comes again.
        self.recent.extend(recent);
        self.position.rows += new.len() as u64;
        self.columns.names().clone_into(&mut self.position.names);
        self.position.points.merge(&self.parser.take_points());
        Ok((self.parser.finish()?, rejected, !new.is_empty()))
    }

    /// Takes new rows into their groups, once the portal has said which of the groups' other rows it still has. The keys of
    /// the groups that are to be said anew.
    fn regroup(&mut self, new: &[&Fields], now: UtcMicros) -> Result<BTreeSet<String>, SourceError> {
        let text =
            |row: &Fields, field: &str| row.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let Some(groups) = &self.groups else { return Ok(BTreeSet::new()) };
        let mut keys: BTreeSet<String> = new.iter().map(|row| self.columns.key_of(row)).collect();
        let ids: Vec<String> = new.iter().map(|row| text(row, ROW_ID)).collect();
        keys.extend(ids.iter().filter_map(|id| groups.key_of(id)).cloned());
        let others = groups.others(&keys, &ids.iter().map(String::as_str).collect());
        let mut gone = Vec::new();
        for asked in others.chunks(ASKED) {
            let (filter, limit) = (any_of(ROW_ID, asked), asked.len().to_string());
            let parameters = [("$select", ROW_ID), ("$where", &filter), ("$limit", &limit)];
            let there: HashSet<String> = self.client.rows(&parameters)?.iter().map(|row| text(row, ROW_ID)).collect();
            gone.extend(asked.iter().filter(|id| !there.contains(*id)).cloned());
        }
        let mark = Mark { gone: true, at: now, comparison: self.position.sweep };
        let Some(groups) = &mut self.groups else { return Ok(BTreeSet::new()) };
        let mut buried = Vec::new();
        for id in gone {
            if let Some((_, month, row)) = groups.leave(&id)
                && !month.is_empty()
            {
                buried.push((month, mark.on(row)));
            }
        }
        for (row, id) in new.iter().zip(&ids) {
            let month = self.columns.month_of(row).unwrap_or_default();
            groups.enter(id, &self.columns.key_of(row), &month, row);
        }
        self.known.append(buried.iter().map(|(month, row)| (month.clone(), row)))?;
        Ok(keys)
    }

    /// As [`Self::regroup`], for what a comparison of a month has found.
    fn regroup_found(&mut self, found: &Differences, month: &str) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        let Some(groups) = &mut self.groups else { return keys };
        for (row, said) in &found.rows {
            let id = row.get(ROW_ID).and_then(|value| value.as_str()).unwrap_or_default();
            let key = self.columns.key_of(row);
            if matches!(said, Evidence::Gone(_)) {
                groups.leave(id);
            } else {
                groups.enter(id, &key, month, row);
            }
            keys.insert(key);
        }
        keys
    }

    /// Says groups as they are now; `back`: those that are there again.
    fn say_groups(
        &mut self,
        keys: &BTreeSet<String>,
        back: &BTreeSet<String>,
        now: UtcMicros,
        rejected: &mut Vec<Rejected>,
    ) {
        let Some(groups) = &self.groups else { return };
        for GroupRows { key, rows, most, last } in keys.iter().filter_map(|key| groups.present(key)) {
            // What an ordinal is may have changed without any row's own time of change.
            let said = if most > 1 || back.contains(&key) { Evidence::Back(now) } else { Evidence::WithUpdate };
            let mut ordinal = 0;
            for row in &rows {
                let id = if key.is_empty() { String::new() } else { format!("{key}-{}", ordinal + 1) };
                match self.columns.push(&mut self.parser, row, said, Some(&id), now, &self.name) {
                    None => ordinal += 1,
                    Some(reason) => rejected.push(reason),
                }
            }
            for gone in ordinal + 1..=most {
                if !key.is_empty() {
                    let id = format!("{key}-{gone}");
                    // A row that was rejected has no id that could be deleted.
                    let _rejected =
                        self.columns.push(&mut self.parser, &last, Evidence::Gone(now), Some(&id), now, &self.name);
                }
            }
        }
    }

    /// What was loaded under the portal's row ids is deleted, and said under its keys.
    fn rename_by_key(&mut self, now: UtcMicros) -> Result<Chunk, SourceError> {
        let mut rejected = Vec::new();
        for month in self.known.months()? {
            let Some(known) = self.known.month(&month, |row| self.columns.id_of(row))? else { continue };
            for (id, row) in known.rows().filter(|(_, row)| !is_gone(row)) {
                let _rejected =
                    self.columns.push(&mut self.parser, &row, Evidence::Gone(now), Some(id), now, &self.name);
            }
        }
        let keys = self.groups.as_ref().map(Groups::all).unwrap_or_default();
        self.say_groups(&keys, &BTreeSet::new(), now, &mut rejected);
        self.position.keyed = true;
        let incidents = self.parser.finish()?;
        Ok(self.chunk(incidents, rejected))
    }

    fn chunk(&self, incidents: Vec<(u32, arrow::array::RecordBatch)>, rejected: Vec<Rejected>) -> Chunk {
        let rows = self.position.rows;
        let progress = Progress { done: rows, total: self.total.map(|total| total.max(rows)) };
        Chunk { incidents, rejected, position: self.position.to_bytes(), progress, ..Chunk::default() }
    }

    /// The month whose turn it is.
    fn period(&self, now: UtcMicros) -> Period {
        let today = date_of(self.parser.clock().to_civil(now)).first_of_month();
        let first = parse_civil(&self.position.since).map_or(today, date_of).first_of_month();
        let months =
            (today.year() - first.year()) as i32 * 12 + i32::from(today.month()) - i32::from(first.month()) + 1;
        let back = self.position.sweep as i32 % months.max(1);
        let confirmed = self.position.waiting.iter().find(|(_, waiting)| waiting.confirmed > 0);
        let confirmed = confirmed.and_then(|(month, _)| format!("{month}-01").parse().ok());
        let month = confirmed.unwrap_or_else(|| today.saturating_sub(Span::new().months(i64::from(back))));
        let next = month.saturating_add(Span::new().months(1));
        let from = format!("{month}T00:00:00").max(self.position.since.clone());
        Period { month: month.strftime("%Y-%m").to_string(), from, to: format!("{next}T00:00:00") }
    }

    /// One request of comparing a month; at the end of the comparison a chunk, as the position has moved.
    fn compare(&mut self, now: UtcMicros) -> Result<Option<Chunk>, SourceError> {
        let comparison = match self.comparison.take() {
            Some(comparison) => comparison,
            None => Comparison::begin(self.period(now), &self.known, &self.columns)?,
        };
        // What it has so far stays where a request fails.
        let comparison = self.comparison.insert(comparison);
        let asker = Asker {
            client: &self.client,
            columns: &self.columns,
            occurred_field: &self.occurred_field,
            page_rows: self.options.page_rows.clamp(1, 50_000),
        };
        if !comparison.list(&asker)? {
            return Ok(None);
        }
        let month = &comparison.period.month;
        if comparison.is_listed() && !comparison.is_of_unknown_month() {
            let (missing, known) = comparison.tally();
            match self.options.brake.decide(missing, known, self.position.waiting.get(month), now) {
                Decision::Believe => drop(self.position.waiting.remove(month)),
                Decision::Wait(waiting) => drop(self.position.waiting.insert(month.clone(), waiting)),
            }
            comparison.begin_to_ask(!self.position.waiting.contains_key(month));
            return Ok(None);
        }
        if !comparison.is_of_unknown_month() && !comparison.ask(&asker)? {
            return Ok(None);
        }
        self.end_comparison(now).map(Some)
    }

    /// Hands out what a comparison has found.
    fn end_comparison(&mut self, now: UtcMicros) -> Result<Chunk, SourceError> {
        let mut rejected = Vec::new();
        if let Some(comparison) = self.comparison.take() {
            let found = comparison.differences(self.position.sweep, self.opened_at_sweep, now);
            let rows: Vec<Fields> = found.rows.iter().map(|(row, _)| row.clone()).collect();
            self.columns.learn(&rows, &mut self.parser, &self.client.describe())?;
            comparison.keep(&found, &self.known, &self.columns)?;
            if self.groups.is_some() {
                let keys = self.regroup_found(&found, &comparison.period.month);
                self.say_groups(&keys, &keys_back(&found, &self.columns), now, &mut rejected);
            } else {
                for (row, said) in &found.rows {
                    rejected.extend(self.columns.push(&mut self.parser, row, *said, None, now, &self.name));
                }
            }
        }
        self.position.sweep = self.position.sweep.wrapping_add(1);
        self.position.compared_at = now.0;
        self.next_sweep = next_sweep(&self.position, &self.options, now);
        let incidents = self.parser.finish()?;
        Ok(self.chunk(incidents, rejected))
    }
}

/// When the next month is compared. A process that is started again and again compares all the same.
fn next_sweep(position: &Position, options: &SocrataOptions, now: UtcMicros) -> UtcMicros {
    let every = micros(options.sweep_every);
    UtcMicros(position.compared_at.saturating_add(every).clamp(now.0, now.0.saturating_add(every)))
}

impl Source for SocrataSource {
    fn describe(&self) -> String {
        self.client.describe()
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn notices(&self) -> Vec<Notice> {
        let profile = self.parser.profile();
        let mut notices = Vec::new();
        let Position { names, lacking, backfilled, points, .. } = &self.position;
        notices.extend(schema::notice(profile, names, lacking, *backfilled, self.columns.has_point()));
        notices.extend(points.sentence(&profile.name).map(|text| Notice { kind: NoticeKind::OutsideCity, text }));
        notices.extend(self.position.waiting.iter().map(|(month, waiting)| {
            let until = blotter_city::format_utc(self.options.brake.until(waiting));
            let (missing, known) = (waiting.missing, waiting.known);
            let text = format!(
                "the portal no longer lists {missing} of {known} incidents of {month}. They stay for now: they are deleted \
                 if the portal still does not list them after {until}. To delete them at once, start with \
                 --confirm-deletions"
            );
            Notice { kind: NoticeKind::HeldDeletions, text }
        }));
        notices
    }

    fn next(&mut self) -> Result<Step, SourceError> {
        let now = self.options.clock.now();
        if self.groups.is_some() && !self.position.keyed {
            return Ok(Step::Chunk(self.rename_by_key(now)?));
        }
        let paging = !self.position.backfilled || self.began.is_some();
        if !paging && now >= self.next_poll {
            self.begin_poll();
            self.began = Some(now);
        }
        let paging = paging || self.began.is_some();
        let comparing = !paging && self.columns.id_known() && (self.comparison.is_some() || now >= self.next_sweep);
        let asked = if paging {
            self.page(now)
        } else if comparing {
            self.compare(now)
        } else {
            let next = self.next_poll.min(self.next_sweep.max(now));
            let pause = Duration::from_micros((next.0 - now.0).clamp(1000, 60_000_000) as u64);
            return Ok(Step::Wait { pause, caught_up: true });
        };
        Ok(asked?.map_or(Step::Wait { pause: Duration::from_millis(1), caught_up: false }, Step::Chunk))
    }
}

/// The rows that are known, in groups.
fn groups_of(known: &KnownRows, columns: &Columns) -> Result<Groups, SourceError> {
    let mut groups = Groups::default();
    if columns.id_known() {
        for month in known.months()? {
            let Some(known) = known.month(&month, |row| columns.id_of(row))? else { continue };
            for (id, row) in known.rows() {
                groups.enter(id, &columns.key_of(&row), &month, &row);
            }
        }
    }
    Ok(groups)
}

fn micros(duration: Duration) -> i64 {
    duration.as_micros() as i64
}

fn date_of(civil: CivilMicros) -> Date {
    format_civil(civil).get(..10).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn cursor_of(row: &Fields) -> Result<Cursor, &'static str> {
    let text = |field: &str| row.get(field).and_then(|value| value.as_str()).map(ToOwned::to_owned);
    let cursor = text(UPDATED_AT).zip(text(ROW_ID)).map(|(updated_at, id)| Cursor { updated_at, id });
    cursor.ok_or("its rows have no `:id` and `:updated_at`; is this a Socrata portal?")
}

/// Whether one row comes before another in the order of paging.
fn is_behind(one: &Cursor, other: &Cursor) -> bool {
    let at = |cursor: &Cursor| parse_instant(&cursor.updated_at).unwrap_or_default();
    (at(one), &one.id) < (at(other), &other.id)
}
