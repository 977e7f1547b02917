//! Episodes: what was found peaking lately, from when until when, as it was published.

use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, beside},
    parameters::allowed::{Areas, Categories, EPISODE_DAYS, EpisodeDays},
};
use arrow::{
    array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array},
    error::ArrowError,
};
use blotter_city::{CityClock, Profile};
use blotter_log::{Log, LogError, Offset, Topic};
use blotter_peak::{Alert, Hour, PublishedTick, ReportedPeak, begin_of, said_rows};
use serde::Serialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use utoipa::{IntoParams, ToSchema};

/// The false discovery rate up to which something is an episode.
const NOTABLE_Q: f64 = 0.1;
/// An episode ends after so many hours without a find.
const QUIET_HOURS: Hour = 24;
/// Bytes read from the topic at a time.
const READ_BYTES: usize = 1 << 20;

/// What was found peaking lately?
#[derive(Clone, Debug, IntoParams)]
pub struct Episodes {
    /// LAYER:CODE or LAYER:NAME of the primary layer (`primary` in `/api/v1/meta`); may be repeated. Other layers are refused.
    #[param(value_type = Areas, inline, required = false)]
    pub area: Vec<String>,
    /// List these categories (see `/api/v1/meta`); may be repeated. An unknown category is refused. Default: all.
    #[param(value_type = Categories, inline, required = false)]
    pub category: Vec<String>,
    /// Number of days, back from the newest published tick.
    #[param(value_type = EpisodeDays, inline, required = false)]
    pub days: u16,
}

/// What was found peaking, the newest find first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EpisodesAnswer {
    /// End of the newest published tick: city time with offset. Null if nothing has been published.
    #[schema(format = DateTime, required)]
    pub at: Option<String>,
    /// Layer of the areas.
    pub layer: String,
    /// Episodes, the newest find first.
    pub episodes: Vec<FoundEpisode>,
}

/// An area and category that was peaking (q ≤ 0.1 in any window). It ends after 24 hours without a find.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FoundEpisode {
    /// Area code.
    pub area: String,
    /// Name of the area; its code if it has no name.
    pub area_name: String,
    /// Category.
    pub category: String,
    /// End of the first tick that found it: city time with offset.
    #[schema(format = DateTime)]
    pub since: String,
    /// End of the newest tick that found it: city time with offset.
    #[schema(format = DateTime)]
    pub until: String,
    /// True if it has not ended.
    pub lasts: bool,
    /// End of the tick that found it most surprising: city time with offset.
    #[schema(format = DateTime)]
    pub at: String,
    /// Length of the most surprising window, in hours.
    pub window_hours: u16,
    /// Incidents in that window.
    pub observed: u64,
    /// Incidents expected in that window; above 0.
    pub expected: f64,
    /// q of that window, 0 to 1.
    pub q: f64,
    /// Names of the rules that sent an alert.
    pub rules: Vec<String>,
}

impl FromParameters for Episodes {
    const HAS_FILTER: bool = false;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            days: EPISODE_DAYS.read(parameters, "days")?,
            area: parameters.texts("area"),
            category: parameters.texts("category"),
        })
    }
}

impl Question for Episodes {
    type Answer = EpisodesAnswer;

    const SUMMARY: &'static str = "Episodes: what was found peaking lately, as published";
    const DESCRIPTION: &'static str = "Reads the ticks that were published in the last days, and joins the finds of one area and category. \
        `/feeds/peaks.atom` has the same as a feed, with the same parameters.";
    const NOT_FOUND: Option<&'static str> =
        Some("This server follows no log, and so knows nothing that was published.");

    fn cost(&self) -> Cost {
        Cost::Records
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<EpisodesAnswer>, QueryError> {
        let Some(log) = city.log.as_deref() else {
            return Err(QueryError::NotFound(
                "nothing that was published is known: this server does not follow a log".to_owned(),
            ));
        };
        let (clock, areas, categories, next_offsets) = {
            let view = city.read();
            let selection =
                Selection { area: self.area.clone(), category: self.category.clone(), ..Selection::default() };
            let (areas, categories) = selection.areas_and_categories(&city.profile, &view.cube)?;
            (view.cube.clock().clone(), areas, categories, view.reflects())
        };
        let listed = city.said().last(Hour::from(self.days).saturating_mul(24));
        // What an hour's last tick says does not change.
        let content = listed.last_key_value().map_or(0, |(_, offset)| offset.0 + 1);
        let edition = Edition { content: vec![content, listed.len() as u64], next_offsets };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let is_selected = |area: &String, category: &String| {
            (areas.is_empty() || areas.contains(area)) && (categories.is_empty() || categories.contains(category))
        };
        let mut joined = EpisodeJoiner::default();
        for (hour, tick) in read(log, &listed)? {
            joined.take(hour, tick, &is_selected);
        }
        let newest = listed.last_key_value().map(|(hour, _)| *hour);
        let answer = EpisodesAnswer {
            at: newest.map(|hour| clock.format(begin_of(hour))),
            layer: city
                .profile
                .layers
                .get(city.profile.primary_layer())
                .map_or_else(String::new, |layer| layer.name.clone()),
            episodes: joined.finish(newest.unwrap_or(0), &city.profile, &clock),
        };
        Ok(Reply::Answer(answer, Some(edition)))
    }
}

/// The last published tick of each of some hours.
fn read(log: &dyn Log, listed: &BTreeMap<Hour, Offset>) -> Result<BTreeMap<Hour, PublishedTick>, QueryError> {
    let mut found = BTreeMap::new();
    let (Some(first), Some(last)) = (listed.values().min(), listed.values().max()) else { return Ok(found) };
    let mut from = *first;
    while from <= *last {
        let fetched = match log.read(Topic::Peaks, 0, from, READ_BYTES) {
            Ok(fetched) => fetched,
            // What is older has gone meanwhile.
            Err(LogError::OffsetGone { earliest, .. }) if earliest > from => {
                from = earliest;
                continue;
            }
            Err(error) if error.is_retryable() => {
                return Err(QueryError::Unavailable("the log does not answer: ask again".to_owned()));
            }
            Err(error) => return Err(QueryError::internal(&error)),
        };
        let Some(newest) = fetched.last() else { break };
        from = newest.next;
        for fetched in &fetched {
            let rows = said_rows(&fetched.records).map_err(|error| QueryError::internal(&error))?;
            for row in rows.into_iter().filter(|row| listed.contains_key(&row.at)) {
                let tick = serde_json::from_str(&row.json).map_err(|error| QueryError::internal(&error))?;
                found.insert(row.at, tick);
            }
        }
    }
    Ok(found)
}

/// Finds of one area and category.
#[derive(Clone, Debug)]
struct Finds {
    since: Hour,
    until: Hour,
    at: Hour,
    window_hours: u16,
    peak: ReportedPeak,
    rules: BTreeSet<String>,
}

/// Episodes, joined tick by tick.
#[derive(Debug, Default)]
struct EpisodeJoiner {
    /// By area and category: those that may go on.
    open: BTreeMap<(String, String), Finds>,
    ended: Vec<Finds>,
}

impl EpisodeJoiner {
    /// Takes the tick of a later hour.
    fn take(&mut self, hour: Hour, tick: PublishedTick, is_selected: &impl Fn(&String, &String) -> bool) {
        for window in tick.report.windows {
            for peak in window.peaks.into_iter().filter(|peak| peak.q <= NOTABLE_Q) {
                if is_selected(&peak.area, &peak.category) {
                    self.find(hour, window.hours, peak);
                }
            }
        }
        for Alert { rule, peak, .. } in tick.alerts {
            if let Some(finds) = self.open.get_mut(&(peak.area, peak.category)) {
                finds.rules.insert(rule);
            }
        }
    }

    fn find(&mut self, hour: Hour, window_hours: u16, peak: ReportedPeak) {
        let key = (peak.area.clone(), peak.category.clone());
        let new = Finds { since: hour, until: hour, at: hour, window_hours, peak, rules: BTreeSet::new() };
        match self.open.get_mut(&key) {
            Some(finds) if hour - finds.until < QUIET_HOURS => {
                finds.until = hour;
                if (new.peak.q, new.peak.p) < (finds.peak.q, finds.peak.p) {
                    (finds.at, finds.window_hours, finds.peak) = (new.at, new.window_hours, new.peak);
                }
            }
            _ => self.ended.extend(self.open.insert(key, new)),
        }
    }

    /// All of them, the newest find first.
    fn finish(self, newest: Hour, profile: &Profile, clock: &CityClock) -> Vec<FoundEpisode> {
        let mut all: Vec<Finds> = self.open.into_values().chain(self.ended).collect();
        all.sort_by(|one, other| {
            let by_time = other.until.cmp(&one.until).then(other.since.cmp(&one.since));
            let names = |finds: &Finds| (finds.peak.area.clone(), finds.peak.category.clone());
            by_time.then(one.peak.q.total_cmp(&other.peak.q)).then_with(|| names(one).cmp(&names(other)))
        });
        let layer = profile.layers.get(profile.primary_layer());
        let time = |hour: Hour| clock.format(begin_of(hour));
        let name =
            |code: &str| layer.and_then(|layer| layer.names.get(code)).map_or_else(|| code.to_owned(), Clone::clone);
        all.into_iter()
            .map(|finds| FoundEpisode {
                area_name: name(&finds.peak.area),
                area: finds.peak.area,
                category: finds.peak.category,
                since: time(finds.since),
                until: time(finds.until),
                lasts: newest - finds.until < QUIET_HOURS,
                at: time(finds.at),
                window_hours: finds.window_hours,
                observed: finds.peak.observed,
                expected: finds.peak.expected,
                q: finds.peak.q,
                rules: finds.rules.into_iter().collect(),
            })
            .collect()
    }
}

impl Answer for EpisodesAnswer {
    const FORMS: &'static [Form] = Form::TABLE;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let rows = table(&self.episodes).map_err(|error| QueryError::internal(&error))?;
        Ok(Some(Table::of(rows, beside(&json!({ "at": self.at, "layer": self.layer }))?)))
    }
}

fn table(episodes: &[FoundEpisode]) -> Result<RecordBatch, ArrowError> {
    let texts = |of: fn(&FoundEpisode) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(episodes.iter().map(of)))
    };
    RecordBatch::try_from_iter([
        ("area", texts(|one| one.area.clone())),
        ("area_name", texts(|one| one.area_name.clone())),
        ("category", texts(|one| one.category.clone())),
        ("since", texts(|one| one.since.clone())),
        ("until", texts(|one| one.until.clone())),
        ("lasts", Arc::new(episodes.iter().map(|one| Some(one.lasts)).collect::<BooleanArray>())),
        ("at", texts(|one| one.at.clone())),
        ("window_hours", Arc::new(UInt16Array::from_iter_values(episodes.iter().map(|one| one.window_hours)))),
        ("observed", Arc::new(UInt64Array::from_iter_values(episodes.iter().map(|one| one.observed)))),
        ("expected", Arc::new(Float64Array::from_iter_values(episodes.iter().map(|one| one.expected)))),
        ("q", Arc::new(Float64Array::from_iter_values(episodes.iter().map(|one| one.q)))),
        ("rules", texts(|one| one.rules.join(","))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use blotter_peak::{Report, ReportedWindow, WindowState};

    fn peak(area: &str, q: f64) -> ReportedPeak {
        ReportedPeak {
            area: area.into(),
            category: "THEFT".into(),
            observed: 9,
            expected: 1.5,
            ratio: Some(6.0),
            percent_more: None,
            dispersion: 1.0,
            p: q / 10.0,
            q,
            surge_evidence: None,
            course: None,
        }
    }

    fn tick(windows: &[(u16, ReportedPeak)]) -> PublishedTick {
        let window = |(hours, peak): &(u16, ReportedPeak)| ReportedWindow {
            hours: *hours,
            standing: WindowState::Ranked,
            reported_share: 1.0,
            tests: 1,
            peaks: vec![peak.clone()],
        };
        let report = Report {
            at: None,
            layer: "community_area".into(),
            tests: 1,
            reporting_lag: "none".into(),
            next_offsets: BTreeMap::new(),
            windows: windows.iter().map(window).collect(),
        };
        PublishedTick { report, episodes: Vec::new(), unlisted: Vec::new(), alerts: Vec::new() }
    }

    #[test]
    fn finds_are_joined_until_a_day_is_quiet() {
        let everything = |_: &String, _: &String| true;
        let mut joined = EpisodeJoiner::default();
        for (hour, windows) in [
            (100, vec![(24, peak("32", 0.04)), (6, peak("7", 0.2))]),
            (101, vec![(24, peak("32", 0.001)), (6, peak("32", 0.03))]),
            (124, vec![(24, peak("32", 0.09))]),
            (148, vec![(1, peak("32", 0.05))]),
        ] {
            joined.take(hour, tick(&windows), &everything);
        }
        let found: Vec<(Hour, Hour, Hour, u16)> = joined
            .ended
            .iter()
            .chain(joined.open.values())
            .map(|finds| (finds.since, finds.until, finds.at, finds.window_hours))
            .collect();
        assert_eq!(found, [(100, 124, 101, 24), (148, 148, 148, 1)]);
    }

    #[test]
    fn only_what_is_selected_is_found() {
        let mut joined = EpisodeJoiner::default();
        let windows = [(24, peak("32", 0.04)), (6, peak("7", 0.01))];
        joined.take(5, tick(&windows), &|area: &String, _: &String| area == "7");
        assert_eq!(joined.open.keys().map(|(area, _)| area.as_str()).collect::<Vec<_>>(), ["7"]);
    }
}
