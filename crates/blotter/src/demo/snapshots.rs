//! Snapshot and fetch of the demo: taken when the archive has caught up, and later when a new one pays.

use super::BACKGROUND;
use anyhow::Result;
use blotter_city::Profile;
use blotter_log::{Log, held, source_states};
use blotter_offline::{
    Manifest,
    archive::ArchiveProgress,
    fetch::{self, FetchConfig},
    snapshot::{self, Outcome, SnapshotConfig, SnapshotParts, pays},
};
use blotter_runtime::{Shutdown, priority};
use blotter_store::Store;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::Receiver},
    time::{Duration, Instant},
};

/// How often it looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(200);

/// The newest snapshot that was fetched: its next offsets, its rows and its incidents.
#[derive(Debug, Default)]
pub(super) struct SnapshotProgress(Mutex<NewestSnapshot>);

#[derive(Debug, Default)]
struct NewestSnapshot {
    next_offsets: Vec<u64>,
    rows: u64,
    incidents: u64,
}

impl SnapshotProgress {
    pub(super) fn next_offsets(&self) -> Vec<u64> {
        self.lock().next_offsets.clone()
    }

    /// Incidents that the map has by it.
    pub(super) fn incidents(&self) -> u64 {
        self.lock().incidents
    }

    fn set(&self, manifest: &Manifest) {
        *self.lock() = NewestSnapshot {
            next_offsets: manifest.next_offsets.values().copied().collect(),
            rows: manifest.rows,
            incidents: manifest.incidents,
        };
    }

    /// Whether a new one pays now that the archive has come so far.
    fn pays(&self, archived: &[u64], age: Duration) -> bool {
        let fetched = self.lock();
        let of = |offsets: &[u64]| offsets.iter().sum::<u64>();
        pays(of(archived).saturating_sub(of(&fetched.next_offsets)), fetched.rows, age)
    }

    fn lock(&self) -> MutexGuard<'_, NewestSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    priority::lower(BACKGROUND);
    if let Ok(Some(manifest)) = Manifest::newest_in(&parts.local)
        && manifest.log_id == parts.log.id().0
    {
        parts.progress.set(&manifest);
    }
    let mut last = Instant::now();
    while !shutdown.is_triggered() {
        let archived = parts.archived.next_offsets();
        let have = parts.progress.next_offsets();
        if archived != have
            && archived.iter().any(|next| *next > 0)
            && (parts.progress.pays(&archived, last.elapsed()) || is_awaited(parts, &archived, &have)?)
        {
            let started = Instant::now();
            if let Some(manifest) = take(parts, shutdown)? {
                let config = FetchConfig { stop: shutdown.clone(), ..FetchConfig::new(parts.local.clone()) };
                fetch::once(&config, &parts.store)
                    // What the store holds was sound when it was looked at: the next round looks again.
                    .inspect_err(|_| parts.store.distrust())?;
                let took_ms = started.elapsed().as_millis();
                tracing::debug!(version = manifest.version, rows = manifest.rows, took_ms, "snapshot");
                parts.progress.set(&manifest);
            }
            last = Instant::now();
        }
        // Woken by a commit of the archive, or to look again.
        let _woken = committed.recv_timeout(LOOK);
    }
    Ok(())
}

fn take(parts: &Parts, shutdown: &Shutdown) -> Result<Option<Manifest>> {
    let config = SnapshotConfig { stop: shutdown.clone(), ..SnapshotConfig::default() };
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
