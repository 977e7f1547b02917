//! Snapshot and fetch of the demo: taken when the archive has caught up, and now and then while it has not.

use super::BACKGROUND;
use anyhow::Result;
use blotter_incident::Profile;
use blotter_log::Log;
use blotter_offline::{
    Manifest,
    archive::ArchiveProgress,
    fetch::{self, FetchConfig},
    snapshot::{self, Outcome, SnapshotConfig, SnapshotParts},
};
use blotter_produce::{held, source_states};
use blotter_store::{Shutdown, Store};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc::Receiver},
    time::{Duration, Instant},
};

/// While records keep arriving, a snapshot this often.
const INTERVAL: Duration = Duration::from_mins(1);

/// How often it looks whether it was told to stop.
const LOOK: Duration = Duration::from_millis(200);

/// The next offsets of the newest snapshot that was fetched, and its incidents.
#[derive(Debug, Default)]
pub(super) struct SnapshotProgress(Mutex<(Vec<u64>, u64)>);

impl SnapshotProgress {
    pub(super) fn next_offsets(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Incidents that the map has by it.
    pub(super) fn incidents(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn set(&self, next: Vec<u64>, incidents: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (next, incidents);
    }
}

pub(super) struct Parts {
    pub(super) log: Arc<dyn Log>,
    pub(super) store: Store,
    pub(super) profile: Arc<Profile>,
    pub(super) local: PathBuf,
    pub(super) archived: Arc<ArchiveProgress>,
    pub(super) progress: Arc<SnapshotProgress>,
}

pub(super) fn run<V>(parts: &Parts, committed: &Receiver<V>, shutdown: &Shutdown) -> Result<()> {
    let mut last: Option<Instant> = None;
    while !shutdown.is_triggered() {
        let archived = parts.archived.next_offsets();
        let have = parts.progress.next_offsets();
        let overdue = last.is_some_and(|last| last.elapsed() >= INTERVAL);
        if archived != have
            && archived.iter().any(|next| *next > 0)
            && (overdue || is_awaited(parts, &archived, &have)?)
        {
            let started = Instant::now();
            if let Some(manifest) = take(parts)? {
                fetch::once(
                    &FetchConfig { niceness: BACKGROUND, ..FetchConfig::new(parts.local.clone()) },
                    &parts.store,
                )?;
                let took_ms = started.elapsed().as_millis();
                tracing::debug!(version = manifest.version, rows = manifest.rows, took_ms, "snapshot");
                parts.progress.set(manifest.next_offsets.into_values().collect(), manifest.incidents);
            }
            last = Some(Instant::now());
        } else if last.is_none() {
            last = Some(Instant::now());
        }
        // Woken by a commit of the archive, or to look again.
        let _woken = committed.recv_timeout(LOOK);
    }
    Ok(())
}

fn take(parts: &Parts) -> Result<Option<Manifest>> {
    let config = SnapshotConfig { niceness: BACKGROUND, ..SnapshotConfig::default() };
    let snapshot = SnapshotParts { store: parts.store.clone(), profile: Arc::clone(&parts.profile) };
    Ok(match snapshot::take(&config, &snapshot)? {
        Outcome::NoArchive => None,
        Outcome::Unchanged(manifest) | Outcome::Written(manifest) => Some(manifest),
    })
}

/// Whether the archive has all that the sources held, and the newest snapshot has not.
fn is_awaited(parts: &Parts, archived: &[u64], have: &[u64]) -> Result<bool> {
    let Some(held) = held(&source_states(parts.log.as_ref())?) else { return Ok(false) };
    let reached =
        |next: &[u64]| next.len() == held.len() && next.iter().zip(held.values()).all(|(next, end)| *next >= end.0);
    Ok(reached(archived) && !reached(have))
}
