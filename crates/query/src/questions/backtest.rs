//! Backtest: how well a map of past weeks would have predicted the weeks that followed.

use super::statistic::{
    MOST_COUNTS, mapped_and_not, of_whole_cells, refused, steps, too_large, which_cells, within_bounds,
};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    StudyAreaMethod,
    encode::{Answer, Form, Json, Table},
    names::MethodName,
    parameters::allowed::{
        BANDWIDTH_M, BandwidthM, RESOLUTION, Resolution, SHARE, Share, TRAINING_WEEKS, TrainingWeeks, WEEKS, Weeks,
    },
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array},
    error::ArrowError,
};
use blotter_cube::{Bucket, Filter};
use blotter_hotspot::{BacktestPlan, Stop, backtest as foretell};
use serde::Serialize;
use serde_json::Map;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// How well would each method have predicted where the incidents of the last weeks happened?
#[derive(Clone, Debug, IntoParams)]
pub struct Backtest {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// Resolution of the H3 cells.
    #[param(value_type = Resolution, inline, required = false)]
    pub resolution: u8,
    /// Share of the study area's cells to flag, 0 to 1; rounded to whole cells, at least one.
    #[param(value_type = Share, inline, required = false)]
    pub share: f64,
    /// Number of weeks to predict, at the end of the period.
    #[param(value_type = Weeks, inline, required = false)]
    pub weeks: usize,
    /// Number of weeks before each predicted week to learn from.
    #[param(value_type = TrainingWeeks, inline, required = false)]
    pub training_weeks: usize,
    /// Bandwidth of the kernel density, in metres.
    #[param(value_type = BandwidthM, inline, required = false)]
    pub bandwidth_m: f64,
}

/// How well each method predicted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BacktestAnswer {
    /// Resolution of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded; `/api/v1/hotspots` describes both methods.
    pub study_area: StudyAreaMethod,
    /// Cells of the study area.
    pub n: usize,
    /// Cells that each method flags each week.
    pub flagged: usize,
    /// Share of the cells to flag, as requested.
    pub share: f64,
    /// Number of weeks before each predicted week to learn from.
    pub training_weeks: usize,
    /// Bandwidth of the kernel density, in metres.
    pub bandwidth_m: f64,
    /// The Monday of each predicted week, a date in city time.
    pub weeks: Vec<String>,
    /// Per week: incidents in the study area.
    pub incidents: Vec<u64>,
    /// Per week: incidents in the best possible `flagged` cells.
    pub best: Vec<u64>,
    /// One score per method.
    pub methods: Vec<MethodScore>,
    /// Selected incidents in the study area.
    pub mapped: u64,
    /// Selected incidents without coordinates inside the city's bounding box. Always 0 with `bbox`.
    pub unmapped: u64,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// How well a method predicted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MethodScore {
    /// What the cells are ranked by.
    #[schema(value_type = MethodName)]
    #[serde(rename = "method")]
    pub name: &'static str,
    /// Per week: incidents in the flagged cells.
    pub hits: Vec<u64>,
    /// Hits / incidents, 0 to 1. Null if the predicted weeks have no incidents.
    #[schema(required)]
    pub hit_rate: Option<f64>,
    /// Prediction accuracy index: hit_rate / (flagged / n); 1 is no better than chance. Null if the predicted weeks have no incidents.
    #[schema(required)]
    pub pai: Option<f64>,
    /// Prediction efficiency index with the same number of cells: hits / `best`, 0 to 1. Null if the predicted weeks have no incidents.
    #[schema(required)]
    pub pei_star: Option<f64>,
}

impl FromParameters for Backtest {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            resolution: RESOLUTION.read(parameters, "resolution")?,
            share: SHARE.read(parameters, "share")?,
            weeks: WEEKS.read(parameters, "weeks")?,
            training_weeks: TRAINING_WEEKS.read(parameters, "training_weeks")?,
            bandwidth_m: BANDWIDTH_M.read(parameters, "bandwidth_m")?,
            selection: parameters.selection()?,
        })
    }
}

impl Question for Backtest {
    type Answer = BacktestAnswer;

    const SUMMARY: &'static str = "Backtest: how well hot-spot maps would have predicted";
    const DESCRIPTION: &'static str = "Predicts each of the last `weeks` from the `training_weeks` before it. Each method ranks the \
        cells; the first `share` of them are flagged; the week's incidents inside are hits. Ratios are computed from sums over all \
        weeks. Ties: the lower cell index first. If `from` or `to` is missing, outliers at that end (see `outliers` in \
        `/api/v1/meta`) are not counted. Arrow and CSV have one row per method.";

    fn cost(&self) -> Cost {
        Cost::Heavy
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<BacktestAnswer>, QueryError> {
        let resolution = self.resolution;
        let plan = BacktestPlan {
            training_weeks: self.training_weeks,
            test_weeks: self.weeks,
            area_share: self.share,
            bandwidth_m: self.bandwidth_m,
        };
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
        let buckets = view
            .cube
            .cells_by_bucket(&of_whole_cells(&filter), resolution, Bucket::Week, MOST_COUNTS)
            .map_err(too_large)?;
        drop(view);
        caller.long_work_begins();
        let area = city.study_areas.selected(resolution, &everything, &filter, stop).map_err(refused)?;
        within_bounds(area.cells().len(), buckets.buckets.len()).map_err(too_large)?;
        let counts = steps(&area, &buckets);
        let sums: Vec<u64> = counts.iter().map(|week| week.iter().copied().map(u64::from).sum()).collect();
        let (mapped, unmapped) = mapped_and_not(&filter, &sums, buckets.unmapped);
        let found = foretell(&counts, &area, &plan, stop).map_err(refused)?;
        let methods = found.scores.into_iter().map(|score| MethodScore {
            name: score.method.name(),
            hits: score.hits,
            hit_rate: score.hit_rate,
            pai: score.pai,
            pei_star: score.pei_star,
        });
        let answer = BacktestAnswer {
            resolution,
            study_area: city.study_areas.method(),
            n: found.cells,
            flagged: found.flagged,
            share: plan.area_share,
            training_weeks: plan.training_weeks,
            bandwidth_m: plan.bandwidth_m,
            weeks: buckets.buckets[buckets.buckets.len() - plan.test_weeks..].to_vec(),
            incidents: found.incidents,
            best: found.best,
            methods: methods.collect(),
            mapped,
            unmapped,
            next_offsets: edition.next_offsets.clone(),
        };
        Ok(Reply::Answer(answer, Some(edition)))
    }
}

impl Answer for BacktestAnswer {
    const FORMS: &'static [Form] = Form::TABLE;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    /// A row for each method.
    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let rows = table(&self.methods, &self.incidents).map_err(|error| QueryError::internal(&error))?;
        Ok(Some(Table::of(rows, Map::new())))
    }
}

fn table(methods: &[MethodScore], incidents: &[u64]) -> Result<RecordBatch, ArrowError> {
    let ratio = |of: fn(&MethodScore) -> Option<f64>| -> ArrayRef {
        Arc::new(methods.iter().map(of).collect::<Float64Array>())
    };
    let all: u64 = incidents.iter().sum();
    RecordBatch::try_from_iter([
        ("method", Arc::new(StringArray::from_iter_values(methods.iter().map(|score| score.name))) as ArrayRef),
        ("incidents", Arc::new(UInt64Array::from_iter_values(methods.iter().map(|_| all)))),
        ("hits", Arc::new(UInt64Array::from_iter_values(methods.iter().map(|score| score.hits.iter().sum::<u64>())))),
        ("hit_rate", ratio(|score| score.hit_rate)),
        ("pai", ratio(|score| score.pai)),
        ("pei_star", ratio(|score| score.pei_star)),
    ])
}
