//! Explain: why the last hours of one area and category hold what they hold.
//!
//! Times come from the hourly totals and the expectations that peaks are ranked by. Blocks, kinds of places and descriptions come
//! from the incidents themselves: those of the window, beside the newest ones of the year before it.

use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    View,
    encode::{Answer, Form, Json, Table},
    hourly::Hourly,
    opened::OpenSnapshot,
    parameters::{
        allowed::{Area, Category, Moment, WINDOW, WindowHours},
        moment,
    },
    texts::{Sources, refusal},
};
use blotter_city::CityClock;
use blotter_cube::{Filter, Page};
use blotter_hotspot::{at_least_p, q_values};
use blotter_incident::{Incident, IncidentRecord};
use blotter_peak::{CourseOf, Hour, Peak, WindowState, add_up_to, begin_of, hour_of};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// Incidents of the window that are read: those of a very large area, in seven days, are more.
const MOST_IN_WINDOW: usize = 2000;
/// Earlier incidents that shares are learned from.
const MOST_EARLIER: usize = 3000;
/// How far back they may lie.
const EARLIER_HOURS: Hour = 365 * 24;
/// Parts that are listed of each kind.
const MOST_PARTS: usize = 10;
/// Incidents that are listed.
const MOST_LISTED: usize = 100;
/// A share is learned as if so many incidents more had been seen, each in a part of its own kind.
const PRIOR_OF_SHARE: f64 = 0.5;

/// Why is this peaking?
#[derive(Clone, Debug, IntoParams)]
pub struct Explain {
    /// LAYER:CODE or LAYER:NAME of the primary layer (`primary` in `/api/v1/meta`).
    #[param(value_type = Area, inline)]
    pub area: String,
    /// Category (see `/api/v1/meta`).
    #[param(value_type = Category, inline)]
    pub category: String,
    /// Length of the window, in hours.
    #[param(value_type = WindowHours, inline, required = false)]
    pub window: u16,
    /// End of the window: city time, or a time with offset. Only hours that end by then are counted. Default: the end of the hour of
    /// the newest incident.
    #[param(value_type = Moment, inline, required = false)]
    pub at: Option<String>,
}

/// One window of an area and category, explained. The parts of each kind add up to `observed` and to `expected`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainAnswer {
    /// End of the window, exclusive: city time with offset.
    #[schema(format = DateTime)]
    pub at: String,
    /// Start of the window: city time with offset.
    #[schema(format = DateTime)]
    pub from: String,
    /// Layer of the area.
    pub layer: String,
    /// Area code.
    pub area: String,
    /// Category.
    pub category: String,
    /// Length of the window, in hours.
    pub window_hours: u16,
    /// Whether the window is ranked.
    pub standing: WindowState,
    /// Share of the window's incidents that is usually known by now, 0 to 1. Expected counts allow for it.
    pub reported_share: f64,
    /// Incidents in the window.
    pub observed: u64,
    /// Incidents expected in the window, late reports allowed for; above 0.
    pub expected: f64,
    /// Percent above expected (negative: below). Null if fewer than 5 were expected.
    #[schema(required)]
    pub percent_more: Option<f64>,
    /// Variance of the count divided by its mean; at least 1. Null if the window is not ranked.
    #[schema(required)]
    pub dispersion: Option<f64>,
    /// Probability of at least as many incidents if nothing is unusual, 0 to 1. Null if the window is not ranked.
    #[schema(required)]
    pub p: Option<f64>,
    /// p corrected for all tests of the tick (Benjamini and Hochberg), 0 to 1. Null if the window is not ranked.
    #[schema(required)]
    pub q: Option<f64>,
    /// Incidents that a week usually holds at this time of the year, holidays aside.
    pub usual_week: f64,
    /// The area's usual share of the category in the city, 0 to 1.
    pub city_share: f64,
    /// Number of weeks that the expectation is learned from.
    pub learned_weeks: usize,
    /// Observed and expected before: hour by hour over two weeks for windows of up to a day, else day by day over eight weeks.
    pub course: ReportedCourse,
    /// The window by hour of the day.
    pub hours: Vec<HourPart>,
    /// Holidays in the window.
    pub holidays: Vec<HolidayPart>,
    /// The window by block.
    pub blocks: Parts,
    /// The window by kind of place.
    pub places: Parts,
    /// The window by description.
    pub descriptions: Parts,
    /// Incidents of the window, newest first; at most 100. `/api/v1/incidents` has all, by `area`, `category`, `from` and `to`.
    #[schema(value_type = Vec<IncidentRecord>)]
    #[serde(serialize_with = "super::incidents::records")]
    pub incidents: Vec<Incident>,
    /// Number of incidents in the window whose texts were not read, because there are too many or the log no longer has them. They are
    /// in `others` of each kind.
    pub unread: u64,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// Observed and expected, step by step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportedCourse {
    /// Start of the first step: city time with offset.
    #[schema(format = DateTime)]
    pub from: String,
    /// The steps, the oldest first. The last one ends at `at`.
    #[serde(flatten)]
    pub steps: blotter_peak::Course,
}

/// The window at one hour of the day.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct HourPart {
    /// Hour of the day, city time, 0 to 23.
    pub hour: u8,
    /// Incidents.
    pub observed: u64,
    /// Incidents expected.
    pub expected: f64,
}

/// A holiday in the window.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HolidayPart {
    /// Its name.
    pub name: String,
    /// Number of its hours in the window.
    pub hours: usize,
    /// Factor by which it changes the expected count of its hours.
    pub factor: f64,
}

/// The window by blocks, places or descriptions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Parts {
    /// Number of earlier incidents of this area and category that the usual shares are learned from: the newest 3,000 at most, of the
    /// 365 days before the window.
    pub learned_from: u64,
    /// Parts with more incidents than expected, the greatest difference first; at most 10.
    pub parts: Vec<Part>,
    /// All others.
    pub others: OtherParts,
}

/// A block, kind of place or description.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Part {
    /// Its text; spellings that differ in capitals are one. Empty: not recorded.
    pub text: String,
    /// Incidents in the window.
    pub observed: u64,
    /// Incidents expected: its usual share of `expected`. Null if there is nothing to learn from.
    #[schema(required)]
    pub expected: Option<f64>,
    /// Probability that at least as many of the window's incidents fall here by its usual share, 0 to 1. Null if there is nothing to
    /// learn from.
    #[schema(required)]
    pub p: Option<f64>,
    /// p corrected for all parts of the kind in the window (Benjamini and Hochberg), 0 to 1.
    #[schema(required)]
    pub q: Option<f64>,
}

/// Everything that is not listed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct OtherParts {
    /// Incidents in the window.
    pub observed: u64,
    /// Incidents expected. Null if there is nothing to learn from.
    #[schema(required)]
    pub expected: Option<f64>,
}

impl FromParameters for Explain {
    const HAS_FILTER: bool = false;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {
            area: parameters.required("area", "LAYER:CODE")?,
            category: parameters.required("category", "a category")?,
            window: WINDOW.read(parameters, "window")?,
            at: parameters.text("at"),
        })
    }
}

/// What is taken from the view under one hold.
struct Basis {
    area: String,
    category: String,
    hourly: Hourly,
    clock: CityClock,
    at: Hour,
    window: Page,
    earlier: Page,
    snapshot: Option<Arc<OpenSnapshot>>,
    next_offsets: NextOffsets,
}

impl Explain {
    fn basis(&self, city: &LoadedCity, view: &View) -> Result<Basis, QueryError> {
        let clock = view.cube.clock().clone();
        let selection =
            Selection { area: vec![self.area.clone()], category: vec![self.category.clone()], ..Selection::default() };
        let (areas, categories) = selection.areas_and_categories(&city.profile, &view.cube)?;
        let [area, category]: [String; 2] = areas
            .into_iter()
            .chain(categories)
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| QueryError::internal(&"one area and one category are two names"))?;
        let hourly = view.hourly();
        let asked = moment("at", self.at.as_deref(), &clock)?.map(hour_of);
        let at = hourly.tick_hour(asked, &clock)?;
        let from = at.saturating_sub(Hour::from(self.window));
        let filter = selection.filter(&city.profile, &view.cube)?;
        let between =
            |from: Hour, to: Hour| Filter { from: Some(begin_of(from)), to: Some(begin_of(to)), ..filter.clone() };
        let window = view.cube.newest(&between(from, at), MOST_IN_WINDOW, None);
        let earlier = view.cube.newest(&between(from.saturating_sub(EARLIER_HOURS), from), MOST_EARLIER, None);
        let (snapshot, next_offsets) = (view.opened.clone(), view.reflects());
        Ok(Basis { area, category, hourly, clock, at, window, earlier, snapshot, next_offsets })
    }
}

impl Question for Explain {
    type Answer = ExplainAnswer;

    const SUMMARY: &'static str = "Why something is peaking: its course, its hours, blocks, places and descriptions";
    const DESCRIPTION: &'static str = "Explains one window of one area and category. The expected count of a block, place or description \
        is its share of earlier incidents of that area and category, of the window's expected count; that of an hour comes from the \
        expectations that peaks are ranked by. The expected counts before the window are what these expectations say of the past.";
    const NOT_FOUND: Option<&'static str> =
        Some("There is too little history before `at` to say what is expected: fewer than eight weeks.");

    fn cost(&self) -> Cost {
        Cost::Records
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<ExplainAnswer>, QueryError> {
        let (basis, edition) = {
            let view = city.read();
            let basis = self.basis(city, &view)?;
            let before = Filter { to: Some(begin_of(basis.at)), ..Filter::default() };
            let mut content = vec![view.cube.content(&before)];
            content.extend(basis.hourly.history.end().map(|end| end as u64));
            (basis, Edition { content, next_offsets: view.reflects() })
        };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let answer = basis.answer(city, self.window)?;
        let edition = (answer.unread == 0).then_some(edition);
        Ok(Reply::Answer(answer, edition))
    }
}

impl Basis {
    fn answer(self, city: &LoadedCity, window: u16) -> Result<ExplainAnswer, QueryError> {
        let too_little = || {
            QueryError::NotFound(
                "there is too little history before then to say what is expected: fewer than eight weeks".to_owned(),
            )
        };
        let number = |names: &[String], name: &String| names.iter().position(|known| known == name).map(|at| at as u32);
        let names = &self.hourly.names;
        let area = number(&names.areas, &self.area).ok_or_else(too_little)?;
        let category = number(&names.categories, &self.category).ok_or_else(too_little)?;
        let wanted = CourseOf { area, category, step_hours: window };
        let explained = city.peaking.explain(&self.hourly.history, self.at, wanted).ok_or_else(too_little)?;
        let tick = self.hourly.ticks.at(self.at, || city.peaking.tick(&self.hourly.history, self.at));
        let ranked = tick.windows.iter().find(|ranked| ranked.hours == window);
        let peak = ranked.and_then(|ranked| {
            ranked.peaks.iter().find(|peak| (peak.area, peak.category) == (area, category)).copied()
        });
        let sources = Sources { snapshot: self.snapshot.as_deref(), log: city.log.as_deref() };
        let read = |page: &Page| city.texts.page(&sources, page).map_err(|error| refusal(&error));
        let (mut inside, earlier) = (read(&self.window)?.incidents, read(&self.earlier)?.incidents);
        let parts = |of: fn(&Incident) -> Option<&str>| {
            parts(explained.observed, explained.expected, &texts(&inside, of), &texts(&earlier, of))
        };
        let (blocks, places, descriptions) = (
            parts(|incident| incident.block.as_deref()),
            parts(|incident| incident.place.as_deref()),
            parts(|incident| incident.description.as_deref()),
        );
        let unread = explained.observed.saturating_sub(inside.len() as u64);
        inside.truncate(MOST_LISTED);
        let time = |hour: Hour| self.clock.format(begin_of(hour));
        let steps = explained.course.observed.len() as Hour * Hour::from(explained.course.step_hours);
        let holidays = explained.holidays.iter().map(|day| HolidayPart {
            name: city.profile.holidays.get(usize::from(day.kind)).map_or_else(String::new, |day| day.name.clone()),
            hours: day.hours,
            factor: day.factor,
        });
        let hours = explained.hours.iter().map(|of_day| HourPart {
            hour: of_day.hour,
            observed: of_day.observed,
            expected: of_day.expected,
        });
        Ok(ExplainAnswer {
            at: time(self.at),
            from: time(self.at.saturating_sub(Hour::from(window))),
            layer: city.profile.layers[city.profile.primary_layer()].name.clone(),
            area: self.area,
            category: self.category,
            window_hours: window,
            standing: explained.standing,
            reported_share: explained.reported_share,
            observed: explained.observed,
            expected: explained.expected,
            percent_more: peak.as_ref().and_then(Peak::percent_more),
            dispersion: peak.map(|peak| peak.dispersion),
            p: peak.map(|peak| peak.p),
            q: peak.map(|peak| peak.q),
            usual_week: explained.usual_week,
            city_share: explained.city_share,
            learned_weeks: explained.learned_weeks,
            hours: hours.collect(),
            holidays: holidays.collect(),
            course: ReportedCourse { from: time(self.at.saturating_sub(steps)), steps: explained.course },
            blocks,
            places,
            descriptions,
            incidents: inside,
            unread,
            next_offsets: self.next_offsets,
        })
    }
}

fn texts(incidents: &[Incident], of: fn(&Incident) -> Option<&str>) -> Vec<&str> {
    incidents.iter().map(|incident| of(incident).unwrap_or_default()).collect()
}

/// The window by one kind of text: that of each incident inside it, beside those of earlier ones.
fn parts(observed_in_all: u64, expected_in_all: f64, inside: &[&str], earlier: &[&str]) -> Parts {
    let (observed, usual) = (spellings(inside), spellings(earlier));
    let usual: BTreeMap<&String, u64> = usual.iter().map(|(key, found)| (key, found.values().sum())).collect();
    let learned_from = earlier.len() as u64;
    let is_known = learned_from > 0;
    let before = |key: &String| usual.get(key).copied().unwrap_or(0) as f64;
    // A text that was never seen is not impossible.
    let cautious = |key: &String| (before(key) + PRIOR_OF_SHARE) / (learned_from as f64 + 2.0 * PRIOR_OF_SHARE);
    let count = |spellings: &BTreeMap<&str, u64>| spellings.values().sum::<u64>();
    let p: Vec<Option<f64>> = observed
        .iter()
        .map(|(key, found)| is_known.then(|| at_least_p(count(found), inside.len() as u64, cautious(key))))
        .collect();
    let q = q_values(&p);
    let mut found: Vec<Part> = observed
        .iter()
        .zip(p.iter().zip(&q))
        .map(|((key, found), (p, q))| Part {
            // The most frequent spelling.
            text: found
                .iter()
                .max_by_key(|(_, count)| **count)
                .map_or_else(String::new, |(text, _)| (*text).to_owned()),
            observed: count(found),
            expected: is_known.then(|| before(key) / learned_from as f64 * expected_in_all),
            p: *p,
            q: *q,
        })
        .collect();
    let more = |part: &Part| part.observed as f64 - part.expected.unwrap_or(0.0);
    found.retain(|part| more(part) > 0.0);
    found.sort_by(|one, other| more(other).total_cmp(&more(one)).then_with(|| one.text.cmp(&other.text)));
    found.truncate(MOST_PARTS);
    let listed: u64 = found.iter().map(|part| part.observed).sum();
    let mut expected: Vec<f64> = found.iter().filter_map(|part| part.expected).collect();
    let left = expected_in_all - expected.iter().sum::<f64>();
    expected.push(left.max(0.0));
    if is_known {
        add_up_to(&mut expected, expected_in_all);
    }
    for (part, expected) in found.iter_mut().zip(&expected) {
        part.expected = part.expected.map(|_| *expected);
    }
    let others = OtherParts {
        observed: observed_in_all.saturating_sub(listed),
        expected: expected.last().copied().filter(|_| is_known),
    };
    Parts { learned_from, parts: found, others }
}

/// How often each text is there, by its capitals: portals change how they write a block, which stays the same block.
fn spellings<'a>(texts: &[&'a str]) -> BTreeMap<String, BTreeMap<&'a str, u64>> {
    let mut found: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    for text in texts {
        *found.entry(text.to_uppercase()).or_default().entry(text).or_default() += 1;
    }
    found
}

impl Answer for ExplainAnswer {
    const FORMS: &'static [Form] = Form::OBJECT;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        Ok(None)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn repeated<'a>(texts: &[(&'a str, usize)]) -> Vec<&'a str> {
        texts.iter().flat_map(|(text, count)| std::iter::repeat_n(*text, *count)).collect()
    }

    #[test]
    fn parts_add_up_to_what_was_observed_and_expected() {
        let inside = repeated(&[("1 Park Av", 6), ("1 PARK AV", 3), ("2 ELM ST", 2), ("", 1), ("9 NEW ST", 1)]);
        let earlier = repeated(&[("1 PARK AV", 10), ("2 ELM ST", 60), ("3 OAK ST", 29), ("", 1)]);
        // One more was counted than could be read.
        let found = parts(14, 4.0, &inside, &earlier);
        assert_eq!(found.learned_from, 100);
        let listed: Vec<(&str, u64)> = found.parts.iter().map(|part| (part.text.as_str(), part.observed)).collect();
        assert_eq!(listed, [("1 Park Av", 9), ("9 NEW ST", 1), ("", 1)]);
        let expected: Vec<f64> = found.parts.iter().filter_map(|part| part.expected).collect();
        assert!((expected[0] - 0.4).abs() < 1e-12 && expected[1] == 0.0, "{expected:?}");
        assert_eq!(found.others.observed, 3);
        let sum = expected.iter().sum::<f64>() + found.others.expected.unwrap();
        assert!((sum - 4.0).abs() < 1e-15, "{sum}");
        // From `scipy.stats`: `binom.sf(8, 13, 10.5 / 101)` and `binom.sf(0, 13, 0.5 / 101)`.
        let p: Vec<f64> = found.parts.iter().filter_map(|part| part.p).collect();
        assert!((p[0] / 6.850_913_878_733_618e-7 - 1.0).abs() < 1e-9, "{p:?}");
        assert!((p[1] / 0.062_479_131_308_459_89 - 1.0).abs() < 1e-9, "{p:?}");
    }

    #[test]
    fn without_earlier_incidents_nothing_is_expected_of_a_part() {
        let found = parts(2, 0.5, &["A", "A"], &[]);
        assert_eq!((found.learned_from, found.parts[0].observed, found.others.observed), (0, 2, 0));
        assert!(found.parts[0].expected.is_none() && found.parts[0].p.is_none() && found.others.expected.is_none());
    }
}
