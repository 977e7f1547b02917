//! Batches in: inserts, revisions, deletions, in any order and any number of times.

use crate::{
    block::{ARREST_SHIFT, Block, DOMESTIC_SHIFT, LIVE, MAPPED, ROWS, Row, three},
    cube::{Cube, Locator, instant_of, minute_of},
    places::UNMAPPED,
    vocabulary::NONE,
};
use blotter_incident::{IncidentBatch, Offered, UtcMicros};

/// An hour, area of the primary layer and category whose total changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourSlot {
    /// The hour's beginning.
    pub bucket: UtcMicros,
    /// Code of the area; empty where there is none.
    pub area: String,
    /// Category.
    pub category: String,
}

/// What a batch changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Incidents that are new, revised or deleted.
    pub incidents: u64,
    pub(crate) slots: Vec<(u32, u16, u16)>,
}

impl Changes {
    /// Whether no total changed.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many changes of totals it remembers.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds another batch's.
    pub fn merge(&mut self, other: Self) {
        self.incidents += other.incidents;
        self.slots.extend(other.slots);
    }
}

impl Cube {
    /// Brings a batch in. `locate` says where the text of each row lies.
    pub fn apply(&mut self, batch: &IncidentBatch<'_>, locate: impl Fn(usize) -> Locator) -> Changes {
        let category_codes = self.categories.codes_of(&batch.category);
        self.by_category.resize(self.categories.words().len(), 0);
        let area_codes: Vec<Vec<u16>> =
            batch.areas.iter().zip(&mut self.areas).map(|(column, words)| words.codes_of(column)).collect();
        let mut changes = Changes::default();
        for index in 0..batch.len {
            let at = UtcMicros(batch.occurred_at_utc[index]);
            self.figures.data_as_of = self.figures.data_as_of.max(Some(at));
            self.figures.earliest = Some(self.figures.earliest.map_or(at, |earliest| earliest.min(at)));
            let number = match self.identity.offer(batch.id.value(index), batch.revision(index)) {
                Offered::Stale => continue,
                Offered::New(row) | Offered::Replaced(row) => row as usize,
            };
            changes.incidents += 1;
            let (minute, second) = minute_of(at);
            let place = batch
                .position(index)
                .filter(|(latitude, longitude)| self.bounding_box.contains(*latitude, *longitude))
                .map_or(UNMAPPED, |(latitude, longitude)| self.places.number(latitude, longitude));
            let live = !batch.deleted.value(index);
            let flag = |column: &arrow::array::BooleanArray| {
                use arrow::array::Array;
                column.is_valid(index).then(|| column.value(index))
            };
            let row = Row {
                minute,
                second,
                place,
                category: batch.category.key(index).map_or(NONE, |key| category_codes[usize::from(key)]),
                flags: three(flag(batch.arrest)) << ARREST_SHIFT
                    | three(flag(batch.domestic)) << DOMESTIC_SHIFT
                    | if place == UNMAPPED { 0 } else { MAPPED }
                    | if live { LIVE } else { 0 },
                locator: locate(index).pack(),
            };
            let areas = batch
                .areas
                .iter()
                .zip(&area_codes)
                .map(|(column, codes)| column.key(index).map_or(NONE, |key| codes[usize::from(key)]));
            let (block, offset) = (number / ROWS, number % ROWS);
            if block == self.blocks.len() {
                self.blocks.push(Block::new(self.areas.len(), block == 0));
            }
            if offset < self.blocks[block].len() {
                self.leave(block, offset, &mut changes);
                self.blocks[block].set(offset, &row, areas);
            } else {
                self.blocks[block].push(&row, areas);
            }
            self.enter(block, offset, &mut changes);
            self.calendar.cover(minute);
        }
        changes
    }

    fn enter(&mut self, block: usize, offset: usize, changes: &mut Changes) {
        let rows = &self.blocks[block];
        if rows.flags[offset] & LIVE == 0 {
            return;
        }
        self.figures.total += 1;
        self.figures.mapped += u64::from(rows.flags[offset] & MAPPED != 0);
        self.by_category[usize::from(rows.category[offset])] += 1;
        changes.slots.push(self.slot(block, offset));
    }

    fn leave(&mut self, block: usize, offset: usize, changes: &mut Changes) {
        let rows = &self.blocks[block];
        if rows.flags[offset] & LIVE == 0 {
            return;
        }
        self.figures.total -= 1;
        self.figures.mapped -= u64::from(rows.flags[offset] & MAPPED != 0);
        self.by_category[usize::from(rows.category[offset])] -= 1;
        changes.slots.push(self.slot(block, offset));
    }

    fn slot(&self, block: usize, offset: usize) -> (u32, u16, u16) {
        let rows = &self.blocks[block];
        (
            rows.minute[offset] / 60,
            rows.areas.get(self.primary_layer).map_or(NONE, |codes| codes[offset]),
            rows.category[offset],
        )
    }

    /// The totals of the hours, areas and categories that changed; nothing where they are more than `most`.
    pub fn totals_of(&self, changes: &Changes, most: usize) -> Option<Vec<(HourSlot, u64)>> {
        let mut slots = changes.slots.clone();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() > most {
            return None;
        }
        let mut totals = vec![0_u64; slots.len()];
        let (Some(least), Some(greatest)) = (slots.first(), slots.last()) else { return Some(Vec::new()) };
        let (least, greatest) = (least.0 * 60, greatest.0 * 60 + 59);
        for (number, block) in self.blocks.iter().enumerate() {
            if block.least > greatest || block.greatest < least {
                continue;
            }
            for offset in 0..block.len() {
                if block.flags[offset] & LIVE != 0
                    && (least..=greatest).contains(&block.minute[offset])
                    && let Ok(found) = slots.binary_search(&self.slot(number, offset))
                {
                    totals[found] += 1;
                }
            }
        }
        let named = slots.into_iter().zip(totals).map(|((hour, area, category), total)| {
            let area = self.areas.get(self.primary_layer).map_or("", |words| &words.words()[usize::from(area)]);
            let slot = HourSlot {
                bucket: instant_of(hour * 60),
                area: area.to_owned(),
                category: self.categories.words()[usize::from(category)].clone(),
            };
            (slot, total)
        });
        Some(named.collect())
    }
}
