//! The one writer: loads the snapshot, follows the log, and publishes what changed.

use crate::{
    LoadError,
    change::{Change, CountChange, IncidentChange, MOST_COUNTS, MOST_INCIDENTS},
    error::QueryError,
    figures::{Figures, FiguresChange},
    live::Event,
    loaded::LoadedCity,
    log_status::LogStatus,
    offsets_text,
    opened::OpenSnapshot,
    snapshot::LocalSnapshot,
    view::{NewestSnapshot, RefusedSnapshot, View},
};
use arrow::array::RecordBatch;
use blotter_city::Profile;
use blotter_cube::{Changes, HourSlot, Locator};
use blotter_incident::{Boundaries, IncidentBatch, rejected_rows};
use blotter_log::{Log, LogBatch, LogError, Offset, Topic};
use blotter_peak::said_rows;
use blotter_runtime::Shutdown;
use parking_lot::RwLockWriteGuard;
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes read from a partition at a time.
const READ_BYTES: usize = 1 << 20;
/// Rows applied under one hold of the lock: a request waits a few milliseconds at most.
const LOCK_ROWS: usize = 4096;
/// How often it looks for a newer snapshot, a change of the sources' states, and a shutdown.
const LOOK: Duration = Duration::from_millis(100);
/// Before a log that does not answer is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// Fewer texts than this are left in a shared log.
const MANY_TEXTS: u64 = 10_000;

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

/// The one writer of a city's view.
pub struct Follower {
    /// What it writes.
    pub city: Arc<LoadedCity>,
    /// Local directory of snapshots.
    pub snapshots: PathBuf,
    /// The least time between two events.
    pub coalesce: Duration,
    /// Stop when the snapshot is loaded and the log was followed to the end seen at start.
    pub until_caught_up: bool,
}

/// What was said to listeners, and what is still to be said. It outlives a connection to the log: what changed before one
/// was lost is said after the next one is made.
struct Announcer {
    figures: Option<Figures>,
    news: News,
    /// How far topic `peaks` was read.
    ticks: Option<TickReader>,
}

/// Changes of the totals that nobody was told of yet.
enum News {
    Changes(Changes),
    /// Too many to remember, or a snapshot that was loaded: whoever listens asks again.
    Everything,
}

impl News {
    fn none() -> Self {
        Self::Changes(Changes::listing(MOST_INCIDENTS))
    }
}

impl Announcer {
    fn new() -> Self {
        Self { figures: None, news: News::none(), ticks: None }
    }

    /// Empty changes for the next batch. They list its incidents if somebody listens and there is room for more.
    fn room(&self, has_listeners: bool) -> Changes {
        match &self.news {
            News::Changes(changes) if has_listeners => changes.rest(),
            _ => Changes::default(),
        }
    }

    fn add(&mut self, changes: Changes) {
        if let News::Changes(all) = &mut self.news {
            all.merge(changes);
            // Past some number the totals are not listed, so the changes need not be remembered.
            if all.len() > MOST_COUNTS * 8 {
                self.news = News::Everything;
            }
        }
    }
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
}

impl Follower {
    /// Runs until stopped, or until ready if `until_caught_up` is set.
    pub fn run(&self, shutdown: &Shutdown) -> Result<(), LoadError> {
        self.city.search.begin(&self.snapshots);
        let mut announcer = Announcer::new();
        self.load_snapshot(&mut announcer, shutdown)?;
        match self.city.log.clone() {
            Some(log) if log.is_shared() => std::thread::scope(|scope| {
                let ended = Shutdown::new();
                let asking = {
                    let (log, ended) = (Arc::clone(&log), ended.clone());
                    std::thread::Builder::new()
                        .name("serve: standing".into())
                        .spawn_scoped(scope, move || self.ask(log.as_ref(), &ended))?
                };
                let followed = self.follow_through(log.as_ref(), shutdown, &mut announcer);
                ended.trigger();
                drop(asking);
                followed
            }),
            Some(log) => self.follow_through(log.as_ref(), shutdown, &mut announcer),
            None => self.watch_snapshots(shutdown, &mut announcer),
        }
    }

    /// Keeps asking a shared log how the others stand.
    fn ask(&self, log: &dyn Log, ended: &Shutdown) {
        loop {
            match LogStatus::ask(log) {
                Ok(standing) => *self.city.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing,
                Err(error) => tracing::debug!(%error, "how the others stand is not known now"),
            }
            if ended.wait_timeout(LOOK) {
                return;
            }
        }
    }

    /// Follows, and while the log does not answer or lacks what comes next goes on with what is here.
    fn follow_through(&self, log: &dyn Log, shutdown: &Shutdown, announcer: &mut Announcer) -> Result<(), LoadError> {
        let mut stands_still = false;
        loop {
            match self.follow(log, shutdown, announcer) {
                Err(error) if error.is_retryable() && !shutdown.is_triggered() => {
                    tracing::warn!(%error, "the map does not change until the log answers");
                    shutdown.wait_timeout(PAUSE);
                }
                Err(error) if error.is_retryable() => return Ok(()),
                Err(LoadError::Log(error @ LogError::OffsetGone { topic: Topic::Incidents, .. })) => {
                    if self.look_for_snapshot(announcer, shutdown) {
                        tracing::warn!("the log no longer has what comes next; going on from the newest snapshot");
                        stands_still = false;
                        continue;
                    }
                    // A server that has not loaded anything has nothing to show.
                    if self.city.read().snapshot.is_none() {
                        return Err(error.into());
                    }
                    if !stands_still {
                        tracing::warn!(%error, "the map does not change until there is a newer snapshot");
                        stands_still = true;
                    }
                    if shutdown.wait_timeout(PAUSE) {
                        return Ok(());
                    }
                }
                ended => return ended,
            }
        }
    }

    /// Loads the newest local snapshot if it is newer than the one that was loaded; whether it was. One that cannot be
    /// loaded is refused: what was loaded before goes on.
    fn look_for_snapshot(&self, announcer: &mut Announcer, shutdown: &Shutdown) -> bool {
        let loaded = self.city.read().loaded;
        let newest = match LocalSnapshot::newest(&self.snapshots) {
            Ok(newest) => newest,
            Err(error) => {
                self.refuse(None, &error);
                return false;
            }
        };
        let Some(snapshot) = newest.filter(|newest| Some(newest.manifest.version) > loaded) else { return false };
        let version = snapshot.manifest.version;
        if self.city.read().refused.as_ref().is_some_and(|refused| refused.version == Some(version)) {
            return false;
        }
        match self.load(&snapshot, announcer, shutdown) {
            Ok(is_loaded) => is_loaded,
            Err(error) => {
                self.refuse(Some(version), &error);
                false
            }
        }
    }

    /// Says once of a snapshot that it cannot be loaded: in the log, in `meta` and in the metrics.
    fn refuse(&self, version: Option<u64>, error: &LoadError) {
        let refused = Some(RefusedSnapshot { version, why: error.to_string() });
        if self.city.read().refused == refused {
            return;
        }
        tracing::warn!(version, %error, "a newer snapshot cannot be loaded; the map goes on with the one before");
        self.city.refused_snapshots.fetch_add(1, Ordering::Relaxed);
        self.city.write().refused = refused;
    }

    /// The newest local snapshot into a fresh view. One that is damaged is left aside where the log has everything.
    fn load_snapshot(&self, announcer: &mut Announcer, shutdown: &Shutdown) -> Result<(), LoadError> {
        let loaded = LocalSnapshot::newest(&self.snapshots).and_then(|newest| match newest {
            Some(snapshot) => self.load(&snapshot, announcer, shutdown),
            None => Ok(false),
        });
        match loaded {
            Err(error @ LoadError::Snapshot { .. }) if self.city.log.is_some() => {
                tracing::warn!("{error}; everything is read from the log instead");
                Ok(())
            }
            loaded => loaded.map(|_| ()),
        }
    }

    /// A snapshot into a fresh view; whether it is one of this log.
    fn load(
        &self,
        snapshot: &LocalSnapshot,
        announcer: &mut Announcer,
        shutdown: &Shutdown,
    ) -> Result<bool, LoadError> {
        let Some(view) = self.view_of(snapshot, shutdown)? else { return Ok(false) };
        *self.city.write() = view;
        announcer.news = News::Everything;
        Ok(true)
    }

    /// A view of a snapshot with its files; none where it is of another log, or where it was stopped.
    fn view_of(&self, snapshot: &LocalSnapshot, shutdown: &Shutdown) -> Result<Option<View>, LoadError> {
        let (found, asked) = (&snapshot.manifest.city, &self.city.profile.slug);
        if found != asked {
            let directory = self.snapshots.clone();
            return Err(LoadError::OtherCity { directory, found: found.clone(), asked: asked.clone() });
        }
        let log = self.city.log.as_deref();
        if let Some(log) = log
            && snapshot.manifest.log_id != log.id().0
        {
            tracing::warn!(snapshot = %snapshot.manifest.log_id, log = %log.id(), "the snapshot is of another log and is left aside");
            return Ok(None);
        }
        let started = Instant::now();
        let next_offsets = snapshot.next_offsets();
        let mut view = View::new(&self.city.profile, next_offsets.len());
        // A shared log gives single records slowly, and not for ever.
        let texts_in_log = log.is_some_and(|log| !log.is_shared());
        let readers = snapshot.open()?;
        if !texts_in_log {
            view.opened = Some(Arc::new(OpenSnapshot::open(snapshot, &readers, &self.city.profile)?));
        }
        snapshot.load(&readers, &self.city.profile, texts_in_log, &mut view.cube, shutdown)?;
        if shutdown.is_triggered() {
            return Ok(None);
        }
        view.next_offsets = next_offsets;
        let newest = NewestSnapshot::from(snapshot);
        view.received_at_ms = newest.received_at_ms();
        view.loaded = Some(newest.version);
        view.snapshot = Some(newest);
        let took_ms = started.elapsed().as_millis();
        tracing::debug!(version = snapshot.manifest.version, rows = view.cube.rows(), took_ms, "snapshot loaded");
        Ok(Some(view))
    }

    /// Without the log: as fresh as the newest snapshot.
    fn watch_snapshots(&self, shutdown: &Shutdown, announcer: &mut Announcer) -> Result<(), LoadError> {
        loop {
            self.city.ready.store(self.city.read().snapshot.is_some(), Ordering::Release);
            self.publish(announcer);
            if self.until_caught_up && self.city.is_ready() {
                return Ok(());
            }
            if !shutdown.is_triggered() && !self.index_places() {
                continue;
            }
            if shutdown.wait_timeout(LOOK) {
                return Ok(());
            }
            self.look_for_snapshot(announcer, shutdown);
        }
    }

    fn follow(&self, log: &dyn Log, shutdown: &Shutdown, announcer: &mut Announcer) -> Result<(), LoadError> {
        let partitions = log.partitions(Topic::Incidents);
        let mut next: Vec<u64> = self.city.read().next_offsets.clone();
        next.resize(partitions as usize, 0);
        self.city.write().next_offsets.clone_from(&next);
        let mut rejected = log.bounds(Topic::Rejected, 0)?.earliest;
        if announcer.ticks.is_none() {
            announcer.ticks = Some(TickReader::new(log)?);
        }
        // Ready means: everything that the log held at the start is applied.
        let goal: Vec<u64> = (0..partitions)
            .map(|part| Ok(log.bounds(Topic::Incidents, part)?.next.0))
            .collect::<Result<_, LoadError>>()?;
        let mut published: Option<Instant> = None;
        let mut looked = Instant::now();
        let mut pointer_seen = None;
        while !shutdown.is_triggered() {
            let mut read = false;
            for part in 0..partitions {
                let slot = &mut next[part as usize];
                for fetched in log.read(Topic::Incidents, part, Offset(*slot), READ_BYTES)? {
                    read = true;
                    *slot = fetched.next.0;
                    self.apply(part, &fetched, announcer)?;
                }
            }
            for fetched in what_is_left(log, Topic::Rejected, &mut rejected)? {
                read = true;
                rejected = fetched.next;
                let mut view = self.city.write();
                for row in rejected_rows(&fetched.records)? {
                    view.rejected.insert(xxh3_64(row.key.as_bytes()));
                }
            }
            let (mut has_all_ticks, mut next_tick) = (true, Offset(0));
            if let Some(ticks) = &mut announcer.ticks {
                read |= ticks.read(log, &self.city)?;
                (has_all_ticks, next_tick) = (ticks.next >= ticks.news_from, ticks.next);
            }
            let caught_up = !read;
            if !self.city.is_ready() && next.iter().zip(&goal).all(|(next, goal)| next >= goal) {
                self.city.ready.store(true, Ordering::Release);
            }
            if self.until_caught_up && self.city.is_ready() && has_all_ticks {
                return Ok(());
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                // What changed is in the words of this view, which a newer snapshot may replace.
                self.publish(announcer);
                self.note_snapshot(log, &mut pointer_seen, shutdown)?;
            }
            if published.is_none_or(|at| at.elapsed() >= self.coalesce) || caught_up {
                self.publish(announcer);
                published = Some(Instant::now());
            }
            // What the snapshot brought is left for when there is time.
            if caught_up && self.index_places() {
                let mut watched: Vec<_> =
                    (0..).zip(&next).map(|(part, next)| (Topic::Incidents, part, Offset(*next))).collect();
                watched.push((Topic::Rejected, 0, rejected));
                watched.push((Topic::Peaks, 0, next_tick));
                log.wait_any(&watched, LOOK);
            }
        }
        Ok(())
    }

    /// Finds the cells, areas and sites of some new places; whether all are known then.
    fn index_places(&self) -> bool {
        let has_cells = self.city.write().cube.index_places(LOCK_ROWS);
        if !(has_cells && self.city.find_areas(LOCK_ROWS)) {
            return false;
        }
        let outstanding = {
            let view = self.city.read();
            view.sites.of(&view.cube)
        };
        // A few are left to whoever asks.
        if let Ok(outstanding) = outstanding
            && outstanding.len() > LOCK_ROWS
        {
            outstanding.found();
        }
        true
    }

    /// Applies a batch, a few thousand rows at a time; the offsets move with the rows.
    fn apply(&self, part: u32, fetched: &LogBatch, announcer: &mut Announcer) -> Result<(), LoadError> {
        if fetched.records.num_rows() == 0 {
            // What lies there is no record.
            self.city.write().next_offsets[part as usize] = fetched.next.0;
        }
        for slice in slices(fetched) {
            let room = announcer.room(self.city.events.receiver_count() > 0);
            let mut view = self.city.write();
            let changed = slice.apply(part, &mut view, room)?;
            // Whoever waits comes first, or a full log would keep everybody from asking.
            RwLockWriteGuard::unlock_fair(view);
            announcer.add(changed);
        }
        Ok(())
    }

    /// With the log a newer snapshot need not be loaded, and is only noted, unless it has texts that the log no longer has, or
    /// many that a shared log gives slowly. `seen` is the pointer's time, so that manifests are read once.
    fn note_snapshot(
        &self,
        log: &dyn Log,
        seen: &mut Option<SystemTime>,
        shutdown: &Shutdown,
    ) -> Result<(), LoadError> {
        let written = std::fs::metadata(self.snapshots.join("latest.json")).and_then(|file| file.modified()).ok();
        if std::mem::replace(seen, written) == written && !self.lacks_texts() {
            return Ok(());
        }
        let snapshot = match LocalSnapshot::newest(&self.snapshots) {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.refuse(None, &error);
                return Ok(());
            }
        };
        let is_ours = log.id().0 == snapshot.manifest.log_id;
        let version = snapshot.manifest.version;
        let (have, loaded) = {
            let view = self.city.read();
            (view.snapshot.as_ref().map(|snapshot| snapshot.version), view.loaded)
        };
        if is_ours && have < Some(version) {
            self.city.write().snapshot = Some(NewestSnapshot::from(&snapshot));
        }
        if is_ours && loaded < Some(version) && (self.lacks_texts() || self.has_many_texts(log, &snapshot)) {
            self.change_over(log, &snapshot, shutdown)?;
        }
        Ok(())
    }

    /// Whether a shared log has lost records that came after the snapshot that was loaded: their texts are nowhere else.
    fn lacks_texts(&self) -> bool {
        let view = self.city.read();
        let Some(opened) = &view.opened else { return false };
        let standing = self.city.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = opened.next_offsets.iter().zip(&standing.earliest).zip(&view.next_offsets);
        lost.into_iter().any(|((snapshot, earliest), next)| earliest.min(next) > snapshot)
    }

    /// Whether a snapshot has so many of the texts that are now read from a shared log, record by record, that loading it pays:
    /// a share of all, so that its cost stays in proportion to what arrived.
    fn has_many_texts(&self, log: &dyn Log, snapshot: &LocalSnapshot) -> bool {
        let view = self.city.read();
        let loaded = |part: usize| view.opened.as_ref().and_then(|opened| opened.next_offsets.get(part).copied());
        let known = snapshot.next_offsets().into_iter().zip(&view.next_offsets).map(|(next, known)| next.min(*known));
        let texts: u64 = known.enumerate().map(|(part, next)| next.saturating_sub(loaded(part).unwrap_or(0))).sum();
        log.is_shared() && texts >= MANY_TEXTS.max(view.cube.rows() as u64 / 4)
    }

    /// Changes over to a newer snapshot. The fresh view follows the log to where the present one is, so nobody sees a
    /// difference but that all texts are there again.
    fn change_over(&self, log: &dyn Log, snapshot: &LocalSnapshot, shutdown: &Shutdown) -> Result<(), LoadError> {
        let version = snapshot.manifest.version;
        if self.city.read().refused.as_ref().is_some_and(|refused| refused.version == Some(version)) {
            return Ok(());
        }
        let mut view = match self.view_of(snapshot, shutdown) {
            Ok(Some(view)) => view,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.refuse(Some(version), &error);
                return Ok(());
            }
        };
        let goal = self.city.read().next_offsets.clone();
        view.next_offsets.resize(goal.len(), 0);
        for (part, goal) in (0..).zip(goal) {
            while view.next_offsets[part as usize] < goal {
                let from = Offset(view.next_offsets[part as usize]);
                let fetched = match log.read(Topic::Incidents, part, from, READ_BYTES) {
                    Ok(fetched) => fetched,
                    // Not even this one is new enough.
                    Err(LogError::OffsetGone { .. }) => return Ok(()),
                    Err(error) => return Err(error.into()),
                };
                if fetched.is_empty() {
                    break;
                }
                for fetched in fetched.iter().map(|fetched| before(fetched, goal)) {
                    for slice in slices(&fetched) {
                        slice.apply(part, &mut view, Changes::default())?;
                    }
                    view.next_offsets[part as usize] = fetched.next.0;
                }
            }
        }
        tracing::info!(version, "the texts of incidents come from a newer snapshot now");
        let mut present = self.city.write();
        view.rejected = std::mem::take(&mut present.rejected);
        view.received_at_ms = view.received_at_ms.max(present.received_at_ms);
        *present = view;
        Ok(())
    }

    /// Says what changed, if anything did.
    fn publish(&self, announcer: &mut Announcer) {
        let view = self.city.read();
        let figures = Figures::of(&self.city, &view);
        let meta = FiguresChange::since(announcer.figures.as_ref(), &figures);
        let news = std::mem::replace(&mut announcer.news, News::none());
        let is_nothing = matches!(&news, News::Changes(changes) if changes.is_empty());
        if meta.is_empty() && is_nothing {
            return;
        }
        let totals = match &news {
            News::Changes(changes) => view.cube.totals_of(changes, MOST_COUNTS),
            News::Everything => None,
        };
        let counts = totals.map(|totals| {
            let named = |(slot, count): (HourSlot, u64)| CountChange {
                bucket: view.cube.clock().format(slot.bucket),
                area: slot.area,
                category: slot.category,
                count,
            };
            totals.into_iter().map(named).collect::<Vec<_>>()
        });
        let layers: Vec<&str> = self.city.profile.layers.iter().map(|layer| layer.name.as_str()).collect();
        let listed = match &news {
            News::Changes(changes) => changes.listed(),
            News::Everything => None,
        };
        let clock = view.cube.clock();
        let incidents = listed.map(|all| all.iter().map(|one| IncidentChange::named(one, &layers, clock)).collect());
        let change = Change { next_offsets: view.reflects(), meta, counts, incidents };
        drop(view);
        announcer.figures = Some(figures);
        match Event::change(&change) {
            // Without a listener there is nobody to tell.
            Ok(event) => drop(self.city.events.send(Arc::new(event))),
            Err(error) => tracing::error!(%error, "a live event could not be written"),
        }
    }
}

impl Event {
    /// Everything as it is now. `seen`: the next offsets that a client has seen; unless they are the present ones, it asks for
    /// counts anew.
    pub fn whole(city: &LoadedCity, seen: Option<&str>) -> Result<Self, QueryError> {
        let view = city.read();
        let next_offsets = view.reflects();
        let is_seen = seen == Some(offsets_text(&next_offsets).as_str());
        let meta = FiguresChange::since(None, &Figures::of(city, &view));
        let change = Change { next_offsets, meta, counts: is_seen.then(Vec::new), incidents: is_seen.then(Vec::new) };
        drop(view);
        Self::change(&change).map_err(|error| QueryError::internal(&error))
    }
}

/// Some thousand rows of a batch.
struct Slice {
    records: RecordBatch,
    base: u64,
    next: u64,
    appended_at_ms: i64,
}

/// A batch in pieces that are applied under one hold of the lock each.
fn slices(fetched: &LogBatch) -> impl Iterator<Item = Slice> {
    let rows = fetched.records.num_rows();
    (0..rows).step_by(LOCK_ROWS).map(move |from| {
        let length = LOCK_ROWS.min(rows - from);
        let base = fetched.base.0 + from as u64;
        Slice {
            records: fetched.records.slice(from, length),
            base,
            next: if from + length == rows { fetched.next.0 } else { base + length as u64 },
            appended_at_ms: fetched.appended_at_ms,
        }
    })
}

impl Slice {
    /// Into a view; its offsets move with the rows.
    fn apply(&self, part: u32, view: &mut View, changes: Changes) -> Result<Changes, LoadError> {
        let columns = IncidentBatch::try_new(&self.records)?;
        let locate = |row: usize| Locator { partition: part, offset: self.base + row as u64 };
        let changed = view.cube.apply_into(&columns, locate, changes);
        view.hourly.get_mut().unwrap_or_else(PoisonError::into_inner).note(&changed);
        view.next_offsets[part as usize] = self.next;
        view.received_at_ms = view.received_at_ms.max(Some(self.appended_at_ms));
        view.cube.index_places(self.records.num_rows());
        Ok(changed)
    }
}

/// The part of a batch before an offset.
fn before(fetched: &LogBatch, end: u64) -> LogBatch {
    let rows = (end.saturating_sub(fetched.base.0) as usize).min(fetched.records.num_rows());
    LogBatch {
        next: Offset(fetched.next.0.min(end.max(fetched.base.0))),
        records: Arc::new(fetched.records.slice(0, rows)),
        ..fetched.clone()
    }
}

/// What a topic of one partition has from an offset on, or from its beginning where that is gone. Whoever keeps these
/// records misses what retention has removed; nothing else depends on it.
fn what_is_left(log: &dyn Log, topic: Topic, next: &mut Offset) -> Result<Vec<LogBatch>, LogError> {
    match log.read(topic, 0, *next, READ_BYTES) {
        Err(LogError::OffsetGone { earliest, .. }) => {
            *next = earliest;
            log.read(topic, 0, *next, READ_BYTES)
        }
        read => read,
    }
}

/// The ticks that topic `peaks` holds now, into the index.
pub(crate) fn read_ticks(log: &dyn Log, city: &LoadedCity, shutdown: &Shutdown) -> Result<(), LoadError> {
    let mut reader = TickReader::new(log)?;
    while reader.next < reader.news_from && !shutdown.is_triggered() {
        if !reader.read(log, city)? {
            log.wait_any(&[(Topic::Peaks, 0, reader.next)], LOOK);
        }
    }
    Ok(())
}

/// Reads what is said of peaks: into the index, and once it has read what was there, to the listeners.
struct TickReader {
    next: Offset,
    /// What was said before is no news.
    news_from: Offset,
}

impl TickReader {
    fn new(log: &dyn Log) -> Result<Self, LoadError> {
        let bounds = log.bounds(Topic::Peaks, 0)?;
        Ok(Self { next: bounds.earliest, news_from: bounds.next })
    }

    /// Whether there was something.
    fn read(&mut self, log: &dyn Log, city: &LoadedCity) -> Result<bool, LoadError> {
        let fetched = what_is_left(log, Topic::Peaks, &mut self.next)?;
        for fetched in &fetched {
            for (offset, row) in (fetched.base.0..).map(Offset).zip(said_rows(&fetched.records)?) {
                city.said.write().insert(row.at, offset);
                if offset < self.news_from {
                    continue;
                }
                match serde_json::from_str(&row.json).and_then(Event::peaks) {
                    // Without a listener there is nobody to tell.
                    Ok(event) => drop(city.events.send(Arc::new(event))),
                    Err(error) => {
                        tracing::warn!(offset = offset.0, %error, "skipped an unreadable record of topic peaks");
                    }
                }
            }
            self.next = fetched.next;
        }
        Ok(!fetched.is_empty())
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
