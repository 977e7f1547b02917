//! A sink by its URL.

use super::{
    Sink, SinkError,
    influxdb::{Api, InfluxDb},
    kairosdb::KairosDb,
    memory::MemorySink,
    secrets::Secrets,
};
use std::collections::BTreeMap;
use url::Url;

/// Opens `memory:`, `influxdb://HOST:8086/DATABASE[?version=1|2|3&org=ORG]` or `kairosdb://HOST:8080`; `influxdbs://` and
/// `kairosdbs://` are encrypted. Asks nobody yet: a database that is down at the start is as one that goes down later.
/// Without a version the server is asked for it.
pub fn open_sink(url: &str, city: &str, secrets: &Secrets) -> Result<Box<dyn Sink>, SinkError> {
    if url == "memory:" {
        return Ok(Box::new(MemorySink::default()));
    }
    // What may be a secret is not repeated.
    let shown = match url.split(['?', '#']).next().unwrap_or_default() {
        plain if plain.contains('@') => plain.split(':').next().unwrap_or_default().to_owned() + "://…",
        plain => plain.to_owned(),
    };
    let refuse = |why: &str| SinkError::Configuration(format!("`{shown}` is not a sink: {why}"));
    let parsed =
        Url::parse(url).map_err(|_| refuse("give memory:, influxdb://HOST:8086/DATABASE or kairosdb://HOST:8080"))?;
    let (kind, secure) = match parsed.scheme() {
        "influxdb" => ("influxdb", ""),
        "influxdbs" => ("influxdb", "s"),
        "kairosdb" => ("kairosdb", ""),
        "kairosdbs" => ("kairosdb", "s"),
        _ => return Err(refuse("there are memory:, influxdb://HOST:8086/DATABASE and kairosdb://HOST:8080")),
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(refuse(
            "user, password and token come from the environment (INFLUXDB_TOKEN, INFLUXDB_USERNAME, INFLUXDB_PASSWORD, \
             KAIROSDB_USERNAME, KAIROSDB_PASSWORD, each also as …_FILE)",
        ));
    }
    let host = parsed.host_str().filter(|host| !host.is_empty()).ok_or_else(|| refuse("it names no host"))?;
    let port = parsed.port().unwrap_or(if kind == "influxdb" { 8086 } else { 8080 });
    let base = format!("http{secure}://{host}:{port}");
    let mut parameters: BTreeMap<String, String> =
        parsed.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let path = parsed.path().trim_matches('/');
    let name = [kind, host, &port.to_string(), path].join("-").trim_end_matches('-').to_owned();
    let sink: Box<dyn Sink> = if kind == "influxdb" {
        let api = match parameters.remove("version").as_deref() {
            None => None,
            Some("1") => Some(Api::V1),
            Some("2") => Some(Api::V2),
            Some("3") => Some(Api::V3),
            Some(_) => return Err(refuse("`version` is 1, 2 or 3")),
        };
        if path.is_empty() || path.contains('/') {
            return Err(refuse("it names no database: influxdb://HOST:8086/DATABASE"));
        }
        Box::new(InfluxDb::new(name, base, api, path.to_owned(), parameters.remove("org"), city.to_owned(), secrets))
    } else {
        if !path.is_empty() {
            return Err(refuse("KairosDB has no databases: kairosdb://HOST:8080"));
        }
        Box::new(KairosDb::new(name, base, city, secrets))
    };
    match parameters.keys().next() {
        None => Ok(sink),
        Some(unknown) => Err(refuse(&format!("it has no parameter `{unknown}`"))),
    }
}
