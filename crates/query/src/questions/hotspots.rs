//! Hot and cold spots: Gi\* of every cell of the study area.

use super::statistic::{caution, mapped_and_not, of_whole_cells, refused, which_cells};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, as_text, beside, hexagon, middles},
};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use blotter_cube::Filter;
use blotter_hotspot::{Class, Confidence, Stop, gi_star, q_values, two_sided_p};
use h3o::CellIndex;
use serde::Serialize;
use std::{ops::Range, sync::Arc};

/// At finer resolutions a city has ten thousands of cells, and an answer takes longer than a map should wait for.
const FINEST_QUICK: u8 = 9;

/// Which cells of a city hold more or fewer incidents, with their neighbours, than the others?
#[derive(Clone, Debug)]
pub struct Hotspots {
    /// Of which incidents.
    pub selection: Selection,
    /// Of the H3 cells.
    pub resolution: u8,
    /// From which on a cell is called hot or cold.
    pub confidence: Confidence,
}

/// Every cell of the study area.
#[derive(Debug)]
pub struct HotspotsAnswer {
    /// What is said of all cells.
    pub summary: HotspotsSummary,
    /// In the order of their indexes.
    pub cells: Vec<HotspotCell>,
}

/// What is said of all cells.
#[derive(Clone, Debug, Serialize)]
pub struct HotspotsSummary {
    /// Of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded: `outline` or `within_reach`.
    pub study_area: &'static str,
    /// Cells of the study area.
    pub n: usize,
    /// Cells whose z is defined: so many tests were made, and corrected for.
    pub tests: usize,
    /// In percent.
    pub confidence: u8,
    /// The least |z| that is called significant here; none where nothing is.
    pub critical_z: Option<f64>,
    /// Why these numbers are to be taken with care, where they are.
    pub caution: Option<String>,
    /// Selected incidents in the study area.
    pub mapped: u64,
    /// Selected incidents without a place on the map.
    pub unmapped: u64,
    /// What it reflects.
    pub next_offsets: NextOffsets,
}

/// One cell.
#[derive(Clone, Debug, Serialize)]
pub struct HotspotCell {
    /// Its H3 index.
    #[serde(rename = "cell", serialize_with = "as_text")]
    pub index: CellIndex,
    /// Incidents in it.
    pub count: u64,
    /// Incidents in it and its neighbours together: what z is about.
    pub neighborhood: u64,
    /// How many neighbours it has.
    pub neighbors: u32,
    /// Gi\*; none where it is not defined.
    pub z: Option<f64>,
    /// Two-sided.
    pub p: Option<f64>,
    /// The false discovery rate at which it would be called significant.
    pub q: Option<f64>,
    /// Hot or cold, at which confidence.
    pub class: String,
}

impl FromParameters for Hotspots {
    const NAMES: &'static [&'static str] = &["resolution", "confidence"];
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        let (resolution, confidence) = (parameters.resolution()?, parameters.confidence()?);
        Ok(Self { selection: parameters.selection()?, resolution, confidence })
    }
}

impl Question for Hotspots {
    type Answer = HotspotsAnswer;

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
                class: class(z[number], q[number]).name(),
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
        // With the name of its class.
        self.cells.len() * (size_of::<HotspotCell>() + 32)
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
        ("class", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| &cell.class)))),
    ])
}
