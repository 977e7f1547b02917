//! `blotter restore`: makes a lost embedded log again from the archive.

use crate::{flags::City, parts, profiles, sources};
use anyhow::{Context, Result, bail};
use blotter_city::Profile;
use blotter_log::{EmbeddedLog, EmbeddedOptions, Log, LogError, Topic};
use blotter_offline::restore;
use blotter_runtime::signals;
use blotter_store::{ArchiveTable, Store};
use clap::Args;
use std::path::{Path, PathBuf};

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

/// Restores it.
pub(crate) fn run(arguments: &Restore) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let directory = arguments.dir.clone().unwrap_or_else(|| sources::used_directory(&profile));
    let log = match arguments.log.as_deref().map(|url| url.strip_prefix("embedded:").ok_or(url)) {
        None => directory.join("log"),
        Some(Ok(path)) if !path.is_empty() => PathBuf::from(path),
        Some(_) => {
            bail!("`--log embedded:DIR` names the directory: only a log of this kind is made again from the archive")
        }
    };
    let url = match &arguments.store {
        Some(url) => url.clone(),
        None => parts::file_url(&directory.join("store"))?,
    };
    let store = parts::open_store(&url)?;
    let Some(table) = ArchiveTable::open_existing(&store, &profile)? else {
        bail!(
            "there is no archive of {} in {url}: name the demo's directory with --dir, or the store with --store",
            profile.name
        );
    };
    refuse_if_whole(&log, &profile, table.log_id())?;
    let stop = signals::shutdown()?;
    println!("restoring the log {} of {} into {}", table.log_id(), profile.name, log.display());
    let restored = restore::run(&table, &store, &profile, &log, &stop, |done, all| {
        println!("{done} of {all} records");
    })?;
    println!("restored {} records, each at its offset", restored.records);
    if let Some(aside) = restored.kept_aside {
        println!("what was there is kept in {}; delete it when you no longer need it", aside.display());
    }
    if restored.has_positions {
        println!("the sources go on where they were");
    } else {
        println!("the sources are read anew: their positions were not kept");
    }
    println!(
        "published peaks and rejected records are not in the archive and are lost; `count` counts the hours again"
    );
    Ok(())
}

/// Nothing is restored over a log that is whole.
fn refuse_if_whole(directory: &Path, profile: &Profile, log_id: &str) -> Result<()> {
    if !EmbeddedLog::is_in(directory) {
        return Ok(());
    }
    let options = EmbeddedOptions { owner: Some(profile.slug.clone()), ..EmbeddedOptions::default() };
    match EmbeddedLog::open(directory, options) {
        Ok(log) if log.id().0 == log_id => {
            log.close()?;
            bail!(
                "the log in {} is intact, and it is the one that the archive was made from. To rebuild it anyway, move the \
                 directory away first",
                directory.display()
            )
        }
        Ok(log) => Ok(log.close()?),
        Err(error @ LogError::Held { .. }) => Err(error).context("stop what runs on it first"),
        Err(error @ LogError::Owner { .. }) => Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "the log does not open and is restored");
            Ok(())
        }
    }
}

/// Says what to do where the log of a demo is gone and its archive is there, before anything is loaded into a new one.
/// `given`: the demo's flags that the command needs as well, with their values.
pub(crate) fn offer(log: &dyn Log, store: &Store, profile: &Profile, given: &[(&str, Option<String>)]) -> Result<()> {
    for partition in 0..log.partitions(Topic::Incidents) {
        if log.bounds(Topic::Incidents, partition)?.next.0 > 0 {
            return Ok(());
        }
    }
    let Some(table) = ArchiveTable::open_existing(store, profile)? else { return Ok(()) };
    if table.log_id() == log.id().0 {
        return Ok(());
    }
    let written = |(flag, value): &(&str, Option<String>)| Some(format!(" {flag} {}", value.as_ref()?));
    let flags = given.iter().filter_map(written).collect::<Vec<_>>().concat();
    bail!(
        "the log is new, and the archive in {} was made from another, {}. If that log is lost, `blotter restore{flags}` makes it \
         again from the archive. To begin anew instead, move the archive away or name another directory",
        store.url(),
        table.log_id()
    )
}
