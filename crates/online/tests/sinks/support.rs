//! A sink of each kind, and what its database has then.

use blotter_online::sinks::{MemorySink, Point, Secrets, Sink, open_sink};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// By hour, area and category, the count.
pub(crate) type Points = BTreeMap<(i64, String, String), u64>;

/// A sink, and a way to ask its database.
pub(crate) struct Tried {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) read: Box<dyn Fn() -> Points>,
    /// Why it cannot take a smaller total for a greater one.
    pub(crate) only_upwards: Option<&'static str>,
}

impl Tried {
    /// Writes as the role does: what is away for the moment (a database that was made just now) is asked again.
    pub(crate) fn write(&mut self, points: &[Point<'_>]) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            match self.sink.write(points) {
                Ok(()) => return,
                Err(error) if error.is_retryable() && Instant::now() < deadline => {
                    pause();
                }
                Err(error) => panic!("not written: {error}"),
            }
        }
    }
}

/// The interval of asking, not a hope: a condition decides.
#[expect(clippy::disallowed_methods, reason = "a database tells nobody when it is ready")]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

/// Nothing where the server is not here.
pub(crate) type Open = fn() -> Option<Tried>;

/// The address of a server; says so where there is none.
fn address(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if found.is_none() {
        blotter_testing::skipped(&format!("no server: `make test` starts one, or set {variable} to host:port"));
    }
    found
}

fn unique(name: &str) -> String {
    format!("{name}{}", uuid::Uuid::new_v4().simple())
}

#[expect(clippy::unnecessary_wraps, reason = "as the sinks that may not be here")]
pub(crate) fn memory() -> Option<Tried> {
    let sink = MemorySink::default();
    let held = sink.clone();
    Some(Tried { sink: Box::new(sink), read: Box::new(move || held.points()), only_upwards: None })
}

pub(crate) fn open(url: &str, city: &str) -> Box<dyn Sink> {
    open_sink(url, city, &Secrets::default()).expect("a sink")
}

pub(crate) fn influxdb() -> Option<Tried> {
    let address = address("BLOTTER_TEST_INFLUXDB")?;
    let database = unique("blotter");
    let sink = open(&format!("influxdb://{address}/{database}"), "chicago");
    let read = move || {
        let query = "SELECT \"count\" FROM crimes GROUP BY area, category";
        let url = url::Url::parse_with_params(
            &format!("http://{address}/query"),
            [("db", database.as_str()), ("epoch", "s"), ("q", query)],
        );
        let answer = get(url.expect("a URL").as_str());
        let mut points = Points::new();
        for series in answer["results"][0]["series"].as_array().into_iter().flatten() {
            for value in series["values"].as_array().into_iter().flatten() {
                let key = (integer(&value[0]), text(&series["tags"]["area"]), text(&series["tags"]["category"]));
                assert_eq!(points.insert(key, integer(&value[1]) as u64), None, "one point of an hour");
            }
        }
        points
    };
    Some(Tried { sink, read: Box::new(read), only_upwards: None })
}

pub(crate) fn victoriametrics() -> Option<Tried> {
    let address = address("BLOTTER_TEST_VICTORIAMETRICS")?;
    let city = unique("chicago");
    let sink = open(&format!("influxdb://{address}/blotter?version=2"), &city);
    let read = move || {
        let matching = format!("{{city=\"{city}\"}}");
        let url = url::Url::parse_with_params(
            &format!("http://{address}/api/v1/export"),
            [("match[]", matching.as_str()), ("start", "0"), ("reduce_mem_usage", "0")],
        );
        // What was written is searched once it is flushed.
        drop(ureq::get(format!("http://{address}/internal/force_flush")).call());
        let mut answer = ureq::get(url.expect("a URL").as_str()).call().expect("an answer");
        let lines = answer.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
        let mut points = Points::new();
        for line in lines.lines() {
            let series: Value = serde_json::from_str(line).expect("JSON");
            let tag = |name: &str| text(&series["metric"][name]);
            let times = series["timestamps"].as_array().into_iter().flatten();
            for (at, value) in times.zip(series["values"].as_array().into_iter().flatten()) {
                let count = value.as_f64().expect("a number") as u64;
                let held = points.entry((integer(at) / 1000, tag("area"), tag("category"))).or_default();
                *held = count.max(*held);
            }
        }
        points
    };
    let why = "VictoriaMetrics adds a sample, and of those with one time it does not promise to show the last";
    Some(Tried { sink, read: Box::new(read), only_upwards: Some(why) })
}

pub(crate) fn kairosdb() -> Option<Tried> {
    let address = address("BLOTTER_TEST_KAIROSDB")?;
    let city = unique("chicago");
    let sink = open(&format!("kairosdb://{address}"), &city);
    let read = move || {
        let query = serde_json::json!({
            "start_absolute": -4_000_000_000_000_i64,
            "end_absolute": 4_000_000_000_000_i64,
            "metrics": [{ "name": "crimes", "tags": { "city": [city] }, "group_by": [{ "name": "tag", "tags": ["area", "category"] }] }],
        });
        let mut answer = ureq::post(format!("http://{address}/api/v1/datapoints/query"))
            .header("Content-Type", "application/json")
            .send(query.to_string())
            .expect("an answer");
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let mut points = Points::new();
        for result in answer["queries"][0]["results"].as_array().into_iter().flatten() {
            let Some(values) = result["values"].as_array().filter(|values| !values.is_empty()) else { continue };
            for value in values {
                let tag = |name: &str| text(&result["tags"][name][0]);
                let key = (integer(&value[0]) / 1000, tag("area"), tag("category"));
                assert_eq!(points.insert(key, integer(&value[1]) as u64), None, "one point of an hour");
            }
        }
        points
    };
    Some(Tried { sink, read: Box::new(read), only_upwards: None })
}

fn get(url: &str) -> Value {
    let mut answer = ureq::get(url).call().expect("an answer");
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
    serde_json::from_str(&body).expect("JSON")
}

fn integer(value: &Value) -> i64 {
    value.as_i64().expect("a whole number")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Points as a database should have them.
pub(crate) fn expected(points: &[Point<'_>]) -> Points {
    points.iter().map(|point| ((point.bucket, point.area.to_owned(), point.category.to_owned()), point.count)).collect()
}

/// Asks until the database shows what was written: some show it a moment later than they acknowledge it.
pub(crate) fn assert_has(tried: &Tried, expected: &Points) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut found = (tried.read)();
    while found != *expected && Instant::now() < deadline {
        pause();
        found = (tried.read)();
    }
    if found != *expected {
        let missing: Vec<_> = expected.iter().filter(|(key, count)| found.get(key) != Some(count)).take(5).collect();
        let others: Vec<_> = found.iter().filter(|(key, count)| expected.get(key) != Some(count)).take(5).collect();
        panic!("{} points instead of {}; missing {missing:?}, there are {others:?}", found.len(), expected.len());
    }
}
