//! The view: the cube, and all that must change together with it.

use crate::{
    NextOffsets, disagreements::Disagreements, hourly::Hourly, opened::OpenSnapshot, sites::CubeSites,
    snapshot::LocalSnapshot,
};
use blotter_city::{Profile, UtcMicros, parse_instant};
use blotter_cube::Cube;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// The cube and all that must change together with it.
pub struct View {
    /// Counts of incidents by everything that is asked.
    pub cube: Cube,
    /// The cube's totals by hour. Whoever asks brings it up to the cube, under the view's lock.
    pub(crate) hourly: Mutex<Hourly>,
    /// Of the cube's incidents and their places. Shared, so that places are looked at without the view's lock.
    pub(crate) disagreements: Arc<Mutex<Disagreements>>,
    /// Of the cube's points.
    pub(crate) sites: CubeSites,
    /// By partition of `incidents`.
    pub next_offsets: Vec<u64>,
    /// Hashes of the keys of rejected records: a key counts once.
    pub rejected: HashSet<u64>,
    /// When the newest applied record was appended, in milliseconds since the epoch.
    pub received_at_ms: Option<i64>,
    /// The newest local snapshot.
    pub snapshot: Option<NewestSnapshot>,
    /// The version of the snapshot that this view was loaded from.
    pub loaded: Option<u64>,
    /// The files of the snapshot that this view was loaded from. Whoever takes rows of it takes these under the same hold.
    pub(crate) opened: Option<Arc<OpenSnapshot>>,
    /// A newer local snapshot that could not be loaded; what was loaded before goes on.
    pub refused: Option<RefusedSnapshot>,
}

/// What the newest local snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestSnapshot {
    /// Its version.
    pub version: u64,
    /// By partition of `incidents`: it reflects the records before.
    pub next_offsets: Vec<u64>,
    /// When the newest of its records was ingested. None without records.
    pub ingested_as_of: Option<UtcMicros>,
}

impl From<&LocalSnapshot> for NewestSnapshot {
    fn from(snapshot: &LocalSnapshot) -> Self {
        Self {
            version: snapshot.manifest.version,
            next_offsets: snapshot.next_offsets(),
            ingested_as_of: snapshot.manifest.ingested_as_of.as_deref().and_then(parse_instant),
        }
    }
}

impl NewestSnapshot {
    /// `ingested_as_of`, in milliseconds since the epoch.
    pub(crate) fn received_at_ms(&self) -> Option<i64> {
        self.ingested_as_of.map(|at| at.0.div_euclid(1000))
    }
}

/// A snapshot that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSnapshot {
    /// None where not even that can be read.
    pub version: Option<u64>,
    /// Why.
    pub why: String,
}

impl View {
    pub(crate) fn new(profile: &Profile, partitions: usize) -> Self {
        Self {
            cube: Cube::new(profile),
            hourly: Mutex::default(),
            disagreements: Arc::default(),
            sites: CubeSites::new(profile),
            next_offsets: vec![0; partitions],
            rejected: HashSet::new(),
            received_at_ms: None,
            snapshot: None,
            loaded: None,
            opened: None,
            refused: None,
        }
    }

    /// The cube's totals by hour, as they are now.
    pub(crate) fn hourly(&self) -> Hourly {
        // What a panic left half set is noted as everything.
        self.hourly.lock().unwrap_or_else(PoisonError::into_inner).brought_up(&self.cube)
    }

    /// Which records it reflects.
    pub fn reflects(&self) -> NextOffsets {
        self.next_offsets.iter().enumerate().map(|(part, next)| (part.to_string(), *next)).collect()
    }
}
