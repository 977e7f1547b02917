//! The command line: one sub-command per role.

use crate::questions::{Emerging, Hotspots, Peaks};
use anyhow::{Context, Result};
use blotter_incident::{UtcMicros, parse_instant};
use blotter_serve::Limits;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

/// Crime mapping from a city's open data: live and historical, from one reliable log.
#[derive(Debug, Parser)]
#[command(name = "blotter", version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    /// How log lines are written to standard error.
    #[arg(long, global = true, env = "BLOTTER_LOG_FORMAT", default_value = "text", value_enum)]
    pub(crate) log_format: LogFormat,
    /// A TOML file with defaults for flags: by command, with `_` for `-`
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
    /// Every role in one process: load a city's data, follow it, and serve the map
    Demo(Demo),
    /// From a source to the log
    Produce(Produce),
    /// From the log's incidents to hourly counts
    Count(Count),
    /// From hourly counts to what is peaking, and to the time-series sinks
    Detect(Detect),
    /// The online path in one process: count and detect
    Online(Online),
    /// From the log's incidents to the Delta table
    Archive(Archive),
    /// From the Delta table to an immutable snapshot
    Snapshot(Snapshot),
    /// From the store's newest snapshot to a local directory
    Fetch(Fetch),
    /// The HTTP API, the live stream and the map
    Serve(Serve),
    /// Ask for hot and cold spots, as the HTTP API does
    Hotspots(Hotspots),
    /// Ask what is peaking, as the HTTP API does
    Peaks(Peaks),
    /// Ask for emerging hot spots, as the HTTP API does
    Emerging(Emerging),
    /// List the records that were rejected, with their reasons
    Rejected(Rejected),
    /// Print the hourly counts as CSV
    Counts(Counts),
    /// Learn from the archive how late incidents become known, as a piece of the city's profile
    ReportingLag(ReportingLag),
    /// Make a lost log again from the archive
    Restore(Restore),
    /// From the city's portal to files of outlines, where the other commands find them
    Boundaries(Boundaries),
    /// Write simulated incidents as a CSV file in the portal's format
    Simulate(Simulate),
    /// Print the OpenAPI document of the HTTP API
    Openapi,
}

/// The city that is meant where none is named.
pub(crate) const USUAL_CITY: &str = "chicago";

/// Which city.
#[derive(Clone, Debug, Args)]
pub(crate) struct City {
    /// A city profile: `chicago`, `new-york-shootings`, or the path of a TOML file
    #[arg(long, env = "BLOTTER_CITY", default_value = USUAL_CITY)]
    pub(crate) city: String,
}

/// Where the records come from.
#[derive(Clone, Debug, Args)]
pub(crate) struct Input {
    /// A CSV file or its address (plain, gz, xz or zst); may be given several times.
    /// Without it: the city's portal, or the simulator where the portal cannot be reached
    #[arg(long = "data", value_name = "PATH|URL")]
    pub(crate) data: Vec<String>,
    /// Replay event time this many times faster than it passed; `max` is as fast as possible
    #[arg(long, default_value = "max", value_name = "max|N", value_parser = parse_speed)]
    pub(crate) speed: Speed,
    /// Simulate this many incidents as fast as possible, instead of reading anything
    #[arg(long, value_name = "INCIDENTS", conflicts_with = "data")]
    pub(crate) simulate: Option<u64>,
    /// Simulate a live feed of this many incidents a second behind the simulated history
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "data")]
    pub(crate) simulate_rate: Option<f64>,
    /// Seed of the simulator: the same seed makes the same city
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The environment variable that holds the portal's application token
    #[arg(long, default_value = "BLOTTER_APP_TOKEN", value_name = "VARIABLE")]
    pub(crate) app_token_env: String,
    #[command(flatten)]
    pub(crate) deletions: DeletionRules,
}

/// When deletions are believed.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeletionRules {
    /// Take a file of --data that was replaced as the truth: delete the incidents that it lacks and the file before had
    #[arg(long)]
    pub(crate) replace: bool,
    /// Delete the incidents whose deletion waits for a confirmation when this starts
    #[arg(long)]
    pub(crate) confirm_deletions: bool,
    /// Let deletions wait that take more than this share of a month's incidents at once (and more than ten), or all of them
    #[arg(long, default_value_t = 20.0, value_name = "PERCENT", value_parser = parse_percent)]
    pub(crate) most_deleted_percent: f64,
    /// Delete them when the source says the same after so many hours, and after three comparisons
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
    /// The log: `embedded:DIR`, or `kafka://HOST:PORT[,HOST:PORT]…[/PREFIX]`
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: String,
}

/// The object store.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreUrl {
    /// The object store: `file:///DIR`, or `s3://BUCKET[/PREFIX]` as AWS_… say
    #[arg(long = "store", env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: String,
}

/// Where hourly counts go.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sinks {
    /// A time-series sink: `influxdb://HOST:8086/DATABASE[?version=1|2|3&org=ORG]` or `kairosdb://HOST:8080`; may be given
    /// several times
    #[arg(id = "sinks", long = "sink", env = "BLOTTER_SINKS", value_name = "URL", value_delimiter = ',')]
    pub(crate) urls: Vec<String>,
}

/// What clients may hold.
#[derive(Clone, Debug, Args)]
pub(crate) struct Clients {
    /// Serve at most this many connections at once; at most half of them are live streams. Default: a quarter of the files that
    /// the process may open, at most 4096
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
    /// Serve /metrics, /healthz and /readyz here
    #[arg(long = "ops-listen", env = "BLOTTER_OPS_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

/// Names of the map.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Hosts {
    /// Answer requests for this host name; may be given several times. Default: on the loopback `localhost`, 127.0.0.0/8 and
    /// `[::1]`, which are always answered; on any other address every name
    #[arg(long = "allow-host", env = "BLOTTER_ALLOW_HOST", value_name = "NAME", value_delimiter = ',')]
    pub(crate) allowed: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) input: Input,
    /// Where everything is kept; started again on the same directory, it resumes
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Another log than the directory's: `kafka://HOST:PORT[,HOST:PORT]…[/PREFIX]`
    #[arg(long, env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// Another object store than the directory's: `s3://BUCKET/PREFIX`
    #[arg(long, env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: Option<String>,
    #[command(flatten)]
    pub(crate) sinks: Sinks,
    /// Address of the map
    #[arg(long, env = "BLOTTER_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
    #[command(flatten)]
    pub(crate) clients: Clients,
    /// Partitions of a new log (4 unless given)
    #[arg(long)]
    pub(crate) partitions: Option<NonZeroU32>,
    /// Outlines of an area layer, as GeoJSON (plain or zst); may be given several times. Of other layers, those that lie in
    /// the directory's `boundaries`
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Open the map in the browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Do not serve the map (for measuring the load alone)
    #[arg(long)]
    pub(crate) no_serve: bool,
    /// Stop when everything that the source held has reached every role
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
    /// Keep what is known of a portal's rows in this object store: `file:///DIR`, or `s3://BUCKET[/PREFIX]`. Default: beside
    /// the log where it is embedded. On Kafka a pod with an empty disk needs it to find what was deleted
    #[arg(long = "store", env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Partitions of a new log (4 unless given); their number never changes
    #[arg(long)]
    pub(crate) partitions: Option<NonZeroU32>,
    /// Outlines of an area layer, as GeoJSON (plain or zst): an incident without an area of the layer is given the one that
    /// contains its point; may be given several times
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Stop when the source has nothing more
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
    /// Stop when the log has nothing more
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
    /// Stop when a tick reflects all that the log has, and every sink and webhook has it
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
    /// Stop when the log has nothing more
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
    /// As known at this moment of ingestion (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
    /// Take a snapshot again after this many seconds; without it, once
    #[arg(long, value_name = "SECONDS", conflicts_with = "as_of")]
    pub(crate) every: Option<u64>,
    /// Stop when the newest version of the table has its snapshot (as without `--every`)
    #[arg(long, conflicts_with = "every")]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// The local directory
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Look again after this many seconds; without it, once
    #[arg(long, value_name = "SECONDS")]
    pub(crate) every: Option<u64>,
    /// Stop when the newest snapshot is here (as without `--every`)
    #[arg(long, conflicts_with = "every")]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) city: City,
    /// The log to follow: `embedded:DIR` or `kafka://…`; without it the map is as fresh as its snapshot
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// The local directory of snapshots
    #[arg(long, value_name = "DIR")]
    pub(crate) snapshots: PathBuf,
    /// Address of the map
    #[arg(long, env = "BLOTTER_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) hosts: Hosts,
    #[command(flatten)]
    pub(crate) clients: Clients,
    /// Outlines of an area layer, as GeoJSON (plain or zst); may be given several times. Of other layers, those that lie in
    /// `boundaries` beside the snapshots
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Stop when the snapshot is loaded and the log was followed to its end
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rejected {
    #[command(flatten)]
    pub(crate) city: City,
    /// Ask the server at this address. Default: the demo that runs on the directory, if one does
    #[arg(long, value_name = "URL", conflicts_with_all = ["log", "dir"])]
    pub(crate) server: Option<String>,
    /// The demo's directory. Default: the one that `blotter demo` uses for the city
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Read this log: `embedded:DIR`, or `kafka://HOST:PORT[,HOST:PORT]…[/PREFIX]`. Default: the directory's
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// `table` for people, `json` with the bytes, encoded where they are not UTF-8
    #[arg(long, default_value = "table", value_enum)]
    pub(crate) format: RejectedFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) city: City,
    /// The demo's directory. Default: the one that `blotter demo` uses for the city
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Another log than the directory's: `embedded:DIR`
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// Another object store than the directory's: `file:///DIR`, or `s3://BUCKET[/PREFIX]` as AWS_… say
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
    /// From when on the source said of incidents as they became known (RFC 3339); the time at which the archive was begun,
    /// unless given
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Boundaries {
    #[command(flatten)]
    pub(crate) city: City,
    /// The demo's directory: they are written to its `boundaries`
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Another directory to write them to
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// The environment variable that holds the portal's application token
    #[arg(long, default_value = "BLOTTER_APP_TOKEN", value_name = "VARIABLE")]
    pub(crate) app_token_env: String,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) city: City,
    /// How many incidents
    #[arg(long)]
    pub(crate) incidents: u64,
    /// The same seed makes the same city
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The file to write
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
