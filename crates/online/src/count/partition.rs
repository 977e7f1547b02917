//! The counts of one partition: batches in, changed totals out.

use super::{
    CountError, Vocabulary,
    counts::counts_batch,
    slot::{DELETED, HOUR_MICROS, Slot},
    totals::Totals,
};
use arrow::array::RecordBatch;
use blotter_incident::{Column, IdentityIndex, IncidentBatch, Revision, UpsertOutcome};

/// Counts the incidents of one partition under revisions, deletions, repeats and any lateness.
#[derive(Debug)]
pub struct PartitionCounts {
    primary_layer: usize,
    identity: IdentityIndex,
    /// Where the winner of each row of the identity counts.
    slots: Column<Slot>,
    totals: Totals,
    areas: Vocabulary,
    categories: Vocabulary,
    /// Slots whose total changed since [`PartitionCounts::take_changes`].
    changed: Vec<Slot>,
    /// Rows of the identity that changed since the last checkpoint.
    unsaved: Vec<u32>,
    saved_rows: usize,
}

/// One incident's state, as a checkpoint keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckpointRow {
    pub(super) id: String,
    pub(super) revision: Revision,
    pub(super) slot: Slot,
}

impl PartitionCounts {
    /// Empty counts by the profile's layer of that position.
    pub fn new(primary_layer: usize) -> Self {
        Self {
            primary_layer,
            identity: IdentityIndex::default(),
            slots: Column::default(),
            totals: Totals::default(),
            areas: Vocabulary::default(),
            categories: Vocabulary::default(),
            changed: Vec::new(),
            unsaved: Vec::new(),
            saved_rows: 0,
        }
    }

    /// Empty counts by the same layer.
    pub(super) fn emptied(&self) -> Self {
        Self::new(self.primary_layer)
    }

    /// Incidents ever seen, deleted ones included.
    pub fn incidents(&self) -> usize {
        self.identity.len()
    }

    /// Counts a batch.
    pub fn apply(&mut self, batch: &RecordBatch) -> Result<(), CountError> {
        let batch = IncidentBatch::try_new(batch)?;
        let no_area = self.areas.code("", "areas")?;
        let (area_column, area_codes) = match batch.areas.get(self.primary_layer) {
            Some(column) => (Some(column), self.areas.codes_of(column, "areas")?),
            None => (None, Vec::new()),
        };
        let category_codes = self.categories.codes_of(&batch.category, "categories")?;
        for row in 0..batch.len {
            let slot = Slot {
                hour: batch.occurred_at_utc[row].div_euclid(HOUR_MICROS) as i32,
                area: area_column
                    .and_then(|column| column.key(row))
                    .map_or(no_area, |key| area_codes[usize::from(key)]),
                category: if batch.deleted.value(row) {
                    DELETED
                } else {
                    batch.category.key(row).map_or(DELETED, |key| category_codes[usize::from(key)])
                },
            };
            self.offer(batch.id.value(row), batch.revision(row), slot);
        }
        Ok(())
    }

    /// The incident's number in the identity, if the revision wins.
    fn offer(&mut self, id: &str, revision: Revision, slot: Slot) -> Option<u32> {
        let (row, before) = match self.identity.offer(id, revision) {
            UpsertOutcome::Stale => return None,
            UpsertOutcome::New(row) => {
                self.slots.push(slot);
                (row, None)
            }
            UpsertOutcome::Replaced(row) => {
                let before = self.slots.value(row);
                self.slots.set(row, slot);
                (row, Some(before))
            }
        };
        // A row that is younger than the last checkpoint is saved by its number alone.
        if (row as usize) < self.saved_rows {
            self.unsaved.push(row);
        }
        if before == Some(slot) {
            return Some(row);
        }
        if let Some(before) = before.filter(|before| before.category != DELETED) {
            self.totals.remove(before);
            self.changed.push(before);
        }
        if slot.category != DELETED {
            self.totals.add(slot);
            self.changed.push(slot);
        }
        Some(row)
    }

    /// The totals that changed since the last call, as a batch of topic `counts`; none where nothing did.
    pub fn take_changes(&mut self) -> Result<Option<RecordBatch>, CountError> {
        let mut changed = std::mem::take(&mut self.changed);
        if changed.is_empty() {
            return Ok(None);
        }
        changed.sort_unstable();
        changed.dedup();
        let counts = changed.iter().map(|slot| self.totals.count(*slot)).collect();
        let batch = counts_batch(
            changed.iter().map(|slot| slot.hour).collect(),
            (changed.iter().map(|slot| slot.area).collect(), self.areas.words()),
            (changed.iter().map(|slot| slot.category).collect(), self.categories.words()),
            counts,
        )?;
        Ok(Some(batch))
    }

    /// Forgets which totals changed: they were said before.
    pub fn discard_changes(&mut self) {
        self.changed.clear();
    }

    /// How many incidents changed since the last checkpoint.
    pub(super) fn unsaved(&self) -> usize {
        self.unsaved.len() + self.identity.len() - self.saved_rows
    }

    /// The incidents that changed since the last checkpoint, or all of them, by number in the identity.
    pub(super) fn to_save(&self, all: bool) -> Vec<u32> {
        let mut rows = if all { Vec::new() } else { self.unsaved.clone() };
        rows.sort_unstable();
        rows.dedup();
        let first = if all { 0 } else { self.saved_rows };
        rows.extend(first as u32..self.identity.len() as u32);
        rows
    }

    pub(super) fn saved(&self, row: u32) -> CheckpointRow {
        CheckpointRow { id: self.identity.id(row), revision: self.identity.revision(row), slot: self.slots.value(row) }
    }

    /// The checkpoint is durable.
    pub(super) fn mark_saved(&mut self) {
        self.unsaved.clear();
        self.saved_rows = self.identity.len();
    }

    /// Takes one incident from a checkpoint; its slot's codes are of this partition's vocabularies.
    /// Its number in the identity, unless a newer revision is known.
    pub(super) fn restore(&mut self, saved: &CheckpointRow) -> Option<u32> {
        self.offer(&saved.id, saved.revision, saved.slot)
    }

    pub(super) fn vocabularies(&self) -> (&Vocabulary, &Vocabulary) {
        (&self.areas, &self.categories)
    }

    pub(super) fn vocabularies_mut(&mut self) -> (&mut Vocabulary, &mut Vocabulary) {
        (&mut self.areas, &mut self.categories)
    }
}
