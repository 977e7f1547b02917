//! What fjall does not check when it opens a store: the files that say which tables and blob files there are.
//!
//! Each keyspace has a folder with a file `current`, which names its newest version and that file's checksum; fjall reads the
//! version and does not compare. A table that it then did not know of would be deleted as left over. The blocks of the tables
//! have checksums that fjall compares whenever it reads one, and records have one of the [codec](crate::codec)'s.
//!
//! ```text
//! current    version u64, XXH3-128 of file `v<version>` u128, 0      (little-endian)
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_128;

const CURRENT: &str = "current";
const LENGTH: usize = 8 + 16 + 1;

/// The first file below the store that is not what was written.
pub(super) fn damage(store: &Path) -> io::Result<Option<(PathBuf, String)>> {
    let mut folders = vec![store.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == CURRENT)
                && let Some(found) = of_keyspace(&folder, &path)?
            {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn of_keyspace(folder: &Path, current: &Path) -> io::Result<Option<(PathBuf, String)>> {
    let bytes = fs::read(current)?;
    let wrong = |path: &Path, reason: &str| Ok(Some((path.to_owned(), reason.to_owned())));
    let (Some(version), Some(checksum), LENGTH, Some(0)) =
        (bytes.first_chunk(), bytes.get(8..).and_then(<[u8]>::first_chunk), bytes.len(), bytes.last())
    else {
        return wrong(current, "it does not say which version is the newest");
    };
    let version = folder.join(format!("v{}", u64::from_le_bytes(*version)));
    match fs::read(&version) {
        Ok(bytes) if xxh3_128(&bytes) == u128::from_le_bytes(*checksum) => Ok(None),
        Ok(_) => wrong(&version, "its checksum is not the one that `current` beside it says"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => wrong(current, "it names a version that is not there"),
        Err(error) => Err(error),
    }
}
