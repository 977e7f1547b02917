//! Housekeeping of the embedded log, whose only process does what Kafka's brokers do by themselves: it packs, compacts, applies
//! retention and empties the journal.

use crate::formats::keyed;
use blotter_log::{EmbeddedLog, LogError, PEAKS_DAYS, PackWhen, REJECTED_BYTES, Retention, Topic};
use blotter_runtime::Shutdown;
use std::time::{Duration, Instant};

/// Between two looks whether a topic wants packing: a look costs next to nothing.
const LOOK: Duration = Duration::from_secs(10);
/// Between two looks for what retention removes.
const RETAIN: Duration = Duration::from_mins(10);

/// A journal of so many bytes is emptied: a start after a kill reads all of it.
const JOURNAL_BYTES: u64 = 4 << 20;
/// Not while it grows by so many between two looks: a load goes on, which would wait.
const LOADED_BYTES: u64 = 1 << 20;
/// What is in memory goes to tables then, and takes less when it was packed before.
const PACK_BEFORE: PackWhen = PackWhen { batches: 32, bytes: 0, few_batches: 32, dirty_bytes: 1 << 20 };

/// Keeps house until stopped.
pub(crate) fn run(log: &EmbeddedLog, shutdown: &Shutdown) {
    let mut retained: Option<Instant> = None;
    let (mut journal, mut warned) = (0, None);
    while !shutdown.wait_timeout(LOOK) {
        match shorten(log, &mut journal) {
            Ok(()) => warned = None,
            // A disk stays full for hours: said every ten minutes.
            Err(error) if warned.is_none_or(|at: Instant| at.elapsed() >= RETAIN) => {
                tracing::warn!(%error, "the log's journal was not emptied, which is tried again");
                warned = Some(Instant::now());
            }
            Err(_) => {}
        }
        if let Err(error) = once(log, retained.is_none_or(|at| at.elapsed() >= RETAIN)) {
            // Nothing is lost: the next round does it.
            tracing::warn!(%error, "housekeeping of the log failed and is tried again");
        } else if retained.is_none_or(|at| at.elapsed() >= RETAIN) {
            retained = Some(Instant::now());
        }
    }
}

/// Empties the journal when that pays. `seen` is what it had at the last look.
fn shorten(log: &EmbeddedLog, seen: &mut u64) -> Result<(), LogError> {
    let bytes = log.journal_bytes()?;
    let grown = bytes.saturating_sub(*seen);
    *seen = bytes;
    if bytes >= JOURNAL_BYTES && grown < LOADED_BYTES {
        log.pack(&keyed(), &PACK_BEFORE)?;
        let began = Instant::now();
        let emptied = log.empty_journal()?;
        tracing::debug!(bytes, emptied, took = ?began.elapsed(), "journal of the log");
        *seen = log.journal_bytes()?;
    }
    Ok(())
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
