//! What a demo runs on: which directory, which log and store, and which source feeds them.

use super::Demo;
use crate::{
    boundaries,
    flags::USUAL_CITY,
    parts::{self, OpenLog},
    restore,
    sources::{self, Before, Choice},
};
use anyhow::{Context, Result};
use blotter_city::Profile;
use blotter_incident::Boundaries;
use blotter_store::Store;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Opened, and nothing started yet.
pub(super) struct Deployment {
    pub(super) directory: PathBuf,
    pub(super) choice: Choice,
    pub(super) boundaries: Arc<Boundaries>,
    pub(super) opened: OpenLog,
    pub(super) store: Store,
}

impl Deployment {
    /// A log or a directory that was named decides by what it holds; else the source decides which directory it is.
    pub(super) fn open(arguments: &Demo, profile: &Arc<Profile>) -> Result<Self> {
        let usual = sources::usual_directory(profile);
        let mut opened = match (&arguments.log, &arguments.dir) {
            (Some(url), _) => Some(parts::open_log(url, profile, arguments.new_log.partitions)?),
            (None, Some(directory)) => Some(open_log(directory, profile, arguments)?),
            // One whose first start was killed is there and holds nothing.
            (None, None) if !sources::is_decided(&arguments.input) && usual.join("log").is_dir() => {
                Some(open_log(&usual, profile, arguments)?)
            }
            (None, None) => None,
        };
        let before = opened.as_ref().map_or(Ok(Before::Nothing), |log| Before::of(&**log))?;
        let is_shared = opened.as_ref().is_some_and(|opened| opened.is_shared());
        let choice = if is_shared {
            sources::choose(&arguments.input, profile, before)?
        } else {
            sources::choose_or_simulate(&arguments.input, profile, before)
        };
        let directory = arguments.dir.clone().unwrap_or_else(|| {
            if choice.simulated() { usual.with_file_name(format!("{}-simulated", profile.slug)) } else { usual.clone() }
        });
        if (&arguments.log, &arguments.dir) == (&None, &None)
            && directory != usual
            && let Some(other) = opened.take()
        {
            other.close()?;
        }
        let boundaries = boundaries::load(&arguments.boundaries, Some(&directory.join("boundaries")), profile)?;
        let opened = opened.map_or_else(|| open_log(&directory, profile, arguments), Ok)?;
        let store = match &arguments.store {
            Some(url) => parts::open_store(url)?,
            None => parts::open_store(&parts::file_url(&directory.join("store"))?)?,
        };
        if !opened.is_shared() {
            let city = Some(arguments.city.city.clone()).filter(|city| city != USUAL_CITY);
            let dir = arguments.dir.as_ref().map(|dir| dir.display().to_string());
            let given = [("--city", city), ("--dir", dir), ("--store", arguments.store.clone())];
            restore::offer(&*opened, &store, profile, &given)?;
        }
        Ok(Self { directory, choice, boundaries, opened, store })
    }

    /// Where everything lies, for people.
    pub(super) fn kept(arguments: &Demo, directory: &Path) -> String {
        let parts: Vec<&str> = [&arguments.log, &arguments.store]
            .into_iter()
            .flatten()
            .chain(&arguments.sinks.urls)
            .map(String::as_str)
            .collect();
        match parts.as_slice() {
            [] => directory.display().to_string(),
            others => format!("{}; {}", directory.display(), others.join("; ")),
        }
    }
}

fn open_log(directory: &Path, profile: &Profile, arguments: &Demo) -> Result<OpenLog> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    parts::open_embedded(&directory.join("log"), profile, arguments.new_log.partitions)
}
