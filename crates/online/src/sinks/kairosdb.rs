//! KairosDB by its REST interface.

use super::{Point, Secrets, Sink, SinkError, http::Client, secrets::basic};
use serde::Serialize;
use std::collections::BTreeMap;

/// Points of one request.
const MOST_POINTS: usize = 10_000;

pub(super) struct KairosDb {
    client: Client,
    city: String,
}

/// Points of one metric and one set of tags.
#[derive(Serialize)]
struct MetricPoints<'a> {
    name: &'static str,
    tags: BTreeMap<&'static str, &'a str>,
    /// Milliseconds since 1970, and the count.
    datapoints: Vec<(i64, u64)>,
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
}

impl Sink for KairosDb {
    fn name(&self) -> &str {
        &self.client.sink
    }

    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError> {
        for points in points.chunks(MOST_POINTS) {
            let body = serde_json::to_vec(&series(&self.city, points))
                .map_err(|error| SinkError::Configuration(format!("points make no JSON: {error}")))?;
            self.client.post("/api/v1/datapoints", "application/gzip", &body)?;
        }
        Ok(())
    }
}

fn series<'a>(city: &'a str, points: &[Point<'a>]) -> Vec<MetricPoints<'a>> {
    let mut all: BTreeMap<(&str, &str), Vec<(i64, u64)>> = BTreeMap::new();
    for point in points {
        all.entry((point.area, point.category)).or_default().push((point.bucket * 1000, point.count));
    }
    let series = all.into_iter().map(|((area, category), datapoints)| MetricPoints {
        name: "crimes",
        // A tag without a value cannot be said.
        tags: [("area", area), ("category", category), ("city", city)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        datapoints,
    });
    series.collect()
}
