//! KairosDB by its REST interface.

use super::{PeakPoint, Point, Secrets, Sink, SinkError, http::Client, secrets::basic};
use serde::Serialize;
use std::{borrow::Cow, collections::BTreeMap};

/// Points of one request.
const MOST_POINTS: usize = 10_000;

pub(super) struct KairosDb {
    client: Client,
    city: String,
}

/// A number as KairosDB has it.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Real(f64),
}

/// Points of one metric and one set of tags.
#[derive(Serialize)]
struct MetricPoints<'a> {
    name: &'static str,
    /// KairosDB takes a number without a point for a whole one, `1e-7` too.
    #[serde(rename = "type")]
    kind: &'static str,
    tags: BTreeMap<&'static str, Cow<'a, str>>,
    /// Milliseconds since 1970, and the number.
    datapoints: Vec<(i64, Number)>,
}

impl KairosDb {
    pub(super) fn new(name: String, base: String, city: &str, secrets: &Secrets) -> Self {
        let password = secrets.kairosdb_password.clone().unwrap_or_default();
        let authorization = secrets.kairosdb_username.as_ref().map(|user| basic(user, &password));
        let hidden =
            [Some(password), authorization.as_ref().and_then(|value| Some(value.split_once(' ')?.1.to_owned()))];
        let client = Client::new(name, base, authorization, hidden.into_iter().flatten().collect());
        Self { client, city: city.to_owned() }
    }

    fn post(&self, metrics: &[MetricPoints<'_>]) -> Result<(), SinkError> {
        let body = serde_json::to_vec(metrics)
            .map_err(|error| SinkError::Configuration(format!("points make no JSON: {error}")))?;
        self.client.post("/api/v1/datapoints", "application/gzip", &body)
    }
}

impl Sink for KairosDb {
    fn name(&self) -> &str {
        &self.client.sink
    }

    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError> {
        points.chunks(MOST_POINTS).try_for_each(|points| self.post(&series(&self.city, points)))
    }

    fn write_peaks(&mut self, points: &[PeakPoint<'_>]) -> Result<(), SinkError> {
        points.chunks(MOST_POINTS).try_for_each(|points| self.post(&peak_series(&self.city, points)))
    }
}

fn series<'a>(city: &'a str, points: &[Point<'a>]) -> Vec<MetricPoints<'a>> {
    let mut all: BTreeMap<(&str, &str), Vec<(i64, Number)>> = BTreeMap::new();
    for point in points {
        all.entry((point.area, point.category)).or_default().push((point.bucket * 1000, Number::Whole(point.count)));
    }
    let series = all.into_iter().map(|((area, category), datapoints)| MetricPoints {
        name: "crimes",
        kind: "long",
        tags: tags([("area", area.into()), ("category", category.into()), ("city", city.into())]),
        datapoints,
    });
    series.collect()
}

/// Metric, area, category and window.
type PeakKey<'a> = (&'static str, &'a str, &'a str, u16);

/// One metric for each number.
fn peak_series<'a>(city: &'a str, points: &[PeakPoint<'a>]) -> Vec<MetricPoints<'a>> {
    let mut all: BTreeMap<PeakKey<'_>, Vec<(i64, Number)>> = BTreeMap::new();
    for point in points {
        for (name, number) in [
            ("peaks.observed", Number::Whole(point.observed)),
            ("peaks.expected", Number::Real(point.expected)),
            ("peaks.q", Number::Real(point.q)),
        ] {
            let key = (name, point.area, point.category, point.window);
            all.entry(key).or_default().push((point.at * 1000, number));
        }
    }
    let series = all.into_iter().map(|((name, area, category, window), datapoints)| MetricPoints {
        name,
        kind: if name == "peaks.observed" { "long" } else { "double" },
        tags: tags([
            ("area", area.into()),
            ("category", category.into()),
            ("city", city.into()),
            ("window", window.to_string().into()),
        ]),
        datapoints,
    });
    series.collect()
}

/// A tag without a value cannot be said.
fn tags<'a, const COUNT: usize>(tags: [(&'static str, Cow<'a, str>); COUNT]) -> BTreeMap<&'static str, Cow<'a, str>> {
    tags.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
