//! In which areas the places of a city lie, and where the incidents say otherwise.

use crate::{
    disagreements::{Found, locked},
    loaded::LoadedCity,
    view::View,
};
use blotter_city::Outlines;
use std::{panic::resume_unwind, sync::Arc, thread::ScopedJoinHandle};

/// Places from which a thread a layer pays: some milliseconds.
const MANY_PLACES: usize = 20_000;

impl LoadedCity {
    /// Finds in which areas so many new places lie; whether that is known of all then.
    pub fn find_areas(&self, most: usize) -> bool {
        if self.boundaries.is_empty() {
            return true;
        }
        let (shared, known, points) = {
            let view = self.read();
            let known = locked(&view.disagreements).known;
            let new = view.cube.place_points(known);
            (Arc::clone(&view.disagreements), known, new[..new.len().min(most)].to_vec())
        };
        let found = self.areas_of(&points);
        let mut disagreements = locked(&shared);
        // Unless somebody else was faster.
        if disagreements.known == known {
            disagreements.add(found, points.len());
        }
        points.len() < most
    }

    fn areas_of(&self, points: &[(f64, f64)]) -> Found {
        let of = |outlines: &Outlines| -> Vec<Option<usize>> {
            points.iter().map(|(latitude, longitude)| outlines.area_at(*latitude, *longitude)).collect()
        };
        let known = self.boundaries.known();
        if points.len() < MANY_PLACES {
            return known.map(|(layer, outlines)| (layer, of(outlines))).collect();
        }
        std::thread::scope(|scope| {
            let started: Vec<_> = known.map(|(layer, outlines)| (layer, scope.spawn(|| of(outlines)))).collect();
            let ended = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            started.into_iter().map(|(layer, thread)| (layer, ended(thread))).collect()
        })
    }

    /// How many incidents of each layer disagree in a view; none where the layer's outlines are not known. Quick
    /// where [`LoadedCity::find_areas`] was called before.
    pub fn disagreeing(&self, view: &View) -> Vec<Option<u64>> {
        let layers = 0..self.profile.layers.len();
        if self.boundaries.is_empty() {
            return layers.map(|_| None).collect();
        }
        let mut disagreements = locked(&view.disagreements);
        let version = view.cube.version();
        if let Some((_, counts)) = disagreements.counted.as_ref().filter(|(counted, _)| *counted == version) {
            return counts.clone();
        }
        let new = view.cube.place_points(disagreements.known);
        disagreements.add(self.areas_of(new), new.len());
        let count = |layer: usize| {
            let outlines = self.boundaries.of(layer)?;
            Some(view.cube.disagreeing(layer, outlines.codes(), &disagreements.places[layer]))
        };
        let counts: Vec<Option<u64>> = layers.map(count).collect();
        disagreements.counted = Some((version, counts.clone()));
        counts
    }
}
