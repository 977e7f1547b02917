//! Emerging hot spots: what has become of the hot and cold spots of each cell, month by month or week by week.

use super::statistic::{
    MOST_COUNTS, caution, mapped_and_not, of_whole_cells, refused, steps, too_large, which_cells, within_bounds,
};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, as_text, beside, hexagon, middles},
};
use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array, UInt64Array},
    error::ArrowError,
};
use blotter_cube::{Bucket, CellBuckets, Filter};
use blotter_hotspot::{Confidence, MannKendall, Pattern, Stop, emerging as histories};
use h3o::CellIndex;
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// What has become of each cell that was hot or cold at some step?
#[derive(Clone, Debug)]
pub struct Emerging {
    /// Of which incidents.
    pub selection: Selection,
    /// Of the H3 cells.
    pub resolution: u8,
    /// A month or a week.
    pub step: Bucket,
    /// From which on a cell is called hot or cold.
    pub confidence: Confidence,
}

/// Every cell of the study area.
#[derive(Debug)]
pub struct EmergingAnswer {
    /// What is said of all cells.
    pub summary: EmergingSummary,
    /// In the order of their indexes.
    pub cells: Vec<EmergingCell>,
}

/// What is said of all cells.
#[derive(Clone, Debug, Serialize)]
pub struct EmergingSummary {
    /// Of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded: `outline` or `within_reach`.
    pub study_area: &'static str,
    /// Cells of the study area.
    pub n: usize,
    /// In percent.
    pub confidence: u8,
    /// A month or a week.
    pub step: Bucket,
    /// The beginning of each step.
    pub steps: Vec<String>,
    /// Cells of each pattern that there is.
    pub patterns: BTreeMap<String, usize>,
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
pub struct EmergingCell {
    /// Its H3 index.
    #[serde(rename = "cell", serialize_with = "as_text")]
    pub index: CellIndex,
    /// Incidents in it.
    pub count: u64,
    /// Its history in a word; none where no step's z is defined.
    pub pattern: Option<String>,
    /// Steps whose z is defined.
    pub steps: u32,
    /// At how many of them it is hot.
    pub hot_steps: u32,
    /// And cold.
    pub cold_steps: u32,
    /// Gi\* of the last step.
    pub z: Option<f64>,
    /// The false discovery rate of the last step.
    pub q: Option<f64>,
    /// Mann-Kendall's S of its z over the steps.
    pub trend_s: Option<i64>,
    /// Standardised.
    pub trend_z: Option<f64>,
    /// Two-sided.
    pub trend_p: Option<f64>,
}

impl FromParameters for Emerging {
    const NAMES: &'static [&'static str] = &["resolution", "step", "confidence"];
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        let (resolution, step, confidence) = (parameters.resolution()?, parameters.step()?, parameters.confidence()?);
        Ok(Self { selection: parameters.selection()?, resolution, step, confidence })
    }
}

impl Question for Emerging {
    type Answer = EmergingAnswer;

    fn cost(&self) -> Cost {
        Cost::Heavy
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<EmergingAnswer>, QueryError> {
        let (resolution, step, confidence) = (self.resolution, self.step, self.confidence);
        let is_over = || caller.is_over();
        let stop = Stop::when(&is_over);
        let view = city.read();
        let filter = self.selection.filter(&city.profile, &view.cube)?;
        let everything = view.cube.cells(&Filter::default(), resolution);
        // The steps reach from the first to the last in which any incident lies, of whatever category.
        let period = Filter { from: filter.from, to: filter.to, ..Filter::default() };
        let content = vec![view.cube.content(&period), which_cells(&everything)];
        let edition = Edition { content, next_offsets: view.reflects() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let buckets =
            view.cube.cells_by_bucket(&of_whole_cells(&filter), resolution, step, MOST_COUNTS).map_err(too_large)?;
        drop(view);
        caller.long_work_begins();
        let area = city.study_areas.selected(resolution, &everything, &filter, stop).map_err(refused)?;
        within_bounds(area.cells().len(), buckets.buckets.len()).map_err(too_large)?;
        let counts = steps(&area, &buckets);
        let CellBuckets { buckets: names, unmapped, .. } = buckets;
        let found = histories(&counts, area.neighbors(), confidence, stop).map_err(refused)?;
        let trend = |trend: Option<MannKendall>, of: fn(MannKendall) -> f64| trend.map(of);
        let cells: Vec<EmergingCell> = found
            .iter()
            .enumerate()
            .map(|(number, history)| EmergingCell {
                index: area.cells()[number],
                count: counts.iter().map(|step| u64::from(step[number])).sum(),
                pattern: history.pattern.map(Pattern::name),
                steps: history.steps,
                hot_steps: history.hot,
                cold_steps: history.cold,
                z: history.z,
                q: history.q,
                trend_s: history.trend.map(|trend| trend.s),
                trend_z: trend(history.trend, |trend| trend.z),
                trend_p: trend(history.trend, |trend| trend.p),
            })
            .collect();
        let whole: Vec<u64> = cells.iter().map(|cell| cell.count).collect();
        let (mapped, unmapped) = mapped_and_not(&filter, &whole, unmapped);
        let mut patterns = BTreeMap::new();
        for pattern in cells.iter().filter_map(|cell| cell.pattern.clone()) {
            *patterns.entry(pattern).or_default() += 1;
        }
        let summary = EmergingSummary {
            resolution,
            study_area: city.study_areas.method(),
            n: cells.len(),
            confidence: confidence.percent(),
            step,
            steps: names,
            patterns,
            caution: caution(mapped, cells.len(), counts.len()),
            mapped,
            unmapped,
            next_offsets: edition.next_offsets.clone(),
        };
        Ok(Reply::Answer(EmergingAnswer { summary, cells }, Some(edition)))
    }
}

impl EmergingAnswer {
    fn held_bytes(&self) -> usize {
        // With the name of its pattern.
        self.cells.len() * (size_of::<EmergingCell>() + 32)
    }
}

impl Answer for EmergingAnswer {
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

fn table(cells: &[EmergingCell]) -> Result<RecordBatch, ArrowError> {
    let [latitude, longitude] = middles(cells.iter().map(|cell| cell.index));
    let number =
        |of: fn(&EmergingCell) -> Option<f64>| -> ArrayRef { Arc::new(cells.iter().map(of).collect::<Float64Array>()) };
    let steps =
        |of: fn(&EmergingCell) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(cells.iter().map(of))) };
    RecordBatch::try_from_iter([
        ("cell", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.index.to_string()))) as ArrayRef),
        latitude,
        longitude,
        ("count", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.count)))),
        ("pattern", Arc::new(cells.iter().map(|cell| cell.pattern.as_deref()).collect::<StringArray>())),
        ("steps", steps(|cell| cell.steps)),
        ("hot_steps", steps(|cell| cell.hot_steps)),
        ("cold_steps", steps(|cell| cell.cold_steps)),
        ("z", number(|cell| cell.z)),
        ("q", number(|cell| cell.q)),
        ("trend_s", Arc::new(cells.iter().map(|cell| cell.trend_s).collect::<Int64Array>())),
        ("trend_z", number(|cell| cell.trend_z)),
        ("trend_p", number(|cell| cell.trend_p)),
    ])
}
