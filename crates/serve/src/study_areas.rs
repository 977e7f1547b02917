//! Study areas by resolution. One is made anew only when the cells that have incidents are others than before.

use blotter_cube::{CellCounts, Filter};
use blotter_hotspot::StudyArea;
use blotter_incident::Outlines;
use h3o::CellIndex;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Debug)]
struct Known {
    mapped: Vec<CellIndex>,
    area: Arc<StudyArea>,
}

/// Study areas of one city.
#[derive(Debug)]
pub(crate) struct StudyAreas {
    /// The city's, where it is known.
    outline: Option<Arc<Outlines>>,
    known: Mutex<BTreeMap<u8, Known>>,
}

impl StudyAreas {
    pub(crate) fn new(outline: Option<Arc<Outlines>>) -> Self {
        Self { outline, known: Mutex::default() }
    }

    /// How it is bounded, in the API's words.
    pub(crate) fn method(&self) -> &'static str {
        if self.outline.is_some() { "outline" } else { "within_reach" }
    }

    /// That of a resolution, where incidents are mapped to these cells; narrowed where a filter is.
    pub(crate) fn selected(&self, resolution: u8, everything: &CellCounts, filter: &Filter) -> Arc<StudyArea> {
        let area = self.of(resolution, everything.cells.iter().map(|(cell, _)| *cell).collect());
        match filter.bbox {
            Some(bbox) => Arc::new(area.only(|longitude, latitude| bbox.contains(latitude, longitude))),
            None => area,
        }
    }

    /// That of a resolution, where incidents are mapped to these cells.
    fn of(&self, resolution: u8, mapped: Vec<CellIndex>) -> Arc<StudyArea> {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&resolution)
            && known.mapped == mapped
        {
            return Arc::clone(&known.area);
        }
        let area = Arc::new(match &self.outline {
            None => StudyArea::within_reach(&mapped),
            Some(outline) => StudyArea::inside(&mapped, |longitude, latitude| outline.contains(latitude, longitude)),
        });
        all.insert(resolution, Known { mapped, area: Arc::clone(&area) });
        area
    }
}
