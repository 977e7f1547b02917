//! A sink of each kind, and what its database has then.

use blotter_online::sinks::{MemorySink, PeakPoint, Point, Secrets, Sink, SinkError, open_sink};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet},
    fmt::Debug,
    time::{Duration, Instant},
};

/// By hour, area and category, the count.
pub(crate) type Points = BTreeMap<(i64, String, String), u64>;

/// By tick, window, area and category: observed, expected and q.
pub(crate) type Peaks = BTreeMap<(i64, u16, String, String), (u64, f64, f64)>;

/// A sink, and a way to ask its database.
pub(crate) struct Tried {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) read: Box<dyn Fn() -> Points>,
    pub(crate) read_peaks: Box<dyn Fn() -> Peaks>,
    /// Why it cannot take a smaller total for a greater one.
    pub(crate) only_upwards: Option<&'static str>,
    /// Why it does not keep every digit.
    pub(crate) rounds: Option<&'static str>,
}

impl Tried {
    /// Writes as the role does: what is away for the moment (a database that was made just now) is asked again.
    pub(crate) fn write(&mut self, points: &[Point<'_>]) {
        Self::until_taken(|| self.sink.write(points));
    }

    pub(crate) fn write_peaks(&mut self, points: &[PeakPoint<'_>]) {
        Self::until_taken(|| self.sink.write_peaks(points));
    }

    fn until_taken(mut write: impl FnMut() -> Result<(), SinkError>) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            match write() {
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
    let (held, peaks) = (sink.clone(), sink.clone());
    let (read, read_peaks) = (Box::new(move || held.points()), Box::new(move || peaks.peaks()));
    Some(Tried { sink: Box::new(sink), read, read_peaks, only_upwards: None, rounds: None })
}

pub(crate) fn open(url: &str, city: &str) -> Box<dyn Sink> {
    open_sink(url, city, &Secrets::default()).expect("a sink")
}

pub(crate) fn influxdb() -> Option<Tried> {
    let address = address("BLOTTER_TEST_INFLUXDB")?;
    let database = unique("blotter");
    let sink = open(&format!("influxdb://{address}/{database}"), "chicago");
    let ask = move |query: &str| {
        let url = url::Url::parse_with_params(
            &format!("http://{address}/query"),
            [("db", database.as_str()), ("epoch", "s"), ("q", query)],
        );
        get(url.expect("a URL").as_str())
    };
    let ask_peaks = ask.clone();
    let read_peaks = move || {
        let answer = ask_peaks("SELECT observed, expected, q FROM peaks GROUP BY area, category, \"window\"");
        let mut peaks = Peaks::new();
        for series in answer["results"][0]["series"].as_array().into_iter().flatten() {
            let tag = |name: &str| text(&series["tags"][name]);
            for value in series["values"].as_array().into_iter().flatten() {
                let key = (integer(&value[0]), tag("window").parse().expect("hours"), tag("area"), tag("category"));
                let numbers = (integer(&value[1]) as u64, real(&value[2]), real(&value[3]));
                assert_eq!(peaks.insert(key, numbers), None, "one point of a tick");
            }
        }
        peaks
    };
    let read = move || {
        let answer = ask("SELECT \"count\" FROM crimes GROUP BY area, category");
        let mut points = Points::new();
        for series in answer["results"][0]["series"].as_array().into_iter().flatten() {
            for value in series["values"].as_array().into_iter().flatten() {
                let key = (integer(&value[0]), text(&series["tags"]["area"]), text(&series["tags"]["category"]));
                assert_eq!(points.insert(key, integer(&value[1]) as u64), None, "one point of an hour");
            }
        }
        points
    };
    Some(Tried { sink, read: Box::new(read), read_peaks: Box::new(read_peaks), only_upwards: None, rounds: None })
}

pub(crate) fn victoriametrics() -> Option<Tried> {
    let address = address("BLOTTER_TEST_VICTORIAMETRICS")?;
    let city = unique("chicago");
    let sink = open(&format!("influxdb://{address}/blotter?version=2"), &city);
    let ask = move || {
        let matching = format!("{{city=\"{city}\"}}");
        let url = url::Url::parse_with_params(
            &format!("http://{address}/api/v1/export"),
            [("match[]", matching.as_str()), ("start", "0"), ("reduce_mem_usage", "0")],
        );
        // What was written is searched once it is flushed.
        drop(ureq::get(format!("http://{address}/internal/force_flush")).call());
        let mut answer = ureq::get(url.expect("a URL").as_str()).call().expect("an answer");
        let lines = answer.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
        let mut samples: Vec<(Value, i64, f64)> = Vec::new();
        for line in lines.lines() {
            let series: Value = serde_json::from_str(line).expect("JSON");
            let times = series["timestamps"].as_array().into_iter().flatten();
            for (at, value) in times.zip(series["values"].as_array().into_iter().flatten()) {
                samples.push((series["metric"].clone(), integer(at) / 1000, real(value)));
            }
        }
        samples
    };
    let ask_peaks = ask.clone();
    let read_peaks = move || {
        let mut peaks = Peaks::new();
        for (metric, at, value) in ask_peaks() {
            let tag = |name: &str| text(&metric[name]);
            let key = (at, tag("window").parse().expect("hours"), tag("area"), tag("category"));
            let numbers = peaks.entry(key).or_default();
            match tag("__name__").as_str() {
                "peaks_observed" => numbers.0 = value as u64,
                "peaks_expected" => numbers.1 = value,
                "peaks_q" => numbers.2 = value,
                other => panic!("a number that nobody wrote: {other}"),
            }
        }
        peaks
    };
    let read = move || {
        let mut points = Points::new();
        for (metric, at, value) in ask() {
            let held = points.entry((at, text(&metric["area"]), text(&metric["category"]))).or_default();
            *held = (value as u64).max(*held);
        }
        points
    };
    let why = "VictoriaMetrics adds a sample, and of those with one time it does not promise to show the last";
    Some(Tried {
        sink,
        read: Box::new(read),
        read_peaks: Box::new(read_peaks),
        only_upwards: Some(why),
        rounds: Some("VictoriaMetrics keeps some twelve digits"),
    })
}

pub(crate) fn kairosdb() -> Option<Tried> {
    let address = address("BLOTTER_TEST_KAIROSDB")?;
    let city = unique("chicago");
    let sink = open(&format!("kairosdb://{address}"), &city);
    let ask = move |metric: &str, tags: &[&str]| {
        let query = serde_json::json!({
            "start_absolute": -4_000_000_000_000_i64,
            "end_absolute": 4_000_000_000_000_i64,
            "metrics": [{ "name": metric, "tags": { "city": [city] }, "group_by": [{ "name": "tag", "tags": tags }] }],
        });
        let mut answer = ureq::post(format!("http://{address}/api/v1/datapoints/query"))
            .header("Content-Type", "application/json")
            .send(query.to_string())
            .expect("an answer");
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        let mut samples: Vec<(Value, i64, Value)> = Vec::new();
        for result in answer["queries"][0]["results"].as_array().into_iter().flatten() {
            for value in result["values"].as_array().into_iter().flatten() {
                samples.push((result["tags"].clone(), integer(&value[0]) / 1000, value[1].clone()));
            }
        }
        samples
    };
    let ask_peaks = ask.clone();
    let read_peaks = move || {
        let mut peaks = Peaks::new();
        for metric in ["peaks.observed", "peaks.expected", "peaks.q"] {
            let mut seen = HashSet::new();
            for (tags, at, value) in ask_peaks(metric, &["area", "category", "window"]) {
                let tag = |name: &str| text(&tags[name][0]);
                let key = (at, tag("window").parse().expect("hours"), tag("area"), tag("category"));
                assert!(seen.insert(key.clone()), "one point of a tick");
                let numbers = peaks.entry(key).or_default();
                match metric {
                    "peaks.observed" => numbers.0 = integer(&value) as u64,
                    "peaks.expected" => numbers.1 = real(&value),
                    _ => numbers.2 = real(&value),
                }
            }
        }
        peaks
    };
    let read = move || {
        let mut points = Points::new();
        for (tags, at, value) in ask("crimes", &["area", "category"]) {
            let key = (at, text(&tags["area"][0]), text(&tags["category"][0]));
            assert_eq!(points.insert(key, integer(&value) as u64), None, "one point of an hour");
        }
        points
    };
    Some(Tried { sink, read: Box::new(read), read_peaks: Box::new(read_peaks), only_upwards: None, rounds: None })
}

fn get(url: &str) -> Value {
    let mut answer = ureq::get(url).call().expect("an answer");
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_string().expect("a text");
    serde_json::from_str(&body).expect("JSON")
}

fn integer(value: &Value) -> i64 {
    value.as_i64().expect("a whole number")
}

fn real(value: &Value) -> f64 {
    value.as_f64().expect("a number")
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
    assert_shows(&tried.read, expected);
}

/// The same of peaks.
pub(crate) fn assert_has_peaks(tried: &Tried, peaks: &[PeakPoint<'_>]) {
    let of = |peak: &PeakPoint<'_>| {
        let key = (peak.at, peak.window, peak.area.to_owned(), peak.category.to_owned());
        (key, (peak.observed, peak.expected, peak.q))
    };
    assert_shows(&tried.read_peaks, &peaks.iter().map(of).collect());
}

fn assert_shows<K: Ord + Debug, V: PartialEq + Debug>(read: impl Fn() -> BTreeMap<K, V>, expected: &BTreeMap<K, V>) {
    let patience = Duration::from_mins(1);
    let (mut found, mut moved_at) = (read(), Instant::now());
    while found != *expected && moved_at.elapsed() < patience {
        pause();
        let now = read();
        if now != found {
            (found, moved_at) = (now, Instant::now());
        }
    }
    if found != *expected {
        let missing: Vec<_> = expected.iter().filter(|(key, value)| found.get(key) != Some(value)).take(5).collect();
        let others: Vec<_> = found.iter().filter(|(key, value)| expected.get(key) != Some(value)).take(5).collect();
        panic!("{} points instead of {}; missing {missing:?}, there are {others:?}", found.len(), expected.len());
    }
}
