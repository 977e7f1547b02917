//! Housekeeping of the embedded log, whose only process does what Kafka's brokers do by themselves: it packs, compacts and
//! applies retention.

use crate::formats::keyed;
use blotter_log::{EmbeddedLog, LogError, PEAKS_DAYS, PackWhen, REJECTED_BYTES, Retention, Topic};
use blotter_runtime::Shutdown;
use std::time::{Duration, Instant};

/// Between two looks whether a topic wants packing: a look costs next to nothing.
const LOOK: Duration = Duration::from_secs(10);
/// Between two looks for what retention removes.
const RETAIN: Duration = Duration::from_mins(10);

/// Keeps house until told to stop.
pub(crate) fn run(log: &EmbeddedLog, shutdown: &Shutdown) {
    let mut retained: Option<Instant> = None;
    while !shutdown.wait_timeout(LOOK) {
        if let Err(error) = once(log, retained.is_none_or(|at| at.elapsed() >= RETAIN)) {
            // Nothing is lost: the next round does it.
            tracing::warn!(%error, "housekeeping of the log failed and is tried again");
        } else if retained.is_none_or(|at| at.elapsed() >= RETAIN) {
            retained = Some(Instant::now());
        }
    }
}

/// One round.
pub(crate) fn once(log: &EmbeddedLog, retains: bool) -> Result<(), LogError> {
    let packed = log.pack(&keyed(), &PackWhen::default())?;
    if packed.replaced > 0 {
        tracing::debug!(?packed, "log packed");
    }
    if retains {
        let age = Duration::from_hours(24 * PEAKS_DAYS);
        log.retain(Topic::Peaks, Retention { max_age: Some(age), max_bytes: None })?;
        log.retain(Topic::Rejected, Retention { max_age: None, max_bytes: Some(REJECTED_BYTES) })?;
    }
    Ok(())
}
