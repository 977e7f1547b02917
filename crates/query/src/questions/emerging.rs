//! Emerging hot spots: how each cell changed, month by month or week by week.

use super::statistic::{
    MOST_COUNTS, caution, mapped_and_not, of_whole_cells, refused, steps, too_large, which_cells, within_bounds,
};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    StudyAreaMethod,
    encode::{Answer, Form, Json, Table, as_text, beside, hexagon, middles},
    names::{CellPattern, ConfidenceLevel, StepName, pattern_name},
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

/// How did each cell change?
#[derive(Clone, Debug, IntoParams)]
pub struct Emerging {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// Resolution of the H3 cells.
    #[param(value_type = Resolution, inline, required = false)]
    pub resolution: u8,
    /// Length of a step. Weeks begin on Monday.
    #[param(value_type = StepWord, inline, required = false)]
    pub step: Bucket,
    /// Confidence, in percent, for hot and cold cells and for trends.
    #[param(value_type = ConfidencePercent, inline, required = false)]
    pub confidence: Confidence,
}

/// Every cell of the study area.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmergingAnswer {
    /// Values that hold for the whole answer.
    #[serde(flatten)]
    pub summary: EmergingSummary,
    /// Every cell, sorted by H3 index.
    pub cells: Vec<EmergingCell>,
}

/// Values that hold for the whole answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmergingSummary {
    /// Resolution of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded; `/api/v1/hotspots` describes both methods.
    pub study_area: StudyAreaMethod,
    /// Cells of the study area.
    pub n: usize,
    /// Confidence, in percent, for hot and cold cells and for trends.
    #[schema(value_type = ConfidenceLevel)]
    pub confidence: u8,
    /// Length of a step.
    #[schema(value_type = StepName)]
    pub step: Bucket,
    /// Start of each step, a date in city time.
    pub steps: Vec<String>,
    /// Number of cells with each pattern. Patterns without cells are left out.
    pub patterns: BTreeMap<String, usize>,
    /// Warning if a neighbourhood of seven cells has fewer than ten incidents on average at each step. Null otherwise.
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
pub struct EmergingCell {
    /// H3 index of the cell, in hexadecimal.
    #[schema(value_type = String)]
    #[serde(rename = "cell", serialize_with = "as_text")]
    pub index: CellIndex,
    /// Incidents in the cell, over all steps.
    pub count: u64,
    /// How the cell changed. Null if z is undefined at the last step, or defined at fewer than ten.
    #[schema(value_type = Option<CellPattern>, required)]
    #[serde(serialize_with = "pattern_name")]
    pub pattern: Option<Pattern>,
    /// Number of steps at which z is defined.
    pub steps: u32,
    /// Number of them at which the cell is hot.
    pub hot_steps: u32,
    /// Number of them at which the cell is cold.
    pub cold_steps: u32,
    /// z score of Gi* at the last step, in standard deviations. Null if it is undefined there.
    #[schema(required)]
    pub z: Option<f64>,
    /// p of `z`, corrected for all cells of the last step (Benjamini and Hochberg), 0 to 1. Null if z is null.
    #[schema(required)]
    pub q: Option<f64>,
    /// Mann and Kendall's S of the z scores. Null if z is defined at fewer than ten steps.
    #[schema(required)]
    pub trend_s: Option<i64>,
    /// Standardised S; null with `trend_s`.
    #[schema(required)]
    pub trend_z: Option<f64>,
    /// Two-sided p of the trend, 0 to 1; null with `trend_s`.
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

    const SUMMARY: &'static str = "Emerging hot spots: how each cell changed";
    const DESCRIPTION: &'static str = "Computes Gi* for each step alone, then Mann and Kendall's trend test on each cell's z scores. Steps \
        run from the first to the last with any incident in the period; fewer than ten are refused. `pattern` is null if z is \
        undefined at the last step, or defined at fewer than ten. If `from` or `to` is missing, outliers at that end (see `outliers` \
        in `/api/v1/meta`) are not counted.";

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
