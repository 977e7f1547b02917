//! The loaded data of a city: what questions read and the follower writes.

use crate::{
    BasemapFacts,
    live::{BACKLOG, Event},
    log_status::LogStatus,
    search::Search,
    study_areas::StudyAreas,
    texts::Texts,
    tick_index::TickIndex,
    view::View,
};
use blotter_city::Profile;
use blotter_incident::Boundaries;
use blotter_log::{Log, Topic};
use blotter_peak::City;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::sync::broadcast;
use xxhash_rust::xxh3::Xxh3;

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
    pub(crate) search: Search,
    /// The outlines that are known of it.
    pub boundaries: Arc<Boundaries>,
    pub(crate) study_areas: StudyAreas,
    /// The base map that the operator gave.
    pub basemap: Option<BasemapFacts>,
    /// Newer snapshots that could not be loaded.
    pub refused_snapshots: AtomicU64,
    /// Tells whoever subscribes what changes.
    pub events: broadcast::Sender<Arc<Event>>,
    pub(crate) ready: AtomicBool,
    /// Of a shared log, which takes its time to answer: as it was asked last.
    pub(crate) standing: Mutex<LogStatus>,
}

impl LoadedCity {
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
            search: Search::default(),
            boundaries,
            basemap: None,
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
