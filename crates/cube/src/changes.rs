//! What a batch changed: totals, and on request the incidents themselves.

use crate::{
    cube::{Cube, Locator},
    group::{ARREST_SHIFT, DOMESTIC_SHIFT, three},
    minute::instant_of,
    narrow::Narrow,
    places::UNMAPPED,
    vocabulary::Vocabulary,
};
use blotter_city::UtcMicros;

/// An hour, area of the primary layer and category whose total changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourSlot {
    /// The hour's beginning.
    pub bucket: UtcMicros,
    /// Code of the area. Empty if the incident has none.
    pub area: String,
    /// Category.
    pub category: String,
}

/// An incident as it is counted.
#[derive(Clone, Debug, PartialEq)]
pub struct CountedIncident {
    /// When it occurred, to the second.
    pub at: UtcMicros,
    /// Category.
    pub category: String,
    /// Codes of its areas by the layer's position in the profile; empty where it has none.
    pub areas: Vec<String>,
    /// Whether someone was arrested.
    pub arrest: Option<bool>,
    /// Whether it was domestic.
    pub domestic: Option<bool>,
    /// Latitude and longitude, where they are inside the city's bounding box.
    pub point: Option<(f64, f64)>,
}

/// An incident that a record brought, moved or took away.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedIncident {
    /// Its id.
    pub id: String,
    /// The record.
    pub record: Locator,
    /// As it was counted; none if it was not.
    pub before: Option<CountedIncident>,
    /// As it is counted now; none if the record deletes it.
    pub after: Option<CountedIncident>,
}

/// What a batch changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Incidents that are new, revised or deleted.
    pub incidents: u64,
    pub(crate) slots: Vec<(u32, u16, u16)>,
    /// How many more incidents may be listed. None: they are not listed, or were too many.
    room: Option<usize>,
    listed: Vec<ChangedIncident>,
}

impl Changes {
    /// Lists the incidents as well, unless they are more than `most`.
    pub fn listing(most: usize) -> Self {
        Self { room: Some(most), ..Self::default() }
    }

    /// Whether no total changed.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many changes of totals it remembers.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// The incidents in the order of their records; none if they were not to be listed or are too many.
    pub fn listed(&self) -> Option<&[ChangedIncident]> {
        self.room.map(|_| self.listed.as_slice())
    }

    /// Adds another batch's.
    pub fn merge(&mut self, other: Self) {
        self.incidents += other.incidents;
        self.slots.extend(other.slots);
        if other.room.is_none() {
            self.room = None;
        }
        for incident in other.listed {
            self.list(incident);
        }
    }

    /// Empty changes that may list as many more incidents.
    #[must_use]
    pub fn rest(&self) -> Self {
        Self { room: self.room, ..Self::default() }
    }

    pub(crate) fn is_listing(&self) -> bool {
        self.room.is_some()
    }

    /// Lists an incident, unless it is counted as before.
    pub(crate) fn list(&mut self, incident: ChangedIncident) {
        if incident.before == incident.after {
            return;
        }
        self.room = self.room.and_then(|room| room.checked_sub(1));
        if self.is_listing() {
            self.listed.push(incident);
        }
    }
}

impl Cube {
    /// The incident of a number as it is counted; none if it is deleted.
    pub(crate) fn counted(&self, number: u32) -> Option<CountedIncident> {
        let position = self.positions.value(number);
        let (group, slot) = (self.groups.get(position.group as usize)?, position.slot as usize);
        let area = |(codes, words): (&Narrow, &Vocabulary)| words.words()[codes.value(slot) as usize].clone();
        let flag = |shift: u8| match (group.flags[slot] >> shift) & 3 {
            flag if flag == three(Some(true)) => Some(true),
            flag if flag == three(Some(false)) => Some(false),
            _ => None,
        };
        let place = group.place.value(slot);
        let minute = instant_of((group.base + i64::from(group.minute[slot])) as u32);
        Some(CountedIncident {
            at: UtcMicros(minute.0 + i64::from(group.second[slot]) * 1_000_000),
            category: self.categories.words()[usize::from(group.category)].clone(),
            areas: group.areas.iter().zip(&self.areas).map(area).collect(),
            arrest: flag(ARREST_SHIFT),
            domestic: flag(DOMESTIC_SHIFT),
            point: (place != UNMAPPED).then(|| self.places.points()[place as usize]),
        })
    }

    /// The totals of the hours, areas and categories that changed; nothing where they are more than `most`.
    pub fn totals_of(&self, changes: &Changes, most: usize) -> Option<Vec<(HourSlot, u64)>> {
        let mut slots = changes.slots.clone();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() > most {
            return None;
        }
        let mut totals = self.hourly_totals_of(changes.hour_cells());
        totals.sort_unstable_by_key(|(cell, _)| (cell.hour, cell.area, cell.category));
        let named = totals.into_iter().map(|(cell, total)| {
            let slot = HourSlot {
                bucket: UtcMicros(i64::from(cell.hour) * 3_600_000_000),
                area: self.primary_area_words().get(usize::from(cell.area)).cloned().unwrap_or_default(),
                category: self.categories.words()[usize::from(cell.category)].clone(),
            };
            (slot, u64::from(total))
        });
        Some(named.collect())
    }
}
