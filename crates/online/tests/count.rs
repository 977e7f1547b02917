//! The role `count` on the embedded log, against a model that keeps every incident.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::{CivilMicros, Profile, UtcMicros, format_civil};
use blotter_incident::{Header, Observation, Parser, Revision, Row};
use blotter_log::{Append, EmbeddedLog, EmbeddedOptions, Log, Offset, Topic, Transaction};
use blotter_online::{
    CountConfig, CountParts, CountProgress,
    count::{HourlyCount, counts_rows},
    run_count,
};
use blotter_runtime::Shutdown;
use blotter_store::{Checkpoints, Store};
use proptest::prelude::*;
use std::{collections::BTreeMap, path::Path, sync::Arc};

const NAMES: [&str; 6] = ["id", "date", "updated_on", "primary_type", "community_area", "arrest"];

#[derive(Clone, Debug)]
struct Record {
    id: u32,
    hour: i64,
    updated: Option<u32>,
    observed: i64,
    category: u8,
    area: u8,
    arrest: bool,
    deleted: bool,
}

fn record() -> impl Strategy<Value = Record> {
    (
        0_u32..25,
        0_i64..6,
        prop::option::of(0_u32..4),
        0_i64..4,
        0_u8..3,
        0_u8..3,
        any::<bool>(),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(id, hour, updated, observed, category, area, arrest, deleted)| Record {
            id,
            hour,
            updated,
            observed,
            category,
            area,
            arrest,
            deleted,
        })
}

fn profile() -> Arc<Profile> {
    Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap())
}

fn transaction(records: &[Record], partitions: u32) -> Transaction {
    let profile = profile();
    let mut parser = Parser::new(Arc::clone(&profile), partitions);
    parser.set_header(Header::resolve(&profile, &NAMES).unwrap());
    for record in records {
        let civil = |seconds: i64| format_civil(CivilMicros(seconds * 1_000_000));
        let fields = [
            // Ids of all kinds: numbers, numbers with zeros in front, words.
            match record.id % 3 {
                0 => record.id.to_string(),
                1 => format!("0{}", record.id),
                _ => format!("x-{}", record.id),
            },
            civil(1_500_000_000 + record.hour * 3600),
            record.updated.map(|day| civil(1_500_000_000 + i64::from(day) * 86_400)).unwrap_or_default(),
            format!("CATEGORY {}", record.category),
            if record.area == 0 { String::new() } else { record.area.to_string() },
            record.arrest.to_string(),
        ];
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for field in &fields {
            bytes.extend_from_slice(field.as_bytes());
            ends.push(bytes.len());
        }
        let observation = Observation { observed_at: UtcMicros(record.observed), deleted: record.deleted, id: None };
        parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(2_000_000_000_000_000)).unwrap();
    }
    let appends = parser.finish().unwrap().into_iter();
    Transaction {
        appends: appends.map(|(partition, records)| Append { topic: Topic::Incidents, partition, records }).collect(),
        ..Transaction::default()
    }
}

/// The totals that a reader of topic `counts` sees: the last of each key, summed over the partitions.
fn said(log: &dyn Log) -> BTreeMap<(i64, String, String), u32> {
    let mut totals = BTreeMap::new();
    for partition in 0..log.partitions(Topic::Counts) {
        let mut part = BTreeMap::new();
        for fetched in log.read(Topic::Counts, partition, Offset(0), usize::MAX).unwrap() {
            for HourlyCount { bucket, area, category, count } in counts_rows(&fetched.records).unwrap() {
                part.insert((bucket.0, area, category), count);
            }
        }
        for (key, count) in part {
            *totals.entry(key).or_default() += count;
        }
    }
    totals.retain(|_, count| *count > 0);
    totals
}

/// The same from the records in the log: every incident's greatest revision, counted at the end.
fn model(log: &dyn Log) -> BTreeMap<(i64, String, String), u32> {
    let mut winners: BTreeMap<String, (Revision, blotter_incident::Incident)> = BTreeMap::new();
    for partition in 0..log.partitions(Topic::Incidents) {
        for fetched in log.read(Topic::Incidents, partition, Offset(0), usize::MAX).unwrap() {
            let batch = blotter_incident::IncidentBatch::try_new(&fetched.records).unwrap();
            for row in 0..batch.len {
                let incident = batch.incident(row);
                let revision = incident.revision();
                if winners.get(&incident.id).is_none_or(|(winner, _)| revision > *winner) {
                    winners.insert(incident.id.clone(), (revision, incident));
                }
            }
        }
    }
    let mut totals = BTreeMap::new();
    for (_, incident) in winners.into_values().filter(|(_, incident)| !incident.deleted) {
        let hour = incident.occurred_at_utc.0.div_euclid(3_600_000_000) * 3_600_000_000;
        let area = incident.areas.get("community_area").cloned().unwrap_or_default();
        *totals.entry((hour, area, incident.category)).or_default() += 1;
    }
    totals
}

fn count(log: &Arc<EmbeddedLog>, dir: &Path, config: &CountConfig) {
    let store = Store::open(&format!("file://{}", dir.join("store").display())).unwrap();
    let parts = CountParts {
        log: Arc::clone(log) as Arc<dyn Log>,
        checkpoints: Checkpoints::new(store, "count"),
        profile: profile(),
        progress: Arc::new(CountProgress::new(log.partitions(Topic::Incidents))),
    };
    run_count(config, &parts, &Shutdown::new()).unwrap();
}

fn once() -> CountConfig {
    CountConfig { until_caught_up: true, ..CountConfig::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Revisions, deletions, repeats and any lateness, with a restart after any batch: totals are the model's
    /// after every step, whether a restart found a checkpoint, an old one, or none.
    #[test]
    fn totals_are_those_of_the_winning_revisions(
        batches in prop::collection::vec((prop::collection::vec(record(), 1..30), 0_u8..4), 1..8),
        again in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), EmbeddedOptions::default()).unwrap());
        let checkpoints = dir.path().join("store");
        let mut batches = batches;
        let repeated = again.get(&batches).clone();
        batches.push(repeated);
        for (records, restart) in &batches {
            log.append(transaction(records, 4)).unwrap();
            match restart {
                // Falls behind: the next run reads several batches at once.
                0 => {}
                // The checkpoint is lost, and everything is counted again in silence.
                1 => {
                    if checkpoints.exists() { std::fs::remove_dir_all(&checkpoints).unwrap(); }
                    count(&log, dir.path(), &once());
                    prop_assert_eq!(said(log.as_ref()), model(log.as_ref()));
                }
                _ => {
                    count(&log, dir.path(), &once());
                    prop_assert_eq!(said(log.as_ref()), model(log.as_ref()));
                }
            }
        }
        count(&log, dir.path(), &once());
        prop_assert_eq!(said(log.as_ref()), model(log.as_ref()));
    }
}

#[test]
fn a_damaged_checkpoint_is_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), EmbeddedOptions::default()).unwrap());
    let record = |id, category| Record {
        id,
        hour: 1,
        updated: None,
        observed: 1,
        category,
        area: 1,
        arrest: false,
        deleted: false,
    };
    log.append(transaction(&[record(1, 1), record(2, 2), record(3, 1)], 4)).unwrap();
    count(&log, dir.path(), &once());
    let mut damaged = 0;
    let mut folders = vec![dir.path().join("store")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "segment") {
                std::fs::write(&path, b"not a segment").unwrap();
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0);
    log.append(transaction(&[record(1, 0), record(4, 1)], 4)).unwrap();
    count(&log, dir.path(), &once());
    assert_eq!(said(log.as_ref()), model(log.as_ref()));
}

#[test]
fn a_counter_that_starts_again_says_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), EmbeddedOptions::default()).unwrap());
    let record =
        |id| Record { id, hour: 1, updated: None, observed: 1, category: 0, area: 1, arrest: false, deleted: false };
    log.append(transaction(&(0..20).map(record).collect::<Vec<_>>(), 4)).unwrap();
    count(&log, dir.path(), &once());
    let ends = |log: &EmbeddedLog| (0..4).map(|p| log.bounds(Topic::Counts, p).unwrap().next).collect::<Vec<_>>();
    let before = ends(&log);
    std::fs::remove_dir_all(dir.path().join("store")).unwrap();
    count(&log, dir.path(), &once());
    assert_eq!(ends(&log), before);
    // The same records again change no total, and none is said.
    log.append(transaction(&(0..20).map(record).collect::<Vec<_>>(), 4)).unwrap();
    count(&log, dir.path(), &once());
    assert_eq!(ends(&log), before);
}

/// The objects of the checkpoints.
fn objects(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(objects(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Issue 12, 2.3: any read error was taken for a checkpoint that is not there, and everything was counted again.
#[test]
fn a_store_that_cannot_be_read_now_is_an_error_and_no_missing_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), EmbeddedOptions::default()).unwrap());
    let record =
        |id| Record { id, hour: 1, updated: None, observed: 1, category: 0, area: 1, arrest: false, deleted: false };
    log.append(transaction(&(0..20).map(record).collect::<Vec<_>>(), 4)).unwrap();
    count(&log, dir.path(), &once());
    let store = Store::open(&format!("file://{}", dir.path().join("store").display())).unwrap();
    let parts = CountParts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        checkpoints: Checkpoints::new(store, "count"),
        profile: profile(),
        progress: Arc::new(CountProgress::new(4)),
    };
    let kept = objects(&dir.path().join("store/checkpoints"));
    assert!(kept.iter().any(|path| path.ends_with("manifest.json")));
    for path in &kept {
        // A link that leads to itself: it is there, and nobody can read it now.
        let aside = path.with_extension("aside");
        std::fs::rename(path, &aside).unwrap();
        std::os::unix::fs::symlink(path, path).unwrap();
        let error = run_count(&once(), &parts, &Shutdown::new()).expect_err("the state is not known");
        assert!(error.is_retryable(), "the role is run again: {error}");
        std::fs::rename(&aside, path).unwrap();
    }
    run_count(&once(), &parts, &Shutdown::new()).unwrap();
    assert_eq!(objects(&dir.path().join("store/checkpoints")), kept, "it went on from the checkpoint that was there");
}

/// Issue 12, 4.2.
#[test]
fn a_flipped_byte_in_a_checkpoint_changes_no_total() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), EmbeddedOptions::default()).unwrap());
    let record = |id, hour| Record {
        id,
        hour,
        updated: None,
        observed: 1,
        category: (id % 3) as u8,
        area: (id % 3) as u8,
        arrest: false,
        deleted: false,
    };
    log.append(transaction(&(0..20).map(|id| record(id, 1)).collect::<Vec<_>>(), 4)).unwrap();
    count(&log, dir.path(), &once());
    // What is counted next depends on what the checkpoint says of these incidents.
    let mut hour = 2;
    let mut state = 7_u64;
    for path in objects(&dir.path().join("store/checkpoints")) {
        for _ in 0..6 {
            let Ok(sound) = std::fs::read(&path) else { break };
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut damaged = sound.clone();
            let index = (state >> 33) as usize % damaged.len();
            damaged[index] ^= 1 << (state >> 30 & 7);
            std::fs::write(&path, &damaged).unwrap();
            let mut moved = record(3, hour);
            moved.observed = hour;
            log.append(transaction(&[moved], 4)).unwrap();
            hour += 1;
            count(&log, dir.path(), &once());
            assert_eq!(said(log.as_ref()), model(log.as_ref()), "byte {index} of {}", path.display());
        }
    }
    assert!(hour > 20, "bytes were flipped");
}

#[test]
fn a_checkpoint_beyond_the_end_of_the_log_is_left_aside() {
    let dir = tempfile::tempdir().unwrap();
    let options = || EmbeddedOptions { partitions: Some(1), ..EmbeddedOptions::default() };
    let record =
        |id| Record { id, hour: 1, updated: None, observed: 1, category: 0, area: 1, arrest: false, deleted: false };
    let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), options()).unwrap());
    log.append(transaction(&[record(1), record(2)], 1)).unwrap();
    log.close().unwrap();
    let shorter = dir.path().join("shorter");
    copy(&dir.path().join("log"), &shorter);
    let log = Arc::new(EmbeddedLog::open(dir.path().join("log"), options()).unwrap());
    log.append(transaction(&[record(3), record(4)], 1)).unwrap();
    count(&log, dir.path(), &once());
    log.close().unwrap();
    // The same log without its last write.
    let log = Arc::new(EmbeddedLog::open(&shorter, options()).unwrap());
    log.append(transaction(&[record(5)], 1)).unwrap();
    count(&log, dir.path(), &once());
    log.close().unwrap();
    let log = EmbeddedLog::open(&shorter, options()).unwrap();
    assert_eq!(model(&log).into_values().sum::<u32>(), 3);
    assert_eq!(said(&log), model(&log));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
