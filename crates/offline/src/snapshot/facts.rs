//! What a snapshot says of all records, and where it is cut: found by whichever engine.

use blotter_city::UtcMicros;
use hashbrown::HashMap;
use std::collections::BTreeMap;

pub(super) const HOUR_MICROS: i64 = 3_600_000_000;

/// Of all records, or of those ingested until the time *as of* which the snapshot is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Rows by hour of `occurred_at_utc`, losers included: what a slice of time holds at most.
    pub(super) hours: BTreeMap<i64, u64>,
    pub(super) least_occurred_at: Option<UtcMicros>,
    pub(super) greatest_occurred_at: Option<UtcMicros>,
    pub(super) greatest_ingested_at: Option<UtcMicros>,
    /// By partition, only where the snapshot is *as of*.
    pub(super) next_offsets: HashMap<i32, i64>,
}

impl Facts {
    pub(super) fn next_offsets(&self, partitions: usize) -> Vec<u64> {
        (0..partitions)
            .map(|partition| self.next_offsets.get(&(partition as i32)).map_or(0, |next| *next as u64))
            .collect()
    }
}
