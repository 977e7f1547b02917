//! From what a user says (`--data`, `--speed`, a city) to a source.

use crate::{
    Brake, CsvOptions, CsvSource, Location, Replay, ReplayOptions, RetryPolicy, RetryingSource, Source, SourceChain,
    SourceError, SourceParts, WallClock,
};
use blotter_city::Profile;
use blotter_incident::MAX_BATCH_ROWS;
use std::{path::PathBuf, sync::Arc};

/// What all sources of a run have in common.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Partitions of the log.
    pub partitions: u32,
    /// What time it is.
    pub clock: WallClock,
    /// Rows of the largest chunk of a file.
    pub chunk_rows: usize,
    /// Replay event time so many times faster than it passed; none for as fast as it can be.
    pub speed: Option<f64>,
    /// A file that was replaced is the truth: what it lacks is deleted, if the brake lets it.
    pub replace: bool,
    /// When deletions are believed.
    pub brake: Brake,
    /// How failures are treated.
    pub retry: RetryPolicy,
    /// A directory of the sources' own, kept from start to start: decompressed copies to replay, and what is known of
    /// a portal's rows. What is lost there is made again.
    pub spool: PathBuf,
}

impl OpenOptions {
    /// As fast as can be, by the machine's clock.
    pub fn new(partitions: u32, spool: PathBuf) -> Self {
        Self {
            partitions,
            clock: WallClock::system(),
            chunk_rows: MAX_BATCH_ROWS,
            speed: None,
            replace: false,
            brake: Brake::default(),
            retry: RetryPolicy::new(),
            spool,
        }
    }
}

/// The source of one `--data`: a path or an address.
fn part(location: Location, profile: &Arc<Profile>, options: &OpenOptions) -> SourceParts {
    let (profile, options) = (Arc::clone(profile), options.clone());
    SourceParts {
        name: location.name(),
        describe: location.describe(),
        open: Box::new(move |position| {
            let csv = CsvOptions {
                clock: options.clock.clone(),
                chunk_rows: options.chunk_rows,
                rolls: Some(options.spool.clone()),
                replace: options.replace,
                brake: options.brake.clone(),
                ..CsvOptions::default()
            };
            let profile = Arc::clone(&profile);
            Ok(Box::new(CsvSource::open(location.clone(), profile, options.partitions, position, csv)?))
        }),
    }
}

/// The source of all `--data` together: a [`SourceChain`] of files, or one [`Replay`] that merges them.
pub fn open_sources(
    data: &[String],
    profile: &Arc<Profile>,
    position: Option<&[u8]>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SourceError> {
    let locations = data.iter().map(|text| Location::parse(text)).collect::<Result<Vec<_>, _>>()?;
    if options.speed.is_some() {
        return open_replay(locations, profile, position, options);
    }
    let parts = locations.into_iter().map(|location| part(location, profile, options)).collect();
    Ok(Box::new(SourceChain::open(parts, position, &options.retry)?))
}

/// The name under which [`open_sources`] keeps its position, to be looked up before it is opened.
pub fn sources_name(data: &[String], options: &OpenOptions) -> Result<String, SourceError> {
    if options.speed.is_none() {
        return Ok(SourceChain::NAME.into());
    }
    let locations = data.iter().map(|text| Location::parse(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Replay::name_of(&locations))
}

fn open_replay(
    locations: Vec<Location>,
    profile: &Arc<Profile>,
    position: Option<&[u8]>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, SourceError> {
    let mut replay = ReplayOptions::new(options.speed.unwrap_or(1.0), options.spool.clone());
    replay.clock = options.clock.clone();
    let describe: Vec<String> = locations.iter().map(Location::describe).collect();
    let (profile, partitions) = (Arc::clone(profile), options.partitions);
    let part = SourceParts {
        name: Replay::name_of(&locations),
        describe: describe.join(", "),
        open: Box::new(move |position| {
            let (locations, profile) = (locations.clone(), Arc::clone(&profile));
            Ok(Box::new(Replay::open(locations, profile, partitions, position, replay.clone())?))
        }),
    };
    Ok(Box::new(RetryingSource::open(part, position, false, options.retry.clone())?))
}
