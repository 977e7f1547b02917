//! Live incidents by hour, area of the primary layer and category, as codes: what an hourly history is kept from.

use crate::{apply::Changes, block::LIVE, cube::Cube, vocabulary::NONE};
use hashbrown::HashMap;

/// Hours from 1900-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
const EPOCH_HOURS: i32 = 25_567 * 24;

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

    /// Each total above zero, by area, category and hour in ascending order of codes.
    pub fn each_hourly_total(&self, mut each: impl FnMut(HourCell, u32)) {
        let mut all: Vec<HourCell> = Vec::with_capacity(self.figures.total as usize);
        self.each_live(i32::MIN, i32::MAX, |cell| all.push(cell));
        all.sort_unstable();
        all.chunk_by(|one, other| one == other).for_each(|same| each(same[0], same.len() as u32));
    }

    /// The totals of some cells, zero included; each once, in no order.
    pub fn hourly_totals_of(&self, cells: impl IntoIterator<Item = HourCell>) -> Vec<(HourCell, u32)> {
        let mut totals: HashMap<HourCell, u32> = cells.into_iter().map(|cell| (cell, 0)).collect();
        let hours = || totals.keys().map(|cell| cell.hour);
        let (Some(first), Some(last)) = (hours().min(), hours().max()) else { return Vec::new() };
        self.each_live(first, last, |cell| {
            if let Some(total) = totals.get_mut(&cell) {
                *total += 1;
            }
        });
        totals.into_iter().collect()
    }

    /// Each incident whose hour lies from `first` to `last`.
    fn each_live(&self, first: i32, last: i32, mut each: impl FnMut(HourCell)) {
        let minute = |hour: i32| (i64::from(hour) + i64::from(EPOCH_HOURS)) * 60;
        for block in &self.blocks {
            if i64::from(block.least) > minute(last) + 59 || i64::from(block.greatest) < minute(first) {
                continue;
            }
            let areas = block.areas.get(self.primary_layer);
            for (row, at) in block.minute.iter().enumerate() {
                let hour = (*at / 60) as i32 - EPOCH_HOURS;
                if block.flags[row] & LIVE != 0 && (first..=last).contains(&hour) {
                    let area = areas.map_or(NONE, |codes| codes[row]);
                    each(HourCell { area, category: block.category[row], hour });
                }
            }
        }
    }
}
