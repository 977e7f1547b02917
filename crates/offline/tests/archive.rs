//! The role `archive`: every record once, whatever happens.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use blotter_log::{Log, Topic};
use blotter_offline::{
    OfflineError,
    archive::{self, ArchiveConfig, ArchiveParts, Stage},
};
use blotter_runtime::Shutdown;
use blotter_store::{ArchiveTable, CompactionOptions, Store, StoreError, WriterLimits};
use common::{MemoryLog, PARTITIONS, SourceRow, archive_all, archive_rows, log_rows, open_store, profile, said};
use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

fn config() -> ArchiveConfig {
    ArchiveConfig { until_caught_up: true, ..ArchiveConfig::default() }
}

fn parts(log: &Arc<MemoryLog>, store: &Store) -> ArchiveParts {
    ArchiveParts::new(Arc::clone(log) as Arc<dyn Log>, store.clone(), profile())
}

fn some(from: u32, count: u32) -> Vec<SourceRow> {
    (from..from + count)
        .map(|n| said(&format!("{n}"), &format!("{}-03-04T05:06", 2001 + n % 23), i64::from(n), "THEFT"))
        .collect()
}

#[test]
fn rows_and_offsets_come_back() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    for from in [0, 100, 200] {
        log.append_incidents(&some(from, 100));
    }
    archive_all(&log, &store);
    assert_eq!(archive_rows(&store), log_rows(&log));
    let table = ArchiveTable::open_existing(&store, &profile()).unwrap().unwrap();
    assert_eq!(table.next_offsets(), log.next_offsets());
    assert_eq!(table.log_id(), "log-1");

    // Nothing new: no new version.
    archive_all(&log, &store);
    let again = ArchiveTable::open_existing(&store, &profile()).unwrap().unwrap();
    assert_eq!(again.version(), table.version());
}

#[test]
fn many_years_fit_into_little_memory() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    let incidents: Vec<SourceRow> =
        (0..2_000).map(|n| said(&n.to_string(), &format!("{}-12-31T23:59:59", 1920 + n % 100), 7, "BATTERY")).collect();
    log.append_incidents(&incidents);
    let limits = WriterLimits { open_years: 5, memory_bytes: 1 << 20, file_bytes: 64 << 10 };
    archive::run(&ArchiveConfig { limits, ..config() }, parts(&log, &store), &Shutdown::new()).unwrap();
    assert_eq!(archive_rows(&store), log_rows(&log));
}

/// Killed at each stage of each commit, it resumes, and each record is there once.
#[test]
fn killed_anywhere_each_record_is_there_once() {
    for stage in [Stage::BeforeUpload, Stage::AfterUpload, Stage::AfterCommit] {
        let (_directory, store) = open_store();
        let log = MemoryLog::new("log-1");
        for round in 0..4 {
            log.append_incidents(&some(round * 50, 50));
            let mut killed = parts(&log, &store);
            killed.fail_point =
                Some(Box::new(move |at| if at == stage { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }));
            let outcome = archive::run(&config(), killed, &Shutdown::new());
            assert!(matches!(outcome, Err(OfflineError::Stopped(_))), "{stage:?}: {outcome:?}");
            if round % 2 == 1 {
                archive_all(&log, &store);
                assert_eq!(archive_rows(&store), log_rows(&log), "{stage:?}");
            }
        }
        // What no commit names is deleted in the end, and nothing else.
        let mut table = ArchiveTable::open(&store, &profile(), "log-1", PARTITIONS).unwrap();
        let deleted = table.vacuum(Duration::ZERO).unwrap();
        assert_eq!(deleted > 0, stage == Stage::AfterUpload, "{stage:?}");
        assert_eq!(archive_rows(&store), log_rows(&log), "{stage:?}");
    }
}

#[test]
fn a_second_archiver_is_refused() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    log.append_incidents(&some(0, 40));
    let mut first = parts(&log, &store);
    let (second_log, second_store) = (Arc::clone(&log), store.clone());
    first.fail_point = Some(Box::new(move |at| {
        if at == Stage::AfterUpload {
            archive_all(&second_log, &second_store);
        }
        ControlFlow::Continue(())
    }));
    let error = archive::run(&config(), first, &Shutdown::new()).unwrap_err();
    assert!(matches!(error, OfflineError::Store(StoreError::Moved { .. })), "{error}");
    assert!(error.to_string().contains("one archiver per partition"), "{error}");
    assert_eq!(archive_rows(&store), log_rows(&log));
}

#[test]
fn another_log_and_another_city_are_refused() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    log.append_incidents(&some(0, 10));
    archive_all(&log, &store);
    let other = MemoryLog::new("log-2");
    let error = archive::run(&config(), parts(&other, &store), &Shutdown::new()).unwrap_err().to_string();
    assert!(error.contains("log `log-1`") && error.contains("log-2"), "{error}");

    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../cities/new-york-shootings.toml"));
    let mut elsewhere = parts(&log, &store);
    elsewhere.profile = Arc::new(blotter_city::Profile::from_toml(&text.unwrap()).unwrap());
    let error = archive::run(&config(), elsewhere, &Shutdown::new()).unwrap_err().to_string();
    assert!(error.contains("`chicago`"), "{error}");
    assert_eq!(archive_rows(&store), log_rows(&log));
}

#[test]
fn records_in_the_wrong_partition_are_rejected() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    let batches = common::batches(&some(0, 30));
    let (right, batch) = &batches[0];
    let wrong = (right + 1) % PARTITIONS;
    let (_, at_home) = batches.iter().find(|(partition, _)| *partition == wrong).unwrap();
    // In one batch: one at home, two strangers, the rest at home.
    let mixed = arrow::compute::concat_batches(
        &batch.schema(),
        &[at_home.slice(0, 1), batch.slice(0, 2), at_home.slice(1, at_home.num_rows() - 1)],
    )
    .unwrap();
    let rows = mixed.num_rows();
    log.append_batch(Topic::Incidents, wrong, mixed);
    archive_all(&log, &store);
    assert_eq!(log.rejected_keys(), [format!("{wrong}/1"), format!("{wrong}/2")]);
    let archived = archive_rows(&store);
    assert_eq!(archived.len(), rows - 2);
    let mut expected = log_rows(&log);
    expected.retain(|(_, offset), _| !(1..=2).contains(offset));
    assert_eq!(archived, expected);
    let table = ArchiveTable::open_existing(&store, &profile()).unwrap().unwrap();
    assert_eq!(table.next_offsets(), log.next_offsets());
}

#[test]
fn a_gap_in_the_log_is_an_error() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    log.append_incidents(&some(0, 30));
    log.remove_below(1, 3);
    let error = archive::run(&config(), parts(&log, &store), &Shutdown::new()).unwrap_err();
    assert!(matches!(error, OfflineError::Gap { partition: 1, from: 0, earliest: 3 }), "{error}");
}

#[test]
fn it_follows_commits_when_idle_and_at_shutdown() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut parts = parts(&log, &store);
    let progress = Arc::clone(&parts.progress);
    let hook = Arc::clone(&told);
    parts.on_commit = Some(Box::new(move |commit| hook.lock().unwrap().push(commit.clone())));
    let shutdown = Shutdown::new();
    let config = ArchiveConfig { idle_commit: Duration::from_millis(50), compaction: None, ..ArchiveConfig::default() };
    let role = {
        let shutdown = shutdown.clone();
        std::thread::spawn(move || archive::run(&config, parts, &shutdown))
    };
    log.append_incidents(&some(0, 20));
    let until = |what: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !what() {
            assert!(started.elapsed() < Duration::from_secs(30), "in vain");
            shutdown.wait_timeout(Duration::from_millis(5));
        }
    };
    until(&|| progress.next_offsets() == log.next_offsets());
    log.append_incidents(&some(20, 20));
    shutdown.trigger();
    log.wake();
    role.join().unwrap().unwrap();
    let archived = archive_rows(&store);
    assert!(archived.len() >= 20);
    let told = told.lock().unwrap();
    assert_eq!(told.iter().map(|commit| commit.rows).sum::<u64>(), archived.len() as u64);
    assert_eq!(told.last().unwrap().next_offsets, progress.next_offsets());
    assert_eq!(told.last().unwrap().table_version, progress.table_version());
}

#[test]
fn a_source_that_is_caught_up_is_committed_at_once() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    log.append_incidents(&some(0, 20));
    let mut parts = parts(&log, &store);
    let caught_up = Arc::new(AtomicBool::new(false));
    parts.source_caught_up = Some(Arc::clone(&caught_up));
    let shutdown = Shutdown::new();
    let stop = shutdown.clone();
    parts.on_commit = Some(Box::new(move |_| stop.trigger()));
    // It ends only by its own commit, and neither age nor idleness ask for one.
    let config = ArchiveConfig {
        idle_commit: Duration::from_hours(1),
        commit_age: Duration::from_hours(1),
        ..ArchiveConfig::default()
    };
    let role = std::thread::spawn(move || archive::run(&config, parts, &shutdown));
    assert!(!role.is_finished());
    caught_up.store(true, Ordering::Release);
    role.join().unwrap().unwrap();
    assert_eq!(archive_rows(&store), log_rows(&log));
}

#[test]
fn many_commits_are_compacted_and_lose_nothing() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    let options = CompactionOptions { files: 6, ..CompactionOptions::default() };
    let config = ArchiveConfig { compaction: Some(options), ..config() };
    for n in 0..45 {
        log.append_incidents(&[
            said(&format!("a{n}"), "2015-06-07T08:00", n, "ASSAULT"),
            said(&format!("b{n}"), "2016-06-07T08:00", n, "ASSAULT"),
        ]);
        archive::run(&config, parts(&log, &store), &Shutdown::new()).unwrap();
    }
    assert_eq!(archive_rows(&store), log_rows(&log));
    let mut table = ArchiveTable::open(&store, &profile(), "log-1", PARTITIONS).unwrap();
    assert!(table.files().len() < 20, "{} files", table.files().len());
    assert_eq!(table.next_offsets(), log.next_offsets());
    assert!(
        store.list("incidents/_delta_log").unwrap().iter().any(|object| object.path.contains(".checkpoint")),
        "{} versions without a checkpoint",
        table.version()
    );
    // Compacted files stay for those who are still reading, and go after the retention.
    assert_eq!(table.vacuum(Duration::from_hours(1)).unwrap(), 0);
    assert!(table.vacuum(Duration::ZERO).unwrap() > 40);
    assert_eq!(archive_rows(&store), log_rows(&log));
}
