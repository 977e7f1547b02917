//! The cube: groups, identity, places, words and totals.

use crate::{
    calendar::Calendar, group::Group, narrow::with_values, places::Places, totals::AllTotals, vocabulary::Vocabulary,
};
use blotter_city::{BoundingBox, CityClock, Profile};
use blotter_incident::{Column, IdentityIndex};
use hashbrown::HashMap;

/// Where the text of an incident lies: a record of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locator {
    /// Partition of `incidents`.
    pub partition: u32,
    /// Offset in it.
    pub offset: u64,
}

impl Locator {
    pub(crate) fn pack(self) -> u64 {
        (u64::from(self.partition) << 44) | self.offset
    }

    pub(crate) fn unpack(packed: u64) -> Self {
        Self { partition: (packed >> 44) as u32, offset: packed & ((1 << 44) - 1) }
    }
}

/// Totals of incidents: winning revisions, not deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncidentTotals {
    /// All.
    pub total: u64,
    /// With a point inside the city's bounding box.
    pub mapped: u64,
}

/// Where the row of an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) group: u32,
    pub(crate) slot: u32,
}

impl Position {
    /// Of a deleted incident: nowhere.
    pub(crate) const GONE: Self = Self { group: u32::MAX, slot: 0 };
}

/// The columns of a city's incidents.
#[derive(Debug)]
pub struct Cube {
    pub(crate) bounding_box: BoundingBox,
    pub(crate) primary_layer: usize,
    pub(crate) identity: IdentityIndex,
    pub(crate) groups: Vec<Group>,
    /// The groups by civil month and category.
    pub(crate) group_numbers: HashMap<(i32, u16), u32>,
    /// By number in the identity index, as the next.
    pub(crate) positions: Column<Position>,
    pub(crate) locators: Column<u64>,
    /// Numbers of incidents beside which their cell does not stand yet; some may have left.
    pub(crate) without_cell: Vec<u32>,
    pub(crate) categories: Vocabulary,
    pub(crate) areas: Vec<Vocabulary>,
    pub(crate) places: Places,
    pub(crate) calendar: Calendar,
    pub(crate) incident_totals: IncidentTotals,
    pub(crate) totals: AllTotals,
    /// Incidents by category code.
    pub(crate) by_category: Vec<u64>,
    pub(crate) version: u64,
}

impl Cube {
    /// An empty cube of a city.
    pub fn new(profile: &Profile) -> Self {
        Self {
            bounding_box: profile.bounding_box,
            primary_layer: profile.primary_layer(),
            identity: IdentityIndex::default(),
            groups: Vec::new(),
            group_numbers: HashMap::new(),
            positions: Column::default(),
            locators: Column::default(),
            without_cell: Vec::new(),
            categories: Vocabulary::default(),
            areas: profile.layers.iter().map(|_| Vocabulary::default()).collect(),
            places: Places::new(),
            calendar: Calendar::new(profile.clock()),
            incident_totals: IncidentTotals::default(),
            totals: AllTotals::default(),
            by_category: Vec::new(),
            version: 0,
        }
    }

    /// The city's clock.
    pub fn clock(&self) -> &CityClock {
        self.calendar.clock()
    }

    /// Totals.
    pub fn incident_totals(&self) -> IncidentTotals {
        self.incident_totals
    }

    /// Rises with every batch that changes an incident: at the same version answers are the same.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Incidents ever seen, deletions included.
    pub fn rows(&self) -> usize {
        self.identity.len()
    }

    /// Makes room for so many incidents.
    pub fn reserve(&mut self, incidents: usize) {
        self.identity.reserve(incidents);
    }

    /// Finds the cells of so many new places; whether all are known then. Without it answers are the same, and those
    /// about cells take longer.
    pub fn index_places(&mut self, most: usize) -> bool {
        if !self.places.index(most) {
            return false;
        }
        let rest = self.without_cell.len().saturating_sub(most.max(1));
        for number in self.without_cell.drain(rest..) {
            let Position { group, slot } = self.positions.value(number);
            let Some(group) = self.groups.get_mut(group as usize) else { continue };
            let place = group.place.value(slot as usize);
            if let Some(cell) = self.places.row_cell(place) {
                self.totals.move_cell(group.category, group.cell.value(slot as usize), cell);
                group.cell.set(slot as usize, cell);
            }
        }
        if self.without_cell.is_empty() {
            self.without_cell = Vec::new();
        }
        self.without_cell.is_empty()
    }

    /// Distinct points, and one for all incidents without.
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// Categories that have incidents, most frequent first.
    pub fn categories(&self) -> Vec<&str> {
        let mut all: Vec<_> =
            self.categories.words().iter().zip(&self.by_category).filter(|(_, count)| **count > 0).collect();
        all.sort_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then(a.cmp(b)));
        all.into_iter().map(|(word, _)| word.as_str()).collect()
    }

    /// Whether a category has incidents.
    pub fn has_category(&self, category: &str) -> bool {
        self.categories.known(category).is_some_and(|code| self.by_category[usize::from(code)] > 0)
    }

    /// Whether an area of a layer has incidents.
    pub fn has_area(&self, layer: usize, code: &str) -> bool {
        let Some(code) = self.areas[layer].known(code) else { return false };
        self.groups.iter().any(|group| {
            with_values!(&group.areas[layer], values => values.iter().any(|value| *value as usize == usize::from(code)))
        })
    }

    /// Codes of a layer, in order.
    pub fn area_codes(&self, layer: usize) -> Vec<&str> {
        let mut codes: Vec<_> =
            self.areas[layer].words().iter().map(String::as_str).filter(|code| !code.is_empty()).collect();
        codes.sort_by(|a, b| a.len().cmp(&b.len()).then(a.cmp(b)));
        codes
    }
}
