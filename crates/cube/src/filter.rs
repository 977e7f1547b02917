//! What a query is about.

use crate::{
    block::{ARREST_SHIFT, DOMESTIC_SHIFT, FLAGS, LIVE, three},
    cube::{Cube, minute_of},
    places::UNMAPPED,
};
use blotter_incident::{BoundingBox, UtcMicros};

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
}

/// A filter in a cube's own terms.
pub(crate) struct Compiled {
    pub(crate) from: (u32, u8),
    pub(crate) to: (u32, u8),
    pub(crate) flags: [u8; FLAGS],
    pub(crate) categories: Option<Vec<u8>>,
    pub(crate) areas: Vec<(usize, Vec<u8>)>,
    pub(crate) places: Option<Vec<u8>>,
}

impl Compiled {
    pub(crate) fn new(cube: &Cube, filter: &Filter) -> Self {
        let flags = std::array::from_fn(|flags| {
            let flags = flags as u8;
            let holds = |wanted: Option<bool>, shift: u8| wanted.is_none() || flags >> shift & 3 == three(wanted);
            u8::from(flags & LIVE != 0 && holds(filter.arrest, ARREST_SHIFT) && holds(filter.domestic, DOMESTIC_SHIFT))
        });
        let table =
            |words: &[String], wanted: &[String]| words.iter().map(|word| u8::from(wanted.contains(word))).collect();
        let places = filter.bbox.map(|bbox| {
            (0..cube.places.len() as u32)
                .map(|place| {
                    let (latitude, longitude) = cube.places.point(place);
                    u8::from(place != UNMAPPED && bbox.contains(latitude, longitude))
                })
                .collect()
        });
        // A bound inside a second counts from the next one on: times are whole seconds.
        let bound = |at: UtcMicros| minute_of(UtcMicros(at.0 + (1_000_000 - 1)));
        Self {
            from: filter.from.map_or((0, 0), bound),
            to: filter.to.map_or((u32::MAX, u8::MAX), bound),
            flags,
            categories: (!filter.categories.is_empty()).then(|| table(cube.categories.words(), &filter.categories)),
            areas: filter
                .areas
                .iter()
                .map(|(layer, codes)| (*layer, table(cube.areas[*layer].words(), codes)))
                .collect(),
            places,
        }
    }
}
