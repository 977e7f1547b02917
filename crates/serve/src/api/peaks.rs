//! `GET /api/v1/peaks`: what holds more than was to be expected, by area, category and window.
//!
//! A tick ends with the hour in which the data's newest incident lies, or where `at` says: hours that are over by then. The
//! filters select what is listed; what was tested, and therefore q, is always everything.

use super::{
    Context,
    answer::{self, Form, Timing},
    handlers::off,
    parameters::Parameters,
    places::{Places, beside},
};
use crate::{hourly::Hourly, problem::Problem};
use arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array},
    error::ArrowError,
};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::Response,
};
use blotter_incident::{CityClock, Profile, UtcMicros};
use blotter_peak::{Calendar, Hour, Options, ReportingLag, Standing, Tick};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

const HOUR_MICROS: i64 = 3_600_000_000;
/// Everything that a large city has at a tick.
const MOST_PEAKS: usize = 10_000;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    summary: Summary,
    windows: Vec<Listed>,
}

#[derive(Serialize)]
struct Summary {
    /// The exclusive end; none where there is nothing to end.
    at: Option<String>,
    /// Whose areas these are.
    layer: String,
    /// Of all ranked windows: q is corrected for so many.
    tests: usize,
    /// Where the shares that are known at each age come from.
    reporting_lag: &'static str,
    next_offsets: BTreeMap<String, u64>,
}

#[derive(Clone, Serialize)]
struct Window {
    hours: u16,
    standing: &'static str,
    /// The share of its incidents that is usually known.
    reported_share: f64,
    tests: usize,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    window: Window,
    peaks: Vec<Peak>,
}

#[derive(Serialize)]
struct Peak {
    area: String,
    category: String,
    observed: u64,
    expected: f64,
    /// None where it is beyond any number.
    ratio: Option<f64>,
    /// None over a small count.
    percent_more: Option<f64>,
    dispersion: f64,
    p: f64,
    q: f64,
    /// Of seven days only.
    surge_evidence: Option<f64>,
}

pub(super) async fn peaks(Shared(context): Shared<Context>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    off(move || {
        let mut timing = Timing::start();
        let state = &context.state;
        let parameters = Parameters::read(uri.query(), &[&["at", "area", "category", "limit", "format"]])?;
        let form = Form::of_table(&headers, parameters.format())?;
        let limit = parameters.number("limit", 1..=MOST_PEAKS, 100)?;
        let clock = state.read().cube.clock().clone();
        let asked = parameters.at(&clock)?.map(hour_of);
        let (areas, categories) = parameters.areas_and_categories(state, &clock)?;
        let view = state.read();
        let offsets = view.offsets_text();
        let tag = answer::etag(&offsets, None, &uri, form);
        if answer::is_seen(&headers, &tag) {
            return Ok(answer::not_modified(tag));
        }
        let hourly = view.hourly();
        let next_offsets = view.offsets_json();
        drop(view);
        let tick = tick(&hourly, asked, &clock, &state.profile)?;
        let tests = tick.windows.iter().map(|window| window.peaks.len()).sum();
        let summary = Summary {
            at: asked.or(hourly.history.end()).map(|at| clock.format(UtcMicros(i64::from(at) * HOUR_MICROS))),
            layer: state.profile.layers[state.profile.primary_layer()].name.clone(),
            tests,
            reporting_lag: if state.profile.reporting_lag.is_some() { "profile" } else { "none" },
            next_offsets,
        };
        let windows = listed(&tick, &hourly, &areas, &categories, limit);
        timing.cube_done();
        if form != Form::Json {
            let rows = table(&windows).map_err(|error| Problem::internal(&error))?;
            let mut said = beside(&summary)?;
            let bare: Vec<Window> = windows.into_iter().map(|listed| listed.window).collect();
            said.insert("windows".to_owned(), serde_json::json!(bare));
            // There is no place: a map of it was refused above.
            let places = Places { rows, outline: &|_| Vec::new(), beside: said, offsets };
            return places.answer(form, tag, &timing);
        }
        let body = serde_json::to_string(&Answer { summary, windows }).map_err(|error| Problem::internal(&error))?;
        Ok(answer::json(body, Some(tag), &timing))
    })
    .await
}

/// The hour that begins at a moment or before it.
fn hour_of(at: UtcMicros) -> Hour {
    at.0.div_euclid(HOUR_MICROS).clamp(i64::from(Hour::MIN), i64::from(Hour::MAX)) as Hour
}

/// The tick that ends at an hour, or with the newest incident.
fn tick(hourly: &Hourly, asked: Option<Hour>, clock: &CityClock, profile: &Profile) -> Result<Tick, Problem> {
    let end = hourly.history.end();
    let at = asked.or(end).unwrap_or(0);
    let end = end.unwrap_or(at);
    if at > end {
        let end = clock.format(UtcMicros(i64::from(end) * HOUR_MICROS));
        return Err(Problem::parameter("at", format!("nothing is known yet of that hour: the data end before {end}")));
    }
    let options = Options { calendar: calendar(clock), ..Options::default() };
    let age_hours = (i64::from(end) - i64::from(at)) as usize;
    Ok(blotter_peak::peaks(&hourly.history, at, &lag(profile, age_hours), &options))
}

/// The city's civil hours, by whole hours from UTC: of a zone with half hours, the hours before.
fn calendar(clock: &CityClock) -> Calendar {
    let offsets = clock.offsets().map(|(from, seconds)| (hour_of(from), seconds.div_euclid(3600) as i8));
    Calendar::new(offsets.collect(), Vec::new())
}

/// What is known at each age behind an end that itself lies so many hours back: today's revisions answer for the past, and
/// what was late then is known now.
fn lag(profile: &Profile, age_hours: usize) -> ReportingLag {
    let Some(shares) = &profile.reporting_lag else { return ReportingLag::none() };
    ReportingLag::from_shares(shares.by_hour().into_iter().skip(age_hours))
}

/// The peaks of some areas and categories, or of all, at most so many a window.
fn listed(tick: &Tick, hourly: &Hourly, areas: &[String], categories: &[String], limit: usize) -> Vec<Listed> {
    let names =
        |peak: &blotter_peak::Peak| (&hourly.areas[peak.area as usize], &hourly.categories[peak.category as usize]);
    let is_selected = |peak: &&blotter_peak::Peak| {
        let (area, category) = names(peak);
        (areas.is_empty() || areas.contains(area)) && (categories.is_empty() || categories.contains(category))
    };
    let named = |peak: &blotter_peak::Peak| {
        let (area, category) = names(peak);
        Peak {
            area: area.clone(),
            category: category.clone(),
            observed: peak.observed,
            expected: peak.expected,
            ratio: Some(peak.ratio()).filter(|ratio| ratio.is_finite()),
            percent_more: peak.percent_more(),
            dispersion: peak.dispersion,
            p: peak.p,
            q: peak.q,
            surge_evidence: peak.surge_evidence,
        }
    };
    let window = |window: &blotter_peak::Window| Listed {
        window: Window {
            hours: window.hours,
            standing: standing(window.standing),
            reported_share: window.reported_share,
            tests: window.peaks.len(),
        },
        peaks: window.peaks.iter().filter(is_selected).take(limit).map(named).collect(),
    };
    tick.windows.iter().map(window).collect()
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Ranked => "ranked",
        Standing::Incomplete => "incomplete",
        Standing::TooLittleHistory => "too_little_history",
    }
}

fn table(windows: &[Listed]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<(u16, &Peak)> =
        windows.iter().flat_map(|listed| listed.peaks.iter().map(|peak| (listed.window.hours, peak))).collect();
    let number = |of: fn(&Peak) -> Option<f64>| -> ArrayRef {
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

#[cfg(test)]
mod tests;
