//! Live events: what changed since the one before.

use serde_json::{Map, Value, json};

/// More changed totals than this are not listed: clients ask again.
pub(crate) const MOST_COUNTS: usize = 1000;

/// Events that a slow client may be behind; past that it is told to ask again.
pub(crate) const BACKLOG: usize = 256;

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The next offsets that it reflects.
    pub(crate) id: String,
    /// JSON.
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn new(
        id: String,
        next_offsets: &Value,
        figures: &Map<String, Value>,
        counts: Option<&[Value]>,
    ) -> Self {
        let data = json!({ "next_offsets": next_offsets, "meta": figures, "counts": counts });
        Self { id, data: data.to_string() }
    }
}

/// The figures of `now` that differ from `before`.
pub(crate) fn changed(before: &Map<String, Value>, now: &Map<String, Value>) -> Map<String, Value> {
    now.iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
