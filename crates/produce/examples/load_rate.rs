//! Simulator → log, then log → counts, each alone: `load_rate [INCIDENTS]` prints their rates.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use blotter_city::Profile;
use blotter_log::{EmbeddedLog, EmbeddedOptions, Log, Topic};
use blotter_online::{CountConfig, CountParts, CountProgress, run_count};
use blotter_produce::{ProduceParts, ProduceProgress, writer_of};
use blotter_runtime::Shutdown;
use blotter_source::{Simulator, SimulatorOptions, Source};
use blotter_store::{Checkpoints, Store};
use std::{error::Error, sync::Arc, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let incidents: u64 = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let profile = Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml"))?);
    let dir = tempfile::tempdir()?;
    let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), EmbeddedOptions::default())?);
    let options = SimulatorOptions {
        partitions: log.partitions(Topic::Incidents),
        ..SimulatorOptions::new(Arc::clone(&profile), 1, incidents)
    };
    let source = Box::new(Simulator::new(options, None)?);
    let progress = Arc::new(ProduceProgress::default());
    let started = Instant::now();
    let writer = Arc::clone(&log).writer(&writer_of(&source.name()))?;
    let parts = ProduceParts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        writer,
        source,
        boundaries: Arc::default(),
        progress: Arc::clone(&progress),
    };
    blotter_produce::run(false, parts, &Shutdown::new())?;
    let appended = progress.figures().incidents;
    let say = |what: &str, started: Instant| {
        let seconds = started.elapsed().as_secs_f64();
        println!("{what}: {appended} records in {seconds:.2} s, {:.2} µs each", seconds * 1e6 / appended as f64);
    };
    say("produce", started);

    let store = Store::open(&format!("file://{}", dir.path().join("store").display()))?;
    let count = CountParts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        checkpoints: Checkpoints::new(store, "count"),
        profile,
        progress: Arc::new(CountProgress::new(log.partitions(Topic::Incidents))),
    };
    let config = CountConfig { until_caught_up: true, ..CountConfig::default() };
    for what in ["count", "count, from its checkpoint"] {
        let started = Instant::now();
        run_count(&config, &count, &Shutdown::new())?;
        say(what, started);
    }
    Ok(())
}
