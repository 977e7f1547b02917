//! InfluxDB by its line protocol: API v1, v2 or v3.

use super::{PeakPoint, Point, Secrets, Sink, SinkError, http::Client, secrets::basic};
use serde::Deserialize;
use std::{fmt::Write, time::Duration};
use url::form_urlencoded::byte_serialize;

/// Lines of one request.
const MOST_LINES: usize = 10_000;
/// How long after each try points are sent again to a database that was made just now.
const SHOWN_AFTER_MS: [u64; 5] = [50, 100, 200, 400, 800];

/// How points are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    /// `/write`, databases, user and password.
    V1,
    /// `/api/v2/write`, buckets of an organisation, a token.
    V2,
    /// `/api/v3/write_lp`, databases, a token.
    V3,
}

pub(super) struct InfluxDb {
    name: String,
    base: String,
    /// None until the server was asked.
    api: Option<Api>,
    database: String,
    organisation: Option<String>,
    city: String,
    secrets: Secrets,
    /// Whether the database was made where it was missing.
    made: bool,
}

impl InfluxDb {
    pub(super) fn new(
        name: String,
        base: String,
        api: Option<Api>,
        database: String,
        organisation: Option<String>,
        city: String,
        secrets: &Secrets,
    ) -> Self {
        Self { name, base, api, database, organisation, city, secrets: secrets.clone(), made: false }
    }

    fn client(&self, api: Option<Api>) -> Client {
        let Secrets { influxdb_username: user, influxdb_password: password, influxdb_token: token, .. } = &self.secrets;
        let authorization = match (api, token, user) {
            (Some(Api::V3), Some(token), _) => Some(format!("Bearer {token}")),
            (Some(Api::V1), _, Some(user)) => Some(basic(user, password.as_deref().unwrap_or_default())),
            (Some(Api::V2), Some(token), _) | (Some(Api::V1), Some(token), None) => Some(format!("Token {token}")),
            _ => None,
        };
        let mut secrets: Vec<String> = [token, password].into_iter().flatten().cloned().collect();
        secrets.extend(authorization.iter().filter_map(|value| Some(value.split_once(' ')?.1.to_owned())));
        Client::new(self.name.clone(), self.base.clone(), authorization, secrets)
    }

    /// Which API the server speaks, by what it says of itself.
    fn ask(&self) -> Result<Api, SinkError> {
        let version = self.client(None).header_of("/ping", "X-Influxdb-Version")?.unwrap_or_default();
        Ok(match version.trim_start_matches('v').chars().next() {
            Some('2') => Api::V2,
            Some('3') => Api::V3,
            _ => Api::V1,
        })
    }

    fn path(&self, api: Api) -> String {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let database = encoded(&self.database);
        match api {
            Api::V1 => format!("/write?db={database}&precision=s"),
            Api::V2 => {
                let organisation = encoded(self.organisation.as_deref().unwrap_or_default());
                format!("/api/v2/write?org={organisation}&bucket={database}&precision=s")
            }
            Api::V3 => format!("/api/v3/write_lp?db={database}&precision=second"),
        }
    }

    /// Makes the database; that it is there already is fine.
    fn make(&self, client: &Client) -> Result<(), SinkError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            results: Vec<Outcome>,
        }
        #[derive(Deserialize)]
        struct Outcome {
            error: Option<String>,
        }
        let name = self.database.replace('\\', "\\\\").replace('"', "\\\"");
        let text = client.post_form("/query", &[("q", &format!("CREATE DATABASE \"{name}\""))])?;
        // It says with a 200 that a statement failed.
        let failed = serde_json::from_str(&text)
            .ok()
            .and_then(|answer: Answer| answer.results.into_iter().find_map(|one| one.error));
        match failed {
            Some(error) => {
                Err(client.away(&format!("it does not make the database `{}`: {error}", self.database), None))
            }
            None => Ok(()),
        }
    }

    /// Posts lines; makes the database where it is missing.
    #[expect(clippy::disallowed_methods, reason = "a database tells nobody when it takes points")]
    fn post(&mut self, lines: &str) -> Result<(), SinkError> {
        const KIND: &str = "text/plain; charset=utf-8";
        let api = match self.api {
            Some(api) => api,
            None => *self.api.insert(self.ask()?),
        };
        let (client, path) = (self.client(self.api), self.path(api));
        let written = client.post(&path, KIND, lines.as_bytes());
        if api != Api::V1 || self.made || !is_missing(&written) {
            return written;
        }
        self.make(&client)?;
        // A busy server takes it a moment later.
        for pause in SHOWN_AFTER_MS {
            let written = client.post(&path, KIND, lines.as_bytes());
            if !is_missing(&written) {
                self.made = written.is_ok();
                return written;
            }
            std::thread::sleep(Duration::from_millis(pause));
        }
        Err(client.away(&format!("it has made the database `{}` and does not find it yet", self.database), None))
    }
}

/// Whether the database is not there.
fn is_missing(written: &Result<(), SinkError>) -> bool {
    matches!(written, Err(SinkError::Refused { status: 404, .. }))
}

impl Sink for InfluxDb {
    fn name(&self) -> &str {
        &self.name
    }

    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError> {
        points.chunks(MOST_LINES).try_for_each(|points| self.post(&lines(&self.city, points)))
    }

    fn write_peaks(&mut self, points: &[PeakPoint<'_>]) -> Result<(), SinkError> {
        points.chunks(MOST_LINES).try_for_each(|points| self.post(&peak_lines(&self.city, points)))
    }
}

/// Points in line protocol, with seconds.
fn lines(city: &str, points: &[Point<'_>]) -> String {
    let mut text = String::with_capacity(points.len() * 80);
    for point in points {
        text.push_str("crimes");
        tags(&mut text, [("area", point.area), ("category", point.category), ("city", city)]);
        let _infallible = writeln!(text, " count={}i {}", point.count, point.bucket);
    }
    text
}

/// What is peaking, in line protocol, with seconds.
fn peak_lines(city: &str, points: &[PeakPoint<'_>]) -> String {
    let mut text = String::with_capacity(points.len() * 120);
    for PeakPoint { at, window, area, category, observed, expected, q } in points {
        text.push_str("peaks");
        tags(&mut text, [("area", area), ("category", category), ("city", city), ("window", &window.to_string())]);
        // Both floats to the last bit, and short where they are tiny.
        let _infallible = writeln!(text, " observed={observed}i,expected={expected:?},q={q:?} {at}");
    }
    text
}

/// Tags in the order of their names, which databases like best; an empty one cannot be said.
fn tags<const COUNT: usize>(text: &mut String, tags: [(&str, &str); COUNT]) {
    for (name, value) in tags.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _infallible = write!(text, ",{name}=");
        tag(text, value);
    }
}

/// A tag's value: commas, equals signs and spaces are escaped. A line's end would end the point, and a backslash at the end
/// would escape what follows: both become what they look like.
fn tag(text: &mut String, value: &str) {
    let value = value.trim_end_matches('\\');
    for letter in value.chars() {
        match letter {
            ',' | '=' | ' ' => text.extend(['\\', letter]),
            letter if letter.is_control() => text.push_str("\\ "),
            letter => text.push(letter),
        }
    }
    if value.is_empty() {
        text.push('-');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_lines() {
        let point = |area, category, count| Point { bucket: 1_500_001_200, area, category, count };
        let points = [point("25", "OFFENSE, \"OTHER\" = a b", 3), point("", "été\n", 0), point("\\", "x\\", 1)];
        assert_eq!(
            lines("chicago", &points),
            "crimes,area=25,category=OFFENSE\\,\\ \"OTHER\"\\ \\=\\ a\\ b,city=chicago count=3i 1500001200\n\
             crimes,category=été\\ ,city=chicago count=0i 1500001200\n\
             crimes,area=-,category=x,city=chicago count=1i 1500001200\n"
        );
    }

    #[test]
    fn peaks_are_lines_with_a_window_and_exact_numbers() {
        let point = |area, q| PeakPoint {
            at: 1_500_001_200,
            window: 24,
            area,
            category: "OTHER OFFENSE",
            observed: 7,
            expected: 0.1 + 0.2,
            q,
        };
        assert_eq!(
            peak_lines("chicago", &[point("25", 3.4e-11), point("", 1.0)]),
            "peaks,area=25,category=OTHER\\ OFFENSE,city=chicago,window=24 observed=7i,expected=0.30000000000000004,q=3.4e-11 1500001200\n\
             peaks,category=OTHER\\ OFFENSE,city=chicago,window=24 observed=7i,expected=0.30000000000000004,q=1.0 1500001200\n"
        );
    }
}
