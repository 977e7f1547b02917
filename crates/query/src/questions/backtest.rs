//! Backtest: how good a map of the past weeks would have been in the weeks that followed.

use super::statistic::{
    MOST_COUNTS, mapped_and_not, of_whole_cells, refused, steps, too_large, which_cells, within_bounds,
};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table},
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

/// How well would each method have foretold where the incidents of the last weeks happened?
#[derive(Clone, Debug)]
pub struct Backtest {
    /// Of which incidents.
    pub selection: Selection,
    /// Of the H3 cells.
    pub resolution: u8,
    /// Which weeks are foretold from which, and how much of the area is flagged.
    pub plan: BacktestPlan,
}

/// How good each method was.
#[derive(Clone, Debug, Serialize)]
pub struct BacktestAnswer {
    /// Of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded: `outline` or `within_reach`.
    pub study_area: &'static str,
    /// Cells of the study area.
    pub n: usize,
    /// How many of them are flagged.
    pub flagged: usize,
    /// The share of the cells that is flagged.
    pub share: f64,
    /// Weeks from which each week is foretold.
    pub training_weeks: usize,
    /// Of the kernel density, in metres.
    pub bandwidth_m: f64,
    /// The Monday of each week that is foretold.
    pub weeks: Vec<String>,
    /// Incidents of each week.
    pub incidents: Vec<u64>,
    /// Incidents of each week in its best cells.
    pub best: Vec<u64>,
    /// Each method.
    pub methods: Vec<MethodScore>,
    /// Selected incidents in the study area.
    pub mapped: u64,
    /// Selected incidents without a place on the map.
    pub unmapped: u64,
    /// What it reflects.
    pub next_offsets: NextOffsets,
}

/// How good a method was.
#[derive(Clone, Debug, Serialize)]
pub struct MethodScore {
    /// Its name.
    #[serde(rename = "method")]
    pub name: &'static str,
    /// Incidents of each week in flagged cells.
    pub hits: Vec<u64>,
    /// The share of all incidents.
    pub hit_rate: Option<f64>,
    /// The hit rate by the share of the area.
    pub pai: Option<f64>,
    /// The hits by those of the best cells.
    pub pei_star: Option<f64>,
}

impl FromParameters for Backtest {
    const NAMES: &'static [&'static str] = &["resolution", "share", "weeks", "training_weeks", "bandwidth_m"];
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            resolution: parameters.resolution()?,
            plan: BacktestPlan {
                training_weeks: parameters.number("training_weeks", 1..=520, 52)?,
                test_weeks: parameters.number("weeks", 1..=520, 12)?,
                area_share: parameters.number("share", 0.0001..=1.0, 0.05)?,
                bandwidth_m: parameters.number("bandwidth_m", 50.0..=5000.0, 400.0)?,
            },
            selection: parameters.selection()?,
        })
    }
}

impl Question for Backtest {
    type Answer = BacktestAnswer;

    fn cost(&self) -> Cost {
        Cost::Heavy
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<BacktestAnswer>, QueryError> {
        let (resolution, plan) = (self.resolution, &self.plan);
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
        let found = foretell(&counts, &area, plan, stop).map_err(refused)?;
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
