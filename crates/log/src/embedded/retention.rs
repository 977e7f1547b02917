//! Removing the oldest batches of a partition.
//!
//! The new beginning and the removal are one atomic write, so that after a crash either all of it happened or nothing.

use crate::{
    LogError,
    embedded::{
        partition::Slot,
        store::{Tables, base_of_key, earliest_key, header_of, record_key},
    },
};
use std::time::Duration;

/// What may be removed. Only whole batches are, oldest first, and never a partition's newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Retention {
    /// Remove what was appended longer ago; `None` keeps any age.
    pub max_age: Option<Duration>,
    /// Remove the oldest of a partition while its records take more bytes, as stored; `None` keeps any size.
    pub max_bytes: Option<u64>,
}

impl Retention {
    /// Keep everything, which is what a log does unless told otherwise.
    pub const FOREVER: Self = Self { max_age: None, max_bytes: None };
}

/// The first offset to keep and the first offsets of the batches to remove, which never include the newest.
pub(super) fn doomed(
    store: &Tables,
    slot: Slot,
    retention: Retention,
    now_ms: i64,
) -> Result<(u64, Vec<u64>), LogError> {
    let earliest = store.earliest(slot)?;
    if retention == Retention::FOREVER {
        return Ok((earliest, Vec::new()));
    }
    let newest = store.batches(slot, earliest, u64::MAX).next_back().map(fjall::Guard::key).transpose()?;
    let Some(newest) = newest.map(|key| base_of_key(&key)) else { return Ok((earliest, Vec::new())) };
    let mut surplus = match retention.max_bytes {
        None => 0,
        Some(most) => {
            let sizes = store.batches(slot, earliest, u64::MAX).map(|guard| Ok(u64::from(guard.size()?)));
            sizes.sum::<Result<u64, LogError>>()?.saturating_sub(most)
        }
    };
    let oldest_kept_ms = retention.max_age.map_or(i64::MIN, |age| now_ms.saturating_sub(age.as_millis() as i64));
    let mut doomed = Vec::new();
    for guard in store.batches(slot, earliest, newest.saturating_add(1)) {
        let (key, value) = guard.into_inner()?;
        let base = base_of_key(&key);
        let too_old = header_of(slot, base, &value)?.appended_at_ms < oldest_kept_ms;
        if base == newest || !(too_old || surplus > 0) {
            return Ok((base, doomed));
        }
        surplus = surplus.saturating_sub(value.len() as u64);
        doomed.push(base);
    }
    Ok((newest, doomed))
}

/// Removes them.
pub(super) fn remove(store: &Tables, slot: Slot, first_kept: u64, doomed: &[u64]) -> Result<(), LogError> {
    let mut batch = store.batch();
    batch.insert(&store.meta, earliest_key(slot), first_kept.to_le_bytes());
    for base in doomed {
        batch.remove(&store.records, record_key(slot, *base));
    }
    batch.commit().map_err(|error| LogError::Poisoned { cause: format!("{error:?}") })
}
