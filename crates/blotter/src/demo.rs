//! `blotter demo`: every role in one process on the embedded parts.

mod crew;
mod load_bar;
mod snapshots;

use crate::{
    cli, parts, profiles, signals,
    sources::{self, Before},
};
use anyhow::{Context, Result};
use blotter_log::{EmbeddedLog, Log, Topic};
use blotter_offline::archive::{self, ArchiveConfig, ArchiveParts, ArchiveProgress};
use blotter_online::{CountConfig, CountParts, CountProgress};
use blotter_produce::{ProduceParts, ProduceProgress};
use blotter_serve::{ServeConfig, ServeParts};
use blotter_store::{Checkpoints, Shutdown};
use crew::Crew;
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Niceness of the roles that nobody waits for, so that the map stays quick while they work.
const BACKGROUND: i32 = 10;

/// Runs until Ctrl-C, or until everything is loaded (`--until-caught-up`).
pub(crate) fn run(arguments: &cli::Demo) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let boundaries = parts::boundaries(&arguments.boundaries)?;
    // A directory that was named decides by what it holds; else the source decides which directory it is.
    let named = arguments.dir.as_deref().map(|directory| open_log(directory, arguments)).transpose()?;
    let usual = PathBuf::from("blotter-data").join(&profile.slug);
    let before = match &named {
        Some(log) => Before::of(log.as_ref())?,
        None if usual.join("log").is_dir() => Before::Real,
        None => Before::Nothing,
    };
    let choice = sources::choose(&arguments.input, &profile, before);
    let directory = arguments.dir.clone().unwrap_or_else(|| {
        if choice.simulated() { usual.with_file_name(format!("{}-simulated", profile.slug)) } else { usual }
    });
    let log = named.map_or_else(|| open_log(&directory, arguments), Ok)?;
    let listener = if arguments.no_serve {
        None
    } else {
        let listener = TcpListener::bind(arguments.listen)
            .with_context(|| format!("cannot listen on {}: choose another with --listen", arguments.listen))?;
        Some(listener)
    };

    let store = parts::open_store(&parts::file_url(&directory.join("store"))?)?;
    let partitions = log.partitions(Topic::Incidents);
    let source = choice.open(&profile, log.as_ref(), &directory.join("spool"))?;
    let simulated = source.simulated();
    println!("Blotter: {}, {}", profile.name, source.describe());
    if simulated {
        println!("*** simulated data: no incident on this map ever happened ***");
    }
    println!("kept in {}", directory.display());

    let shutdown = Shutdown::new();
    signals::watch(&shutdown)?;
    let mut crew = Crew::new(shutdown.clone());
    let produced = Arc::new(ProduceProgress::default());
    let counted = Arc::new(CountProgress::new(partitions));
    let archived = Arc::new(ArchiveProgress::new(partitions));
    let snapshotted = Arc::new(snapshots::SnapshotProgress::default());

    if let Some(listener) = listener {
        let address = listener.local_addr()?;
        println!("http://{address}");
        if arguments.open {
            open_browser(&format!("http://{address}"));
        }
        let serve = ServeParts {
            log: Some(Arc::clone(&log) as Arc<dyn Log>),
            snapshots: directory.join("snapshots"),
            profile: Arc::clone(&profile),
            boundaries,
            listener,
        };
        crew.spawn("serve", move |shutdown| Ok(blotter_serve::run(&ServeConfig::default(), serve, shutdown)?))?;
    }
    let (commits, committed) = std::sync::mpsc::channel();
    let archive = ArchiveParts {
        progress: Arc::clone(&archived),
        source_caught_up: Some(produced.caught_up()),
        on_commit: Some(Box::new(move |commit| {
            // The snapshot role may have ended before: then nobody needs to know.
            let _gone = commits.send(commit.table_version);
        })),
        ..ArchiveParts::new(Arc::clone(&log) as Arc<dyn Log>, store.clone(), Arc::clone(&profile))
    };
    let archive_config = ArchiveConfig { niceness: BACKGROUND, ..ArchiveConfig::default() };
    crew.spawn("archive", move |shutdown| Ok(archive::run(&archive_config, archive, shutdown)?))?;
    let count = CountParts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        checkpoints: Checkpoints::new(store.clone(), "count"),
        profile: Arc::clone(&profile),
        progress: Arc::clone(&counted),
    };
    crew.spawn("count", move |shutdown| Ok(blotter_online::run_count(&CountConfig::default(), &count, shutdown)?))?;
    let snapshot = snapshots::Parts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        store,
        profile: Arc::clone(&profile),
        local: directory.join("snapshots"),
        archived: Arc::clone(&archived),
        progress: Arc::clone(&snapshotted),
    };
    crew.spawn("snapshot", move |shutdown| snapshots::run(&snapshot, &committed, shutdown))?;
    let produce = ProduceParts { log: Arc::clone(&log) as Arc<dyn Log>, source, progress: Arc::clone(&produced) };
    crew.spawn_finite("produce", move |shutdown| Ok(blotter_produce::run(false, produce, shutdown)?))?;

    let watched = load_bar::Watched { log: Arc::clone(&log) as Arc<dyn Log>, produced, counted, archived, snapshotted };
    load_bar::run(&watched, arguments.until_caught_up, &shutdown)?;
    let ended = crew.join();
    log.close()?;
    ended
}

fn open_log(directory: &Path, arguments: &cli::Demo) -> Result<Arc<EmbeddedLog>> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    parts::open_embedded(&directory.join("log"), arguments.partitions)
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
