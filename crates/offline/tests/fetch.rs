//! The role `fetch`: complete and checked, or not there.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use blotter_offline::{
    Manifest,
    fetch::{FetchConfig, FetchOutcome, once},
    snapshot::{SnapshotConfig, SnapshotParts, take},
};
use blotter_store::Store;
use common::{MemoryLog, archive_all, open_store, profile, said};
use std::{fs, path::Path, sync::Arc};

fn publish(log: &Arc<MemoryLog>, store: &Store, n: i64) {
    log.append_incidents(&[
        said(&n.to_string(), "2015-06-07T08:00", n, "THEFT"),
        said(&format!("{n}b"), "2017-06-07T08:00", n, "THEFT"),
    ]);
    archive_all(log, store);
    let config = SnapshotConfig { slice_rows: 1, ..SnapshotConfig::default() };
    take(&config, &SnapshotParts { store: store.clone(), profile: profile() }).unwrap();
}

fn check_whole(directory: &Path) -> Manifest {
    let manifest = Manifest::newest_in(directory).unwrap().unwrap();
    for file in &manifest.files {
        let bytes = fs::read(directory.join(manifest.version.to_string()).join(&file.path)).unwrap();
        assert_eq!(bytes.len() as u64, file.bytes);
        assert_eq!(file.checksum, format!("xxh3:{:016x}", xxhash_rust::xxh3::xxh3_64(&bytes)));
    }
    manifest
}

#[test]
fn brings_the_newest_and_keeps_two() {
    let (_directory, store) = open_store();
    let local = tempfile::tempdir().unwrap();
    let config = FetchConfig::new(local.path().join("web"));
    assert_eq!(once(&config, &store).unwrap(), FetchOutcome::Nothing);
    let log = MemoryLog::new("log-1");
    let mut versions = Vec::new();
    for n in 0..4 {
        publish(&log, &store, n);
        let FetchOutcome::New(version) = once(&config, &store).unwrap() else { panic!("there is a new one") };
        versions.push(version);
        assert_eq!(check_whole(&config.directory).version, version);
        assert_eq!(once(&config, &store).unwrap(), FetchOutcome::Unchanged(version));
    }
    let mut found: Vec<u64> = fs::read_dir(&config.directory)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .collect();
    found.sort_unstable();
    assert_eq!(found, versions[2..]);
}

#[test]
fn what_is_damaged_here_is_fetched_again() {
    let (_directory, store) = open_store();
    let local = tempfile::tempdir().unwrap();
    let config = FetchConfig::new(local.path().to_owned());
    let log = MemoryLog::new("log-1");
    publish(&log, &store, 0);
    once(&config, &store).unwrap();
    let manifest = check_whole(local.path());
    let folder = local.path().join(manifest.version.to_string());
    let file = folder.join(&manifest.files[0].path);
    let damage: [&dyn Fn(); 4] = [
        &|| fs::remove_file(&file).unwrap(),
        &|| {
            // A new file of the same size: the one that is there is linked to the store's.
            let mut bytes = fs::read(&file).unwrap();
            bytes[9] ^= 1;
            fs::remove_file(&file).unwrap();
            fs::write(&file, bytes).unwrap();
        },
        &|| fs::remove_file(folder.join("manifest.json")).unwrap(),
        &|| fs::write(local.path().join("latest.json"), "{").unwrap(),
    ];
    for damage in damage {
        damage();
        assert_eq!(once(&config, &store).unwrap(), FetchOutcome::New(manifest.version));
        assert_eq!(check_whole(local.path()), manifest);
    }
}

#[test]
fn what_is_damaged_in_the_store_is_never_shown() {
    let (_directory, store) = open_store();
    let local = tempfile::tempdir().unwrap();
    let config = FetchConfig::new(local.path().to_owned());
    let log = MemoryLog::new("log-1");
    publish(&log, &store, 0);
    once(&config, &store).unwrap();
    let before = check_whole(local.path());
    publish(&log, &store, 1);
    let newest =
        Manifest::parse("m", &store.get(&format!("snapshots/{}/manifest.json", before.version + 1)).unwrap().unwrap())
            .unwrap();
    let path = format!("snapshots/{}/{}", newest.version, newest.files[0].path);
    let good = store.get(&path).unwrap().unwrap();
    store.put(&path, good.slice(1..)).unwrap();
    let error = once(&config, &store).unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("damaged"), "{error}");
    assert_eq!(check_whole(local.path()), before);

    // Repaired in the store, it arrives; what had come already is kept.
    store.put(&path, good).unwrap();
    assert_eq!(once(&config, &store).unwrap(), FetchOutcome::New(newest.version));
    assert_eq!(check_whole(local.path()), newest);
}

#[test]
fn resumes_what_a_kill_left_behind() {
    let (_directory, store) = open_store();
    let local = tempfile::tempdir().unwrap();
    let config = FetchConfig::new(local.path().to_owned());
    let log = MemoryLog::new("log-1");
    publish(&log, &store, 0);
    let version = 1;
    let incoming = local.path().join(format!(".incoming-{version}"));
    fs::create_dir_all(&incoming).unwrap();
    fs::write(incoming.join("part-00000.parquet"), "half a fi").unwrap();
    fs::create_dir_all(local.path().join(".incoming-0")).unwrap();
    assert_eq!(once(&config, &store).unwrap(), FetchOutcome::New(version));
    check_whole(local.path());
    let left: Vec<_> = fs::read_dir(local.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
}
