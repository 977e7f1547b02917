//! Manifest, pointer, and the removal of what is old.

use crate::{
    error::{OfflineError, Result},
    manifest::{FOLDER, MANIFEST, Manifest, ManifestFile, POINTER, Pointer, to_json},
};
use blotter_city::{UtcMicros, format_utc};
use blotter_store::{Store, StoreError};
use std::collections::{BTreeMap, HashSet};

/// The folder of a snapshot, below `snapshots/`.
pub(super) fn folder(version: u64, as_of: Option<UtcMicros>) -> String {
    match as_of {
        None => version.to_string(),
        Some(at) => format!("{version}-as-of-{}", format_utc(at).replace([':', '-'], "")),
    }
}

/// The manifest that the pointer leads to.
pub(super) fn newest(store: &Store) -> Result<Option<Manifest>> {
    let path = format!("{FOLDER}/{POINTER}");
    let Some(bytes) = store.get(&path)? else { return Ok(None) };
    let pointer = Pointer::parse(&path, &bytes)?;
    let path = format!("{FOLDER}/{}/{MANIFEST}", pointer.path);
    store.get(&path)?.map(|bytes| Manifest::parse(&path, &bytes)).transpose()
}

pub(super) fn manifest(store: &Store, folder: &str, manifest: &Manifest) -> Result<()> {
    Ok(store.put(&format!("{FOLDER}/{folder}/{MANIFEST}"), to_json(manifest))?)
}

/// Moves the pointer forward; where another snapshotter has moved it further, it stays.
pub(super) fn point(store: &Store, version: u64) -> Result<()> {
    let path = format!("{FOLDER}/{POINTER}");
    loop {
        let (bytes, read) = store.get_versioned(&path)?;
        if let Some(bytes) = bytes
            && is_at(Pointer::parse(&path, &bytes), version)?
        {
            return Ok(());
        }
        match store.replace(&path, to_json(&Pointer { version, path: version.to_string() }), read) {
            Ok(_) => return Ok(()),
            Err(StoreError::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a pointer leads to that version or further. One that is damaged leads nowhere.
fn is_at(pointer: Result<Pointer>, version: u64) -> Result<bool> {
    match pointer {
        Ok(pointer) => Ok(pointer.version >= version),
        Err(error @ OfflineError::Damaged { .. }) => {
            tracing::warn!(%error, "the pointer to the newest snapshot is written anew");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The first file of a snapshot that is not what its manifest says. The files are read once a process.
pub(super) fn damage(store: &Store, manifest: &Manifest) -> Result<Option<StoreError>> {
    for file in &manifest.files {
        if let Some(error) = fault(store, manifest.version, file)? {
            return Ok(Some(error));
        }
    }
    Ok(None)
}

/// Whether a file of the snapshot of `version` is what its manifest says.
pub(super) fn is_sound(store: &Store, version: u64, file: &ManifestFile) -> Result<bool> {
    Ok(fault(store, version, file)?.is_none())
}

fn fault(store: &Store, version: u64, file: &ManifestFile) -> Result<Option<StoreError>> {
    let path = format!("{FOLDER}/{}/{}", file.version.unwrap_or(version), file.path);
    match store.verified(&path, &file.checksum, "it is written anew") {
        Ok(_) => Ok(None),
        Err(error) if error.is_damage() => Ok(Some(error)),
        Err(error) => Err(error.into()),
    }
}

/// Deletes snapshots older than the `keep` newest that are complete. Newer than the pointer are left
/// alone: someone is writing them.
pub(super) fn remove_old(store: &Store, keep: usize) -> Result<()> {
    let Some(newest) = newest(store)? else { return Ok(()) };
    let mut complete: BTreeMap<u64, bool> = BTreeMap::new();
    for object in store.list(FOLDER)? {
        let mut parts = object.path.split('/').skip(1);
        let (Some(Ok(version)), Some(name)) = (parts.next().map(str::parse::<u64>), parts.next()) else { continue };
        *complete.entry(version).or_default() |= name == MANIFEST;
    }
    let kept: Vec<u64> = complete
        .iter()
        .rev()
        .filter(|(version, is_complete)| **version <= newest.version && **is_complete)
        .map(|(version, _)| *version)
        .take(keep.max(1))
        .collect();
    // What a snapshot that stays refers to stays with it.
    let mut needed: HashSet<String> = HashSet::new();
    for version in &kept {
        let path = format!("{FOLDER}/{version}/{MANIFEST}");
        let Some(bytes) = store.get(&path)? else { continue };
        let files = match Manifest::parse(&path, &bytes) {
            Ok(manifest) => manifest.files,
            Err(error) => {
                tracing::warn!(%error, "old snapshots are not removed: what this one refers to is not known");
                return Ok(());
            }
        };
        needed.extend(files.iter().filter_map(|file| Some(format!("{FOLDER}/{}/{}", file.version?, file.path))));
    }
    for version in complete.into_keys().filter(|version| *version < newest.version && !kept.contains(version)) {
        let folder = format!("{FOLDER}/{version}");
        if !needed.iter().any(|path| path.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/'))) {
            tracing::debug!(version, "old snapshot removed");
            store.delete_folder(&folder)?;
            continue;
        }
        // The manifest goes first: without it the folder is no snapshot any more.
        store.delete(&format!("{folder}/{MANIFEST}"))?;
        for object in store.list(&folder)?.iter().filter(|object| !needed.contains(&object.path)) {
            store.delete(&object.path)?;
        }
    }
    Ok(())
}
