//! Incidents whose area is another than the one whose outline contains their point, counted when somebody asks.
//!
//! In which area a place lies is found once per distinct place, beside the view and not under its lock, when there is time;
//! loading and following cost nothing. Counting reads the rows, some milliseconds a million, and is done once per version
//! of the cube.

use blotter_cube::PlaceAreas;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of one view, by the layer's position in the profile; nothing of layers whose outlines are not known.
#[derive(Debug, Default)]
pub(crate) struct Disagreements {
    pub(crate) places: Vec<PlaceAreas>,
    /// Places of which it is known, in every layer.
    pub(crate) known: usize,
    /// The cube's version, and what was counted then.
    pub(crate) counted: Option<(u64, Vec<Option<u64>>)>,
}

pub(crate) fn locked(shared: &Mutex<Disagreements>) -> MutexGuard<'_, Disagreements> {
    // Nothing is left half done: adding to a column does not panic.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By the layer's position: the areas in which points lie.
pub(crate) type Found = Vec<(usize, Vec<Option<usize>>)>;

impl Disagreements {
    /// So many places more are known.
    pub(crate) fn add(&mut self, found: Found, places: usize) {
        for (layer, areas) in found {
            if layer >= self.places.len() {
                self.places.resize_with(layer + 1, PlaceAreas::default);
            }
            for area in areas {
                self.places[layer].push(area);
            }
        }
        self.known += places;
    }
}
