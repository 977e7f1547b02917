//! Pages of a shared log: what they cost, and that nobody waits for them.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use crate::testing::{CHICAGO, MOST_READS, MemoryLog, Record, ask_with, batches, forget_texts, json};
use arrow::array::RecordBatch;
use blotter_city::Profile;
use blotter_log::{Append, EmbeddedLog, EmbeddedOptions, Log, Topic, Transaction};
use blotter_query::{Follower, LoadedCity};
use blotter_runtime::Shutdown;
use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// One incident in `every` is of category 1, the others of 0.
fn batch(profile: &Arc<Profile>, ids: Range<u32>, every: u32) -> RecordBatch {
    let record = |id: u32| Record {
        id,
        observed: 1,
        deleted: false,
        second: 1_451_606_400 + i64::from(id) * 60,
        area: 1,
        category: u8::from(id.is_multiple_of(every)),
        point: None,
    };
    batches(profile, 1, &ids.map(record).collect::<Vec<_>>(), "A TEXT").pop().unwrap().1
}

fn loaded(log: &Arc<MemoryLog>) -> (Arc<LoadedCity>, Follower, tempfile::TempDir) {
    let directory = tempdir().unwrap();
    let profile = Arc::new(Profile::from_toml(CHICAGO).unwrap());
    let city = Arc::new(LoadedCity::new(profile, Some(Arc::clone(log) as Arc<dyn Log>), Arc::default()));
    let follower = Follower {
        city: Arc::clone(&city),
        snapshots: directory.path().to_owned(),
        coalesce: Duration::ZERO,
        until_caught_up: true,
    };
    (city, follower, directory)
}

#[test]
fn a_page_of_rare_incidents_is_read_in_few_ranges_and_ends_early_where_they_are_too_many() {
    let log = MemoryLog::new(1);
    let (city, follower, _directory) = loaded(&log);
    // Every 40th, so that each lies in a range of its own.
    log.push(Topic::Incidents, 0, batch(&city.profile, 0..8000, 40));
    follower.run(&Shutdown::new()).unwrap();
    let ids = |page: &serde_json::Value| -> Vec<u32> {
        let incidents = page["incidents"].as_array().unwrap();
        incidents.iter().map(|one| one["id"].as_str().unwrap().parse().unwrap()).collect()
    };
    // Neighbours are one range.
    let page = json(&city, "/api/v1/incidents?limit=1000&category=C0");
    assert_eq!(ids(&page).len(), 1000);
    assert_eq!(log.looked_up.swap(0, Ordering::Relaxed), 1);
    let (mut all, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        forget_texts(&city);
        let page = json(&city, &format!("/api/v1/incidents?limit=1000&category=C1{cursor}"));
        assert!(log.looked_up.swap(0, Ordering::Relaxed) <= MOST_READS);
        all.extend(ids(&page));
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all, (0..8000).step_by(40).rev().collect::<Vec<_>>());
    assert_eq!(pages, 2, "200 ranges are more than one page reads");
}

#[test]
fn a_page_from_the_log_of_this_process_decodes_each_batch_once_and_only_so_many() {
    let directory = tempdir().unwrap();
    let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(directory.path(), EmbeddedOptions::default()).unwrap());
    let profile = Arc::new(Profile::from_toml(CHICAGO).unwrap());
    let city = Arc::new(LoadedCity::new(Arc::clone(&profile), Some(Arc::clone(&log)), Arc::default()));
    // 300 batches of 50 rows, with one rare incident in each.
    for number in 0..300 {
        let records = batch(&profile, number * 50..number * 50 + 50, 50);
        let appends = vec![Append { topic: Topic::Incidents, partition: 0, records }];
        log.append(Transaction { appends, ..Transaction::default() }).unwrap();
    }
    let follower = Follower {
        city: Arc::clone(&city),
        snapshots: directory.path().join("none"),
        coalesce: Duration::ZERO,
        until_caught_up: true,
    };
    follower.run(&Shutdown::new()).unwrap();
    // The frequent ones lie side by side: twenty batches.
    let frequent = json(&city, "/api/v1/incidents?limit=980&category=C0");
    assert_eq!((frequent["incidents"].as_array().unwrap().len(), &frequent["missing"]), (980, &serde_json::json!([])));
    let (mut all, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = json(&city, &format!("/api/v1/incidents?limit=1000&category=C1{cursor}"));
        let incidents = page["incidents"].as_array().unwrap();
        sizes.push(incidents.len());
        all.extend(incidents.iter().map(|one| one["id"].as_str().unwrap().parse::<u32>().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all, (0..15_000).step_by(50).rev().collect::<Vec<_>>());
    assert_eq!(sizes, [MOST_READS, MOST_READS, 300 - 2 * MOST_READS]);
}

#[test]
fn a_page_of_the_past_keeps_its_etag_while_its_texts_are_there() {
    let log = MemoryLog::new(1);
    let (city, follower, _directory) = loaded(&log);
    log.push(Topic::Incidents, 0, batch(&city.profile, 0..10, 2));
    follower.run(&Shutdown::new()).unwrap();
    let (past, all) = ("/api/v1/incidents?from=2016-01-01&to=2016-02-01", "/api/v1/incidents");
    let tag = |question: &str| {
        let (status, headers, body) = ask_with(&city, question, &[]);
        assert_eq!(status, 200, "{body}");
        headers.get("etag").map(|tag| tag.to_str().unwrap().to_owned())
    };
    let before = (tag(past), tag(all));
    assert!(before.0.is_some());
    // Ten weeks later.
    log.push(Topic::Incidents, 0, batch(&city.profile, 100_000..100_001, 2));
    follower.run(&Shutdown::new()).unwrap();
    assert_eq!(tag(past), before.0);
    assert_ne!(tag(all), before.1);
    let (status, headers, _) = ask_with(&city, past, &[("if-none-match", before.0.as_deref().unwrap())]);
    assert_eq!((status, headers["blotter-next-offsets"].to_str().unwrap()), (304, "0:11"));
    // What is missing may come back at any time.
    forget_texts(&city);
    log.remove_below(0, 5);
    assert_eq!((tag(past), json(&city, past)["missing"].as_array().unwrap().len()), (None, 5));
}

#[test]
fn the_follower_does_not_wait_for_a_page() {
    let log = MemoryLog::new(1);
    let (city, mut follower, _directory) = loaded(&log);
    follower.until_caught_up = false;
    log.push(Topic::Incidents, 0, batch(&city.profile, 0..10, 2));
    let shutdown = Shutdown::new();
    std::thread::scope(|scope| {
        let following = scope.spawn(|| follower.run(&shutdown));
        let wait_until = |what: &str, is_true: &dyn Fn() -> bool| {
            let deadline = Instant::now() + Duration::from_mins(2);
            while !is_true() {
                if Instant::now() > deadline {
                    log.is_slow.store(false, Ordering::Release);
                    shutdown.trigger();
                    panic!("never {what}");
                }
                shutdown.wait_timeout(Duration::from_millis(1));
            }
        };
        wait_until("the first are applied", &|| city.read().next_offsets == [10]);
        log.is_slow.store(true, Ordering::Release);
        let page = scope.spawn(|| json(&city, "/api/v1/incidents"));
        wait_until("the page is read", &|| log.is_waited_for());
        log.push(Topic::Incidents, 0, batch(&city.profile, 10..20, 2));
        wait_until("more are applied while the page is read", &|| city.read().next_offsets == [20]);
        log.is_slow.store(false, Ordering::Release);
        assert_eq!(page.join().unwrap()["incidents"].as_array().unwrap().len(), 10);
        shutdown.trigger();
        following.join().unwrap().unwrap();
    });
}
