//! Totals by hour, area and category. An hour of one partition has some ten entries: a short sorted
//! list is smaller and faster than a map of all of them. An entry is four bytes: the pair of area and category by
//! number, and a count; the few that do not fit are kept apart.

use super::slot::Slot;
use hashbrown::HashMap;

#[derive(Debug, Default)]
pub(super) struct Totals {
    /// Numbers of the pairs of area and category.
    pairs: HashMap<(u16, u16), u16>,
    hours: HashMap<i32, Vec<Entry>>,
    /// What an entry cannot hold: whole totals of slots, which have no entry then.
    others: HashMap<Slot, u32>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    pair: u16,
    count: u16,
}

impl Totals {
    /// Adds one incident.
    pub(super) fn add(&mut self, slot: Slot) {
        if !self.others.is_empty()
            && let Some(count) = self.others.get_mut(&slot)
        {
            *count += 1;
            return;
        }
        let key = (slot.area, slot.category);
        let pair = match (self.pairs.get(&key), u16::try_from(self.pairs.len())) {
            (Some(known), _) => *known,
            (None, Ok(next)) => {
                self.pairs.insert(key, next);
                next
            }
            (None, Err(_)) => {
                self.others.insert(slot, 1);
                return;
            }
        };
        let entries = self.hours.entry(slot.hour).or_default();
        match entries.binary_search_by_key(&pair, |entry| entry.pair) {
            Ok(index) if entries[index].count == u16::MAX => {
                entries.remove(index);
                self.others.insert(slot, u32::from(u16::MAX) + 1);
            }
            Ok(index) => entries[index].count += 1,
            Err(index) => entries.insert(index, Entry { pair, count: 1 }),
        }
    }

    /// Takes one incident away that was added before. The entry stays, at zero: zero is said.
    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(count) = self.others.get_mut(&slot) {
            *count -= 1;
        } else if let Some(entry) = self.entry(slot) {
            debug_assert!(entry.count > 0, "an incident leaves a slot that it was never in");
            entry.count -= 1;
        }
    }

    /// The total of one slot.
    pub(super) fn count(&mut self, slot: Slot) -> u32 {
        match self.others.get(&slot) {
            Some(count) => *count,
            None => self.entry(slot).map_or(0, |entry| u32::from(entry.count)),
        }
    }

    fn entry(&mut self, slot: Slot) -> Option<&mut Entry> {
        let pair = *self.pairs.get(&(slot.area, slot.category))?;
        let entries = self.hours.get_mut(&slot.hour)?;
        let index = entries.binary_search_by_key(&pair, |entry| entry.pair).ok()?;
        entries.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_past_what_an_entry_holds() {
        let mut totals = Totals::default();
        let slot = Slot { hour: 7, area: 1, category: 2 };
        let most = u32::from(u16::MAX) + 3;
        for expect in 1..=most {
            totals.add(slot);
            if expect > most - 5 {
                assert_eq!(totals.count(slot), expect);
            }
        }
        for expect in (0..most).rev() {
            totals.remove(slot);
            if expect < 3 || expect > most - 5 {
                assert_eq!(totals.count(slot), expect);
            }
        }
    }

    #[test]
    fn more_pairs_than_numbers() {
        let mut totals = Totals::default();
        let slots = || (0..300_u16).flat_map(|area| (0..300_u16).map(move |category| Slot { hour: 1, area, category }));
        slots().for_each(|slot| totals.add(slot));
        slots().for_each(|slot| totals.add(slot));
        totals.remove(Slot { hour: 1, area: 299, category: 299 });
        for slot in slots() {
            assert_eq!(totals.count(slot), 2 - u32::from(slot.area == 299 && slot.category == 299));
        }
    }
}
