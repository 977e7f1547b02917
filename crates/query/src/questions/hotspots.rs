//! Hot and cold spots: Gi\* of every cell of the study area.

use super::statistic::{caution, mapped_and_not, of_whole_cells, refused, which_cells};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    StudyAreaMethod,
    encode::{Answer, Form, Json, Table, as_text, beside, hexagon, middles},
    names::{CellClass, ConfidenceLevel, class_name},
    parameters::allowed::{CONFIDENCE, ConfidencePercent, RESOLUTION, Resolution},
};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use blotter_cube::Filter;
use blotter_hotspot::{Class, Confidence, Stop, gi_star, q_values, two_sided_p};
use h3o::CellIndex;
use serde::Serialize;
use std::{ops::Range, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// At finer resolutions a city has ten thousands of cells, and an answer takes longer than a map should wait for.
const FINEST_QUICK: u8 = 9;

/// Which cells of a city hold more or fewer incidents, with their neighbours, than the others?
#[derive(Clone, Debug, IntoParams)]
pub struct Hotspots {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// Resolution of the H3 cells.
    #[param(value_type = Resolution, inline, required = false)]
    pub resolution: u8,
    /// Lowest confidence, in percent, at which a cell is hot or cold.
    #[param(value_type = ConfidencePercent, inline, required = false)]
    pub confidence: Confidence,
}

/// Every cell of the study area.
#[derive(Debug, Serialize, ToSchema)]
pub struct HotspotsAnswer {
    /// Values that hold for the whole answer.
    #[serde(flatten)]
    pub summary: HotspotsSummary,
    /// Every cell, sorted by H3 index.
    pub cells: Vec<HotspotCell>,
}

/// Values that hold for the whole answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HotspotsSummary {
    /// Resolution of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded.
    pub study_area: StudyAreaMethod,
    /// Cells of the study area.
    pub n: usize,
    /// Number of cells whose z is defined; q is corrected for it.
    pub tests: usize,
    /// Lowest confidence, in percent, at which a cell is hot or cold.
    #[schema(value_type = ConfidenceLevel)]
    pub confidence: u8,
    /// Lowest |z| that is significant here. Null if no cell is.
    #[schema(required)]
    pub critical_z: Option<f64>,
    /// Warning if a neighbourhood of seven cells has fewer than ten incidents on average. Null otherwise.
    #[schema(required)]
    pub caution: Option<String>,
    /// Selected incidents in the study area.
    pub mapped: u64,
    /// Selected incidents without coordinates inside the city's bounding box. Always 0 with `bbox`.
    pub unmapped: u64,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// One cell.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HotspotCell {
    /// H3 index of the cell, in hexadecimal.
    #[schema(value_type = String)]
    #[serde(rename = "cell", serialize_with = "as_text")]
    pub index: CellIndex,
    /// Incidents in the cell.
    pub count: u64,
    /// Incidents in the cell and its neighbours.
    pub neighborhood: u64,
    /// Neighbours inside the study area, 0 to 6.
    pub neighbors: u32,
    /// z score of Gi*, in standard deviations. Null if the study area has fewer than two cells, if all counts are equal, or if the
    /// cell's neighbourhood is the whole study area.
    #[schema(required)]
    pub z: Option<f64>,
    /// Two-sided probability of z, 0 to 1. Null if z is null.
    #[schema(required)]
    pub p: Option<f64>,
    /// p corrected for all tests (Benjamini and Hochberg), 0 to 1: the lowest false discovery rate at which the cell is significant.
    /// Null if z is null.
    #[schema(required)]
    pub q: Option<f64>,
    /// Class by q and the sign of z.
    #[schema(value_type = CellClass)]
    #[serde(serialize_with = "class_name")]
    pub class: Class,
}

impl FromParameters for Hotspots {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            resolution: RESOLUTION.read(parameters, "resolution")?,
            confidence: CONFIDENCE.read(parameters, "confidence")?,
            selection: parameters.selection()?,
        })
    }
}

impl Question for Hotspots {
    type Answer = HotspotsAnswer;

    const SUMMARY: &'static str = "Hot and cold spots: Gi* of every cell of the study area";
    const DESCRIPTION: &'static str = "Computes Getis-Ord Gi* with binary weights over a cell and its neighbours, its two-sided p, and q, \
        which corrects p for all tests (Benjamini and Hochberg). The study area has cells without selected incidents, too. \
        `outline`: cells whose centre lies inside the city's outline and that are connected to cells with incidents, and all cells \
        with incidents. `within_reach`, if the outline is unknown: cells with incidents, and cells with at least four neighbours that \
        have incidents. `bbox` narrows the study area; the other filters select incidents only.";

    fn cost(&self) -> Cost {
        if self.resolution > FINEST_QUICK { Cost::Heavy } else { Cost::Quick }
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<HotspotsAnswer>, QueryError> {
        let (resolution, confidence) = (self.resolution, self.confidence);
        let is_over = || caller.is_over();
        let stop = Stop::when(&is_over);
        let view = city.read();
        let filter = self.selection.filter(&city.profile, &view.cube)?;
        let everything = view.cube.cells(&Filter::default(), resolution);
        let content = vec![view.cube.content(&filter), which_cells(&everything)];
        let edition = Edition { content, next_offsets: view.reflects() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let selected = view.cube.cells(&of_whole_cells(&filter), resolution);
        drop(view);
        caller.long_work_begins();
        let area = city.study_areas.selected(resolution, &everything, &filter, stop).map_err(refused)?;
        let counts = area.counts(&selected.cells);
        let (mapped, unmapped) = mapped_and_not(&filter, &counts, selected.unmapped);
        stop.check().map_err(refused)?;
        let z = gi_star(&counts, area.neighbors());
        let p: Vec<Option<f64>> = z.iter().map(|z| z.map(two_sided_p)).collect();
        let q = q_values(&p);
        let class = |z: Option<f64>, q: Option<f64>| match (z, q) {
            (Some(z), Some(q)) => Class::of(z, q, confidence),
            _ => Class::NotSignificant,
        };
        let around = |number: usize| area.neighbors().of(number).iter();
        let cells: Vec<HotspotCell> = (0..counts.len())
            .map(|number| HotspotCell {
                index: area.cells()[number],
                count: counts[number],
                neighborhood: around(number).map(|other| counts[*other as usize]).sum::<u64>() + counts[number],
                neighbors: around(number).len() as u32,
                z: z[number],
                p: p[number],
                q: q[number],
                class: class(z[number], q[number]),
            })
            .collect();
        let significant = z.iter().zip(&q).filter(|(z, q)| class(**z, **q) != Class::NotSignificant);
        let summary = HotspotsSummary {
            resolution,
            study_area: city.study_areas.method(),
            n: cells.len(),
            tests: p.iter().flatten().count(),
            confidence: confidence.percent(),
            critical_z: significant.filter_map(|(z, _)| z.map(f64::abs)).min_by(f64::total_cmp),
            caution: caution(mapped, cells.len(), 1),
            mapped,
            unmapped,
            next_offsets: edition.next_offsets.clone(),
        };
        Ok(Reply::Answer(HotspotsAnswer { summary, cells }, Some(edition)))
    }
}

impl HotspotsAnswer {
    fn held_bytes(&self) -> usize {
        size_of_val(self.cells.as_slice())
    }
}

impl Answer for HotspotsAnswer {
    const FORMS: &'static [Form] = Form::PLACES;

    fn into_json(self) -> Result<Json, QueryError> {
        let (count, held_bytes) = (self.cells.len(), self.held_bytes());
        let cell = move |row: usize, body: &mut Vec<u8>| serde_json::to_writer(body, &self.cells[row]);
        Json::elements(&self.summary, "cells", count, held_bytes, cell)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let (count, held_bytes, beside) = (self.cells.len(), self.held_bytes(), beside(&self.summary)?);
        let indexes: Vec<CellIndex> = self.cells.iter().map(|cell| cell.index).collect();
        let rows = Box::new(move |rows: Range<usize>| table(&self.cells[rows]));
        Ok(Some(Table { count, rows, geometry: Box::new(move |row| hexagon(indexes[row])), beside, held_bytes }))
    }
}

fn table(cells: &[HotspotCell]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let [latitude, longitude] = middles(cells.iter().map(|cell| cell.index));
    let number =
        |of: fn(&HotspotCell) -> Option<f64>| -> ArrayRef { Arc::new(cells.iter().map(of).collect::<Float64Array>()) };
    RecordBatch::try_from_iter([
        ("cell", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.index.to_string()))) as ArrayRef),
        latitude,
        longitude,
        ("count", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.count)))),
        ("neighborhood", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.neighborhood)))),
        ("neighbors", Arc::new(UInt32Array::from_iter_values(cells.iter().map(|cell| cell.neighbors)))),
        ("z", number(|cell| cell.z)),
        ("p", number(|cell| cell.p)),
        ("q", number(|cell| cell.q)),
        ("class", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.class.name())))),
    ])
}
