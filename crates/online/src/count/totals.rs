//! Totals by hour, area and category. An hour of one partition has some ten entries: a short sorted
//! list is smaller and faster than a map of all of them.

use super::identity::Slot;
use hashbrown::HashMap;

#[derive(Debug, Default)]
pub(super) struct Totals {
    hours: HashMap<i32, Vec<Entry>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    area: u16,
    category: u16,
    count: u32,
}

impl Totals {
    /// Adds one incident.
    pub(super) fn add(&mut self, slot: Slot) {
        let entries = self.hours.entry(slot.hour).or_default();
        match entries.binary_search_by_key(&(slot.area, slot.category), |entry| (entry.area, entry.category)) {
            Ok(index) => entries[index].count += 1,
            Err(index) => entries.insert(index, Entry { area: slot.area, category: slot.category, count: 1 }),
        }
    }

    /// Takes one incident away that was added before. The entry stays, at zero: zero is said.
    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(entries) = self.hours.get_mut(&slot.hour)
            && let Ok(index) =
                entries.binary_search_by_key(&(slot.area, slot.category), |entry| (entry.area, entry.category))
        {
            debug_assert!(entries[index].count > 0, "an incident leaves a slot that it was never in");
            entries[index].count -= 1;
        }
    }

    /// The total of one slot.
    pub(super) fn count(&self, slot: Slot) -> u32 {
        self.hours.get(&slot.hour).map_or(0, |entries| {
            entries
                .binary_search_by_key(&(slot.area, slot.category), |entry| (entry.area, entry.category))
                .map_or(0, |index| entries[index].count)
        })
    }
}
