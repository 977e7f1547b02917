//! What is peaking, from topic `peaks`, as a sink gets it: each tick at its own hour, a later tick of the same hour over the earlier.

use super::error::DetectError;
use crate::{count::CountError, sinks::PeakPoint};
use blotter_log::{Log, Offset, Topic};
use blotter_peak::{Hour, PublishedTick, begin_of, said_rows};
use std::collections::BTreeMap;

/// Bytes of log read at a time.
const READ_BYTES: usize = 1 << 20;

/// The tick, the window's hours, area and category.
type Key = (Hour, u16, String, String);

/// What was read and not sent yet.
#[derive(Debug)]
pub(super) struct PeakPoints {
    /// Next offset to read.
    pub(super) next: Offset,
    /// Observed, expected and q.
    found: BTreeMap<Key, (u64, f64, f64)>,
}

impl PeakPoints {
    /// Opens it where the group was; a sink that is new gets every tick that the topic still has.
    pub(super) fn open(log: &dyn Log, group: &str) -> Result<Self, DetectError> {
        let committed = log.committed(group, Topic::Peaks)?.first().map_or(Offset(0), |(_, next)| *next);
        let next = committed.max(log.bounds(Topic::Peaks, 0)?.earliest);
        Ok(Self { next, found: BTreeMap::new() })
    }

    /// Reads on; whether there was something.
    pub(super) fn read(&mut self, log: &dyn Log) -> Result<bool, DetectError> {
        let fetched = log.read(Topic::Peaks, 0, self.next, READ_BYTES)?;
        for fetched in &fetched {
            for row in said_rows(&fetched.records).map_err(CountError::from)? {
                match serde_json::from_str::<PublishedTick>(&row.json) {
                    Ok(said) => self.take(row.at, said),
                    Err(error) => tracing::warn!(%error, "a message in topic peaks is not a tick; skipping it"),
                }
            }
            self.next = fetched.next;
        }
        Ok(!fetched.is_empty())
    }

    fn take(&mut self, at: Hour, said: PublishedTick) {
        for window in said.report.windows.into_iter().chain(said.unlisted) {
            for peak in window.peaks {
                let key = (at, window.hours, peak.area, peak.category);
                self.found.insert(key, (peak.observed, peak.expected, peak.q));
            }
        }
    }

    /// What was read, by time.
    pub(super) fn points(&self) -> Vec<PeakPoint<'_>> {
        self.found
            .iter()
            .map(|((at, window, area, category), (observed, expected, q))| PeakPoint {
                at: begin_of(*at).0.div_euclid(1_000_000),
                window: *window,
                area,
                category,
                observed: *observed,
                expected: *expected,
                q: *q,
            })
            .collect()
    }

    /// The sink has them.
    pub(super) fn discard(&mut self) {
        self.found.clear();
    }
}
