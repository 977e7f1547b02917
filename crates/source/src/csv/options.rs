//! How to read a CSV file.

use crate::WallClock;
use blotter_incident::MAX_BATCH_ROWS;

/// How to read a CSV file.
#[derive(Clone, Debug)]
pub struct CsvOptions {
    /// What time it is: a row that occurred more than a day later is rejected.
    pub clock: WallClock,
    /// Rows of the largest chunk, all partitions together; at most [`MAX_BATCH_ROWS`].
    pub chunk_rows: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { clock: WallClock::system(), chunk_rows: MAX_BATCH_ROWS }
    }
}
