//! Batches in: inserts, revisions, deletions, in any order and any number of times.

use crate::{
    calendar::Calendar,
    changes::{ChangedIncident, Changes},
    content,
    cube::{Cube, Locator, Position},
    group::{ARREST_SHIFT, DOMESTIC_SHIFT, Group, Row, three},
    minute::minute_of,
    places::{NOWHERE, UNMAPPED},
    vocabulary::NONE,
};
use arrow::array::{Array, BooleanArray};
use blotter_city::UtcMicros;
use blotter_incident::{IncidentBatch, Revision, UpsertOutcome};

impl Cube {
    /// Brings a batch in. `locate` says where the text of each row lies.
    pub fn apply(&mut self, batch: &IncidentBatch<'_>, locate: impl Fn(usize) -> Locator) -> Changes {
        self.apply_into(batch, locate, Changes::default())
    }

    /// Brings a batch in, and adds what it changes.
    pub fn apply_into(
        &mut self,
        batch: &IncidentBatch<'_>,
        locate: impl Fn(usize) -> Locator,
        mut changes: Changes,
    ) -> Changes {
        let category_codes = self.categories.codes_of(&batch.category);
        self.by_category.resize(self.categories.words().len(), 0);
        let area_codes: Vec<Vec<u16>> =
            batch.areas.iter().zip(&mut self.areas).map(|(column, words)| words.codes_of(column)).collect();
        for index in 0..batch.len {
            let at = UtcMicros(batch.occurred_at_utc[index]);
            let (id, revision) = (batch.id.value(index), batch.revision(index));
            let (offered, before) = self.identity.offer_over(id, revision);
            let mut counted_before = None;
            let number = match offered {
                UpsertOutcome::Stale => continue,
                UpsertOutcome::New(number) => {
                    self.positions.push(Position::GONE);
                    self.locators.push(locate(index).pack());
                    number
                }
                UpsertOutcome::Replaced(number) => {
                    if changes.is_listing() {
                        counted_before = self.counted(number);
                    }
                    self.leave(number, before, &mut changes);
                    self.locators.set(number, locate(index).pack());
                    number
                }
            };
            changes.incidents += 1;
            if batch.deleted.value(index) {
                if changes.is_listing() {
                    let (id, record) = (id.to_owned(), locate(index));
                    changes.list(ChangedIncident { id, record, before: counted_before, after: None });
                }
                continue;
            }
            let category = batch.category.key(index).map_or(NONE, |key| category_codes[usize::from(key)]);
            let areas = batch
                .areas
                .iter()
                .zip(&area_codes)
                .map(|(column, codes)| column.key(index).map_or(NONE, |key| codes[usize::from(key)]));
            let (minute, second) = minute_of(at);
            let when = self.calendar.place(minute);
            let place = batch
                .position(index)
                .filter(|(latitude, longitude)| self.bounding_box.contains(*latitude, *longitude))
                .map_or(UNMAPPED, |(latitude, longitude)| self.places.number(latitude, longitude));
            let cell = self.places.row_cell(place);
            if cell.is_none() {
                self.without_cell.push(number);
            }
            let flag = |column: &BooleanArray| three(column.is_valid(index).then(|| column.value(index)));
            let group = self.group(when.month, category);
            let row = Row {
                minute: (i64::from(minute) - self.groups[group].base) as u16,
                second,
                hour_of_week: when.hour_of_week,
                flags: flag(batch.arrest) << ARREST_SHIFT | flag(batch.domestic) << DOMESTIC_SHIFT,
                place,
                cell: cell.unwrap_or(NOWHERE),
                number,
            };
            self.groups[group].add_content(content::of_incident(id, &revision));
            self.enter(group, row, areas, &mut changes);
            if changes.is_listing() {
                let (id, record, after) = (id.to_owned(), locate(index), self.counted(number));
                changes.list(ChangedIncident { id, record, before: counted_before, after });
            }
        }
        self.version += u64::from(changes.incidents > 0);
        changes
    }

    /// The group of a civil month and category, made where it is new.
    pub(crate) fn group(&mut self, month: i32, category: u16) -> usize {
        let next = self.groups.len() as u32;
        let number = *self.group_numbers.entry((month, category)).or_insert(next);
        if number == next {
            self.groups.push(Group::new(month, category, Calendar::base(month), self.areas.len()));
            self.calendar.month(month).groups.push(number);
        }
        number as usize
    }

    fn enter(&mut self, group: usize, row: Row, areas: impl Iterator<Item = u16>, changes: &mut Changes) {
        let slot = self.groups[group].len();
        self.groups[group].push(row, areas);
        self.positions.set(row.number, Position { group: group as u32, slot: slot as u32 });
        self.totals.enter(self.groups[group].category, row.cell, row.hour_of_week);
        self.incident_totals.total += 1;
        self.incident_totals.mapped += u64::from(row.place != UNMAPPED);
        self.by_category[usize::from(self.groups[group].category)] += 1;
        changes.slots.push(self.slot(&self.groups[group], slot));
    }

    /// `before`: the revision that was in force.
    fn leave(&mut self, number: u32, before: Option<Revision>, changes: &mut Changes) {
        let Position { group, slot } = self.positions.value(number);
        let slot = slot as usize;
        let Some(rows) = self.groups.get_mut(group as usize) else { return };
        if let Some(before) = before {
            rows.take_content(content::of_incident(&self.identity.id(number), &before));
        }
        let rows = &self.groups[group as usize];
        self.incident_totals.total -= 1;
        self.incident_totals.mapped -= u64::from(rows.place.value(slot) != UNMAPPED);
        self.by_category[usize::from(rows.category)] -= 1;
        changes.slots.push(self.slot(rows, slot));
        self.totals.leave(rows.category, rows.cell.value(slot), rows.hour_of_week[slot]);
        if let Some(moved) = self.groups[group as usize].swap_remove(slot) {
            self.positions.set(moved, Position { group, slot: slot as u32 });
        }
        self.positions.set(number, Position::GONE);
    }

    fn slot(&self, group: &Group, slot: usize) -> (u32, u16, u16) {
        let hour = (group.base + i64::from(group.minute[slot])) / 60;
        let area = group.areas.get(self.primary_layer).map_or(NONE, |codes| codes.value(slot) as u16);
        (hour as u32, area, group.category)
    }
}
