//! Study areas by resolution. One is made anew only when the cells that have incidents are others than before.

use blotter_city::Outlines;
use blotter_cube::{CellCounts, Filter};
use blotter_hotspot::{Error, Stop, StudyArea};
use h3o::CellIndex;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use utoipa::ToSchema;

/// How the study area is bounded. `outline`: cells whose centre lies inside the city's outline and that are connected to cells with
/// incidents, and all cells with incidents. `within_reach` (outline unknown): cells with incidents, and cells with at least four
/// neighbours that have incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StudyAreaMethod {
    /// By the city's outline: cells whose centre lies inside, and cells with incidents.
    Outline,
    /// By the incidents: cells that have any, and those that they enclose.
    WithinReach,
}

/// That of one resolution; none before somebody asks for it.
#[derive(Debug, Default)]
struct CachedStudyArea {
    mapped: Vec<CellIndex>,
    area: Option<Arc<StudyArea>>,
}

/// Study areas of one city.
#[derive(Debug)]
pub(crate) struct StudyAreas {
    /// The city's, where it is known.
    outline: Option<Arc<Outlines>>,
    /// By resolution. Each has a lock of its own: a fine one takes a second, and a map of a coarse one does not wait for it.
    known: Mutex<BTreeMap<u8, Arc<Mutex<CachedStudyArea>>>>,
}

impl StudyAreas {
    pub(crate) fn new(outline: Option<Arc<Outlines>>) -> Self {
        Self { outline, known: Mutex::default() }
    }

    /// How they are bounded.
    pub(crate) fn method(&self) -> StudyAreaMethod {
        if self.outline.is_some() { StudyAreaMethod::Outline } else { StudyAreaMethod::WithinReach }
    }

    /// That of a resolution, where incidents are mapped to these cells; narrowed where a filter is.
    pub(crate) fn selected(
        &self,
        resolution: u8,
        everything: &CellCounts,
        filter: &Filter,
        stop: Stop<'_>,
    ) -> Result<Arc<StudyArea>, Error> {
        let area = self.of(resolution, everything.cells.iter().map(|(cell, _)| *cell).collect(), stop)?;
        Ok(match filter.bbox {
            Some(bbox) => Arc::new(area.try_only(|longitude, latitude| bbox.contains(latitude, longitude), stop)?),
            None => area,
        })
    }

    /// That of a resolution, where incidents are mapped to these cells.
    fn of(&self, resolution: u8, mapped: Vec<CellIndex>, stop: Stop<'_>) -> Result<Arc<StudyArea>, Error> {
        let known =
            Arc::clone(self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(resolution).or_default());
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(area) = known.area.as_ref().filter(|_| known.mapped == mapped) {
            return Ok(Arc::clone(area));
        }
        let area = Arc::new(match &self.outline {
            None => StudyArea::try_within_reach(&mapped, stop)?,
            Some(outline) => {
                let contains = |longitude, latitude| outline.contains(latitude, longitude);
                StudyArea::try_inside(&mapped, contains, stop)?
            }
        });
        *known = CachedStudyArea { mapped, area: Some(Arc::clone(&area)) };
        Ok(area)
    }
}
