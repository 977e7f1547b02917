//! The sub-commands: parts are opened, a role is run.

use crate::{
    boundaries,
    cli::{self, Command},
    demo,
    failure::{is_cancelled, is_retryable, supervise},
    online,
    operations::{self, lag, lags},
    parts::{self, OpenLog},
    profiles, questions, rejected, reporting_lag, restore,
    rules::Ruled,
    sources::{self, Before},
};
use anyhow::{Context, Result};
use blotter_log::{Log, Offset, Topic};
use blotter_offline::{
    archive::{self, ArchiveConfig, ArchiveParts},
    fetch::{self, FetchConfig, Fetched},
    snapshot::{self, Outcome, SnapshotConfig, SnapshotParts},
};
use blotter_produce::{ProduceParts, ProduceProgress};
use blotter_runtime::{Operations, Shutdown, signals};
use blotter_serve::{ServeConfig, ServeParts};
use blotter_source::Watching;
use blotter_store::Store;
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write, stdout},
    net::TcpListener,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Bytes read from the log at a time by the commands that list a topic.
const READ_BYTES: usize = 4 << 20;

pub(crate) fn run(command: Command, rules: &[Ruled]) -> Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments, rules),
        Command::Produce(arguments) => produce(&arguments),
        Command::Count(arguments) => online::count(&arguments),
        Command::Detect(arguments) => online::detect(&arguments, rules),
        Command::Online(arguments) => online::online(&arguments, rules),
        Command::Archive(arguments) => archive(&arguments),
        Command::Snapshot(arguments) => snapshot(&arguments),
        Command::Fetch(arguments) => fetch(&arguments),
        Command::Serve(arguments) => serve(&arguments),
        Command::Hotspots(arguments) => questions::ask(&arguments.about, &arguments),
        Command::Peaks(arguments) => questions::ask(&arguments.about, &arguments),
        Command::Emerging(arguments) => questions::ask(&arguments.about, &arguments),
        Command::Rejected(arguments) => rejected::run(&arguments),
        Command::Counts(arguments) => counts(&arguments),
        Command::ReportingLag(arguments) => reporting_lag::learn(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Boundaries(arguments) => boundaries::fetch(&arguments),
        Command::Simulate(arguments) => sources::simulate_to_file(&arguments),
        Command::Openapi => {
            writeln!(stdout(), "{}", blotter_serve::openapi_json())?;
            Ok(())
        }
    }
}

fn produce(arguments: &cli::Produce) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let boundaries = boundaries::load(&arguments.boundaries, None, &profile)?;
    let spool = parts::spool(&arguments.log.log, &profile);
    let store = arguments.store.as_deref().map(parts::open_store).transpose()?;
    let keeping = sources::Keeping { spool, store };
    let shutdown = signals::shutdown()?;
    let progress = Arc::new(ProduceProgress::default());
    let operations = Operations::new("produce");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    let mut chosen = None;
    let mut watching = Watching { patient: !arguments.until_caught_up, ..Watching::new() };
    supervise(&operations, &shutdown, || {
        let opened = parts::open_log(&arguments.log.log, &profile, arguments.partitions)?;
        let log = opened.log();
        let choice = match &chosen {
            Some(choice) => choice,
            None => chosen.insert(sources::choose(&arguments.input, &profile, Before::of(log.as_ref())?)?),
        };
        let (source, writer) = choice.clone().open(&profile, &log, &keeping, &watching)?;
        watching.begun = true;
        let (boundaries, progress) = (Arc::clone(&boundaries), Arc::clone(&progress));
        let parts = ProduceParts { log, writer, source, boundaries, progress: Arc::clone(&progress) };
        operations.at_work(move |text| {
            let figures = progress.figures();
            text.family("blotter_produced_total", "counter", "Records of the source that were appended.")
                .sample(&[("topic", &"incidents")], figures.incidents)
                .sample(&[("topic", &"rejected")], figures.rejected);
            text.family("blotter_areas_filled_total", "counter", "Incidents that were given an area by their point.")
                .sample(&[], figures.filled);
            text.family("blotter_source_caught_up", "gauge", "Whether all that the source holds is appended.")
                .sample(&[], u8::from(figures.caught_up));
        });
        blotter_produce::run(arguments.until_caught_up, parts, &shutdown)?;
        opened.close()
    })?;
    let figures = progress.figures();
    let filled = match figures.filled {
        0 => String::new(),
        filled => format!(", {filled} given an area by their point"),
    };
    println!("{} incidents appended, {} rejected{filled}", figures.incidents, figures.rejected);
    Ok(())
}

fn archive(arguments: &cli::Archive) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let config = ArchiveConfig { until_caught_up: arguments.until_caught_up, ..ArchiveConfig::default() };
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("archive");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    supervise(&operations, &shutdown, || {
        let store = parts::open_store(&arguments.store.store)?;
        let opened = parts::open_existing_log(&arguments.log.log, &profile)?;
        let parts = ArchiveParts::new(opened.log(), store, Arc::clone(&profile));
        let progress = Arc::clone(&parts.progress);
        operations.at_work({
            let (log, progress) = (opened.log(), Arc::clone(&progress));
            move |text| {
                lag(lags(text), log.as_ref(), Topic::Incidents, &[("role", "archive")], &progress.next_offsets());
                text.family("blotter_table_version", "gauge", "The newest version of the Delta table.")
                    .sample(&[], progress.table_version());
                text.family("blotter_archived_rows_total", "counter", "Rows committed to the Delta table.")
                    .sample(&[], progress.rows());
                text.family("blotter_archive_rejected_total", "counter", "Messages of the topic that were rejected.")
                    .sample(&[], progress.rejected());
            }
        });
        archive::run(&config, parts, &shutdown)?;
        let next: Vec<Offset> = progress.next_offsets().into_iter().map(Offset).collect();
        println!("archived to {}", online::offsets(&next));
        opened.close()
    })
}

fn snapshot(arguments: &cli::Snapshot) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let as_of = cli::moment("--as-of", arguments.as_of.as_deref())?;
    let shutdown = signals::shutdown()?;
    let config = SnapshotConfig { as_of, stop: shutdown.clone(), ..SnapshotConfig::default() };
    let operations = Operations::new("snapshot");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    // Opened once: it remembers which files it has found sound.
    let mut opened: Option<Store> = None;
    repeat(&operations, arguments.every, &shutdown, || {
        let store = match &opened {
            Some(store) => store.clone(),
            None => opened.insert(parts::open_store(&arguments.store.store)?).clone(),
        };
        match snapshot::take(&config, &SnapshotParts { store, profile: Arc::clone(&profile) })? {
            Outcome::Written(manifest) => {
                println!("snapshot {}: {} incidents", manifest.version, manifest.incidents);
                Ok(Some(manifest.version))
            }
            Outcome::Unchanged(manifest) => {
                println!("snapshot {} has all that the archive has", manifest.version);
                Ok(Some(manifest.version))
            }
            Outcome::NoArchive => {
                println!("there is no archive yet: `blotter archive` makes one");
                Ok(None)
            }
        }
    })
}

fn fetch(arguments: &cli::Fetch) -> Result<()> {
    let shutdown = signals::shutdown()?;
    let config = FetchConfig { stop: shutdown.clone(), ..FetchConfig::new(arguments.to.clone()) };
    let operations = Operations::new("fetch");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    repeat(&operations, arguments.every, &shutdown, || {
        let store = parts::open_store(&arguments.store.store)?;
        match fetch::once(&config, &store)? {
            Fetched::New(version) => {
                println!("snapshot {version} is in {}", arguments.to.display());
                Ok(Some(version))
            }
            Fetched::Unchanged(version) => {
                println!("snapshot {version} was there already");
                Ok(Some(version))
            }
            Fetched::Nothing => {
                println!("the store has no snapshot yet");
                Ok(None)
            }
        }
    })
}

/// Once, or every so many seconds until told to stop; then a part that fails is waited for. `once` answers the newest
/// snapshot's version.
fn repeat(
    operations: &Operations,
    every: Option<u64>,
    shutdown: &Shutdown,
    mut once: impl FnMut() -> Result<Option<u64>>,
) -> Result<()> {
    let Some(seconds) = every else {
        return match once() {
            Err(error) if is_cancelled(&error) => {
                println!("{}: stopped before it was done; nothing half done is in use", operations.role);
                Ok(())
            }
            ended => ended.map(drop),
        };
    };
    while !shutdown.is_triggered() {
        match once() {
            Ok(version) => {
                let done = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                operations.at_work(move |text| {
                    text.family("blotter_last_success_timestamp_seconds", "gauge", "When the last round went well.")
                        .sample(&[], done);
                    if let Some(version) = version {
                        text.family("blotter_snapshot_version", "gauge", "The newest snapshot.").sample(&[], version);
                    }
                });
            }
            Err(error) if is_cancelled(&error) => return Ok(()),
            Err(error) if is_retryable(&error) => {
                operations.stumbled();
                tracing::warn!("{}: {error:#}; trying again in {seconds} s", operations.role);
            }
            Err(error) => return Err(error),
        }
        shutdown.wait_timeout(Duration::from_secs(seconds));
    }
    Ok(())
}

fn serve(arguments: &cli::Serve) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let boundaries =
        boundaries::load(&arguments.boundaries, Some(&boundaries::beside(&arguments.snapshots)), &profile)?;
    let listener = TcpListener::bind(arguments.listen)
        .with_context(|| format!("cannot listen on {}: choose another with --listen", arguments.listen))?;
    println!("http://{}", listener.local_addr()?);
    let config = ServeConfig {
        until_caught_up: arguments.until_caught_up,
        allow_hosts: arguments.hosts.allowed.clone(),
        limits: arguments.clients.limits(),
        ..ServeConfig::default()
    };
    let shutdown = signals::shutdown()?;
    supervise(&Operations::new("serve"), &shutdown, || {
        let opened = arguments.log.as_deref().map(|url| parts::open_existing_log(url, &profile)).transpose()?;
        let serve = ServeParts {
            log: opened.as_ref().map(OpenLog::log),
            snapshots: arguments.snapshots.clone(),
            profile: Arc::clone(&profile),
            boundaries: Arc::clone(&boundaries),
            listener: listener.try_clone()?,
        };
        blotter_serve::run(&config, serve, &shutdown)?;
        opened.map_or(Ok(()), |opened| opened.close())
    })
}

/// Every batch of one partition, from its first offset.
pub(crate) fn batches(
    log: &dyn Log,
    topic: Topic,
    partition: u32,
    mut each: impl FnMut(&arrow::array::RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut from = log.bounds(topic, partition)?.earliest;
    loop {
        let fetched = log.read(topic, partition, from, READ_BYTES)?;
        let Some(last) = fetched.last() else { return Ok(()) };
        from = last.next;
        for batch in &fetched {
            each(&batch.records)?;
        }
    }
}

fn counts(arguments: &cli::Counts) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let log = parts::open_existing_log(&arguments.log.log, &profile)?;
    // The topic holds totals so far: the last one of each key counts, and keys are summed over the parts.
    let mut totals: BTreeMap<(i64, String, String), u64> = BTreeMap::new();
    for partition in 0..log.partitions(Topic::Counts) {
        let mut part = BTreeMap::new();
        batches(&*log, Topic::Counts, partition, |batch| {
            for row in blotter_online::count::counts_rows(batch)? {
                part.insert((row.bucket.0, row.area, row.category), u64::from(row.count));
            }
            Ok(())
        })?;
        for (key, count) in part {
            *totals.entry(key).or_default() += count;
        }
    }
    let mut output = BufWriter::new(stdout().lock());
    writeln!(output, "bucket,area,category,count")?;
    for ((bucket, area, category), count) in totals {
        let bucket = blotter_city::format_utc(blotter_city::UtcMicros(bucket));
        writeln!(output, "{bucket},{},{},{count}", quoted(&area), quoted(&category))?;
    }
    output.flush()?;
    log.close()
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
