//! Live events: what changed since the one before.

use crate::{NextOffsets, offsets_text};
use blotter_peak::PublishedTick;
use serde_json::{Map, Value, json};

/// More changed totals than this are not listed: clients ask again.
pub(crate) const MOST_COUNTS: usize = 1000;

/// Events that a slow client may be behind; past that it is told to ask again.
pub(crate) const BACKLOG: usize = 256;

/// Of each window of a tick so many peaks.
const MOST_PEAKS: usize = 10;

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// `change`, or `peaks`.
    pub name: &'static str,
    /// Of a change: the next offsets that it reflects. A client that comes back with them has missed nothing before.
    pub id: Option<String>,
    /// JSON.
    pub data: String,
}

impl Event {
    /// What changed: figures, and the changed totals or none where a client is to ask again.
    pub(crate) fn change(next_offsets: &NextOffsets, figures: &Map<String, Value>, counts: Option<&[Value]>) -> Self {
        let data = json!({ "next_offsets": next_offsets, "meta": figures, "counts": counts });
        Self { name: "change", id: Some(offsets_text(next_offsets)), data: data.to_string() }
    }

    /// What was said of peaks, the first of each window.
    pub(crate) fn peaks(mut said: PublishedTick) -> Result<Self, serde_json::Error> {
        said.report.windows.iter_mut().for_each(|window| window.peaks.truncate(MOST_PEAKS));
        said.episodes.clear();
        Ok(Self { name: "peaks", id: None, data: serde_json::to_string(&said)? })
    }
}

/// The figures of `now` that differ from `before`.
pub(crate) fn changed(before: &Map<String, Value>, now: &Map<String, Value>) -> Map<String, Value> {
    now.iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
