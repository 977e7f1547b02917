//! The command line: one sub-command per role.

use crate::questions::{Emerging, Hotspots, Peaks};
use anyhow::{Context, Result};
use blotter_city::{UtcMicros, parse_instant};
use blotter_runtime::http::Limits;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

/// Blotter maps a city's open crime data: which crime is peaking right now, and where the hot spots have been.
#[derive(Debug, Parser)]
#[command(name = "blotter", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Format of the log lines on standard error
    #[arg(long, global = true, env = "BLOTTER_LOG_FORMAT", default_value = "text", value_enum)]
    pub(crate) log_format: LogFormat,
    /// Read defaults for flags from this TOML file: one table for each command, with `_` for `-`
    #[arg(long, global = true, env = "BLOTTER_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load a city's data, follow its changes and serve the map: all roles in one process
    Demo(Demo),
    /// Append a source's records to the log
    Produce(Produce),
    /// Count the log's incidents by hour, area and category
    Count(Count),
    /// Find what is peaking in the hourly counts; write the counts to time-series sinks
    Detect(Detect),
    /// Run `count` and `detect` in one process
    Online(Online),
    /// Append the log's incidents to the Delta table
    Archive(Archive),
    /// Write a snapshot of the Delta table: the current revision of each incident
    Snapshot(Snapshot),
    /// Copy the newest snapshot from the store to a local directory
    Fetch(Fetch),
    /// Serve the HTTP API, the live stream and the map
    Serve(Serve),
    /// Print hot and cold spots (Gi*)
    Hotspots(Hotspots),
    /// Print what is peaking, by area and category
    Peaks(Peaks),
    /// Print emerging hot spots: how hot and cold spots change over time
    Emerging(Emerging),
    /// Print rejected records with the reasons
    Rejected(Rejected),
    /// Print the hourly counts as CSV
    Counts(Counts),
    /// Estimate from the archive how late incidents are reported; print it as TOML for the city's profile
    ReportingLag(ReportingLag),
    /// Rebuild a lost log from the archive
    Restore(Restore),
    /// Download the outlines of a city's areas from its portal
    Boundaries(Boundaries),
    /// Write simulated incidents to a CSV file in the portal's format
    Simulate(Simulate),
    /// Print the OpenAPI document of the HTTP API
    Openapi,
}

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

/// Where hourly counts go.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sinks {
    /// Write the hourly counts to `influxdb://HOST:8086/DATABASE[?version=1|2|3&org=ORG]` or `kairosdb://HOST:8080`; may be
    /// repeated
    #[arg(id = "sinks", long = "sink", env = "BLOTTER_SINKS", value_name = "URL", value_delimiter = ',')]
    pub(crate) urls: Vec<String>,
}

/// What clients may hold.
#[derive(Clone, Debug, Args)]
pub(crate) struct Clients {
    /// Accept at most this many connections; live streams get at most half of them. Default: a quarter of the process's limit on
    /// open files, at most 4096
    #[arg(long, env = "BLOTTER_MAX_CONNECTIONS", value_name = "CONNECTIONS")]
    pub(crate) max_connections: Option<NonZeroU32>,
}

impl Clients {
    /// The limits of a server.
    pub(crate) fn limits(&self) -> Limits {
        self.max_connections.map_or_else(Limits::default, |most| Limits::of_connections(most.get() as usize))
    }
}

/// For those who run it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Ops {
    /// Serve /metrics, /healthz and /readyz on this address. Default: do not
    #[arg(long = "ops-listen", env = "BLOTTER_OPS_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

/// Names of the map.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Hosts {
    /// Accept requests for this host name; may be repeated. `localhost`, 127.0.0.0/8 and `[::1]` are always accepted. Default: no
    /// others on a loopback address, every name on any other address
    #[arg(long = "allow-host", env = "BLOTTER_ALLOW_HOST", value_name = "NAME", value_delimiter = ',')]
    pub(crate) allowed: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) input: Input,
    /// Keep all data in this directory and resume from it. Default: `blotter-data/CITY`, or `blotter-data/CITY-simulated`
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Use this log instead of the directory's: `kafka://HOST:PORT[,HOST:PORT]…[/PREFIX]`
    #[arg(long, env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// Use this object store instead of the directory's: `s3://BUCKET/PREFIX`
    #[arg(long, env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: Option<String>,
    #[command(flatten)]
    pub(crate) sinks: Sinks,
    /// Serve the map on this address
    #[arg(long, env = "BLOTTER_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
    #[command(flatten)]
    pub(crate) clients: Clients,
    /// Partitions of a new log; the number never changes. Default: 4
    #[arg(long)]
    pub(crate) partitions: Option<NonZeroU32>,
    /// Read the outlines of an area layer from this GeoJSON file (plain or zst); may be repeated. Default: the files in the
    /// directory's `boundaries`
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Open the map in a browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Do not serve the map
    #[arg(long)]
    pub(crate) no_serve: bool,
    /// Exit when every role has processed all of the source's records
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Produce {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) log: LogUrl,
    /// Keep the list of known portal rows in this object store: `file:///DIR`, or `s3://BUCKET[/PREFIX]`. Default: beside an
    /// embedded log. With Kafka, set it: without the list, a pod with an empty disk misses deletions
    #[arg(long = "store", env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Partitions of a new log; the number never changes. Default: 4
    #[arg(long)]
    pub(crate) partitions: Option<NonZeroU32>,
    /// Read the outlines of an area layer from this GeoJSON file (plain or zst), and assign an area to incidents that have only a
    /// point; may be repeated
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Exit at the end of the source
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Count {
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

#[derive(Debug, Args)]
pub(crate) struct Detect {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) log: LogUrl,
    #[command(flatten)]
    pub(crate) sinks: Sinks,
    /// Exit when all counts are published, written to every sink and sent to every webhook
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Online {
    #[command(flatten)]
    pub(crate) count: Count,
    #[command(flatten)]
    pub(crate) sinks: Sinks,
}

#[derive(Debug, Args)]
pub(crate) struct Archive {
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

#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// Include only records ingested by this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
    /// Write a snapshot every so many seconds. Default: once
    #[arg(long, value_name = "SECONDS", conflicts_with = "as_of")]
    pub(crate) every: Option<u64>,
    /// Exit when the newest version of the table has a snapshot (the default without `--every`)
    #[arg(long, conflicts_with = "every")]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// Local directory for the snapshot
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Look for a new snapshot every so many seconds. Default: once
    #[arg(long, value_name = "SECONDS")]
    pub(crate) every: Option<u64>,
    /// Exit when the newest snapshot is here (the default without `--every`)
    #[arg(long, conflicts_with = "every")]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) city: City,
    /// Follow this log: `embedded:DIR` or `kafka://…`. Default: serve the snapshot only
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// Local directory with snapshots (see `blotter fetch`)
    #[arg(long, value_name = "DIR")]
    pub(crate) snapshots: PathBuf,
    /// Serve the map on this address
    #[arg(long, env = "BLOTTER_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
    #[command(flatten)]
    pub(crate) clients: Clients,
    /// Read the outlines of an area layer from this GeoJSON file (plain or zst); may be repeated. Default: the files in
    /// `boundaries` beside the snapshots
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Exit when the snapshot is loaded and the log is read to its end
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rejected {
    #[command(flatten)]
    pub(crate) city: City,
    /// Ask the server at this URL. Default: the demo that runs on the directory, if any
    #[arg(long, value_name = "URL", conflicts_with_all = ["log", "dir"])]
    pub(crate) server: Option<String>,
    /// Directory of the demo. Default: the city's, as in `blotter demo`
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Read this log: `embedded:DIR`, or `kafka://HOST:PORT[,HOST:PORT]…[/PREFIX]`. Default: the directory's log
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// `table`: for reading. `json`: one object per line; bytes that are not UTF-8 are in base64
    #[arg(long, default_value = "table", value_enum)]
    pub(crate) format: RejectedFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) city: City,
    /// Directory of the demo. Default: the city's, as in `blotter demo`
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Rebuild this log: `embedded:DIR`. Default: the directory's log
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// Read the archive in this object store: `file:///DIR`, or `s3://BUCKET[/PREFIX]`. Default: the directory's store
    #[arg(long = "store", env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RejectedFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Counts {
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) log: LogUrl,
}

#[derive(Debug, Args)]
pub(crate) struct ReportingLag {
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// Ignore records observed before this time (RFC 3339). Default: when the archive was created
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Boundaries {
    #[command(flatten)]
    pub(crate) city: City,
    /// Write to `boundaries` in this directory of a demo. Default: the city's, as in `blotter demo`
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Write to this directory instead
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Name of the environment variable with the portal's application token
    #[arg(long, default_value = "BLOTTER_APP_TOKEN", value_name = "VARIABLE")]
    pub(crate) app_token_env: String,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) city: City,
    /// Number of incidents
    #[arg(long)]
    pub(crate) incidents: u64,
    /// Seed of the simulator; the same seed produces the same city
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// File to write
    #[arg(long, value_name = "PATH")]
    pub(crate) output: PathBuf,
}

/// The moment that a flag names, if it was given.
pub(crate) fn moment(flag: &str, text: Option<&str>) -> Result<Option<UtcMicros>> {
    let read = |text| {
        parse_instant(text).with_context(|| format!("`{flag} {text}`: give a moment such as 2026-01-31T12:00:00Z"))
    };
    text.map(read).transpose()
}
