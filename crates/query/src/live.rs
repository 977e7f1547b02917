//! Live events: what changed since the one before.

use blotter_peak::PublishedTick;

/// How many events a slow client may be behind. One that is further behind requests everything again. An event has at most a
/// megabyte, and all clients share it.
pub(crate) const BACKLOG: usize = 64;

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
    /// What was said of peaks, the first of each window.
    pub(crate) fn peaks(mut said: PublishedTick) -> Result<Self, serde_json::Error> {
        said.report.windows.iter_mut().for_each(|window| window.peaks.truncate(MOST_PEAKS));
        said.episodes.clear();
        said.unlisted.clear();
        Ok(Self { name: "peaks", id: None, data: serde_json::to_string(&said)? })
    }
}
