//! Emerging hot spots: what has become of the hot and cold spots of each cell, month by month or week by week.

use super::statistic::{
    MOST_COUNTS, caution, mapped_and_not, of_whole_cells, refused, steps, too_large, which_cells, within_bounds,
};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    StudyAreaMethod,
    encode::{Answer, Form, Json, Table, as_text, beside, hexagon, middles},
    names::{CellPattern, StepName, pattern_name},
    parameters::allowed::{CONFIDENCE, ConfidencePercent, RESOLUTION, Resolution, STEP, StepWord},
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
use utoipa::{IntoParams, ToSchema};

/// What has become of each cell that was hot or cold at some step?
#[derive(Clone, Debug, IntoParams)]
pub struct Emerging {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// Resolution of the H3 cells.
    #[param(value_type = Resolution, inline, required = false)]
    pub resolution: u8,
    /// Length of a step; weeks begin on Monday.
    #[param(value_type = StepWord, inline, required = false)]
    pub step: Bucket,
    /// The confidence, in percent, at which a cell is hot or cold at a step, and at which its trend is one.
    #[param(value_type = ConfidencePercent, inline, required = false)]
    pub confidence: Confidence,
}

/// Every cell of the study area.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmergingAnswer {
    /// What is said of all cells.
    #[serde(flatten)]
    pub summary: EmergingSummary,
    /// In the order of their indexes.
    pub cells: Vec<EmergingCell>,
}

/// What is said of all cells.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmergingSummary {
    /// Resolution of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded.
    pub study_area: StudyAreaMethod,
    /// Cells of the study area.
    pub n: usize,
    /// The confidence, in percent, at which a cell is hot or cold at a step, and at which its trend is one.
    pub confidence: u8,
    /// Length of a step.
    #[schema(value_type = StepName)]
    pub step: Bucket,
    /// The beginning of each step, in civil time.
    pub steps: Vec<String>,
    /// How many cells have each pattern; a pattern without cells is left out.
    pub patterns: BTreeMap<String, usize>,
    /// Why these numbers are to be taken with care: where a neighbourhood holds few incidents, single ones are called hot.
    #[schema(required)]
    pub caution: Option<String>,
    /// Selected incidents in the study area.
    pub mapped: u64,
    /// Selected incidents without coordinates inside the city's bounding box.
    pub unmapped: u64,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// One cell.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmergingCell {
    /// H3 index of the cell, in hexadecimal.
    #[schema(value_type = String)]
    #[serde(rename = "cell", serialize_with = "as_text")]
    pub index: CellIndex,
    /// Incidents in it, over all steps.
    pub count: u64,
    /// Its history in a word; null where z is not defined at the last step, or at fewer than ten steps.
    #[schema(value_type = Option<CellPattern>, required)]
    #[serde(serialize_with = "pattern_name")]
    pub pattern: Option<Pattern>,
    /// Steps whose z is defined.
    pub steps: u32,
    /// At how many of them it is hot.
    pub hot_steps: u32,
    /// At how many of them it is cold.
    pub cold_steps: u32,
    /// z of Gi* at the last step, in standard deviations; null where it is not defined.
    #[schema(required)]
    pub z: Option<f64>,
    /// p of that z after Benjamini and Hochberg over all cells of the last step.
    #[schema(required)]
    pub q: Option<f64>,
    /// S of Mann and Kendall, of the cell's z over the steps; null where z is defined at fewer than ten steps.
    #[schema(required)]
    pub trend_s: Option<i64>,
    /// That S, standardised.
    #[schema(required)]
    pub trend_z: Option<f64>,
    /// Two-sided probability of the trend.
    #[schema(required)]
    pub trend_p: Option<f64>,
}

impl FromParameters for Emerging {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            resolution: RESOLUTION.read(parameters, "resolution")?,
            step: STEP.read(parameters, "step")?,
            confidence: CONFIDENCE.read(parameters, "confidence")?,
            selection: parameters.selection()?,
        })
    }
}

impl Question for Emerging {
    type Answer = EmergingAnswer;

    const SUMMARY: &'static str = "Emerging hot spots: what has become of each cell's hot and cold spots";
    const DESCRIPTION: &'static str = "Gi* of every step by itself, hot and cold by q over all cells of the step, and the test of Mann \
        and Kendall on each cell's series of z. The steps are those of the period, from the first to the last in which any incident \
        lies; ten are needed. A step at which z is not defined is no part of a cell's history. `pattern` is null where the last step \
        is such a step, or where z is defined at fewer than ten steps.";

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
                pattern: history.pattern,
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
        for pattern in cells.iter().filter_map(|cell| cell.pattern) {
            *patterns.entry(pattern.name()).or_default() += 1;
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
        size_of_val(self.cells.as_slice())
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
        ("pattern", Arc::new(cells.iter().map(|cell| cell.pattern.map(Pattern::name)).collect::<StringArray>())),
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
