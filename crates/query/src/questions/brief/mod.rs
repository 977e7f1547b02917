//! The brief: what an analyst prepares each week. The last 7 days, the last 28 days and the year to date, by category and by
//! area, each against the same days of the year before and against what was expected.

mod days;
mod lines;
mod page;
mod rows;

use crate::{
    Caller, Cost, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, View,
    encode::{Answer, Form, Json, Table, beside},
    opened::OpenSnapshot,
    parameters::{allowed::Moment, moment},
    texts::{Sources, refusal},
};
use blotter_city::CityClock;
use blotter_cube::{Bucket, By, Filter, Page};
use blotter_hotspot::two_counts_p;
use blotter_incident::Incident;
use blotter_peak::{SpanExpected, begin_of, hour_of};
pub use page::{BriefHead, brief_page, refusal_page};

use days::{Days, day_of, midnight, spans};
use jiff::{ToSpan, civil::Date};
use lines::{Lines, MOST_NUMBERS, TableBasis};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Percentages of smaller counts mislead.
const LEAST_OF_PERCENT: u64 = 20;
/// Incidents of the week before that are looked at for later changes.
const MOST_LOOKED_AT: usize = 10_000;
/// How many of them are read at a time.
const PAGE: usize = 2000;

/// What does this week's brief say?
#[derive(Clone, Debug, IntoParams)]
pub struct Brief {
    /// End of the brief, exclusive: city time, or a time with offset, rounded down to midnight. Default: the last midnight before the
    /// end of the data.
    #[param(value_type = Moment, inline, required = false)]
    pub at: Option<String>,
}

/// Counts of three spans, each compared with the same days of the year before and with what was expected.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BriefAnswer {
    /// The spans: the last 7 days, the last 28 days, the year to date.
    pub spans: Vec<BriefSpan>,
    /// Layer of the areas. Null if the city has none.
    #[schema(required)]
    pub layer: Option<String>,
    /// All incidents.
    pub total: BriefLine,
    /// By category, the most incidents in the last 7 days first.
    pub categories: Vec<BriefLine>,
    /// By area of the primary layer, the most incidents in the last 7 days first. Code ``: no area recorded.
    pub areas: Vec<BriefLine>,
    /// How the week before looks today.
    pub revisions: BriefRevisions,
    /// Whether expected counts allow for late reports: `profile` or `none`.
    pub reporting_lag: String,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

/// A span and the same days of the year before.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BriefSpan {
    /// Its name.
    pub name: SpanName,
    /// First day, city time.
    #[schema(format = Date)]
    pub from: String,
    /// Day after the last, city time.
    #[schema(format = Date)]
    pub to: String,
    /// Number of days.
    pub days: i64,
    /// The same first day, a year before.
    #[schema(format = Date)]
    pub before_from: String,
    /// Day after the same last day, a year before.
    #[schema(format = Date)]
    pub before_to: String,
    /// Number of days of the year before: 29 February may make a difference, which p allows for.
    pub before_days: i64,
    /// False if the data begin after `before_from`: then nothing is compared with the year before.
    pub has_before: bool,
}

/// `week`: the last 7 days. `four_weeks`: the last 28 days. `year_to_date`: since 1 January.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpanName {
    /// The last 7 days.
    Week,
    /// The last 28 days.
    FourWeeks,
    /// Since 1 January.
    YearToDate,
}

impl SpanName {
    fn word(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::FourWeeks => "four_weeks",
            Self::YearToDate => "year_to_date",
        }
    }
}

/// A category, an area, or everything.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BriefLine {
    /// Category or area code. Empty: all incidents, or no area recorded.
    pub key: String,
    /// Name to show.
    pub name: String,
    /// Figures of each span, in the order of `spans`.
    pub figures: Vec<BriefFigure>,
}

/// The incidents of a line in a span, compared.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct BriefFigure {
    /// Incidents in the span.
    pub observed: u64,
    /// Incidents in the same days of the year before. Null if the data begin later.
    #[schema(required)]
    pub before: Option<u64>,
    /// observed − before.
    #[schema(required)]
    pub difference: Option<i64>,
    /// Percent more than the year before (negative: less). Null if either count is below 20.
    #[schema(required)]
    pub percent: Option<f64>,
    /// Probability of two counts at least this unequal if the rate is the same, 0 to 1: exact test of two Poisson counts (conditional
    /// binomial, two-sided).
    #[schema(required)]
    pub p: Option<f64>,
    /// p corrected for all lines and spans of this table (Benjamini and Hochberg), 0 to 1.
    #[schema(required)]
    pub q: Option<f64>,
    /// Incidents expected, learned from the weeks before the span, late reports allowed for. Null if fewer than eight weeks lie before it.
    #[schema(required)]
    pub expected: Option<f64>,
    /// Least usual count: at most 1 count in 20 is lower.
    #[schema(required)]
    pub low: Option<u64>,
    /// Greatest usual count: at most 1 count in 20 is higher.
    #[schema(required)]
    pub high: Option<u64>,
    /// Probability of a count at least this unusual beside `expected`, 0 to 1 (negative binomial, two-sided).
    #[schema(required)]
    pub expected_p: Option<f64>,
    /// `expected_p` corrected for all lines and spans of this table (Benjamini and Hochberg), 0 to 1.
    #[schema(required)]
    pub expected_q: Option<f64>,
}

/// The week before the last, as it is known today.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BriefRevisions {
    /// First day, city time.
    #[schema(format = Date)]
    pub from: String,
    /// Day after the last, city time: the end of the brief of that week.
    #[schema(format = Date)]
    pub to: String,
    /// Incidents that are known of it today.
    pub incidents: u64,
    /// How many of them were added or changed after `to`. Null if this is not known: the source says no times of change and was first
    /// read later, or there are more than 10,000 incidents.
    #[schema(required)]
    pub changed: Option<u64>,
}

impl FromParameters for Brief {
    const HAS_FILTER: bool = false;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self { at: parameters.text("at") })
    }
}

impl BriefFigure {
    fn new(observed: u64, before: Option<u64>, span: &SpanBasis, expected: Option<&SpanExpected>) -> Self {
        let days = span.days.count() as f64;
        let share = days / (days + span.before.map_or(0, Days::count) as f64);
        let range = expected.map(SpanExpected::usual_range);
        let is_enough = |before: &u64| *before >= LEAST_OF_PERCENT && observed >= LEAST_OF_PERCENT;
        Self {
            observed,
            before,
            difference: before.map(|before| observed as i64 - before as i64),
            percent: before.filter(is_enough).map(|before| (observed as f64 / before as f64 - 1.0) * 100.0),
            p: before.map(|before| two_counts_p(observed, before, share)),
            q: None,
            expected: expected.map(|of| of.expected),
            low: range.map(|(low, _)| low),
            high: range.map(|(_, high)| high),
            expected_p: expected.map(|of| of.two_sided_p(observed)),
            expected_q: None,
        }
    }
}

struct SpanBasis {
    name: SpanName,
    days: Days,
    before: Option<Days>,
    has_before: bool,
    hours: usize,
}

/// What is taken from the view under one hold.
struct Basis {
    clock: CityClock,
    end: Date,
    spans: Vec<SpanBasis>,
    total: TableBasis,
    categories: TableBasis,
    areas: Option<TableBasis>,
    week_before: Days,
    incidents_before: u64,
    snapshot: Option<Arc<OpenSnapshot>>,
    pages: Vec<Page>,
    next_offsets: NextOffsets,
}

impl Brief {
    fn basis(&self, city: &LoadedCity, view: &View) -> Result<Basis, QueryError> {
        let clock = view.cube.clock().clone();
        let hourly = view.hourly();
        let asked = moment("at", self.at.as_deref(), &clock)?.map(hour_of);
        let at = begin_of(hourly.tick_hour(asked, &clock)?);
        let of_no_day = || QueryError::parameter("at", "there are no days before then");
        let end = day_of(at, &clock).ok_or_else(of_no_day)?;
        let earliest = view.cube.period().earliest.and_then(|from| day_of(from, &clock));
        let Some(earliest) = earliest else {
            return Err(QueryError::NotFound("no incident is known yet".to_owned()));
        };
        if end <= earliest {
            let detail = format!("there are no days before then: the data begin on {earliest}");
            return Err(QueryError::parameter("at", detail));
        }
        let hour = |day: Date| hour_of(midnight(day, &clock));
        let spans: Vec<SpanBasis> = spans(end)
            .ok_or_else(of_no_day)?
            .into_iter()
            .map(|(name, days)| {
                let before = days.year_before();
                let has_before = before.is_some_and(|before| earliest <= before.from);
                let hours = i64::from(hour(days.to)) - i64::from(hour(days.from));
                SpanBasis { name, days, before, has_before, hours: hours.max(0) as usize }
            })
            .collect();
        let table = |lines| TableBasis::read(view, &spans, end, lines);
        let layer = (!city.profile.layers.is_empty()).then(|| city.profile.primary_layer());
        let (total, categories) = (table(Lines::Total)?, table(Lines::Categories)?);
        let areas = layer.map(|layer| table(Lines::Areas(layer))).transpose()?;
        let week = spans[0].days;
        let week_before = Days { from: week.from.checked_sub(7.days()).map_err(|_| of_no_day())?, to: week.from };
        let filter = week_before.filter(&clock);
        let counted = view.cube.series(&filter, By::None, Bucket::Year, MOST_NUMBERS);
        let counted = counted.map_err(|error| QueryError::internal(&error))?;
        let incidents_before =
            counted.lines.iter().flat_map(|line| &line.counts).map(|count| u64::from(*count)).sum::<u64>();
        let mut pages = Vec::new();
        if incidents_before <= MOST_LOOKED_AT as u64 {
            let mut after = None;
            loop {
                let page = view.cube.newest(&filter, PAGE, after.as_ref());
                after = page.incidents.last().map(|last| last.cursor.clone());
                let has_more = page.has_more;
                pages.push(page);
                if !has_more || after.is_none() {
                    break;
                }
            }
        }
        Ok(Basis {
            end,
            spans,
            total,
            categories,
            areas,
            week_before,
            incidents_before,
            snapshot: view.opened.clone(),
            pages,
            next_offsets: view.reflects(),
            clock,
        })
    }
}

impl Basis {
    fn answer(self, city: &LoadedCity) -> Result<BriefAnswer, QueryError> {
        let end = hour_of(midnight(self.end, &self.clock));
        let lines =
            |table: &TableBasis, name: &dyn Fn(&str) -> String| table.lines(&city.peaking, end, &self.spans, name);
        let layer = city.profile.layers.get(city.profile.primary_layer());
        let area_name = |code: &str| match layer.and_then(|layer| layer.names.get(code)) {
            _ if code.is_empty() => "No area recorded".to_owned(),
            Some(name) => name.clone(),
            None => code.to_owned(),
        };
        let everything = |_: &str| "All incidents".to_owned();
        let none = || BriefLine {
            key: String::new(),
            name: everything(""),
            figures: self
                .spans
                .iter()
                .map(|span| BriefFigure::new(0, span.has_before.then_some(0), span, None))
                .collect(),
        };
        let changed = self.changed(city)?;
        Ok(BriefAnswer {
            total: lines(&self.total, &everything).into_iter().next().unwrap_or_else(none),
            categories: lines(&self.categories, &|key| key.to_owned()),
            areas: self.areas.as_ref().map(|table| lines(table, &area_name)).unwrap_or_default(),
            layer: self.areas.as_ref().and(layer).map(|layer| layer.name.clone()),
            revisions: BriefRevisions {
                from: self.week_before.from.to_string(),
                to: self.week_before.to.to_string(),
                incidents: self.incidents_before,
                changed,
            },
            reporting_lag: city.peaking.reporting_lag().to_owned(),
            spans: self.spans.iter().map(BriefSpan::of).collect(),
            next_offsets: self.next_offsets,
        })
    }

    /// How many incidents of the week before were added or changed after it had ended.
    fn changed(&self, city: &LoadedCity) -> Result<Option<u64>, QueryError> {
        if self.incidents_before > MOST_LOOKED_AT as u64 {
            return Ok(None);
        }
        let ended = midnight(self.week_before.to, &self.clock);
        let ended_civil = self.clock.to_civil(ended);
        let sources = Sources { snapshot: self.snapshot.as_deref(), log: city.log.as_deref() };
        let mut incidents: Vec<Incident> = Vec::new();
        for page in &self.pages {
            let read = city.texts.page(&sources, page).map_err(|error| refusal(&error))?;
            if read.incidents.len() < page.incidents.len() {
                return Ok(None);
            }
            incidents.extend(read.incidents);
        }
        let is_followed = incidents.iter().any(|incident| incident.observed_at < ended);
        let is_later = |incident: &Incident| match incident.updated_at {
            Some(updated_at) => Some(updated_at >= ended_civil),
            None => is_followed.then(|| incident.observed_at >= ended),
        };
        let later: Option<Vec<bool>> = incidents.iter().map(is_later).collect();
        Ok(later.map(|later| later.into_iter().filter(|is_later| *is_later).count() as u64))
    }
}

impl BriefSpan {
    fn of(span: &SpanBasis) -> Self {
        let before = span.before.unwrap_or(span.days);
        Self {
            name: span.name,
            from: span.days.from.to_string(),
            to: span.days.to.to_string(),
            days: span.days.count(),
            before_from: before.from.to_string(),
            before_to: before.to.to_string(),
            before_days: before.count(),
            has_before: span.has_before,
        }
    }
}

impl Question for Brief {
    type Answer = BriefAnswer;

    const SUMMARY: &'static str = "The weekly brief: 7 days, 28 days and the year to date, by category and by area";
    const NOT_FOUND: Option<&'static str> = Some("No incident is known yet.");
    const DESCRIPTION: &'static str = "Counts incidents of the last 7 days, the last 28 days and the year to date, and compares each with \
        the same days of the year before and with what was expected. Arrow and CSV have one row per line and span.";

    fn cost(&self) -> Cost {
        Cost::Records
    }

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<BriefAnswer>, QueryError> {
        let (basis, edition) = {
            let view = city.read();
            let clock = view.cube.clock();
            let at = moment("at", self.at.as_deref(), clock)?;
            let mut content = vec![view.cube.content(&Filter { to: at, ..Filter::default() })];
            content.extend(view.hourly().history.end().map(|end| end as u64));
            let edition = Edition { content, next_offsets: view.reflects() };
            if caller.has(&edition) {
                return Ok(Reply::Known(edition));
            }
            (self.basis(city, &view)?, edition)
        };
        Ok(Reply::Answer(basis.answer(city)?, Some(edition)))
    }
}

impl Answer for BriefAnswer {
    const FORMS: &'static [Form] = Form::TABLE;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    /// A row for each line and span.
    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        let rows = rows::rows(&self).map_err(|error| QueryError::internal(&error))?;
        let summary = json!({ "layer": self.layer, "revisions": self.revisions, "next_offsets": self.next_offsets });
        Ok(Some(Table::of(rows, beside(&summary)?)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn percentages_stand_beside_counts_of_20_or_more() {
        let days = Days { from: day("2017-08-01"), to: day("2017-08-08") };
        let span = SpanBasis { name: SpanName::Week, days, before: days.year_before(), has_before: true, hours: 168 };
        for (observed, before, expect) in [(30, 20, Some(50.0)), (19, 40, None), (40, 19, None), (20, 40, Some(-50.0))]
        {
            let figure = BriefFigure::new(observed, Some(before), &span, None);
            assert_eq!(figure.percent, expect);
            assert_eq!(figure.difference, Some(observed as i64 - before as i64));
        }
        let figure = BriefFigure::new(10, Some(3), &span, None);
        // poisson.test(c(10, 3))$p.value in R.
        assert!((figure.p.unwrap() - 0.092_285_156_25).abs() < 1e-12);
    }
}
