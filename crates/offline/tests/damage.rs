//! Issue 12, 4.2: a byte that was flipped in a file of the store is found before anything is made of it.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use blotter_offline::{
    Manifest, OfflineError,
    fetch::{FetchConfig, FetchOutcome, once},
    snapshot::{Outcome, SnapshotConfig, SnapshotParts, take},
};
use blotter_runtime::Shutdown;
use blotter_store::Store;
use common::{MemoryLog, archive_all, open_store, profile, said};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn parts(store: &Store) -> SnapshotParts {
    SnapshotParts { store: store.clone(), profile: profile() }
}

/// Some incidents of several years, in several files and commits.
fn archived(store: &Store) {
    let log = MemoryLog::new("log-1");
    for round in 0..25_i64 {
        let rows: Vec<_> = (0..4)
            .map(|n| {
                said(
                    &format!("{round}-{n}"),
                    if n % 2 == 0 { "2015-06-07T08:00" } else { "2017-06-07T08:00" },
                    n,
                    "THEFT",
                )
            })
            .collect();
        log.append_incidents(&rows);
        archive_all(&log, store);
    }
}

fn config() -> SnapshotConfig {
    SnapshotConfig { slice_rows: 40, ..SnapshotConfig::default() }
}

fn written(store: &Store) -> Manifest {
    match take(&config(), &parts(store)).unwrap() {
        Outcome::Written(manifest) => manifest,
        other => panic!("nothing was written: {other:?}"),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// As another process would open it: without what this one remembers.
fn again(store: &Store) -> Store {
    Store::open(store.url()).unwrap()
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn a_damaged_snapshot_is_taken_again_and_fetched_again() {
    let (directory, store) = open_store();
    archived(&store);
    let manifest = written(&store);
    assert!(manifest.files.len() > 1);
    let local = tempfile::tempdir().unwrap();
    let fetching = FetchConfig::new(local.path().to_owned());
    once(&fetching, &store).unwrap();
    let snapshots = directory.path().join("snapshots");
    let mut dice = Dice(7);
    for path in files(&snapshots) {
        for _ in 0..4 {
            let sound = fs::read(&path).unwrap();
            let mut flipped = sound.clone();
            let at = dice.below(sound.len());
            flipped[at] ^= 1 << dice.below(8);
            // In place: the fetched file is the same one on disk.
            fs::write(&path, &flipped).unwrap();
            let store = again(&store);
            assert_eq!(written(&store), manifest, "byte {at} of {}", path.display());
            assert_eq!(fs::read(&path).unwrap(), sound);
            assert!(matches!(take(&config(), &parts(&store)).unwrap(), Outcome::Unchanged(_)));
            once(&fetching, &store).unwrap();
            for file in &manifest.files {
                let bytes = fs::read(local.path().join(manifest.version.to_string()).join(&file.path)).unwrap();
                assert_eq!(blotter_seal::checksum(&bytes), file.checksum, "byte {at} of {}", path.display());
            }
            assert_eq!(once(&fetching, &store).unwrap(), FetchOutcome::Unchanged(manifest.version));
        }
    }
}

#[test]
fn a_damaged_archive_is_refused_by_name_or_reads_as_before() {
    let (directory, store) = open_store();
    archived(&store);
    let manifest = written(&store);
    let incidents = directory.path().join("incidents");
    let all = files(&incidents);
    assert!(all.iter().any(|path| path.to_string_lossy().ends_with(".checkpoint.parquet")), "{all:?}");
    let mut dice = Dice(11);
    let (mut refused, mut same) = (0, 0);
    for path in all {
        for _ in 0..3 {
            let sound = fs::read(&path).unwrap();
            let mut flipped = sound.clone();
            let at = dice.below(sound.len());
            flipped[at] ^= 1 << dice.below(8);
            fs::write(&path, &flipped).unwrap();
            fs::remove_dir_all(directory.path().join("snapshots")).unwrap();
            let where_ = format!("byte {at} of {} in {}", sound.len(), path.display());
            match take(&config(), &parts(&again(&store))) {
                Ok(Outcome::Written(found)) => {
                    assert_eq!(found, manifest, "{where_}");
                    same += 1;
                }
                Ok(other) => panic!("{where_}: {other:?}"),
                Err(error) => {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    assert!(error.to_string().contains(&name), "{where_}: {error}");
                    assert!(!error.is_retryable(), "{where_}: {error}");
                    refused += 1;
                }
            }
            fs::write(&path, &sound).unwrap();
            written_again(&store, &directory, &manifest);
        }
    }
    assert!(refused > 20, "{refused} refused, {same} as before");
}

fn written_again(store: &Store, directory: &tempfile::TempDir, manifest: &Manifest) {
    let _gone = fs::remove_dir_all(directory.path().join("snapshots"));
    assert_eq!(written(&again(store)), *manifest);
}

/// Issue 12, 4.8: a snapshot that was under way at a SIGTERM was waited for until the process aborted.
#[test]
fn a_stopped_snapshot_or_fetch_leaves_nothing_half_done() {
    let (_directory, store) = open_store();
    archived(&store);
    let stop = Shutdown::new();
    stop.trigger();
    let stopped = SnapshotConfig { stop: stop.clone(), ..config() };
    assert!(matches!(take(&stopped, &parts(&store)), Err(OfflineError::Cancelled)));
    assert!(store.get("snapshots/latest.json").unwrap().is_none());
    let manifest = written(&store);
    let local = tempfile::tempdir().unwrap();
    let fetching = FetchConfig { stop, ..FetchConfig::new(local.path().to_owned()) };
    assert!(matches!(once(&fetching, &store), Err(OfflineError::Cancelled)));
    assert!(Manifest::newest_in(local.path()).unwrap().is_none());
    once(&FetchConfig::new(local.path().to_owned()), &store).unwrap();
    assert_eq!(Manifest::newest_in(local.path()).unwrap(), Some(manifest));
}
