//! Which source a command line means, and opening it where it left off.

use crate::{
    flags::{DeletionRules, Input, Speed},
    shelf::StoreShelf,
};
use anyhow::{Context, Result, bail};
use blotter_city::{Profile, UtcMicros};
use blotter_log::{Log, SourceState, StoredPosition, Topic, Writer, fed_by};
use blotter_produce::{begin, writer_of};
use blotter_source::{
    AppToken, Brake, OpenOptions, Pace, RetryPolicy, RetryingSource, Simulator, SimulatorOptions, SocrataOptions,
    SocrataSource, Source, SourceParts, WallClock, open_sources, sources_name,
};
use blotter_store::Store;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// A portal that has not answered by then is not waited for.
const PORTAL_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Incidents of the simulated history behind a live simulation: about a year of Chicago.
const SIMULATED_YEAR: u64 = 250_000;
const DAY_MICROS: i64 = 86_400_000_000;
/// The live simulation begins that many days before now, and makes them up at that speed, so that something
/// is to be seen from the first minute on.
const LEAD_DAYS: i64 = 14;
const LEAD_SPEED: f64 = 600.0;

/// What a command line asked for.
#[derive(Clone)]
pub(crate) enum Choice {
    /// Files or addresses.
    Data { data: Vec<String>, speed: Speed, replace: bool, brake: Brake },
    /// The city's own portal.
    Portal { token: Option<AppToken>, brake: Brake },
    /// A city like this one, made up.
    Simulation { seed: u64, incidents: Option<u64>, per_second: Option<f64> },
}

/// Where a source may keep what it knows.
#[derive(Clone)]
pub(crate) struct SourceStorage {
    /// A local directory.
    pub(crate) spool: PathBuf,
    /// The object store, where the log is not this machine's.
    pub(crate) store: Option<Store>,
}

/// What the directory is fed by already; new ones are free to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    Real,
    Simulated,
}

impl Before {
    /// By the sources that ever fed a log.
    pub(crate) fn of(log: &dyn Log) -> Result<Self> {
        let known = fed_by(log)?;
        Ok(match known.values().next() {
            None => Self::Nothing,
            Some(_) if known.values().any(|state| state.simulated) => Self::Simulated,
            Some(_) => Self::Real,
        })
    }
}

/// Whether the command line alone says which source it is.
pub(crate) fn is_decided(input: &Input) -> bool {
    !input.data.is_empty() || input.simulate.is_some() || input.simulate_rate.is_some()
}

/// Decides which source it is, for a log of this machine's own: a city without a portal that answers is simulated. Asks the
/// portal whether it is there where that decides.
pub(crate) fn choose_or_simulate(input: &Input, profile: &Profile, before: Before) -> Choice {
    let Some(choice) = named(input, profile, before) else {
        println!("{} has no portal that answers: simulating a city (use `--data` for real data)", profile.name);
        return simulated(input);
    };
    let (Choice::Portal { token, .. }, Some(portal)) = (&choice, &profile.portal) else { return choice };
    println!("asking {} …", portal.domain);
    let options = SocrataOptions { token: token.clone(), ..SocrataOptions::new(std::env::temp_dir()) };
    match SocrataSource::reachable(profile, PORTAL_ANSWERS_WITHIN, &options) {
        Ok(()) => choice,
        Err(error) if before == Before::Real => {
            println!("{error}\nserving the data loaded earlier; Blotter keeps retrying the portal");
            choice
        }
        Err(error) => {
            println!("{error}\nsimulating instead (give real data with `--data`)");
            simulated(input)
        }
    }
}

/// Decides which source it is, for a log that others share. Nothing is simulated unless that was asked for: simulated records
/// would keep real ones out of that log for ever. A portal that does not answer is asked again.
pub(crate) fn choose(input: &Input, profile: &Profile, before: Before) -> Result<Choice> {
    named(input, profile, before).with_context(|| {
        format!(
            "the profile of {} names no portal; give files or addresses with `--data`, or `--simulate` for a simulated city",
            profile.name
        )
    })
}

fn simulated(input: &Input) -> Choice {
    Choice::Simulation { seed: input.seed, incidents: input.simulate, per_second: input.simulate_rate }
}

/// The source that the command line, the log and the profile name.
fn named(input: &Input, profile: &Profile, before: Before) -> Option<Choice> {
    if !input.data.is_empty() {
        return Some(Choice::Data {
            data: input.data.clone(),
            speed: input.speed,
            replace: input.deletions.replace,
            brake: brake(&input.deletions),
        });
    }
    if input.simulate.is_some() || input.simulate_rate.is_some() || before == Before::Simulated {
        return Some(simulated(input));
    }
    let token = app_token(&input.app_token_env);
    profile.portal.as_ref().map(|_| Choice::Portal { token, brake: brake(&input.deletions) })
}

fn brake(deletions: &DeletionRules) -> Brake {
    Brake {
        most_share: deletions.most_deleted_percent / 100.0,
        wait: Duration::from_hours(u64::from(deletions.deletions_wait_hours)),
        confirm: deletions.confirm_deletions,
        ..Brake::default()
    }
}

/// The portal's application token, where the environment has one under that name.
pub(crate) fn app_token(variable: &str) -> Option<AppToken> {
    let token = std::env::var(variable).ok()?;
    Some(token.trim()).filter(|token| !token.is_empty()).map(AppToken::new)
}

/// Where a demo keeps everything that is not simulated, unless told otherwise.
pub(crate) fn usual_directory(profile: &Profile) -> PathBuf {
    PathBuf::from("blotter-data").join(&profile.slug)
}

/// Where commands look for a demo's files, unless told otherwise: in the usual directory, else in that of a simulation.
pub(crate) fn used_directory(profile: &Profile) -> PathBuf {
    let usual = usual_directory(profile);
    let simulated = usual.with_file_name(format!("{}-simulated", profile.slug));
    if !usual.is_dir() && simulated.is_dir() { simulated } else { usual }
}

impl Choice {
    /// Whether its records are made up.
    pub(crate) fn simulated(&self) -> bool {
        matches!(self, Self::Simulation { .. })
    }

    /// Opens the source behind what the log already has of it, and the one writer of its name.
    pub(crate) fn open(
        self,
        profile: &Arc<Profile>,
        log: &Arc<dyn Log>,
        storage: &SourceStorage,
        retry: &RetryPolicy,
    ) -> Result<(Box<dyn Source>, Box<dyn Writer>)> {
        let simulated = |state: &SourceState| state.simulated != self.simulated();
        if let Some((name, _)) = fed_by(log.as_ref())?.iter().find(|(_, state)| simulated(state)) {
            bail!("the log already holds {name}: simulated and real incidents are never mixed; choose another --dir");
        }
        let partitions = log.partitions(Topic::Incidents);
        // The writer comes first: from then on nobody else moves the position that is read.
        let behind = |name: &str| {
            let writer = Arc::clone(log).writer(&writer_of(name))?;
            anyhow::Ok((writer, position(log.as_ref(), name)?))
        };
        let spool = &storage.spool;
        let (source, mut writer): (Box<dyn Source>, _) = match self {
            Self::Data { data, speed, replace, brake } => {
                let mut options = OpenOptions::new(partitions, spool.to_owned());
                options.retry = retry.clone();
                (options.replace, options.brake) = (replace, brake);
                options.speed = match speed {
                    Speed::Max => None,
                    Speed::Times(times) => Some(times),
                };
                let (writer, position) = behind(&sources_name(&data, &options)?)?;
                (open_sources(&data, profile, position.as_deref(), &options)?, writer)
            }
            Self::Portal { token, brake } => {
                let mut options = SocrataOptions { token, brake, ..SocrataOptions::new(spool.to_owned()) };
                let name = SocrataSource::name_of(profile).unwrap_or_default();
                match &storage.store {
                    Some(store) => options.shelf = Some(Arc::new(StoreShelf::new(store.clone(), &name))),
                    None if log.is_shared() => tracing::warn!(
                        directory = %spool.display(),
                        "what is known of the portal's rows is kept on this machine alone: give --store, so that another \
                         machine finds what was deleted"
                    ),
                    None => {}
                }
                let (writer, position) = behind(&SocrataSource::name_of(profile).unwrap_or_default())?;
                let profile = Arc::clone(profile);
                let part = SourceParts {
                    name: SocrataSource::name_of(&profile).unwrap_or_default(),
                    describe: profile.portal.as_ref().map(|portal| portal.domain.clone()).unwrap_or_default(),
                    open: Box::new(move |position| {
                        let (profile, options) = (Arc::clone(&profile), options.clone());
                        Ok(Box::new(SocrataSource::open(profile, partitions, position, options)?))
                    }),
                };
                (Box::new(RetryingSource::open(part, position.as_deref(), false, retry.clone())?), writer)
            }
            Self::Simulation { seed, incidents, per_second } => {
                let mut options = simulation(profile, seed, incidents, per_second);
                options.partitions = partitions;
                let simulator = Simulator::new(options.clone(), None)?;
                let (writer, position) = behind(&simulator.name())?;
                let part = SourceParts {
                    name: simulator.name(),
                    describe: simulator.describe(),
                    open: Box::new(move |position| Ok(Box::new(Simulator::new(options.clone(), position)?))),
                };
                (Box::new(RetryingSource::open(part, position.as_deref(), false, retry.clone())?), writer)
            }
        };
        begin(log.as_ref(), writer.as_mut(), source.as_ref())?;
        Ok((source, writer))
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
