//! Flags that several commands share.

use crate::boundaries;
use anyhow::{Context, Result};
use blotter_city::{Profile, UtcMicros, parse_instant};
use blotter_incident::Boundaries;
use blotter_runtime::http::Limits;
use blotter_serve::{Basemap, ServeConfig};
use clap::Args;
use std::{
    net::{SocketAddr, TcpListener},
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The city that is meant where none is named.
pub(crate) const USUAL_CITY: &str = "chicago";

/// Which city.
#[derive(Clone, Debug, Args)]
pub(crate) struct City {
    /// City profile: `chicago`, `new-york-shootings`, or the path of a TOML file
    #[arg(long, env = "BLOTTER_CITY", default_value = USUAL_CITY)]
    pub(crate) city: String,
}

/// Where the records come from.
#[derive(Clone, Debug, Args)]
pub(crate) struct Input {
    /// Read this CSV file or URL (plain, gz, xz or zst); may be repeated. Default: the city's portal. If it does not answer,
    /// `demo` simulates a city, but not on a --log that others share
    #[arg(long = "data", value_name = "PATH|URL")]
    pub(crate) data: Vec<String>,
    /// Replay the records this many times faster than they happened; `max`: as fast as possible
    #[arg(long, default_value = "max", value_name = "max|N", value_parser = parse_speed)]
    pub(crate) speed: Speed,
    /// Simulate this many incidents as fast as possible instead of reading a source
    #[arg(long, value_name = "INCIDENTS", conflicts_with = "data")]
    pub(crate) simulate: Option<u64>,
    /// After the simulated history, simulate this many incidents per second
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "data")]
    pub(crate) simulate_rate: Option<f64>,
    /// Seed of the simulator; the same seed produces the same city
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Name of the environment variable with the portal's application token
    #[arg(long, default_value = "BLOTTER_APP_TOKEN", value_name = "VARIABLE")]
    pub(crate) app_token_env: String,
    #[command(flatten)]
    pub(crate) deletions: DeletionRules,
}

/// When deletions are believed.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeletionRules {
    /// If a --data file was replaced: delete the incidents that only the old file has
    #[arg(long)]
    pub(crate) replace: bool,
    /// At the start, confirm all deletions that are on hold
    #[arg(long)]
    pub(crate) confirm_deletions: bool,
    /// Put deletions on hold if they remove more than this share of a month's incidents (and more than ten), or all of them
    #[arg(long, default_value_t = 20.0, value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) most_deleted_percent: f64,
    /// Confirm a deletion on hold by itself after this time, if at least three comparisons found the same
    #[arg(long, default_value_t = 24, value_name = "HOURS")]
    pub(crate) deletions_wait_hours: u32,
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "give a number from 0 to 100".into())
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    Max,
    Times(f64),
}

fn parse_speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("give `max` or a number greater than zero, such as 3600 for an hour a second".into()),
    }
}

/// The log.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogUrl {
    /// Log: `embedded:DIR`, or `kafka://HOST:PORT[,HOST:PORT]…[/PREFIX]`
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: String,
}

/// The object store.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreUrl {
    /// Object store: `file:///DIR`, or `s3://BUCKET[/PREFIX]` (credentials from AWS_… variables)
    #[arg(long = "store", env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: String,
}

/// Where hourly counts and peaks go.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sinks {
    /// Write the hourly counts and the peaks to `influxdb://HOST:8086/DATABASE[?version=1|2|3&org=ORG]` or
    /// `kairosdb://HOST:8080`; may be repeated
    #[arg(id = "sinks", long = "sink", env = "BLOTTER_SINKS", value_name = "URL", value_delimiter = ',')]
    pub(crate) urls: Vec<String>,
}

/// Where the map is served, to whom, and how much clients may hold: `demo` and `serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct MapListener {
    /// Serve the map on this address
    #[arg(long, env = "BLOTTER_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Accept requests for this host name; may be repeated. `localhost`, 127.0.0.0/8 and `[::1]` are always accepted. Default: no
    /// others on a loopback address, every name on any other address
    #[arg(long = "allow-host", env = "BLOTTER_ALLOW_HOST", value_name = "NAME", value_delimiter = ',')]
    pub(crate) allow_hosts: Vec<String>,
    /// Accept at most this many connections; live streams get at most half of them. Default: a quarter of the process's limit on
    /// open files, at most 4096
    #[arg(long, env = "BLOTTER_MAX_CONNECTIONS", value_name = "CONNECTIONS")]
    pub(crate) max_connections: Option<NonZeroU32>,
    /// Show streets and names from this PMTiles file below the data, such as an extract of Protomaps or OpenMapTiles. Default: only
    /// the outlines of areas
    #[arg(long, env = "BLOTTER_BASEMAP", value_name = "FILE.pmtiles")]
    pub(crate) basemap: Option<PathBuf>,
}

impl MapListener {
    /// Takes the address.
    pub(crate) fn bind(&self) -> Result<TcpListener> {
        TcpListener::bind(self.listen)
            .with_context(|| format!("cannot listen on {}: choose another with --listen", self.listen))
    }

    /// The configuration of a server that runs until it is stopped.
    pub(crate) fn config(&self) -> Result<ServeConfig> {
        let limits =
            self.max_connections.map_or_else(Limits::default, |most| Limits::of_connections(most.get() as usize));
        let open = |path: &PathBuf| Basemap::open(path).with_context(|| format!("`--basemap {}`", path.display()));
        let basemap = self.basemap.as_ref().map(open).transpose()?;
        Ok(ServeConfig { allow_hosts: self.allow_hosts.clone(), limits, basemap, ..ServeConfig::default() })
    }
}

/// The outlines of a role or command that reads snapshots.
#[derive(Clone, Debug, Args)]
pub(crate) struct Outlines {
    /// Read the outlines of an area layer from this GeoJSON file (plain or zst); may be repeated. Default: the files in
    /// `boundaries` beside the snapshots
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) files: Vec<String>,
}

impl Outlines {
    /// Those that were given, else those beside the snapshots.
    pub(crate) fn load(&self, snapshots: &Path, profile: &Profile) -> Result<Arc<Boundaries>> {
        boundaries::load(&self.files, Some(&boundaries::beside(snapshots)), profile)
    }
}

/// A log that may be new.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct NewLog {
    /// Partitions of a new log; the number never changes. Default: 4
    #[arg(long)]
    pub(crate) partitions: Option<NonZeroU32>,
}

/// A role that works in rounds: `snapshot` and `fetch`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Rounds {
    /// Look for something new every so many seconds. Default: once
    #[arg(long, value_name = "SECONDS")]
    pub(crate) every: Option<u64>,
    /// Exit when the newest is there (the default without `--every`)
    #[arg(long, conflicts_with = "every")]
    pub(crate) until_caught_up: bool,
}

/// A role that reads the log and writes to the object store: `count`, `archive`, and `online`, which counts.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogToStore {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) log: LogUrl,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// Exit at the end of the log
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

/// For those who run it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Ops {
    /// Serve /metrics, /healthz and /readyz on this address. Default: do not
    #[arg(long = "ops-listen", env = "BLOTTER_OPS_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

/// The moment that a flag names, if it was given.
pub(crate) fn moment(flag: &str, text: Option<&str>) -> Result<Option<UtcMicros>> {
    let read = |text| {
        parse_instant(text).with_context(|| format!("`{flag} {text}`: give a moment such as 2026-01-31T12:00:00Z"))
    };
    text.map(read).transpose()
}
