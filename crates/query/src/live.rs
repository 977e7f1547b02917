//! Live events: what changed since the one before.

use crate::{NextOffsets, figures::FiguresChange, offsets_text};
use blotter_peak::PublishedTick;
use serde::Serialize;
use utoipa::ToSchema;

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
    /// What changed.
    pub(crate) fn change(change: &Change) -> Result<Self, serde_json::Error> {
        let id = Some(offsets_text(&change.next_offsets));
        Ok(Self { name: "change", id, data: serde_json::to_string(change)? })
    }

    /// What was said of peaks, the first of each window.
    pub(crate) fn peaks(mut said: PublishedTick) -> Result<Self, serde_json::Error> {
        said.report.windows.iter_mut().for_each(|window| window.peaks.truncate(MOST_PEAKS));
        said.episodes.clear();
        Ok(Self { name: "peaks", id: None, data: serde_json::to_string(&said)? })
    }
}

/// The data of an event of type `change`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Change {
    /// The next offsets that the event reflects, by partition of the log's topic `incidents`.
    pub(crate) next_offsets: NextOffsets,
    /// The figures of `meta` that changed, each as a whole.
    pub(crate) meta: FiguresChange,
    /// New totals of the hours, areas and categories that changed. Null where they are too many to list, where a snapshot was loaded,
    /// or for a client that has missed some: ask again.
    #[schema(required)]
    pub(crate) counts: Option<Vec<CountChange>>,
}

/// A total that changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountChange {
    /// The beginning of the hour.
    #[schema(format = DateTime)]
    pub(crate) bucket: String,
    /// Code of the area, of the layer by which peaks are; empty for incidents without one.
    pub(crate) area: String,
    /// The category.
    pub(crate) category: String,
    /// Incidents of that hour, area and category now.
    pub(crate) count: u64,
}
