//! Live incidents by hour, area of the primary layer and category, as codes: what an hourly history is kept from.

use crate::{
    calendar::{Calendar, month_of_day},
    changes::Changes,
    cube::Cube,
    group::Group,
    vocabulary::NONE,
};
use hashbrown::HashMap;

/// Hours from 1900-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
const EPOCH_HOURS: i32 = 25_567 * 24;
/// Hours from a group's base on in which its rows lie: those of the longest month, and of a day before and after it.
const GROUP_HOURS: usize = 33 * 24;

/// An hour of an area and a category. Codes are the cube's: positions in [`Cube::primary_area_words`] and
/// [`Cube::category_words`], in order of first appearance; 0 where an incident has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourCell {
    /// Area of the primary layer.
    pub area: u16,
    /// Category.
    pub category: u16,
    /// Whole hours since 1970-01-01T00:00:00Z.
    pub hour: i32,
}

impl Changes {
    /// The hours, areas and categories whose totals may have changed; one may come several times.
    pub fn hour_cells(&self) -> impl Iterator<Item = HourCell> {
        self.slots.iter().map(|(hour, area, category)| HourCell {
            area: *area,
            category: *category,
            hour: *hour as i32 - EPOCH_HOURS,
        })
    }
}

impl Cube {
    /// The areas of the primary layer by code; the first is none.
    pub fn primary_area_words(&self) -> &[String] {
        self.areas.get(self.primary_layer).map_or(&[], |words| words.words())
    }

    /// The categories by code; the first is none.
    pub fn category_words(&self) -> &[String] {
        self.categories.words()
    }

    /// Each total above zero, by category, area and hour in ascending order of codes.
    pub fn each_hourly_total(&self, mut each: impl FnMut(HourCell, u32)) {
        let mut groups: Vec<&Group> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|group| group.category);
        // Area and hour, of one category after the other.
        let mut rows: Vec<(u16, i32)> = Vec::new();
        for groups in groups.chunk_by(|one, other| one.category == other.category) {
            rows.clear();
            rows.extend(groups.iter().flat_map(|group| self.areas_and_hours(group)));
            rows.sort_unstable_by_key(|(area, hour)| (i64::from(*area) << 32) + i64::from(*hour));
            for same in rows.chunk_by(|one, other| one == other) {
                let (area, hour) = same[0];
                each(HourCell { area, category: groups[0].category, hour }, same.len() as u32);
            }
        }
    }

    /// Area and hour of each row of a group.
    fn areas_and_hours(&self, group: &Group) -> impl Iterator<Item = (u16, i32)> {
        let areas = group.areas.get(self.primary_layer);
        let first = first_hour(group.base);
        group.minute.iter().enumerate().map(move |(slot, minute)| {
            let area = areas.map_or(NONE, |codes| codes.value(slot) as u16);
            (area, first + i32::from(minute / 60))
        })
    }

    /// The totals of some cells, zero included; each once, in no order.
    pub fn hourly_totals_of(&self, cells: impl IntoIterator<Item = HourCell>) -> Vec<(HourCell, u32)> {
        let mut totals: HashMap<HourCell, u32> = cells.into_iter().map(|cell| (cell, 0)).collect();
        // The groups that can hold a cell's rows, and its hour since the group's base.
        let mut asked: Vec<(u32, u16)> = Vec::with_capacity(totals.len());
        for cell in totals.keys() {
            let month = month_of_day(cell.hour.div_euclid(24));
            // Civil time is at most a day from UTC.
            for month in month - 1..=month + 1 {
                let hour = cell.hour - first_hour(Calendar::base(month));
                if (0..GROUP_HOURS as i32).contains(&hour)
                    && let Some(group) = self.group_numbers.get(&(month, cell.category))
                {
                    asked.push((*group, hour as u16));
                }
            }
        }
        asked.sort_unstable();
        for asked in asked.chunk_by(|(one, _), (other, _)| one == other) {
            let mut is_asked = [false; GROUP_HOURS];
            for (_, hour) in asked {
                is_asked[usize::from(*hour)] = true;
            }
            let group = &self.groups[asked[0].0 as usize];
            let (areas, first) = (group.areas.get(self.primary_layer), first_hour(group.base));
            for (slot, minute) in group.minute.iter().enumerate() {
                let hour = usize::from(minute / 60);
                if !is_asked[hour] {
                    continue;
                }
                let area = areas.map_or(NONE, |codes| codes.value(slot) as u16);
                let cell = HourCell { area, category: group.category, hour: first + hour as i32 };
                if let Some(total) = totals.get_mut(&cell) {
                    *total += 1;
                }
            }
        }
        totals.into_iter().collect()
    }
}

/// Hours since 1970-01-01T00:00:00Z of a group's base, which is a midnight of UTC.
fn first_hour(base: i64) -> i32 {
    (base / 60) as i32 - EPOCH_HOURS
}
