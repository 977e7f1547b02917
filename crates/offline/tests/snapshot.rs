//! The role `snapshot`, embedded engine, against a naive model.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use blotter_city::{CivilMicros, UtcMicros};
use blotter_offline::{
    Manifest, Pointer,
    snapshot::{Outcome, SnapshotConfig, SnapshotParts, take},
};
use blotter_store::Store;
use common::{MemoryLog, SourceRow, archive_all, log_rows, open_store, profile, said, snapshot_rows, winners};
use proptest::prelude::*;

fn parts(store: &Store) -> SnapshotParts {
    SnapshotParts { store: store.clone(), profile: profile() }
}

fn written(config: &SnapshotConfig, store: &Store) -> Manifest {
    match take(config, &parts(store)).unwrap() {
        Outcome::Written(manifest) => manifest,
        other => panic!("{other:?}"),
    }
}

fn pointer(store: &Store) -> Pointer {
    Pointer::parse("latest", &store.get("snapshots/latest.json").unwrap().unwrap()).unwrap()
}

fn incidents() -> impl Strategy<Value = Vec<SourceRow>> {
    let hour = 3_600_000_000_i64;
    // Around New Year and both changes of the clock, so that slices and years are cut where it hurts.
    let moment = prop_oneof![
        Just(1_451_606_400_000_000_i64), // 2016-01-01
        Just(1_457_836_200_000_000),     // 2016-03-13T02:30, in the gap
        Just(1_478_395_800_000_000),     // 2016-11-06T01:30, twice
        Just(1_420_070_400_000_000),     // 2015-01-01
    ];
    let one = (0..12_u32, moment, -9..9_i64, proptest::option::of(0..3_i64), 0..3_i64, any::<bool>(), 0..3_u32)
        .prop_map(move |(id, moment, hours, updated, observed, deleted, beat)| SourceRow {
            id: format!("{id}"),
            occurred_at: CivilMicros(moment + hours * hour / 2),
            updated_at: updated.map(|day| CivilMicros(1_500_000_000_000_000 + day * 24 * hour)),
            observed_at: UtcMicros(1_600_000_000_000_000 + observed),
            deleted,
            category: if beat == 0 { "THEFT".into() } else { "NON - CRIMINAL".into() },
            description: if beat == 2 { String::new() } else { format!("{beat}") },
            beat: format!("01{beat}1"),
        });
    proptest::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn holds_the_winners_in_order_whatever_the_order_of_the_log(
        incidents in incidents(),
        cuts in proptest::collection::vec(1..20_usize, 1..6),
        slice_rows in 1..40_u64,
        turn in any::<prop::sample::Index>(),
    ) {
        let (_directory, store) = open_store();
        let log = MemoryLog::new("log-1");
        let mut rest = incidents.as_slice();
        for cut in &cuts {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            log.append_incidents(now);
            archive_all(&log, &store);
            rest = later;
        }
        log.append_incidents(rest);
        archive_all(&log, &store);
        let config = SnapshotConfig { slice_rows, ..SnapshotConfig::default() };
        let manifest = written(&config, &store);
        let found = snapshot_rows(&store, &manifest, &manifest.version.to_string());

        let all = log_rows(&log);
        let expected = winners(all.values().cloned());
        prop_assert_eq!(&found.iter().map(|(row, _)| row.clone()).collect::<Vec<_>>(), &expected);
        for (row, place) in &found {
            prop_assert_eq!(&all[place], row);
        }
        prop_assert_eq!(manifest.incidents, expected.iter().filter(|row| !row.deleted).count() as u64);
        let greatest = all.values().map(|row| row.occurred_at_utc).max().unwrap();
        prop_assert_eq!(&manifest.data_as_of, &Some(blotter_city::format_utc(greatest)));
        let least = all.values().map(|row| row.occurred_at_utc).min().unwrap();
        prop_assert_eq!(&manifest.earliest, &Some(blotter_city::format_utc(least)));
        prop_assert_eq!(manifest.next_offsets.values().copied().collect::<Vec<_>>(), log.next_offsets());

        // Another order, every record twice: the same rows.
        let mut turned = incidents.clone();
        turned.rotate_left(turn.index(incidents.len()));
        turned.reverse();
        let (_directory, store) = open_store();
        let log = MemoryLog::new("log-2");
        log.append_incidents(&turned);
        log.append_incidents(&incidents);
        archive_all(&log, &store);
        let manifest = written(&SnapshotConfig::default(), &store);
        let again = snapshot_rows(&store, &manifest, &manifest.version.to_string());
        prop_assert_eq!(again.into_iter().map(|(row, _)| row).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn columns_of_garbage_do_not_overflow_their_dictionaries() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    let many: Vec<SourceRow> = (0..150_000)
        .map(|n| SourceRow {
            description: format!("garbage {n}"),
            ..said(&n.to_string(), "2015-06-07T08:00", n, "THEFT")
        })
        .collect();
    log.append_incidents(&many);
    archive_all(&log, &store);
    let manifest = written(&SnapshotConfig::default(), &store);
    let found = snapshot_rows(&store, &manifest, &manifest.version.to_string());
    assert_eq!(found.len(), many.len());
    for (row, _) in found {
        assert_eq!(row.description.as_deref(), Some(format!("garbage {}", row.id).as_str()));
    }
}

#[test]
fn an_unchanged_table_writes_nothing_and_three_are_kept() {
    let (_directory, store) = open_store();
    assert_eq!(take(&SnapshotConfig::default(), &parts(&store)).unwrap(), Outcome::NoArchive);
    let log = MemoryLog::new("log-1");
    let mut versions = Vec::new();
    for n in 0..5 {
        log.append_incidents(&[said(&n.to_string(), "2015-06-07T08:00", n, "THEFT")]);
        archive_all(&log, &store);
        versions.push(written(&SnapshotConfig::default(), &store).version);
        assert!(matches!(take(&SnapshotConfig::default(), &parts(&store)).unwrap(), Outcome::Unchanged(_)));
        assert_eq!(pointer(&store).version, versions[n as usize]);
    }
    let mut folders: Vec<u64> = store
        .list("snapshots")
        .unwrap()
        .iter()
        .filter_map(|object| object.path.split('/').nth(1)?.parse().ok())
        .collect();
    folders.dedup();
    assert_eq!(folders, versions[2..]);
}

#[test]
fn the_pointer_only_moves_forward() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    log.append_incidents(&[said("1", "2015-06-07T08:00", 1, "THEFT")]);
    archive_all(&log, &store);
    let ahead = br#"{"version":900,"path":"900"}"#;
    store.put("snapshots/latest.json", ahead.to_vec()).unwrap();
    written(&SnapshotConfig::default(), &store);
    assert_eq!(pointer(&store).version, 900);
}

#[test]
fn concurrent_snapshotters_agree() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    for n in 0..6 {
        log.append_incidents(&[said(&n.to_string(), "2015-06-07T08:00", n, "THEFT")]);
        archive_all(&log, &store);
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let store = store.clone();
                std::thread::spawn(move || take(&SnapshotConfig::default(), &parts(&store)).unwrap())
            })
            .collect();
        for taker in takers {
            let (Outcome::Written(manifest) | Outcome::Unchanged(manifest)) = taker.join().unwrap() else {
                panic!("there is an archive")
            };
            assert_eq!(manifest.version, pointer(&store).version);
        }
    }
}

#[test]
fn as_of_an_ingest_time() {
    let (_directory, store) = open_store();
    let log = MemoryLog::new("log-1");
    let mut then = None;
    for (step, category) in [(1, "THEFT"), (2, "BATTERY"), (3, "ARSON")] {
        log.set_now_ms(1_700_000_000_000 + step * 60_000);
        log.append_incidents(&[said("7", "2015-06-07T08:00", step, category)]);
        log.append_incidents(&[said(&format!("8{step}"), "2016-06-07T08:00", step, category)]);
        archive_all(&log, &store);
        if step == 2 {
            then = Some(log.next_offsets());
        }
    }
    let newest = written(&SnapshotConfig::default(), &store);
    let config = SnapshotConfig { as_of: Some(UtcMicros(1_700_000_150_000_000)), ..SnapshotConfig::default() };
    let manifest = written(&config, &store);
    let folder = format!("{}-as-of-20231114T221550Z", manifest.version);
    let found = snapshot_rows(&store, &manifest, &folder);
    assert_eq!(found.iter().map(|(row, _)| row.id.as_str()).collect::<Vec<_>>(), ["7", "81", "82"]);
    assert_eq!(found[0].0.category, "BATTERY");
    assert_eq!(Some(manifest.next_offsets.values().copied().collect()), then);
    assert_eq!(manifest.ingested_as_of.as_deref(), Some("2023-11-14T22:15:20Z"));
    assert_eq!(pointer(&store).version, newest.version, "the pointer does not move");
}
