//! Peaks from the hourly totals alone are those from all incidents, byte for byte.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::Profile;
use blotter_log::{Log, Topic};
use blotter_peak::{TickRecord, said_batch};
use blotter_query::{
    CityTotals, FromParameters, LoadParts, LoadedCity, Parameters,
    encode::{EncodedAnswer, Form},
    questions::Peaks,
    testing::{CHICAGO, MemoryLog, Record, ask, batches, json, write_snapshot},
};
use blotter_runtime::Shutdown;
use std::{collections::BTreeMap, path::Path, sync::Arc};
use tempfile::tempdir;

/// 2015-01-01, in seconds since 1970.
const BEGIN: i64 = 1_420_070_400;

fn profile() -> Arc<Profile> {
    Arc::new(Profile::from_toml(CHICAGO).unwrap())
}

/// Revisions of some hundred incidents of a year: more than one of most, some deleted, some without an area or a point.
fn records(seed: u64) -> Vec<Record> {
    let mut state = seed;
    let mut number = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut record = || Record {
        id: number(900) as u32,
        observed: number(20) as i64,
        deleted: number(10) == 0,
        second: BEGIN + number(366 * 86_400) as i64,
        area: number(5) as u8,
        category: number(3) as u8,
        point: (number(4) > 0).then_some((41.85, -87.65)),
    };
    (0..2500).map(|_| record()).collect()
}

/// What a snapshot has of some records: the winning revision of each incident, deletions included, in the order of time.
fn winners(records: &[Record]) -> Vec<Record> {
    let mut winners: BTreeMap<u32, &Record> = BTreeMap::new();
    for record in records {
        let winner = winners.entry(record.id).or_insert(record);
        if record.observed > winner.observed {
            *winner = record;
        }
    }
    let mut all: Vec<Record> = winners.into_values().cloned().collect();
    all.sort_by_key(|record| record.second);
    all
}

fn snapshot(directory: &Path, log_id: &str, records: &[Record]) {
    let profile = profile();
    let rows = batches(&profile, 1, &winners(records), "").remove(0).1;
    write_snapshot(directory, &profile, log_id, 1, &rows, records.len() as u64);
}

fn parts(directory: &Path, log: Option<&Arc<MemoryLog>>) -> LoadParts {
    let log = log.map(|log| Arc::clone(log) as Arc<dyn Log>);
    LoadParts { log, snapshots: directory.to_owned(), profile: profile(), boundaries: Arc::default() }
}

fn totals(parts: &LoadParts, question: &Peaks) -> Option<CityTotals> {
    CityTotals::load(parts, question, &Shutdown::new())
}

fn question(query: &str) -> Peaks {
    let parameters = Parameters::read(Some(query), &Peaks::names()).unwrap();
    Peaks::from_parameters(&parameters).unwrap()
}

/// Answers from totals are those from incidents, with the same meta.
fn check(directory: &Path, log: Option<&Arc<MemoryLog>>, queries: &[&str]) {
    let whole = LoadedCity::load(parts(directory, log), &Shutdown::new()).unwrap();
    for query in queries {
        let question = question(query);
        let totals = totals(&parts(directory, log), &question).expect("totals suffice");
        let expect = ask(&whole, &format!("/api/v1/peaks?{query}"));
        match (totals.peaks(&question), expect) {
            (Ok(answer), Ok(expect)) => {
                let answer = EncodedAnswer::new(answer, Form::Json).unwrap().bytes().unwrap();
                assert_eq!(String::from_utf8(answer).unwrap(), expect, "{query}");
            }
            (Err(error), Err(expect)) => assert_eq!(error.to_string(), expect.to_string(), "{query}"),
            (answer, expect) => panic!("{query}: {answer:?} where {expect:?} was expected"),
        }
        let (meta, expect) = (totals.meta(), json(&whole, "/api/v1/meta"));
        for name in ["simulated", "data_as_of", "received_at"] {
            assert_eq!(meta[name], expect[name], "{query}: {name}");
        }
        assert_eq!(meta["incidents"]["total"], expect["incidents"]["total"], "{query}");
        assert_eq!(meta["profile"]["name"], expect["profile"]["name"]);
    }
}

const QUERIES: [&str; 5] =
    ["", "at=2015-09-01T12:00&limit=9", "area=community_area:2&category=C1", "area=community_area:77", "at=2031-01-01"];

#[test]
fn peaks_from_totals_are_those_from_incidents() {
    for seed in [1, 2] {
        let directory = tempdir().unwrap();
        let records = records(seed);
        snapshot(directory.path(), "memory", &records);
        check(directory.path(), None, &QUERIES);
        let log = MemoryLog::new(1);
        log.push(Topic::Incidents, 0, batches(&profile(), 1, &records, "").remove(0).1);
        check(directory.path(), Some(&log), &QUERIES);
    }
}

#[test]
fn records_behind_the_snapshot_replace_what_they_win_over() {
    for seed in [3, 4, 5] {
        let directory = tempdir().unwrap();
        let records = records(seed);
        let (before, behind) = records.split_at(1500);
        snapshot(directory.path(), "memory", before);
        let log = MemoryLog::new(1);
        for records in [before, behind] {
            log.push(Topic::Incidents, 0, batches(&profile(), 1, records, "").remove(0).1);
        }
        check(directory.path(), Some(&log), &QUERIES);
    }
}

#[test]
fn a_published_tick_is_read_from_the_log() {
    let directory = tempdir().unwrap();
    let records = records(6);
    snapshot(directory.path(), "memory", &records);
    let log = MemoryLog::new(1);
    log.push(Topic::Incidents, 0, batches(&profile(), 1, &records, "").remove(0).1);
    let report =
        r#"{"at":null,"layer":"community_area","tests":7,"reporting_lag":"none","next_offsets":{"0":0},"windows":[]}"#;
    log.push(Topic::Peaks, 0, said_batch(&[TickRecord { at: 400_000, json: report.to_owned() }]).unwrap());
    check(directory.path(), Some(&log), &["as=said", "as=said&at=2015-08-20", "as=said&at=2001"]);
    check(directory.path(), None, &["as=said"]);
}

#[test]
fn a_question_that_names_another_layer_needs_all_incidents() {
    let directory = tempdir().unwrap();
    snapshot(directory.path(), "memory", &records(8));
    let is_some = |query: &str| totals(&parts(directory.path(), None), &question(query)).is_some();
    assert!(!is_some("area=beat:0111"));
    // Both are refused without a look at incidents.
    assert!(is_some("area=county:1") && is_some("area=25"));
    check(directory.path(), None, &["area=county:1", "area=25"]);
}

#[test]
fn without_a_sound_snapshot_of_this_log_totals_do_not_suffice() {
    let directory = tempdir().unwrap();
    let log = MemoryLog::new(1);
    let is_none = |log: Option<&Arc<MemoryLog>>| totals(&parts(directory.path(), log), &question("")).is_none();
    assert!(is_none(None) && is_none(Some(&log)), "there is no snapshot");
    let records = records(7);
    snapshot(directory.path(), "another", &records);
    assert!(!is_none(None));
    assert!(is_none(Some(&log)), "the snapshot is of another log");
    snapshot(directory.path(), "memory", &records);
    log.push(Topic::Incidents, 0, batches(&profile(), 1, &records, "").remove(0).1);
    assert!(!is_none(Some(&log)));
    log.fail_once(0);
    log.push(Topic::Incidents, 0, batches(&profile(), 1, &records, "").remove(0).1);
    assert!(is_none(Some(&log)), "the log does not answer");
    assert!(!is_none(Some(&log)), "it answers again");
    let file = directory.path().join("1/part-00000.parquet");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert!(is_none(None), "the snapshot is damaged");
}
