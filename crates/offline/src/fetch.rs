//! The role `fetch`: the newest snapshot from the store into a local directory.
//!
//! ```text
//! DIR/<version>/part-*.parquet, manifest.json     complete and checked
//! DIR/latest.json                                 the pointer, written last
//! DIR/.incoming-<version>/                        under way; what is whole in it is kept after a kill
//! ```
//! Sizes and checksums are those of the manifest, or the file is fetched again. A store on the same file
//! system is linked instead of copied: snapshots are immutable.

use crate::{
    error::{OfflineError, Result},
    manifest::{FOLDER, MANIFEST, Manifest, ManifestFile, POINTER, Pointer, checksum, to_json},
};
use blotter_runtime::Shutdown;
use blotter_store::Store;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// Where to.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// The local directory.
    pub directory: PathBuf,
    /// Snapshots to keep, the newest included: a reader may still be loading the one before.
    pub keep: usize,
    /// Triggered, it ends a fetch that is under way between two files: [`OfflineError::Cancelled`]. What is whole is kept.
    pub stop: Shutdown,
}

impl FetchConfig {
    /// Into `directory`.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, keep: 2, stop: Shutdown::new() }
    }
}

/// What came of a look at the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchOutcome {
    /// The store has no snapshot yet.
    Nothing,
    /// The directory has the newest, whole.
    Unchanged(u64),
    /// The directory has a newer one now, or a repaired one.
    New(u64),
}

/// Whether a directory has a snapshot that was whole when it came.
pub fn has_snapshot(directory: &Path) -> bool {
    matches!(Pointer::read_in(directory), Ok(Some(_)))
}

/// Looks once. What is already there is checked against its manifest, and repaired.
pub fn once(config: &FetchConfig, store: &Store) -> Result<FetchOutcome> {
    let pointer_path = format!("{FOLDER}/{POINTER}");
    let Some(bytes) = store.get(&pointer_path)? else { return Ok(FetchOutcome::Nothing) };
    let pointer = Pointer::parse(&pointer_path, &bytes)?;
    let manifest_path = format!("{FOLDER}/{}/{MANIFEST}", pointer.path);
    let bytes = store.get(&manifest_path)?.ok_or_else(|| gone(&manifest_path))?;
    let manifest = Manifest::parse(&manifest_path, &bytes)?;
    let place = config.directory.join(pointer.version.to_string());
    let local = match Pointer::read_in(&config.directory) {
        Ok(local) => local,
        // A place that cannot be read now is no empty place.
        Err(error @ OfflineError::Local { .. }) => return Err(error),
        Err(error) => {
            tracing::warn!(%error, "the snapshot is fetched again");
            None
        }
    };
    if local.is_some_and(|local| local.version == pointer.version) && is_whole(&place, &manifest, &bytes) {
        return Ok(FetchOutcome::Unchanged(pointer.version));
    }

    let incoming = config.directory.join(format!(".incoming-{}", pointer.version));
    fs::create_dir_all(&incoming).map_err(OfflineError::local(&incoming))?;
    let others = folders(&config.directory)?;
    for file in &manifest.files {
        OfflineError::unless(&config.stop)?;
        let folder = file.version.map_or_else(|| pointer.path.clone(), |version| version.to_string());
        bring(store, &format!("{FOLDER}/{folder}/{}", file.path), file, &others, &incoming)?;
    }
    write_durably(&incoming.join(MANIFEST), &bytes)?;
    sync_directory(&incoming)?;
    if place.exists() {
        fs::remove_dir_all(&place).map_err(OfflineError::local(&place))?;
    }
    fs::rename(&incoming, &place).map_err(OfflineError::local(&place))?;
    let staged = config.directory.join(".latest.json");
    write_durably(&staged, &to_json(&Pointer { version: pointer.version, path: pointer.version.to_string() }))?;
    let target = config.directory.join(POINTER);
    fs::rename(&staged, &target).map_err(OfflineError::local(&target))?;
    sync_directory(&config.directory)?;
    remove_old(config, pointer.version)?;
    Ok(FetchOutcome::New(pointer.version))
}

/// The folders of the snapshots that are here.
fn folders(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(OfflineError::local(directory))?;
    let folders = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_version));
    Ok(folders.map(|entry| entry.path()).collect())
}

fn is_version(name: &str) -> bool {
    name.parse::<u64>().is_ok()
}

/// One file into `incoming`: as it is there, from a snapshot that is here, or from the store.
fn bring(store: &Store, path: &str, file: &ManifestFile, others: &[PathBuf], incoming: &Path) -> Result<()> {
    let target = incoming.join(&file.path);
    if check(&target, file).is_ok() {
        return Ok(());
    }
    match fs::remove_file(&target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(OfflineError::local(&target)(error)),
        _ => {}
    }
    let sources = others.iter().map(|folder| folder.join(&file.path)).chain(store.local_path(path));
    for source in sources {
        if fs::hard_link(&source, &target).is_ok() {
            if check(&target, file).is_ok() {
                return Ok(());
            }
            fs::remove_file(&target).map_err(OfflineError::local(&target))?;
        }
    }
    let bytes = store.get(path)?.ok_or_else(|| gone(path))?;
    if let Some(reason) = fault(&bytes, file) {
        return Err(OfflineError::Damaged { path: path.to_owned(), reason });
    }
    write_durably(&target, &bytes)
}

fn is_whole(place: &Path, manifest: &Manifest, manifest_bytes: &[u8]) -> bool {
    fs::read(place.join(MANIFEST)).is_ok_and(|bytes| bytes == manifest_bytes)
        && manifest.files.iter().all(|file| check(&place.join(&file.path), file).is_ok())
}

fn check(path: &Path, file: &ManifestFile) -> Result<()> {
    let length = fs::metadata(path).map_err(OfflineError::local(path))?.len();
    if length == file.bytes {
        let bytes = fs::read(path).map_err(OfflineError::local(path))?;
        match fault(&bytes, file) {
            None => return Ok(()),
            Some(reason) => return Err(OfflineError::Damaged { path: path.display().to_string(), reason }),
        }
    }
    Err(OfflineError::Damaged {
        path: path.display().to_string(),
        reason: format!("{length} bytes where the manifest says {}", file.bytes),
    })
}

fn fault(bytes: &[u8], file: &ManifestFile) -> Option<String> {
    if bytes.len() as u64 != file.bytes {
        return Some(format!("{} bytes where the manifest says {}", bytes.len(), file.bytes));
    }
    let found = checksum(bytes);
    (found != file.checksum).then(|| format!("checksum {found} where the manifest says {}", file.checksum))
}

fn remove_old(config: &FetchConfig, newest: u64) -> Result<()> {
    let entries = fs::read_dir(&config.directory).map_err(OfflineError::local(&config.directory))?;
    let mut versions: Vec<u64> = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Ok(version) = name.parse() {
            versions.push(version);
        } else if name.starts_with(".incoming-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    versions.retain(|version| *version != newest);
    versions.sort_unstable_by(|a, b| b.cmp(a));
    for version in versions.into_iter().skip(config.keep.max(1) - 1) {
        let place = config.directory.join(version.to_string());
        fs::remove_dir_all(&place).map_err(OfflineError::local(&place))?;
    }
    Ok(())
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(OfflineError::local(path))
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(OfflineError::local(path))
}

fn gone(path: &str) -> OfflineError {
    OfflineError::Damaged { path: path.to_owned(), reason: "it is gone from the store".into() }
}
