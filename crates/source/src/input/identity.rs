//! Whether a file is the one that was read before.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of the beginning that are compared.
pub(crate) const HEAD: usize = 64 * 1024;

/// What tells one state of a file from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Bytes as stored, where known.
    pub(crate) size: Option<u64>,
    /// Time of change in microseconds, where known.
    pub(crate) modified: Option<i64>,
    /// HTTP's own tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// A hash of the first 64 KiB as stored.
    pub(crate) head: u64,
}

impl Identity {
    pub(crate) fn of_head(head: &[u8]) -> u64 {
        xxh3_64(head)
    }
}
