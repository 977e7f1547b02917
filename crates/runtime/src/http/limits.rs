//! How much strangers may hold of a process.

use rustix::process::{Resource, getrlimit};
use std::time::Duration;

/// Where the system names no limit of open files, it is taken to be this many: what most systems allow.
const USUAL_FILES: u64 = 1024;

/// Bounds on what clients hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, live streams included.
    pub connections: usize,
    /// Live streams at once: they last, and leave places for short requests.
    pub live_streams: usize,
    /// A connection is closed when it has waited this long for the whole head of a request: at its beginning, and between
    /// two requests.
    pub head: Duration,
    /// A connection is closed when its client takes next to nothing of an answer for so long.
    pub unread: Duration,
}

impl Limits {
    /// Of a process that may open so many files. A quarter of them are for connections: the log, the store and the archive
    /// open hundreds, and a log that cannot open its files ends the process.
    pub fn of_open_files(files: u64) -> Self {
        Self::of_connections((files / 4).clamp(16, 4096) as usize)
    }

    /// With so many connections.
    pub fn of_connections(connections: usize) -> Self {
        Self {
            connections,
            live_streams: (connections / 2).max(1),
            head: Duration::from_secs(20),
            unread: Duration::from_secs(20),
        }
    }
}

impl Default for Limits {
    /// Of this process.
    fn default() -> Self {
        Self::of_open_files(getrlimit(Resource::Nofile).current.unwrap_or(USUAL_FILES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_three_quarters_of_the_files_to_others() {
        for (files, connections) in [(0, 16), (256, 64), (1024, 256), (16_384, 4096), (u64::MAX, 4096)] {
            let limits = Limits::of_open_files(files);
            assert_eq!((limits.connections, limits.live_streams), (connections, connections / 2), "{files} files");
        }
    }
}
