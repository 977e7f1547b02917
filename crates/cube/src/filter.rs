//! What a query is about.

use crate::{
    cube::Cube,
    group::{ARREST_SHIFT, DOMESTIC_SHIFT, Group, three},
    hours_of_week::HoursOfWeek,
};
use blotter_city::{BoundingBox, UtcMicros};

/// A selection of incidents; all of its parts must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Not before, in UTC.
    pub from: Option<UtcMicros>,
    /// Before.
    pub to: Option<UtcMicros>,
    /// One of these, if any.
    pub categories: Vec<String>,
    /// By the layer's position in the profile: one of these codes.
    pub areas: Vec<(usize, Vec<String>)>,
    /// Whether someone was arrested.
    pub arrest: Option<bool>,
    /// Whether it was domestic.
    pub domestic: Option<bool>,
    /// Inside, borders included; unmapped incidents are nowhere.
    pub bbox: Option<BoundingBox>,
    /// In one of these hours of the week, in the city's civil time.
    pub hours_of_week: Option<HoursOfWeek>,
}

/// How much of a group a filter can select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing.
    None,
    /// What its rows say.
    Some,
    /// Everything.
    All,
}

/// Codes of a layer's areas that are selected.
#[derive(Clone)]
pub(crate) enum Codes {
    One(u16),
    /// By code: 1 where it is.
    Table(Vec<u8>),
}

impl Codes {
    fn new(table: Vec<u8>) -> Self {
        let mut wanted = (0..).zip(&table).filter(|(_, wanted)| **wanted != 0).map(|(code, _)| code);
        match (wanted.next(), wanted.next()) {
            (Some(one), None) => Self::One(one),
            _ => Self::Table(table),
        }
    }
}

/// A filter in a cube's own terms.
#[derive(Clone)]
pub(crate) struct CompiledFilter {
    /// Whether what lies outside of the period is meant.
    pub(crate) is_outside: bool,
    /// Seconds since 1900: not before, and before.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Bits of a row's flags, and what they must be.
    pub(crate) flags: Option<(u8, u8)>,
    pub(crate) categories: Option<Vec<u8>>,
    pub(crate) areas: Vec<(usize, Codes)>,
    pub(crate) places: Option<Vec<u8>>,
    pub(crate) hours_of_week: Option<[u8; 256]>,
}

impl CompiledFilter {
    pub(crate) fn new(cube: &Cube, filter: &Filter) -> Self {
        let flag = |wanted: Option<bool>, shift: u8| match wanted {
            Some(_) => (3 << shift, three(wanted) << shift),
            None => (0, 0),
        };
        let (arrest, domestic) = (flag(filter.arrest, ARREST_SHIFT), flag(filter.domestic, DOMESTIC_SHIFT));
        let flags = (filter.arrest.is_some() || filter.domestic.is_some())
            .then_some((arrest.0 | domestic.0, arrest.1 | domestic.1));
        let table =
            |words: &[String], wanted: &[String]| words.iter().map(|word| u8::from(wanted.contains(word))).collect();
        let places = filter.bbox.map(|bbox| {
            // Without branches, as rows are. The point of what has no place is nowhere.
            let is_inside = |(latitude, longitude): &(f64, f64)| {
                u8::from(*latitude >= bbox.south)
                    & u8::from(*latitude <= bbox.north)
                    & u8::from(*longitude >= bbox.west)
                    & u8::from(*longitude <= bbox.east)
            };
            cube.places.points().iter().map(is_inside).collect()
        });
        // A bound inside a second counts from the next one on: times are whole seconds.
        let bound = |at: UtcMicros| {
            let (minute, second) = crate::minute::minute_of(UtcMicros(at.0.saturating_add(1_000_000 - 1)));
            i64::from(minute) * 60 + i64::from(second)
        };
        Self {
            is_outside: false,
            from: filter.from.map_or(i64::MIN, bound),
            to: filter.to.map_or(i64::MAX, bound),
            flags,
            categories: (!filter.categories.is_empty()).then(|| table(cube.categories.words(), &filter.categories)),
            areas: filter
                .areas
                .iter()
                .map(|(layer, codes)| (*layer, Codes::new(table(cube.areas[*layer].words(), codes))))
                .collect(),
            places,
            hours_of_week: filter.hours_of_week.as_ref().map(HoursOfWeek::table),
        }
    }

    /// What a group's category and bounds in time say before a row is read.
    pub(crate) fn reach(&self, group: &Group) -> Reach {
        let is_other = self.categories.as_ref().is_some_and(|table| table[usize::from(group.category)] == 0);
        if is_other || group.len() == 0 {
            return Reach::None;
        }
        let (least, greatest) = group.bounds();
        let is_before_or_after = greatest < self.from || least >= self.to;
        let is_cut = !is_before_or_after && self.cuts(group);
        match is_cut {
            true => Reach::Some,
            false if is_before_or_after != self.is_outside => Reach::None,
            false if self.asks_rows() => Reach::Some,
            false => Reach::All,
        }
    }

    /// Whether more than category and period is asked.
    pub(crate) fn asks_rows(&self) -> bool {
        self.flags.is_some() || !self.areas.is_empty() || self.places.is_some() || self.hours_of_week.is_some()
    }

    /// Whether the period begins or ends within a group.
    pub(crate) fn cuts(&self, group: &Group) -> bool {
        let (least, greatest) = group.bounds();
        least < self.from || greatest >= self.to
    }
}
