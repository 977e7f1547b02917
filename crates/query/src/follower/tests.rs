//! The follower through what happens to it: snapshots that come and go, a log that fails, records that retention removed.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::testing::{CHICAGO, MemoryLog, Record, batches, forget_texts, has_ticks, json as asked, write_snapshot};
use blotter_city::Profile;
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::atomic::AtomicBool,
    thread::{self, JoinHandle},
};
use tempfile::tempdir;
use tokio::sync::broadcast::Receiver;

fn profile() -> Arc<Profile> {
    Arc::new(Profile::from_toml(CHICAGO).unwrap())
}

fn load(log: Option<Arc<MemoryLog>>) -> Arc<LoadedCity> {
    Arc::new(LoadedCity::new(profile(), log.map(|log| log as Arc<dyn Log>), Arc::default()))
}

fn follower(city: &Arc<LoadedCity>, snapshots: &Path) -> Follower {
    let (city, snapshots) = (Arc::clone(city), snapshots.to_owned());
    Follower { city, snapshots, coalesce: Duration::ZERO, until_caught_up: false }
}

/// One incident a minute, in the order of time.
fn records(ids: std::ops::Range<u32>) -> Vec<Record> {
    let record = |id: u32| Record {
        id,
        observed: 1,
        deleted: false,
        second: 1_451_606_400 + i64::from(id) * 60,
        area: 1,
        category: 0,
        point: Some((41.85, -87.65)),
    };
    ids.map(record).collect()
}

/// Incidents as one batch of one partition.
fn batch(ids: std::ops::Range<u32>, description: &str) -> RecordBatch {
    batches(&profile(), 1, &records(ids), description).pop().unwrap().1
}

/// A follower on a thread of its own, which is stopped when this is dropped.
struct Running {
    shutdown: Shutdown,
    thread: Option<JoinHandle<Result<(), LoadError>>>,
}

impl Running {
    fn start(follower: Follower) -> Self {
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let thread = Some(thread::spawn(move || follower.run(&stop)));
        Self { shutdown, thread }
    }

    /// Waits for something that the follower brings about; it must not end before.
    fn wait_until(&mut self, what: &str, mut is_true: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(2);
        while !is_true() {
            let has_ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            assert!(!has_ended, "the follower ended before {what}: {:?}", self.thread.take().map(JoinHandle::join));
            assert!(Instant::now() < deadline, "never {what}");
            self.shutdown.wait_timeout(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.trigger();
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// The next event of changes.
fn next_change(events: &mut Receiver<Arc<Event>>) -> Value {
    loop {
        let event = events.blocking_recv().unwrap();
        if event.name == "change" {
            return serde_json::from_str(&event.data).unwrap();
        }
    }
}

#[test]
fn a_page_of_incidents_has_the_texts_of_the_snapshot_that_listed_it() {
    let directory = tempdir().unwrap();
    let city = load(None);
    let follower = follower(&city, directory.path());
    let mut announcer = Announcer::new();
    // Each snapshot has incidents of its own: a row number of one is another incident in the next.
    let write = |version: u64| {
        let first = version as u32 * 100;
        let rows = batch(first..first + 60, &format!("of {version}"));
        write_snapshot(directory.path(), &city.profile, "none", version, &rows, version);
    };
    write(1);
    follower.load_snapshot(&mut announcer, &Shutdown::new()).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let mut versions = std::collections::BTreeSet::new();
                    while !done.load(Ordering::Acquire) {
                        let page = asked(&city, "/api/v1/incidents?limit=60");
                        let version = page["next_offsets"]["0"].as_u64().unwrap();
                        let incidents = page["incidents"].as_array().unwrap();
                        assert_eq!(incidents.len(), 60, "{version}");
                        for (row, incident) in incidents.iter().rev().enumerate() {
                            let id = (version * 100 + row as u64).to_string();
                            let expect = (Value::from(id), Value::from(format!("of {version}").to_uppercase()));
                            let found = &incident["description"];
                            let found = Value::from(found.as_str().unwrap().to_uppercase());
                            assert_eq!((incident["id"].clone(), found), expect, "listed by version {version}");
                        }
                        versions.insert(version);
                    }
                    versions.len()
                })
            })
            .collect();
        for version in 2..150 {
            write(version);
            follower.load_snapshot(&mut announcer, &Shutdown::new()).unwrap();
        }
        done.store(true, Ordering::Release);
        let seen: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(seen > 6, "the readers saw several versions");
    });
}

#[test]
fn changes_before_a_lost_connection_are_published_after_it() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(2);
    let city = load(Some(Arc::clone(&log)));
    let mut events = city.events.subscribe();
    // The first partition is applied, and then the second one cannot be read.
    log.push(Topic::Incidents, 0, batch(0..3, ""));
    log.fail_once(1);
    let mut running = Running::start(follower(&city, directory.path()));
    running.wait_until("the log has failed", || log.has_failed());
    let counts = next_change(&mut events)["counts"].clone();
    let incidents =
        counts.as_array().map(|counts| counts.iter().filter_map(|total| total["count"].as_u64()).sum::<u64>());
    assert!(counts.is_null() || incidents == Some(3), "three incidents came, and the first event tells of {counts}");
}

#[test]
fn changed_incidents_are_listed_as_counted_before_and_after() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(1);
    let city = load(Some(Arc::clone(&log)));
    let mut events = city.events.subscribe();
    let push = |records: &[Record]| log.push(Topic::Incidents, 0, batches(&profile(), 1, records, "").pop().unwrap().1);
    let first = records(7..8).remove(0);
    push(std::slice::from_ref(&first));
    let _running = Running::start(follower(&city, directory.path()));
    let told = |events: &mut Receiver<Arc<Event>>| loop {
        match next_change(events)["incidents"].as_array() {
            Some(incidents) if !incidents.is_empty() => return incidents.clone(),
            _ => {}
        }
    };
    let counted = |area: &str| {
        json!({
            "occurred_at": "2016-01-01T00:07:00-06:00", "category": "C0", "areas": {"community_area": area},
            "arrest": null, "domestic": null, "latitude": 41.85, "longitude": -87.65,
        })
    };
    let as_told = |offset: u64, before: Value, after: Value| {
        vec![json!({"partition": 0, "offset": offset, "id": "7", "before": before, "after": after})]
    };
    assert_eq!(told(&mut events), as_told(0, Value::Null, counted("1")));
    push(&[Record { observed: 2, area: 2, ..first.clone() }]);
    assert_eq!(told(&mut events), as_told(1, counted("1"), counted("2")));
    // What is not counted does not count as changed, an old revision neither.
    push(&[
        Record { observed: 3, area: 2, ..first.clone() },
        first.clone(),
        Record { observed: 4, deleted: true, ..first.clone() },
    ]);
    assert_eq!(told(&mut events), as_told(4, counted("2"), Value::Null));
    push(&records(100..100 + MOST_INCIDENTS as u32));
    assert_eq!(told(&mut events).len(), MOST_INCIDENTS);
    push(&records(10_000..10_001 + MOST_INCIDENTS as u32));
    assert_eq!(next_change(&mut events)["incidents"], Value::Null);
}

#[test]
fn ticks_that_came_while_the_log_was_away_are_published() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(1);
    let city = load(Some(Arc::clone(&log)));
    let mut events = city.events.subscribe();
    let mut running = Running::start(follower(&city, directory.path()));
    running.wait_until("ready", || city.is_ready());
    log.fail_once(0);
    // Something to read, so that it reads.
    log.push(Topic::Incidents, 0, batch(0..3, ""));
    running.wait_until("the log has failed", || log.has_failed());
    log.push(Topic::Peaks, 0, tick());
    let mut names = std::iter::from_fn(|| events.blocking_recv().ok()).map(|event| event.name);
    // Were the tick forgotten, the change that came with it would be told and nothing else.
    running.wait_until("all is applied", || city.read().next_offsets == [3]);
    log.push(Topic::Incidents, 0, batch(3..4, ""));
    running.wait_until("more is applied", || city.read().next_offsets == [4]);
    running.wait_until("the tick is known", || has_ticks(&city));
    drop(running);
    drop(city);
    assert!(names.any(|name| name == "peaks"));
}

/// One tick that says nothing.
fn tick() -> RecordBatch {
    let report = json!({ "at": null, "layer": "community_area", "tests": 0, "reporting_lag": "none",
        "next_offsets": { "0": 0 }, "windows": [] });
    blotter_peak::said_batch(&[blotter_peak::TickRecord { at: 400_000, json: report.to_string() }]).unwrap()
}

#[test]
fn a_snapshot_that_was_loaded_changes_everything() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(1);
    let city = load(Some(Arc::clone(&log)));
    let mut events = city.events.subscribe();
    let rows = batch(0..5, "");
    log.push(Topic::Incidents, 0, rows.clone());
    write_snapshot(directory.path(), &city.profile, "memory", 1, &rows, 5);
    let _running = Running::start(follower(&city, directory.path()));
    let change = next_change(&mut events);
    assert_eq!((&change["counts"], &change["next_offsets"]["0"]), (&Value::Null, &5.into()), "{change}");
}

#[test]
fn without_changes_no_event_is_published() {
    let directory = tempdir().unwrap();
    let city = load(None);
    let follower = follower(&city, directory.path());
    let mut events = city.events.subscribe();
    let mut announcer = Announcer::new();
    let mut received = || std::iter::from_fn(|| events.try_recv().ok()).count();
    for version in [1, 2] {
        write_snapshot(directory.path(), &city.profile, "none", version, &batch(0..5, ""), 5);
        follower.load_snapshot(&mut announcer, &Shutdown::new()).unwrap();
        follower.publish(&mut announcer);
        assert_eq!(received(), 1);
        (0..5).for_each(|_| follower.publish(&mut announcer));
        assert_eq!(received(), 0, "nothing has changed since version {version}");
    }
}

#[test]
fn a_damaged_newer_snapshot_is_refused_and_the_next_good_one_is_loaded() {
    let directory = tempdir().unwrap();
    let city = load(None);
    let write = |version: u64, incidents: u32| {
        write_snapshot(directory.path(), &city.profile, "none", version, &batch(0..incidents, ""), version);
    };
    let meta = || asked(&city, "/api/v1/meta");
    write(1, 5);
    let mut running = Running::start(follower(&city, directory.path()));
    running.wait_until("the first is loaded", || city.is_ready());
    // Version 2 is damaged: its folder is made, and then its pointer.
    write_damaged(directory.path(), &city.profile, 2);
    running.wait_until("the second is refused", || city.read().refused.is_some());
    let meta_then = meta();
    assert_eq!((&meta_then["incidents"]["total"], &meta_then["snapshot"]["version"]), (&5.into(), &1.into()));
    assert_eq!(meta_then["snapshot"]["refused"]["version"], 2, "{meta_then}");
    assert_eq!(asked(&city, "/api/v1/incidents")["incidents"].as_array().unwrap().len(), 5);
    write(3, 7);
    running.wait_until("the third is loaded", || meta()["snapshot"]["version"] == 3);
    let meta_now = meta();
    assert_eq!((&meta_now["incidents"]["total"], &meta_now["snapshot"]["refused"]), (&7.into(), &Value::Null));
    assert_eq!(city.refused_snapshots.load(Ordering::Relaxed), 1);
}

/// A snapshot whose file is cut short.
fn write_damaged(directory: &Path, profile: &Profile, version: u64) {
    let elsewhere = tempdir().unwrap();
    write_snapshot(elsewhere.path(), profile, "memory", version, &batch(0..9, ""), version);
    let (from, to) = (elsewhere.path().join(version.to_string()), directory.join(version.to_string()));
    std::fs::create_dir_all(&to).unwrap();
    std::fs::copy(from.join("manifest.json"), to.join("manifest.json")).unwrap();
    let bytes = std::fs::read(from.join("part-00000.parquet")).unwrap();
    std::fs::write(to.join("part-00000.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::copy(elsewhere.path().join("latest.json"), directory.join("latest.json")).unwrap();
}

#[test]
fn a_server_that_the_log_has_left_behind_waits_for_a_snapshot_that_it_can_load() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(1);
    let city = load(Some(Arc::clone(&log)));
    let all = batch(0..20, "");
    write_snapshot(directory.path(), &city.profile, "memory", 1, &all.slice(0, 5), 5);
    log.push(Topic::Incidents, 0, all.clone());
    log.remove_below(0, 10);
    write_damaged(directory.path(), &city.profile, 2);
    // At the start the first one was whole and the newest.
    let follower = follower(&city, directory.path());
    let pointer = r#"{"version":1,"path":"1"}"#;
    let damaged = std::fs::read(directory.path().join("latest.json")).unwrap();
    std::fs::write(directory.path().join("latest.json"), pointer).unwrap();
    let mut running = Running::start(follower);
    running.wait_until("the first is loaded", || city.read().loaded == Some(1));
    std::fs::write(directory.path().join("latest.json"), damaged).unwrap();
    running.wait_until("the second is refused", || city.read().refused.is_some());
    assert_eq!(asked(&city, "/api/v1/meta")["incidents"]["total"], 5);
    write_snapshot(directory.path(), &city.profile, "memory", 3, &all.slice(0, 12), 12);
    running.wait_until("the log is followed again", || city.read().next_offsets == [20]);
    assert_eq!(asked(&city, "/api/v1/meta")["incidents"]["total"], 20);
}

#[test]
fn texts_that_the_log_has_lost_are_named_and_come_back_with_a_newer_snapshot() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(1);
    let city = load(Some(Arc::clone(&log)));
    let all = batch(0..20, "A TEXT");
    write_snapshot(directory.path(), &city.profile, "memory", 1, &all.slice(0, 5), 5);
    log.push(Topic::Incidents, 0, all.clone());
    let mut running = Running::start(follower(&city, directory.path()));
    running.wait_until("all is applied", || city.read().next_offsets == [20]);
    let page = || asked(&city, "/api/v1/incidents?limit=20");
    assert_eq!((page()["incidents"].as_array().unwrap().len(), &page()["missing"]), (20, &json!([])));
    // What was read a moment ago is still known; a server that was just started has read nothing.
    let fresh = load(Some(Arc::clone(&log)));
    log.remove_below(0, 15);
    forget_texts(&city);
    let found = page();
    let ids = |found: &Value| -> Vec<u32> {
        found["incidents"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().parse().unwrap()).collect()
    };
    let expect: Vec<u32> = (0..5).chain(15..20).rev().collect();
    assert_eq!(ids(&found), expect);
    let missing: Vec<String> = (5..15).rev().map(|id: u32| id.to_string()).collect();
    assert_eq!(found["missing"], json!(missing));
    // A newer snapshot has what the log has no longer.
    write_snapshot(directory.path(), &city.profile, "memory", 2, &all.slice(0, 16), 16);
    running.wait_until("the newer snapshot is used", || city.read().loaded == Some(2));
    let found = page();
    assert_eq!((ids(&found), &found["missing"]), ((0..20).rev().collect(), &json!([])));
    assert_eq!(found["next_offsets"]["0"], 20);
    drop(fresh);
}

#[test]
fn a_server_that_began_before_the_first_snapshot_reads_texts_from_it_when_it_is_there() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(1);
    let city = load(Some(Arc::clone(&log)));
    let many = 2 * MANY_TEXTS as u32;
    let all = batch(0..many, "A TEXT");
    log.push(Topic::Incidents, 0, all.clone());
    let mut running = Running::start(follower(&city, directory.path()));
    running.wait_until("all is applied", || city.read().next_offsets == [u64::from(many)]);
    // It has too few of the texts to be worth it.
    let few = MANY_TEXTS / 2;
    write_snapshot(directory.path(), &city.profile, "memory", 1, &all.slice(0, few as usize), few);
    running.wait_until("the first is noted", || {
        city.read().snapshot.as_ref().is_some_and(|snapshot| snapshot.version == 1)
    });
    assert_eq!(city.read().loaded, None);
    let most = u64::from(many) - 1;
    write_snapshot(directory.path(), &city.profile, "memory", 2, &all.slice(0, most as usize), most);
    running.wait_until("the second is used", || city.read().loaded == Some(2));
    forget_texts(&city);
    let before = log.looked_up.load(Ordering::SeqCst);
    let page = asked(&city, "/api/v1/incidents?limit=1000");
    assert_eq!((page["incidents"].as_array().unwrap().len(), &page["missing"]), (1000, &json!([])));
    assert_eq!(log.looked_up.load(Ordering::SeqCst) - before, 1, "only what came after the snapshot");
    // The next one has one text more and is only noted.
    write_snapshot(directory.path(), &city.profile, "memory", 3, &all, u64::from(many));
    running.wait_until("the third is noted", || {
        city.read().snapshot.as_ref().is_some_and(|snapshot| snapshot.version == 3)
    });
    assert_eq!(city.read().loaded, Some(2));
}
