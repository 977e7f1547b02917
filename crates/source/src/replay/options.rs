//! How to replay.

use crate::WallClock;
use std::path::PathBuf;

/// How to replay.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Seconds of event time per second of the wall clock.
    pub speed: f64,
    /// The wall clock.
    pub clock: WallClock,
    /// Rows of the largest chunk.
    pub chunk_rows: usize,
    /// Where decompressed copies are kept.
    pub spool: PathBuf,
}

impl ReplayOptions {
    /// By the machine's clock.
    pub fn new(speed: f64, spool: PathBuf) -> Self {
        Self { speed, clock: WallClock::system(), chunk_rows: 4096, spool }
    }
}
