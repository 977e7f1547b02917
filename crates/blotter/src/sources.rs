//! Which source a command line means, and opening it where it left off.

use crate::{
    cli::{self, Speed},
    profiles,
};
use anyhow::{Context, Result, bail};
use blotter_incident::Profile;
use blotter_log::{Log, Topic};
use blotter_produce::{StoredPosition, source_states};
use blotter_source::{
    CsvOptions, CsvSource, CsvStyle, Location, Pace, Simulator, SimulatorOptions, Source, WallClock,
};
use blotter_incident::UtcMicros;
use std::{
    fs::File,
    io::BufWriter,
    path::Path,
    sync::Arc,
};

/// Incidents of the simulated history behind a live simulation: about a year of Chicago.
const SIMULATED_YEAR: u64 = 250_000;
const DAY_MICROS: i64 = 86_400_000_000;
/// The live simulation begins that many days before now, and makes them up at that speed, so that something
/// is to be seen from the first minute on.
const LEAD_DAYS: i64 = 14;
const LEAD_SPEED: f64 = 600.0;

/// What a command line asked for.
pub(crate) enum Choice {
    /// Files or addresses.
    Files(Vec<Location>, Speed),
    /// A city like this one, made up.
    Simulation { seed: u64, incidents: Option<u64>, per_second: Option<f64> },
}

/// Decides without opening anything but the network.
pub(crate) fn choose(input: &cli::Input, _profile: &Profile) -> Result<Choice> {
    if !input.data.is_empty() {
        let locations = input.data.iter().map(|data| Location::parse(data)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Choice::Files(locations, input.speed));
    }
    Ok(Choice::Simulation { seed: input.seed, incidents: input.simulate, per_second: input.simulate_rate })
}

impl Choice {
    /// Whether its records are made up.
    pub(crate) fn simulated(&self) -> bool {
        matches!(self, Self::Simulation { .. })
    }

    /// Opens the source behind what the log already has of it.
    pub(crate) fn open(self, profile: &Arc<Profile>, log: &dyn Log, _spool: &Path) -> Result<Box<dyn Source>> {
        let known = source_states(log)?;
        if let Some((name, _)) = known.iter().find(|(_, state)| state.simulated != self.simulated()) {
            bail!("the log already holds {name}: simulated and real incidents are never mixed; choose another --dir");
        }
        let partitions = log.partitions(Topic::Incidents);
        match self {
            Self::Files(mut locations, Speed::Max) if locations.len() == 1 => {
                let location = locations.remove(0);
                let name = location.name();
                let position = position(log, &name)?;
                let source = CsvSource::open(location, Arc::clone(profile), partitions, position.as_deref(), CsvOptions::default())?;
                Ok(Box::new(source))
            }
            Self::Files(..) => bail!("several files and replay are not there yet"),
            Self::Simulation { seed, incidents, per_second } => {
                let mut options = simulation(profile, seed, incidents, per_second);
                options.partitions = partitions;
                let name = Simulator::new(options.clone(), None).map(|simulator| simulator.name())?;
                let position = position(log, &name)?;
                Ok(Box::new(Simulator::new(options, position.as_deref())?))
            }
        }
    }
}

fn position(log: &dyn Log, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(StoredPosition::of(log, name)?.and_then(|stored| stored.source).map(String::into_bytes))
}

fn simulation(profile: &Arc<Profile>, seed: u64, incidents: Option<u64>, per_second: Option<f64>) -> SimulatorOptions {
    let options = SimulatorOptions::new(Arc::clone(profile), seed, incidents.unwrap_or(SIMULATED_YEAR));
    let now = WallClock::system().now();
    match (incidents, per_second) {
        (Some(_), None) => options,
        (_, Some(rate)) => {
            let span = options.ends_at.0 - options.starts_at.0;
            SimulatorOptions { pace: Pace::PerSecond(rate), ..options.history(UtcMicros(now.0 - span), now) }
        }
        (None, None) => {
            let end = UtcMicros(now.0 - LEAD_DAYS * DAY_MICROS);
            let options = options.history(UtcMicros(end.0 - 365 * DAY_MICROS), end);
            SimulatorOptions { pace: Pace::Realtime { speed: LEAD_SPEED }, ..options }
        }
    }
}

/// `blotter simulate`.
pub(crate) fn simulate_to_file(arguments: &cli::Simulate) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let mut simulator = Simulator::new(SimulatorOptions::new(profile, arguments.seed, arguments.incidents), None)?;
    let path = &arguments.output;
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let rows = simulator.to_csv(BufWriter::new(file), u64::MAX, CsvStyle::Portal)?;
    println!("{rows} rows in {}", path.display());
    Ok(())
}
