//! Change: which cells hold more or fewer incidents than in another period.

use super::statistic::{mapped_and_not, of_whole_cells, refused, which_cells};
use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    StudyAreaMethod,
    encode::{Answer, Form, Json, Table, as_text, beside, hexagon, middles},
    names::ConfidenceLevel,
    parameters::{
        allowed::{CONFIDENCE, ConfidencePercent, Moment, RESOLUTION, Resolution},
        moment,
    },
};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use blotter_city::{CityClock, CivilMicros, UtcMicros};
use blotter_cube::Filter;
use blotter_hotspot::{Confidence, Stop, q_values, two_counts_p};
use h3o::CellIndex;
use serde::Serialize;
use std::{ops::Range, sync::Arc};
use utoipa::{IntoParams, ToSchema};

const DAY_MICROS: f64 = 86_400e6;

/// Where are there more or fewer incidents than before?
#[derive(Clone, Debug, IntoParams)]
pub struct PeriodChange {
    /// Of which incidents. `from` and `to` are required.
    #[param(ignore)]
    pub selection: Selection,
    /// Start of the other period, inclusive; formats as for `from`. Default: with `before_to`, the period of the same length that ends
    /// there.
    #[param(value_type = Moment, inline, required = false)]
    pub before_from: Option<String>,
    /// End of the other period, exclusive; formats as for `to`. Default: `from`.
    #[param(value_type = Moment, inline, required = false)]
    pub before_to: Option<String>,
    /// Resolution of the H3 cells.
    #[param(value_type = Resolution, inline, required = false)]
    pub resolution: u8,
    /// Lowest confidence, in percent, at which a cell has changed.
    #[param(value_type = ConfidencePercent, inline, required = false)]
    pub confidence: Confidence,
}

/// Every cell with incidents in either period.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodChangeAnswer {
    /// Values that hold for the whole answer.
    #[serde(flatten)]
    pub summary: PeriodChangeSummary,
    /// Cells with incidents in either period, sorted by H3 index.
    pub cells: Vec<ChangedCell>,
}

/// Values that hold for the whole answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PeriodChangeSummary {
    /// Start of the period: city time with offset.
    #[schema(format = DateTime)]
    pub from: String,
    /// End of the period, exclusive.
    #[schema(format = DateTime)]
    pub to: String,
    /// Start of the other period.
    #[schema(format = DateTime)]
    pub before_from: String,
    /// End of the other period, exclusive.
    #[schema(format = DateTime)]
    pub before_to: String,
    /// Length of the period, in days.
    pub days: f64,
    /// Length of the other period, in days. The test allows for a difference; counts do not.
    pub before_days: f64,
    /// Resolution of the H3 cells.
    pub resolution: u8,
    /// How the study area is bounded.
    pub study_area: StudyAreaMethod,
    /// Cells of the study area.
    pub n: usize,
    /// Cells with incidents in either period; q is corrected for them.
    pub tests: usize,
    /// Lowest confidence, in percent, at which a cell has changed.
    #[schema(value_type = ConfidenceLevel)]
    pub confidence: u8,
    /// Cells with more incidents.
    pub more: usize,
    /// Cells with fewer incidents.
    pub fewer: usize,
    /// Selected incidents of the period in the study area.
    pub mapped: u64,
    /// Selected incidents of the other period in the study area.
    pub before_mapped: u64,
    /// Selected incidents of the period without coordinates inside the city's bounding box. Always 0 with `bbox`.
    pub unmapped: u64,
    /// Selected incidents of the other period without coordinates inside the city's bounding box. Always 0 with `bbox`.
    pub before_unmapped: u64,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// One cell.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangedCell {
    /// H3 index of the cell, in hexadecimal.
    #[schema(value_type = String)]
    #[serde(rename = "cell", serialize_with = "as_text")]
    pub index: CellIndex,
    /// Incidents in the period.
    pub count: u64,
    /// Incidents in the other period.
    pub before: u64,
    /// count − before.
    pub difference: i64,
    /// Probability of two counts at least this unequal if the rate is the same, 0 to 1: exact test of two Poisson counts (conditional
    /// binomial, two-sided).
    pub p: f64,
    /// p corrected for all tests (Benjamini and Hochberg), 0 to 1.
    pub q: f64,
    /// `more` or `fewer` if q is at most 1 − confidence, else `same`.
    pub class: ChangeClass,
}

/// `more`: significantly more incidents than before. `fewer`: significantly fewer. `same`: no significant difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeClass {
    /// Significantly more incidents than before.
    More,
    /// Significantly fewer.
    Fewer,
    /// No significant difference.
    Same,
}

impl FromParameters for PeriodChange {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            before_from: parameters.text("before_from"),
            before_to: parameters.text("before_to"),
            resolution: RESOLUTION.read(parameters, "resolution")?,
            confidence: CONFIDENCE.read(parameters, "confidence")?,
            selection: parameters.selection()?,
        })
    }
}

/// From a moment to another.
#[derive(Clone, Copy)]
struct Span {
    from: UtcMicros,
    to: UtcMicros,
}

impl Span {
    fn days(self) -> f64 {
        (self.to.0 - self.from.0) as f64 / DAY_MICROS
    }
}

impl PeriodChange {
    /// The period and the other one.
    fn periods(&self, filter: &Filter, clock: &CityClock) -> Result<(Span, Span), QueryError> {
        let missing = |name: &str| {
            QueryError::parameter(
                name,
                format!("`{name}` is missing: a change is one between two periods, so give both ends of one"),
            )
        };
        let now =
            Span { from: filter.from.ok_or_else(|| missing("from"))?, to: filter.to.ok_or_else(|| missing("to"))? };
        let to = moment("before_to", self.before_to.as_deref(), clock)?.unwrap_or(now.from);
        // In the city's time, so that days remain days where clocks change.
        let length = clock.to_civil(now.to).0 - clock.to_civil(now.from).0;
        let same_length = clock.to_utc(CivilMicros(clock.to_civil(to).0.saturating_sub(length)));
        let from = moment("before_from", self.before_from.as_deref(), clock)?.unwrap_or(same_length);
        if from >= to {
            return Err(QueryError::parameter("before_from", "`before_from` is not before `before_to`"));
        }
        Ok((now, Span { from, to }))
    }
}

impl Question for PeriodChange {
    type Answer = PeriodChangeAnswer;

    const SUMMARY: &'static str = "Change: cells with more or fewer incidents than in another period";
    const DESCRIPTION: &'static str = "Compares the incidents of each cell in two periods by the exact test of two Poisson counts \
        (conditional binomial, two-sided), and corrects p for all cells (Benjamini and Hochberg). `from` and `to` are required. `bbox` \
        selects whole cells by their centre.";

    fn cost(&self) -> Cost {
        Cost::Heavy
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<PeriodChangeAnswer>, QueryError> {
        let (resolution, confidence) = (self.resolution, self.confidence);
        let is_over = || caller.is_over();
        let stop = Stop::when(&is_over);
        let view = city.read();
        let clock = view.cube.clock().clone();
        let filter = self.selection.filter(&city.profile, &view.cube)?;
        let (now, before) = self.periods(&filter, &clock)?;
        let filter_before = Filter { from: Some(before.from), to: Some(before.to), ..filter.clone() };
        let everything = view.cube.cells(&Filter::default(), resolution);
        let content = vec![view.cube.content(&filter), view.cube.content(&filter_before), which_cells(&everything)];
        let edition = Edition { content, next_offsets: view.reflects() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let of_now = view.cube.cells(&of_whole_cells(&filter), resolution);
        let of_before = view.cube.cells(&of_whole_cells(&filter_before), resolution);
        drop(view);
        caller.long_work_begins();
        let area = city.study_areas.selected(resolution, &everything, &filter, stop).map_err(refused)?;
        let (counts, counts_before) = (area.counts(&of_now.cells), area.counts(&of_before.cells));
        let (mapped, unmapped) = mapped_and_not(&filter, &counts, of_now.unmapped);
        let (before_mapped, before_unmapped) = mapped_and_not(&filter_before, &counts_before, of_before.unmapped);
        let share = now.days() / (now.days() + before.days());
        let tested: Vec<usize> = (0..counts.len()).filter(|cell| counts[*cell] + counts_before[*cell] > 0).collect();
        let mut p = Vec::with_capacity(tested.len());
        for cell in &tested {
            stop.check().map_err(refused)?;
            p.push(Some(two_counts_p(counts[*cell], counts_before[*cell], share)));
        }
        let q = q_values(&p);
        let least = 1.0 - f64::from(confidence.percent()) / 100.0;
        let cells: Vec<ChangedCell> = tested
            .iter()
            .zip(p.iter().zip(&q))
            .filter_map(|(cell, (p, q))| {
                let (count, before, p, q) = (counts[*cell], counts_before[*cell], (*p)?, (*q)?);
                // The rate, not the count: the periods may be of different lengths.
                let is_more = count as f64 * (1.0 - share) > before as f64 * share;
                let class = match (q <= least + 1e-12, is_more) {
                    (true, true) => ChangeClass::More,
                    (true, false) => ChangeClass::Fewer,
                    (false, _) => ChangeClass::Same,
                };
                let difference = count as i64 - before as i64;
                Some(ChangedCell { index: area.cells()[*cell], count, before, difference, p, q, class })
            })
            .collect();
        let of_class = |class| cells.iter().filter(|cell| cell.class == class).count();
        let summary = PeriodChangeSummary {
            from: clock.format(now.from),
            to: clock.format(now.to),
            before_from: clock.format(before.from),
            before_to: clock.format(before.to),
            days: now.days(),
            before_days: before.days(),
            resolution,
            study_area: city.study_areas.method(),
            n: counts.len(),
            tests: cells.len(),
            confidence: confidence.percent(),
            more: of_class(ChangeClass::More),
            fewer: of_class(ChangeClass::Fewer),
            mapped,
            before_mapped,
            unmapped,
            before_unmapped,
            next_offsets: edition.next_offsets.clone(),
        };
        Ok(Reply::Answer(PeriodChangeAnswer { summary, cells }, Some(edition)))
    }
}

impl PeriodChangeAnswer {
    fn held_bytes(&self) -> usize {
        size_of_val(self.cells.as_slice())
    }
}

impl Answer for PeriodChangeAnswer {
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

fn table(cells: &[ChangedCell]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let [latitude, longitude] = middles(cells.iter().map(|cell| cell.index));
    let class = |cell: &ChangedCell| match cell.class {
        ChangeClass::More => "more",
        ChangeClass::Fewer => "fewer",
        ChangeClass::Same => "same",
    };
    RecordBatch::try_from_iter([
        ("cell", Arc::new(StringArray::from_iter_values(cells.iter().map(|cell| cell.index.to_string()))) as ArrayRef),
        latitude,
        longitude,
        ("count", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.count)))),
        ("before", Arc::new(UInt64Array::from_iter_values(cells.iter().map(|cell| cell.before)))),
        ("difference", Arc::new(Int64Array::from_iter_values(cells.iter().map(|cell| cell.difference)))),
        ("p", Arc::new(Float64Array::from_iter_values(cells.iter().map(|cell| cell.p)))),
        ("q", Arc::new(Float64Array::from_iter_values(cells.iter().map(|cell| cell.q)))),
        ("class", Arc::new(StringArray::from_iter_values(cells.iter().map(class)))),
    ])
}
