//! How to read a CSV file.

use crate::{Brake, WallClock};
use blotter_incident::MAX_BATCH_ROWS;
use std::path::PathBuf;

/// How to read a CSV file.
#[derive(Clone, Debug)]
pub struct CsvOptions {
    /// What time it is: a row that occurred more than a day later is rejected.
    pub clock: WallClock,
    /// Rows of the largest chunk, all partitions together; at most [`MAX_BATCH_ROWS`].
    pub chunk_rows: usize,
    /// Where it is kept which ids a file had, so that a file that was replaced is compared with the one before.
    pub rolls: Option<PathBuf>,
    /// Bytes of rows without ids that are sorted in memory; more are sorted on disk.
    pub memory: usize,
    /// A file that was replaced is the truth: what it lacks is deleted …
    pub replace: bool,
    /// … if the brake lets it.
    pub brake: Brake,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            clock: WallClock::system(),
            chunk_rows: MAX_BATCH_ROWS,
            rolls: None,
            memory: super::MEMORY,
            replace: false,
            brake: Brake::default(),
        }
    }
}
