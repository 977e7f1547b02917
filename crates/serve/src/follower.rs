//! The one writer: loads the snapshot, follows the log, and publishes what changed.

use crate::{
    ServeError,
    figures::figures,
    live::{Event, MOST_COUNTS, changed},
    snapshot::LocalSnapshot,
    standing::Standing,
    state::{State, View},
};
use blotter_cube::{Changes, Locator};
use blotter_incident::{IncidentBatch, rejected_rows};
use blotter_log::{Fetched, Log, LogError, Offset, Topic};
use blotter_peak::said_rows;
use blotter_store::Shutdown;
use parking_lot::RwLockWriteGuard;
use serde_json::{Map, Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
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

pub(crate) struct Follower {
    pub(crate) state: Arc<State>,
    pub(crate) snapshots: PathBuf,
    /// The least time between two events.
    pub(crate) coalesce: Duration,
    pub(crate) until_caught_up: bool,
    /// Why the newest snapshot could not be read last.
    pub(crate) unreadable: Mutex<Option<String>>,
}

impl Follower {
    /// Runs until told to stop, or until ready where that was asked for.
    pub(crate) fn run(&self, shutdown: &Shutdown) -> Result<(), ServeError> {
        self.load_snapshot(shutdown)?;
        match self.state.log.clone() {
            Some(log) if log.is_shared() => std::thread::scope(|scope| {
                let ended = Shutdown::new();
                let asking = {
                    let (log, ended) = (Arc::clone(&log), ended.clone());
                    std::thread::Builder::new()
                        .name("serve: standing".into())
                        .spawn_scoped(scope, move || self.ask(log.as_ref(), &ended))?
                };
                let followed = self.follow_through(log.as_ref(), shutdown);
                ended.trigger();
                drop(asking);
                followed
            }),
            Some(log) => self.follow_through(log.as_ref(), shutdown),
            None => self.watch_snapshots(shutdown),
        }
    }

    /// Keeps asking a shared log how the others stand.
    fn ask(&self, log: &dyn Log, ended: &Shutdown) {
        loop {
            match Standing::ask(log) {
                Ok(standing) => *self.state.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing,
                Err(error) => tracing::debug!(%error, "how the others stand is not known now"),
            }
            if ended.wait_timeout(LOOK) {
                return;
            }
        }
    }

    /// Follows, and while the log does not answer goes on with what is here.
    fn follow_through(&self, log: &dyn Log, shutdown: &Shutdown) -> Result<(), ServeError> {
        loop {
            match self.follow(log, shutdown) {
                Err(error) if error.is_retryable() && !shutdown.is_triggered() => {
                    tracing::warn!(%error, "the map stands still until the log answers");
                    shutdown.wait_timeout(PAUSE);
                }
                Err(error) if error.is_retryable() => return Ok(()),
                Err(ServeError::Log(LogError::OffsetGone { .. })) if self.is_refreshed(shutdown)? => {
                    tracing::warn!("the log no longer has what comes next; going on from the newest snapshot");
                }
                ended => return ended,
            }
        }
    }

    /// Loads the newest snapshot if that brings it forward.
    fn is_refreshed(&self, shutdown: &Shutdown) -> Result<bool, ServeError> {
        let version = || self.state.read().snapshot.as_ref().map(|(version, _)| *version);
        let before = self.state.read().next_offsets.clone();
        self.load_snapshot(shutdown)?;
        Ok(version().is_some() && self.state.read().next_offsets != before)
    }

    /// The newest local snapshot into a fresh view.
    fn load_snapshot(&self, shutdown: &Shutdown) -> Result<(), ServeError> {
        let log = self.state.log.as_deref();
        let snapshot = match LocalSnapshot::newest(&self.snapshots) {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Ok(()),
            Err(error) if log.is_some() => {
                tracing::warn!("{error}; everything is read from the log instead");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (found, asked) = (&snapshot.manifest.city, &self.state.profile.slug);
        if found != asked {
            let directory = self.snapshots.clone();
            return Err(ServeError::OtherCity { directory, found: found.clone(), asked: asked.clone() });
        }
        if let Some(log) = log
            && snapshot.manifest.log_id != log.id().0
        {
            tracing::warn!(snapshot = %snapshot.manifest.log_id, log = %log.id(), "the snapshot is of another log and is left aside");
            return Ok(());
        }
        let started = Instant::now();
        let next_offsets = snapshot.next_offsets();
        let mut view = View::new(&self.state.profile, next_offsets.len());
        // A shared log gives single records slowly.
        let texts_in_log = log.is_some_and(|log| !log.is_shared());
        let loaded = snapshot.open().and_then(|opened| {
            snapshot.load(&opened, &self.state.profile, texts_in_log, &mut view, shutdown)?;
            Ok(opened)
        });
        let opened = match loaded {
            Ok(opened) => opened,
            Err(error @ ServeError::Snapshot { .. }) if log.is_some() => {
                tracing::warn!("{error}; everything is read from the log instead");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if shutdown.is_triggered() {
            return Ok(());
        }
        view.next_offsets.clone_from(&next_offsets);
        view.received_at_ms = snapshot
            .manifest
            .ingested_as_of
            .as_deref()
            .and_then(blotter_incident::parse_instant)
            .map(|at| at.0.div_euclid(1000));
        view.snapshot = Some((snapshot.manifest.version, next_offsets));
        let took_ms = started.elapsed().as_millis();
        tracing::debug!(version = snapshot.manifest.version, rows = view.cube.rows(), took_ms, "snapshot loaded");
        *self.state.texts.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some((snapshot, opened));
        *self.state.write() = view;
        Ok(())
    }

    /// Without the log: as fresh as the newest snapshot.
    fn watch_snapshots(&self, shutdown: &Shutdown) -> Result<(), ServeError> {
        let mut last = Map::new();
        loop {
            self.state.ready.store(self.state.read().snapshot.is_some(), Ordering::Release);
            self.publish(&mut last, None);
            if self.until_caught_up && self.state.is_ready() {
                return Ok(());
            }
            if !shutdown.is_triggered() && !self.index_places() {
                continue;
            }
            if shutdown.wait_timeout(LOOK) {
                return Ok(());
            }
            let newest = match LocalSnapshot::newest(&self.snapshots) {
                Ok(newest) => newest.map(|snapshot| snapshot.manifest.version),
                Err(error) => {
                    self.note_unreadable(&error);
                    continue;
                }
            };
            let have = self.state.read().snapshot.as_ref().map(|(version, _)| *version);
            if newest > have {
                match self.load_snapshot(shutdown) {
                    Err(error @ ServeError::Snapshot { .. }) if have.is_some() => self.note_unreadable(&error),
                    loaded => loaded?,
                }
            }
        }
    }

    fn follow(&self, log: &dyn Log, shutdown: &Shutdown) -> Result<(), ServeError> {
        let partitions = log.partitions(Topic::Incidents);
        let mut next: Vec<u64> = self.state.read().next_offsets.clone();
        next.resize(partitions as usize, 0);
        self.state.write().next_offsets.clone_from(&next);
        let mut rejected = log.bounds(Topic::Rejected, 0)?.earliest;
        let mut said = SaidReader::new(log)?;
        // Ready means: everything that the log held at the start is applied.
        let goal: Vec<u64> = (0..partitions)
            .map(|part| Ok(log.bounds(Topic::Incidents, part)?.next.0))
            .collect::<Result<_, ServeError>>()?;
        let mut last = Map::new();
        let mut changes: Option<Changes> = Some(Changes::default());
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
                    self.apply(part, &fetched, &mut changes)?;
                }
            }
            for fetched in log.read(Topic::Rejected, 0, rejected, READ_BYTES)? {
                read = true;
                rejected = fetched.next;
                let mut view = self.state.write();
                for row in rejected_rows(&fetched.records)? {
                    view.rejected.insert(xxh3_64(row.key.as_bytes()));
                }
            }
            read |= said.read(log, &self.state)?;
            let caught_up = !read;
            if !self.state.is_ready() && next.iter().zip(&goal).all(|(next, goal)| next >= goal) {
                self.state.ready.store(true, Ordering::Release);
            }
            if self.until_caught_up && self.state.is_ready() && said.next >= said.news_from {
                return Ok(());
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.note_snapshot(&mut pointer_seen);
            }
            if published.is_none_or(|at| at.elapsed() >= self.coalesce) || caught_up {
                self.publish(&mut last, changes.replace(Changes::default()));
                published = Some(Instant::now());
            }
            // What the snapshot brought is left for when there is time.
            if caught_up && self.index_places() {
                let mut watched: Vec<_> =
                    (0..).zip(&next).map(|(part, next)| (Topic::Incidents, part, Offset(*next))).collect();
                watched.push((Topic::Rejected, 0, rejected));
                watched.push((Topic::Peaks, 0, said.next));
                log.wait_any(&watched, LOOK);
            }
        }
        Ok(())
    }

    /// Finds the cells, areas and sites of some new places; whether all are known then.
    fn index_places(&self) -> bool {
        let has_cells = self.state.write().cube.index_places(LOCK_ROWS);
        if !(has_cells && self.state.find_areas(LOCK_ROWS)) {
            return false;
        }
        let outstanding = {
            let view = self.state.read();
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
    fn apply(&self, part: u32, fetched: &Fetched, changes: &mut Option<Changes>) -> Result<(), ServeError> {
        let rows = fetched.records.num_rows();
        if rows == 0 {
            // What lies there is no record.
            self.state.write().next_offsets[part as usize] = fetched.next.0;
        }
        let mut from = 0;
        while from < rows {
            let length = LOCK_ROWS.min(rows - from);
            let slice = fetched.records.slice(from, length);
            let columns = IncidentBatch::try_new(&slice)?;
            let base = fetched.base.0 + from as u64;
            let mut view = self.state.write();
            let changed = view.cube.apply(&columns, |row| Locator { partition: part, offset: base + row as u64 });
            view.hourly.get_mut().unwrap_or_else(PoisonError::into_inner).note(&changed);
            from += length;
            view.next_offsets[part as usize] = if from == rows { fetched.next.0 } else { base + length as u64 };
            view.received_at_ms = view.received_at_ms.max(Some(fetched.appended_at_ms));
            view.cube.index_places(length);
            // Whoever waits comes first, or a full log would keep everybody from asking.
            RwLockWriteGuard::unlock_fair(view);
            // Past some number the totals are not listed, so the changes need not be remembered.
            if let Some(all) = changes {
                all.merge(changed);
                if all.len() > MOST_COUNTS * 8 {
                    *changes = None;
                }
            }
        }
        Ok(())
    }

    /// Warns once of a snapshot that cannot be read, until another reason comes up: what is loaded goes on being served.
    fn note_unreadable(&self, error: &ServeError) {
        let reason = error.to_string();
        let mut noted = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.as_ref() != Some(&reason) {
            tracing::warn!("{reason}; what was loaded before is still served");
            *noted = Some(reason);
        }
    }

    /// With the log a newer snapshot need not be loaded: it is only noted. `seen` is the pointer's time, so that manifests
    /// are read once.
    fn note_snapshot(&self, seen: &mut Option<SystemTime>) {
        let written = std::fs::metadata(self.snapshots.join("latest.json")).and_then(|file| file.modified()).ok();
        if *seen == written {
            return;
        }
        *seen = written;
        let snapshot = match LocalSnapshot::newest(&self.snapshots) {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return,
            Err(error) => return self.note_unreadable(&error),
        };
        let is_ours = self.state.log.as_deref().is_some_and(|log| log.id().0 == snapshot.manifest.log_id);
        let have = self.state.read().snapshot.as_ref().map(|(version, _)| *version);
        if is_ours && have.is_none_or(|have| snapshot.manifest.version > have) {
            self.state.write().snapshot = Some((snapshot.manifest.version, snapshot.next_offsets()));
        }
    }

    /// Says what changed, if anything did. `changes`: none where they were too many to remember.
    fn publish(&self, last: &mut Map<String, Value>, changes: Option<Changes>) {
        let view = self.state.read();
        let figures = figures(&self.state, &view);
        let difference = changed(last, &figures);
        let nothing_counted = changes.as_ref().is_some_and(Changes::is_empty);
        if difference.is_empty() && nothing_counted {
            return;
        }
        let counts = changes.and_then(|changes| view.cube.totals_of(&changes, MOST_COUNTS)).map(|totals| {
            let named = |(slot, count): (blotter_cube::HourSlot, u64)| {
                json!({ "bucket": view.cube.clock().format(slot.bucket), "area": slot.area, "category": slot.category, "count": count })
            };
            totals.into_iter().map(named).collect::<Vec<_>>()
        });
        let event = Event::new(view.offsets_text(), &json!(view.offsets_json()), &difference, counts.as_deref());
        drop(view);
        *last = figures;
        // Without a listener there is nobody to tell.
        let _nobody = self.state.events.send(Arc::new(event));
    }
}

/// Reads what is said of peaks: into the index, and once it has read what was there, to the listeners.
struct SaidReader {
    next: Offset,
    /// What was said before is no news.
    news_from: Offset,
}

impl SaidReader {
    fn new(log: &dyn Log) -> Result<Self, ServeError> {
        let bounds = log.bounds(Topic::Peaks, 0)?;
        Ok(Self { next: bounds.earliest, news_from: bounds.next })
    }

    /// Whether there was something.
    fn read(&mut self, log: &dyn Log, state: &State) -> Result<bool, ServeError> {
        let fetched = log.read(Topic::Peaks, 0, self.next, READ_BYTES)?;
        for fetched in &fetched {
            for (offset, row) in (fetched.base.0..).map(Offset).zip(said_rows(&fetched.records)?) {
                state.said.write().insert(row.at, offset);
                if offset < self.news_from {
                    continue;
                }
                match serde_json::from_str(&row.json).and_then(Event::peaks) {
                    // Without a listener there is nobody to tell.
                    Ok(event) => drop(state.events.send(Arc::new(event))),
                    Err(error) => tracing::warn!(offset = offset.0, %error, "what lies in topic peaks is passed over"),
                }
            }
            self.next = fetched.next;
        }
        Ok(!fetched.is_empty())
    }
}
