//! Whether the disk has room for a write. A write that fails halfway poisons fjall, so that it is not even begun where the
//! room is short: the rest of the disk is left to what fjall writes on its own account.

use crate::LogError;
use std::{io, path::Path};

/// Finds out how many bytes are free where a path lies.
pub type FreeBytes = fn(&Path) -> io::Result<u64>;

/// As the file system says it, for a process without privileges.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// How much must stay free, and how that is found out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) reserve_bytes: u64,
    pub(super) free: FreeBytes,
}

impl Room {
    /// Refuses a write of that many bytes where too little would be left.
    pub(super) fn check(self, dir: &Path, bytes: usize) -> Result<(), LogError> {
        // Where the system does not say, the write itself finds out.
        let Ok(free) = (self.free)(dir) else { return Ok(()) };
        let needed = self.reserve_bytes.saturating_add(bytes as u64);
        if free < needed { Err(LogError::Full { dir: dir.to_owned(), needed, free }) } else { Ok(()) }
    }
}
