//! What requests read and the follower writes.

use crate::{
    disagreements::Disagreements, hourly::Hourly, live::BACKLOG, live::Event, log_status::LogStatus, metrics::Metrics,
    opened::OpenSnapshot, sites::CubeSites, study_areas::StudyAreas, texts::Texts, tick_index::TickIndex,
};
use blotter_city::Profile;
use blotter_cube::Cube;
use blotter_incident::Boundaries;
use blotter_log::{Log, Topic};
use blotter_peak::City;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::broadcast;
use xxhash_rust::xxh3::Xxh3;

/// The cube and all that must change together with it.
pub(crate) struct View {
    pub(crate) cube: Cube,
    /// The cube's totals by hour. Whoever asks brings it up to the cube, under the view's lock.
    pub(crate) hourly: Mutex<Hourly>,
    /// Of the cube's incidents and their places. Shared, so that places are looked at without the view's lock.
    pub(crate) disagreements: Arc<Mutex<Disagreements>>,
    /// Of the cube's points.
    pub(crate) sites: CubeSites,
    /// By partition of `incidents`.
    pub(crate) next_offsets: Vec<u64>,
    /// Hashes of the keys of rejected records: a key counts once.
    pub(crate) rejected: HashSet<u64>,
    /// When the newest applied record was appended, in milliseconds since the epoch.
    pub(crate) received_at_ms: Option<i64>,
    /// The newest local snapshot: version and next offsets.
    pub(crate) snapshot: Option<(u64, Vec<u64>)>,
    /// The version of the snapshot that this view was loaded from.
    pub(crate) loaded: Option<u64>,
    /// The files of the snapshot that this view was loaded from. Whoever takes rows of it takes these under the same hold.
    pub(crate) opened: Option<Arc<OpenSnapshot>>,
    /// A newer local snapshot that could not be loaded; what was loaded before goes on.
    pub(crate) refused: Option<RefusedSnapshot>,
}

/// A snapshot that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedSnapshot {
    /// None where not even that can be read.
    pub(crate) version: Option<u64>,
    pub(crate) why: String,
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

    /// `0:12,1:7`: the id of live events.
    pub(crate) fn offsets_text(&self) -> String {
        let parts: Vec<String> =
            self.next_offsets.iter().enumerate().map(|(part, next)| format!("{part}:{next}")).collect();
        parts.join(",")
    }

    pub(crate) fn offsets_json(&self) -> BTreeMap<String, u64> {
        self.next_offsets.iter().enumerate().map(|(part, next)| (part.to_string(), *next)).collect()
    }
}

/// Shared by all requests.
pub(crate) struct State {
    pub(crate) profile: Arc<Profile>,
    /// What peaks are expected by.
    pub(crate) peaking: City,
    pub(crate) log: Option<Arc<dyn Log>>,
    /// Of all that answers rest on beside incidents: the city's profile, its outlines, and which log its offsets are of.
    pub(crate) fingerprint: u64,
    pub(crate) said: RwLock<TickIndex>,
    pub(crate) view: RwLock<View>,
    pub(crate) texts: Texts,
    pub(crate) boundaries: Arc<Boundaries>,
    pub(crate) study_areas: StudyAreas,
    pub(crate) metrics: Metrics,
    pub(crate) events: broadcast::Sender<Arc<Event>>,
    pub(crate) ready: AtomicBool,
    /// Of a shared log, which takes its time to answer: as it was asked last.
    pub(crate) standing: Mutex<LogStatus>,
}

impl State {
    /// With an empty view.
    pub(crate) fn new(profile: Arc<Profile>, log: Option<Arc<dyn Log>>, boundaries: Arc<Boundaries>) -> Self {
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
            metrics: Metrics::default(),
            events: broadcast::channel(BACKLOG).0,
            ready: AtomicBool::new(false),
            standing: Mutex::default(),
        }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, View> {
        // A panicking writer is the follower, whose end closes the role: until then the last state is served.
        self.view.read()
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write()
    }

    /// What was said of peaks so far.
    pub(crate) fn said(&self) -> RwLockReadGuard<'_, TickIndex> {
        self.said.read()
    }

    /// How the others stand; nothing without a log.
    pub(crate) fn standing(&self) -> Option<LogStatus> {
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

    pub(crate) fn is_ready(&self) -> bool {
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
