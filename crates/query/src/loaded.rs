//! The loaded data of a city: what questions read and the follower writes.

use crate::{
    Follower, LoadError, NextOffsets, disagreements::Disagreements, hourly::Hourly, live::BACKLOG, live::Event,
    log_status::LogStatus, opened::OpenSnapshot, sites::CubeSites, snapshot::LocalSnapshot, study_areas::StudyAreas,
    texts::Texts, tick_index::TickIndex,
};
use blotter_city::Profile;
use blotter_cube::Cube;
use blotter_incident::Boundaries;
use blotter_log::{Log, Topic};
use blotter_peak::City;
use blotter_runtime::Shutdown;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::broadcast;
use xxhash_rust::xxh3::Xxh3;

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
    /// The newest local snapshot: version and next offsets.
    pub snapshot: Option<(u64, Vec<u64>)>,
    /// The version of the snapshot that this view was loaded from.
    pub loaded: Option<u64>,
    /// The files of the snapshot that this view was loaded from. Whoever takes rows of it takes these under the same hold.
    pub(crate) opened: Option<Arc<OpenSnapshot>>,
    /// A newer local snapshot that could not be loaded; what was loaded before goes on.
    pub refused: Option<RefusedSnapshot>,
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

/// What is loaded.
pub struct LoadParts {
    /// The log to follow to its end first; without it answers are as fresh as the snapshot.
    pub log: Option<Arc<dyn Log>>,
    /// Local directory of snapshots.
    pub snapshots: PathBuf,
    /// The city.
    pub profile: Arc<Profile>,
    /// The outlines that are known of it.
    pub boundaries: Arc<Boundaries>,
}

/// The data of a city, shared by all who ask.
pub struct LoadedCity {
    /// The city.
    pub profile: Arc<Profile>,
    /// What peaks are expected by.
    pub(crate) peaking: City,
    /// What it follows.
    pub log: Option<Arc<dyn Log>>,
    /// Of all that answers rest on beside incidents: the city's profile, its outlines, and which log its offsets are of.
    pub fingerprint: u64,
    pub(crate) said: RwLock<TickIndex>,
    pub(crate) view: RwLock<View>,
    pub(crate) texts: Texts,
    /// The outlines that are known of it.
    pub boundaries: Arc<Boundaries>,
    pub(crate) study_areas: StudyAreas,
    /// Newer snapshots that could not be loaded.
    pub refused_snapshots: AtomicU64,
    /// Tells whoever subscribes what changes.
    pub events: broadcast::Sender<Arc<Event>>,
    pub(crate) ready: AtomicBool,
    /// Of a shared log, which takes its time to answer: as it was asked last.
    pub(crate) standing: Mutex<LogStatus>,
}

impl LoadedCity {
    /// Loads the snapshot and follows the log to the end that it has now.
    pub fn load(parts: LoadParts, shutdown: &Shutdown) -> Result<Arc<Self>, LoadError> {
        if parts.log.is_none() && LocalSnapshot::newest(&parts.snapshots)?.is_none() {
            return Err(LoadError::NoSnapshot { directory: parts.snapshots });
        }
        let city = Arc::new(Self::new(parts.profile, parts.log, parts.boundaries));
        let follower = Follower {
            city: Arc::clone(&city),
            snapshots: parts.snapshots,
            coalesce: Duration::from_secs(1),
            until_caught_up: true,
        };
        follower.run(shutdown)?;
        Ok(city)
    }

    /// With an empty view.
    pub fn new(profile: Arc<Profile>, log: Option<Arc<dyn Log>>, boundaries: Arc<Boundaries>) -> Self {
        let partitions = log.as_ref().map_or(0, |log| log.partitions(Topic::Incidents));
        Self {
            view: RwLock::new(View::new(&profile, partitions as usize)),
            peaking: City::new(&profile, &profile.clock()),
            said: RwLock::default(),
            fingerprint: fingerprint(&profile, log.as_deref(), &boundaries),
            study_areas: StudyAreas::new(boundaries.city(&profile).cloned()),
            profile,
            log,
            texts: Texts::default(),
            boundaries,
            refused_snapshots: AtomicU64::new(0),
            events: broadcast::channel(BACKLOG).0,
            ready: AtomicBool::new(false),
            standing: Mutex::default(),
        }
    }

    /// The view as it is, while this is held.
    pub fn read(&self) -> RwLockReadGuard<'_, View> {
        // A panicking writer is the follower, whose end closes the role: until then the last state is served.
        self.view.read()
    }

    /// For the one writer.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write()
    }

    /// What was said of peaks so far.
    pub(crate) fn said(&self) -> RwLockReadGuard<'_, TickIndex> {
        self.said.read()
    }

    /// How the others stand; nothing without a log.
    pub fn standing(&self) -> Option<LogStatus> {
        let log = self.log.as_deref()?;
        if log.is_shared() {
            return Some(self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone());
        }
        // What one's own process has cannot be asked too often.
        let mut last = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match LogStatus::ask(log) {
            Ok(standing) => last.clone_from(&standing),
            // Sources that cannot be read now are not sources that are not there.
            Err(error) => tracing::debug!(%error, "the sources' states cannot be read; the last ones are answered"),
        }
        Some(last.clone())
    }

    /// Whether the snapshot is loaded and the log was followed to its end.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

fn fingerprint(profile: &Profile, log: Option<&dyn Log>, boundaries: &Boundaries) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(format!("{profile:?} {:?}", log.map(|log| log.id().0.as_str())).as_bytes());
    for (layer, outlines) in boundaries.known() {
        hash.update(&layer.to_le_bytes());
        hash.update(&outlines.geojson());
    }
    hash.digest()
}
