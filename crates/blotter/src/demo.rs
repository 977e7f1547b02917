//! `blotter demo`: every role in one process, on the embedded parts unless others are given.

mod deployment;
mod load_bar;
mod snapshots;

use crate::{
    failure::{is_retryable, supervise},
    flags::{City, Input, MapListener, NewLog, Sinks, USUAL_CITY},
    housekeeping,
    parts::{self, OpenLog},
    profiles,
    roles::{
        count::count_parts,
        detect::{DetectFigures, Outlets},
        produce::Producer,
    },
    rules::RuleConfig,
    running::ServerFile,
    sources,
};
use anyhow::Result;
use blotter_log::Topic;
use blotter_offline::archive::{self, ArchiveConfig, ArchiveParts, ArchiveProgress};
use blotter_online::{CountConfig, DetectConfig};
use blotter_produce::ProduceProgress;
use blotter_query::LoadParts;
use blotter_runtime::{Crew, Operations, sentence, signals};
use blotter_serve::ServeParts;
use blotter_source::RetryPolicy;
use clap::Args;
use deployment::Deployment;
use std::{path::PathBuf, sync::Arc};

/// Niceness of the roles that nobody waits for, so that the map stays quick while they work.
const BACKGROUND: i32 = 10;

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
    #[command(flatten)]
    pub(crate) map: MapListener,
    #[command(flatten)]
    pub(crate) new_log: NewLog,
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

/// Runs until Ctrl-C, or until everything is loaded (`--until-caught-up`).
pub(crate) fn run(arguments: &Demo, rules: &[RuleConfig]) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let sinks = parts::open_sinks(&arguments.sinks.urls, &profile)?;
    let outlets = Outlets::new(sinks, rules, &profile)?;
    // First: an unusable base map or a port in use ends the command before it creates anything or contacts the portal.
    let map = if arguments.no_serve { None } else { Some((arguments.map.config()?, arguments.map.bind()?)) };
    let Deployment { directory, choice, boundaries, opened, store } = Deployment::open(arguments, &profile)?;
    let log = opened.log();
    // Beside an embedded log lies what it needs; another log may be read from another machine.
    let shared = log.is_shared().then(|| store.clone());
    let produced = Arc::new(ProduceProgress::default());
    let mut producer = Producer {
        choice,
        profile: Arc::clone(&profile),
        storage: sources::SourceStorage { spool: directory.join("spool"), store: shared },
        // A load that is to end when all is loaded ends with what keeps it from that.
        retry: RetryPolicy { patient: !arguments.until_caught_up, ..RetryPolicy::new() },
        boundaries: Arc::clone(&boundaries),
        progress: Arc::clone(&produced),
    };
    let mut first = match producer.open(&log) {
        Ok(first) => Some(first),
        // Such as a full disk: what is known is served, and the role tries again.
        Err(error) if is_retryable(&error) => {
            tracing::warn!("{}; serving the data loaded earlier", sentence(&error));
            producer.retry.begun = true;
            None
        }
        Err(error) => return Err(error),
    };
    let described = first.as_ref().map_or_else(|| "what was loaded before".to_owned(), |(source, _)| source.describe());
    println!("Blotter: {}, {described}", profile.name);
    if producer.choice.simulated() {
        println!("*** simulated data: no incident on this map ever happened ***");
    }
    println!("kept in {}", Deployment::kept(arguments, &directory));
    let outlined: Vec<&str> = boundaries.known().map(|(layer, _)| profile.layers[layer].name.as_str()).collect();
    if !outlined.is_empty() {
        println!("with the outlines of {}", outlined.join(", "));
    }

    let shutdown = signals::shutdown()?;
    let mut crew = Crew::new(shutdown.clone());
    let archived = Arc::new(ArchiveProgress::new(log.partitions(Topic::Incidents)));
    let snapshotted = Arc::new(snapshots::SnapshotProgress::default());

    let mut announced = None;
    if let Some((config, listener)) = map {
        let address = listener.local_addr()?;
        announced = Some(ServerFile::at(&directory, &format!("http://{address}"))?);
        println!("http://{address}");
        if arguments.open {
            open_browser(&format!("http://{address}"));
        }
        let serve = ServeParts {
            load: LoadParts {
                log: Some(Arc::clone(&log)),
                snapshots: directory.join("snapshots"),
                profile: Arc::clone(&profile),
                boundaries: Arc::clone(&boundaries),
            },
            listener,
        };
        crew.spawn("serve", move |shutdown| Ok(blotter_serve::run(&config, serve, shutdown)?))?;
    }
    let (commits, committed) = std::sync::mpsc::channel();
    let archive = {
        let (log, store, profile) = (Arc::clone(&log), store.clone(), Arc::clone(&profile));
        let (progress, caught_up) = (Arc::clone(&archived), produced.caught_up());
        move || {
            let commits = commits.clone();
            ArchiveParts {
                progress: Arc::clone(&progress),
                source_caught_up: Some(Arc::clone(&caught_up)),
                on_commit: Some(Box::new(move |commit| {
                    // The snapshot role may have ended before: then nobody needs to know.
                    let _gone = commits.send(commit.table_version);
                })),
                ..ArchiveParts::new(Arc::clone(&log), store.clone(), Arc::clone(&profile))
            }
        }
    };
    crew.spawn("archive", move |shutdown| {
        let config = ArchiveConfig { niceness: BACKGROUND, ..ArchiveConfig::default() };
        supervise(&Operations::new("archive"), shutdown, || Ok(archive::run(&config, archive(), shutdown)?))
    })?;
    let count = count_parts(&opened, store.clone(), &profile);
    let counted = Arc::clone(&count.progress);
    crew.spawn("count", move |shutdown| {
        supervise(&Operations::new("count"), shutdown, || {
            Ok(blotter_online::run_count(&CountConfig::default(), &count, shutdown)?)
        })
    })?;
    let mut detect = outlets.with(&opened, &profile);
    let figures = DetectFigures::of(&detect);
    crew.spawn("detect", move |shutdown| {
        supervise(&Operations::new("detect"), shutdown, || {
            Ok(blotter_online::run_detect(&DetectConfig::default(), &mut detect, shutdown)?)
        })
    })?;
    let snapshot = snapshots::Parts {
        log: Arc::clone(&log),
        store,
        profile: Arc::clone(&profile),
        local: directory.join("snapshots"),
        archived: Arc::clone(&archived),
        progress: Arc::clone(&snapshotted),
    };
    crew.spawn("snapshot", move |shutdown| {
        supervise(&Operations::new("snapshot"), shutdown, || snapshots::run(&snapshot, &committed, shutdown))
    })?;
    if let OpenLog::Embedded(log) = &opened {
        let log = Arc::clone(log);
        crew.spawn("housekeeping", move |shutdown| {
            blotter_runtime::priority::lower(BACKGROUND);
            housekeeping::run(&log, shutdown);
            Ok(())
        })?;
    }
    let fed = Arc::clone(&log);
    crew.spawn_finite("produce", move |shutdown| {
        supervise(&Operations::new("produce"), shutdown, || {
            let feed = first.take().map_or_else(|| producer.open(&fed), Ok)?;
            producer.run(Arc::clone(&fed), feed, false, shutdown)
        })
    })?;

    let rejected = match &arguments.dir {
        Some(directory) => format!("blotter rejected --dir {}", directory.display()),
        None => format!("blotter rejected{}", city_flag(&arguments.city.city)),
    };
    let watched = load_bar::RoleProgress { log, produced, counted, archived, snapshotted, figures, rejected };
    load_bar::run(&watched, arguments.until_caught_up, &shutdown)?;
    let ended = crew.join();
    drop(announced);
    opened.close_at_once()?;
    ended
}

/// What a command needs to mean the same city.
fn city_flag(city: &str) -> String {
    if city == USUAL_CITY { String::new() } else { format!(" --city {city}") }
}

fn open_browser(url: &str) {
    // A machine without a desktop has none: the address is printed anyway.
    let started = std::process::Command::new("xdg-open")
        .arg(url)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if let Err(error) = started {
        tracing::debug!(%error, "no browser was opened");
    }
}
