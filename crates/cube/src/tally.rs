//! Incidents that are only counted by hour: a cube of times, categories and areas of the primary layer.
//!
//! A question about hourly totals needs neither ids nor points, which are most of what loading costs. A cube that was filled this way
//! answers [`Cube::each_hourly_total`], [`Cube::period`], [`Cube::categories`], the areas of the primary layer and the total of
//! [`Cube::incident_totals`], exactly as a cube with all columns does. The caller must ask for nothing else, and must apply no revision.

use crate::{calendar::QUARTER_MINUTES, cube::Cube, minute::minute_of, vocabulary::NONE};
use blotter_city::UtcMicros;
use blotter_incident::DictionaryColumn;

/// When and where incidents occurred, each incident once.
#[derive(Clone, Copy, Debug)]
pub struct Occurrences<'a> {
    /// UTC microseconds.
    pub at: &'a [i64],
    /// Cleaned category.
    pub category: DictionaryColumn<'a>,
    /// Area of the primary layer; none in a city without layers.
    pub area: Option<DictionaryColumn<'a>>,
}

impl Cube {
    /// Counts the rows for which `is_counted` is true.
    pub fn tally(&mut self, rows: &Occurrences<'_>, is_counted: impl Fn(usize) -> bool) {
        let categories = self.categories.codes_of(&rows.category);
        let primary = self.areas.get_mut(self.primary_layer);
        let areas: Vec<u16> =
            rows.area.iter().zip(primary).flat_map(|(column, words)| words.codes_of(column)).collect();
        // Rows mostly come in the order of time.
        let mut last = None;
        for (row, at) in rows.at.iter().enumerate().filter(|(row, _)| is_counted(*row)) {
            let minute = minute_of(UtcMicros(*at)).0;
            let month = match last {
                Some((quarter, month)) if quarter == minute / QUARTER_MINUTES => month,
                _ => self.calendar.place(minute).month,
            };
            last = Some((minute / QUARTER_MINUTES, month));
            let category = rows.category.key(row).map_or(NONE, |key| categories[usize::from(key)]);
            let area = rows.area.and_then(|column| column.key(row)).map_or(NONE, |key| areas[usize::from(key)]);
            self.tally_code(UtcMicros(*at), month, category, area);
        }
        self.version += 1;
    }

    /// Counts one incident.
    pub fn tally_one(&mut self, at: UtcMicros, category: &str, area: Option<&str>) {
        let category = self.categories.code(category);
        let primary = self.areas.get_mut(self.primary_layer);
        let area = area.zip(primary).map_or(NONE, |(area, words)| words.code(area));
        let month = self.calendar.place(minute_of(at).0).month;
        self.tally_code(at, month, category, area);
        self.version += 1;
    }

    fn tally_code(&mut self, at: UtcMicros, month: i32, category: u16, area: u16) {
        let (minute, second) = minute_of(at);
        let group = self.group(month, category);
        let base = self.groups[group].base;
        self.groups[group].push_time((i64::from(minute) - base) as u16, second, self.primary_layer, area);
        self.incident_totals.total += 1;
        if self.by_category.len() < self.categories.words().len() {
            self.by_category.resize(self.categories.words().len(), 0);
        }
        self.by_category[usize::from(category)] += 1;
    }
}
