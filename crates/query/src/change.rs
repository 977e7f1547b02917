//! What changed since the live event before.

use crate::{NextOffsets, figures::FiguresChange, live::Event, offsets_text};
use serde::Serialize;
use utoipa::ToSchema;

/// More changed totals than this are not listed: clients request the counts again.
pub(crate) const MOST_COUNTS: usize = 1000;

/// The data of an event of type `change`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Change {
    /// The next offsets that the event reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub(crate) next_offsets: NextOffsets,
    /// Figures of `/api/v1/meta` that changed, each with its whole new value.
    pub(crate) meta: FiguresChange,
    /// New totals that changed. Null if there are too many, a snapshot was loaded, or the client missed some: request the counts again.
    #[schema(required)]
    pub(crate) counts: Option<Vec<CountChange>>,
}

/// A total that changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountChange {
    /// Start of the hour, city time with offset.
    #[schema(format = DateTime)]
    pub(crate) bucket: String,
    /// Area code in the primary layer. Empty if the incident has none.
    pub(crate) area: String,
    /// Category.
    pub(crate) category: String,
    /// New number of incidents of that hour, area and category.
    pub(crate) count: u64,
}

impl Event {
    /// What changed.
    pub(crate) fn change(change: &Change) -> Result<Self, serde_json::Error> {
        let id = Some(offsets_text(&change.next_offsets));
        Ok(Self { name: "change", id, data: serde_json::to_string(change)? })
    }
}
