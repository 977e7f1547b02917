//! What changed since the live event before.

use crate::{NextOffsets, figures::FiguresChange, live::Event, offsets_text};
use serde::Serialize;
use utoipa::ToSchema;

/// More changed totals than this are not listed: clients ask again.
pub(crate) const MOST_COUNTS: usize = 1000;

/// The data of an event of type `change`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Change {
    /// The next offsets that the event reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
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

impl Event {
    /// What changed.
    pub(crate) fn change(change: &Change) -> Result<Self, serde_json::Error> {
        let id = Some(offsets_text(&change.next_offsets));
        Ok(Self { name: "change", id, data: serde_json::to_string(change)? })
    }
}
