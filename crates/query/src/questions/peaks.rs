//! Peaks: areas and categories with more incidents than expected, by window.
//!
//! A tick ends with the hour of the data's newest incident, or at `at`: only hours that end by then are counted. The filters
//! select what is listed; q is always corrected for all tests of the tick. `as=said` returns what `detect` had published by
//! then, from topic `peaks`, instead of recomputing with today's revisions.

use crate::{
    Caller, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection, View,
    encode::{Answer, Form, Json, Table, beside},
    hourly::Hourly,
    parameters::{
        allowed::{AS, Areas, AsWord, COURSE, Categories, CourseSteps, Moment, PEAKS, PeaksLimit},
        moment,
    },
};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array},
    error::ArrowError,
};
use blotter_city::{CityClock, Outlines, UtcMicros, format_utc};
use blotter_cube::Filter;
use blotter_log::{LogError, Topic};
use blotter_peak::{
    CourseOf, Hour, Names, Peak, PublishedTick, Report, ReportedPeak, ReportedWindow, Window, begin_of, hour_of,
    said_rows,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// Peaks of a window that may have courses.
const MOST_COURSES: usize = 100;

/// What is unusual at a moment?
#[derive(Clone, Debug, IntoParams)]
pub struct Peaks {
    /// End of the windows: city time, or a time with offset. Only hours that end by then are counted. Default: the end of the hour of
    /// the newest incident.
    #[param(value_type = Moment, inline, required = false)]
    pub at: Option<String>,
    /// `known`: recompute with today's data. `said`: return what was published at that time (requires the log): the 25 most surprising
    /// peaks of each window, and up to 100 with q ≤ 0.1.
    #[param(rename = "as", value_type = AsWord, inline, required = false)]
    pub is_as_said: bool,
    /// LAYER:CODE or LAYER:NAME of the primary layer (`primary` in `/api/v1/meta`); may be repeated. Other layers are refused.
    #[param(value_type = Areas, inline, required = false)]
    pub area: Vec<String>,
    /// List these categories (see `/api/v1/meta`); may be repeated. An unknown category is refused. Default: all.
    #[param(value_type = Categories, inline, required = false)]
    pub category: Vec<String>,
    /// Maximum number of peaks in each window.
    #[param(value_type = PeaksLimit, inline, required = false)]
    pub limit: usize,
    /// Number of steps of the course of each peak: its window, and the windows of the same length before it. 0: no courses. With courses,
    /// `limit` is at most 100, and `as` is `known`.
    #[param(value_type = CourseSteps, inline, required = false)]
    pub course: usize,
}

/// The peaks of each window, the most unusual first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeaksAnswer {
    /// The tick, with the selected peaks.
    #[serde(flatten)]
    pub report: Report,
    /// Only with `as=said`: time at which it was published, UTC.
    #[schema(format = DateTime, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_at: Option<String>,
    #[serde(skip)]
    outlines: Option<Arc<Outlines>>,
}

impl FromParameters for Peaks {
    const HAS_FILTER: bool = false;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        let (limit, course) = (PEAKS.read(parameters, "limit")?, COURSE.read(parameters, "course")?);
        let is_as_said = AS.read(parameters, "as")?;
        if course > 0 && limit > MOST_COURSES {
            let detail = format!("`limit={limit}`: with `course`, give a limit of at most {MOST_COURSES}");
            return Err(QueryError::parameter("limit", detail));
        }
        if course > 0 && is_as_said {
            let detail = "courses are computed from what is known today: leave `course` out, or give `as=known`";
            return Err(QueryError::parameter("course", detail));
        }
        Ok(Self {
            limit,
            is_as_said,
            course,
            at: parameters.text("at"),
            area: parameters.texts("area"),
            category: parameters.texts("category"),
        })
    }
}

impl Peaks {
    /// Which areas of the hourly counts, and which categories, are listed.
    fn selection(&self) -> Selection {
        Selection { area: self.area.clone(), category: self.category.clone(), ..Selection::default() }
    }
}

impl Question for Peaks {
    type Answer = PeaksAnswer;

    const SUMMARY: &'static str = "What is peaking: observed and expected by area, category and window";
    const DESCRIPTION: &'static str = "Compares observed and expected counts of each area and category in the last 1, 6, 24 and 168 hours \
        of the data. `area` and `category` select what is listed; q is always corrected for all tests of the tick (`tests`). Incidents \
        without an area are left out. Arrow and CSV rows have `window_hours`. `as=said` returns the last tick published by `at`.";
    const NOT_FOUND: Option<&'static str> = Some("What was published then is no longer in the log.");

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<PeaksAnswer>, QueryError> {
        let (clock, at, selected, now) = {
            let view = city.read();
            let clock = view.cube.clock().clone();
            let at = moment("at", self.at.as_deref(), &clock)?.map(hour_of);
            let (areas, categories) = self.selection().areas_and_categories(&city.profile, &view.cube)?;
            let now = (!self.is_as_said).then(|| TickBasis::now(city, &view, at));
            (clock, at, PeakSelection { areas, categories, limit: self.limit }, now)
        };
        let found = match now {
            Some(now) => now,
            None => said(city, at, &clock)?,
        };
        let edition = Edition { content: found.content.clone(), next_offsets: found.next_offsets().clone() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        Ok(Reply::Answer(found.answer(city, &selected, self.course, &clock)?, Some(edition)))
    }
}

impl Answer for PeaksAnswer {
    const FORMS: &'static [Form] = Form::PLACES;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    /// A row for each peak of each window; on a map, at its area.
    fn into_table(self, form: Form) -> Result<Option<Table>, QueryError> {
        let rows = table(&self.report.windows).map_err(|error| QueryError::internal(&error))?;
        let areas: Vec<String> =
            self.report.windows.iter().flat_map(|window| &window.peaks).map(|peak| peak.area.clone()).collect();
        let outlines = self.outlines.as_deref().filter(|_| form == Form::GeoJson);
        let geometries = outlines.map(geometries).unwrap_or_default();
        let geometry = move |row: usize| geometries.get(&areas[row]).cloned().unwrap_or_else(|| "null".to_owned());
        Ok(Some(Table { geometry: Box::new(geometry), ..Table::of(rows, self.beside()?) }))
    }
}

/// The outlines of the areas of the hourly counts, where they are known.
fn outlines(city: &LoadedCity) -> Option<Arc<Outlines>> {
    city.boundaries.of(city.profile.primary_layer()).cloned()
}

/// What an answer is made from, and what stands for it in the answer's tag.
struct TickBasis {
    content: Vec<u64>,
    source: Source,
}

enum Source {
    /// Totals, the hour that was asked for, and the next offsets that they reflect.
    Totals(Hourly, Option<Hour>, NextOffsets),
    /// What was said, and when in milliseconds since 1970.
    Published(Box<PublishedTick>, i64),
}

impl TickBasis {
    fn now(city: &LoadedCity, view: &View, at: Option<Hour>) -> Self {
        let hourly = view.hourly();
        let before = Filter { to: at.map(begin_of), ..Filter::default() };
        let mut content = vec![view.cube.content(&before)];
        // What is still unreported of an hour depends on how long ago it was at the data's end.
        if city.peaking.reporting_lag() != "none" {
            content.extend(hourly.history.end().map(|end| end as u64));
        }
        Self { content, source: Source::Totals(hourly, at, view.reflects()) }
    }

    /// That the answer reflects.
    fn next_offsets(&self) -> &NextOffsets {
        match &self.source {
            Source::Totals(_, _, next_offsets) => next_offsets,
            Source::Published(said, _) => &said.report.next_offsets,
        }
    }

    fn answer(
        self,
        city: &LoadedCity,
        selected: &PeakSelection,
        steps: usize,
        clock: &CityClock,
    ) -> Result<PeaksAnswer, QueryError> {
        match self.source {
            Source::Published(said, said_at_ms) => {
                let mut report = said.report;
                report.windows.iter_mut().for_each(|window| selected.keep(&mut window.peaks));
                Ok(PeaksAnswer {
                    report,
                    outlines: outlines(city),
                    said_at: Some(format_utc(UtcMicros(said_at_ms * 1000))),
                })
            }
            Source::Totals(hourly, at, next_offsets) => {
                let hour = hourly.tick_hour(at, clock)?;
                let tick = hourly.ticks.at(hour, || city.peaking.tick(&hourly.history, hour));
                let mut windows: Vec<ReportedWindow> =
                    tick.windows.iter().map(|window| selected.window(window, &hourly.names)).collect();
                if steps > 0 {
                    let wanted: Vec<CourseOf> =
                        tick.windows.iter().flat_map(|window| selected.courses(window, &hourly.names)).collect();
                    let courses = city.peaking.courses(&hourly.history, hour, &wanted, steps);
                    let peaks = windows.iter_mut().flat_map(|window| &mut window.peaks);
                    peaks.zip(courses).for_each(|(peak, course)| peak.course = course);
                }
                let report = Report {
                    at: at.or(hourly.history.end()).map(|_| clock.format(begin_of(hour))),
                    layer: city.profile.layers[city.profile.primary_layer()].name.clone(),
                    tests: tick.tests(),
                    reporting_lag: city.peaking.reporting_lag().to_owned(),
                    next_offsets,
                    windows,
                };
                Ok(PeaksAnswer { report, outlines: outlines(city), said_at: None })
            }
        }
    }
}

impl PeaksAnswer {
    /// All but the peaks.
    fn beside(&self) -> Result<Map<String, Value>, QueryError> {
        let mut said = beside(self)?;
        for window in said.get_mut("windows").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(window) = window.as_object_mut() {
                window.remove("peaks");
            }
        }
        Ok(said)
    }
}

/// What was said last by an hour, or at all.
fn said(city: &LoadedCity, at: Option<Hour>, clock: &CityClock) -> Result<TickBasis, QueryError> {
    let Some(log) = &city.log else {
        return Err(QueryError::parameter("as", "`as=said` needs the log, and this server does not follow one"));
    };
    let (hour, offset) = match city.said().by(at) {
        Ok(found) => found,
        Err(None) => return Err(QueryError::parameter("as", "nothing has been published yet")),
        Err(Some(first)) => {
            let first = clock.format(begin_of(first));
            return Err(QueryError::parameter(
                "at",
                format!("nothing was published by then: the first tick is at {first}"),
            ));
        }
    };
    let gone = || QueryError::NotFound("what was published then is no longer in the log".to_owned());
    let mut from = offset;
    // It lies there, or a little behind: compaction moves what it keeps up to what comes next.
    loop {
        let fetched = log.read(Topic::Peaks, 0, from, 1).map_err(|error| match error {
            LogError::OffsetGone { .. } => gone(),
            error => QueryError::internal(&error),
        })?;
        from = fetched.last().ok_or_else(gone)?.next;
        for fetched in &fetched {
            let rows = said_rows(&fetched.records).map_err(|error| QueryError::internal(&error))?;
            if let Some(row) = rows.into_iter().rfind(|row| row.at == hour) {
                let said = serde_json::from_str(&row.json).map_err(|error| QueryError::internal(&error))?;
                // What the last tick of an hour says does not change. The second number keeps it apart from what is known now.
                let source = Source::Published(Box::new(said), fetched.appended_at_ms);
                return Ok(TickBasis { content: vec![offset.0, u64::MAX], source });
            }
        }
    }
}

/// The outlines of areas as GeoJSON, by code.
fn geometries(outlines: &Outlines) -> BTreeMap<String, String> {
    let all: Value = serde_json::from_slice(&outlines.geojson()).unwrap_or_default();
    let features = all["features"].as_array().into_iter().flatten();
    let of =
        |feature: &Value| Some((feature["properties"]["code"].as_str()?.to_owned(), feature["geometry"].to_string()));
    features.filter_map(of).collect()
}

/// What is listed: peaks of some areas and categories, or of all, at most so many a window.
struct PeakSelection {
    areas: Vec<String>,
    categories: Vec<String>,
    limit: usize,
}

impl PeakSelection {
    fn has(&self, area: &String, category: &String) -> bool {
        (self.areas.is_empty() || self.areas.contains(area))
            && (self.categories.is_empty() || self.categories.contains(category))
    }

    fn keep(&self, peaks: &mut Vec<ReportedPeak>) {
        peaks.retain(|peak| self.has(&peak.area, &peak.category));
        peaks.truncate(self.limit);
    }

    /// The peaks of a window that are listed.
    fn of<'a>(&self, window: &'a Window, names: &Names) -> impl Iterator<Item = &'a Peak> {
        let is_selected =
            |peak: &&Peak| self.has(&names.areas[peak.area as usize], &names.categories[peak.category as usize]);
        window.peaks.iter().filter(is_selected).take(self.limit)
    }

    fn window(&self, window: &Window, names: &Names) -> ReportedWindow {
        ReportedWindow::new(window, names, self.of(window, names))
    }

    /// Whose courses are listed with a window: in steps of its length.
    fn courses(&self, window: &Window, names: &Names) -> Vec<CourseOf> {
        let of = |peak: &Peak| CourseOf { area: peak.area, category: peak.category, step_hours: window.hours };
        self.of(window, names).map(of).collect()
    }
}

fn table(windows: &[ReportedWindow]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<(u16, &ReportedPeak)> =
        windows.iter().flat_map(|window| window.peaks.iter().map(|peak| (window.hours, peak))).collect();
    let number = |of: fn(&ReportedPeak) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, peak)| of(peak)).collect::<Float64Array>())
    };
    RecordBatch::try_from_iter([
        ("window_hours", Arc::new(UInt16Array::from_iter_values(rows.iter().map(|(hours, _)| *hours))) as ArrayRef),
        ("area", Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, peak)| &peak.area)))),
        ("category", Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, peak)| &peak.category)))),
        ("observed", Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(_, peak)| peak.observed)))),
        ("expected", number(|peak| Some(peak.expected))),
        ("ratio", number(|peak| peak.ratio)),
        ("percent_more", number(|peak| peak.percent_more)),
        ("dispersion", number(|peak| Some(peak.dispersion))),
        ("p", number(|peak| Some(peak.p))),
        ("q", number(|peak| Some(peak.q))),
        ("surge_evidence", number(|peak| peak.surge_evidence)),
    ])
}
