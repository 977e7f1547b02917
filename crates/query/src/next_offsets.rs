//! Which records of the log an answer reflects.

use std::collections::BTreeMap;

/// Of each partition of `incidents`, by its number, the first offset that is not in an answer.
pub type NextOffsets = BTreeMap<String, u64>;

/// `0:12,1:7`.
pub fn offsets_text(next_offsets: &NextOffsets) -> String {
    let mut parts: Vec<(&String, &u64)> = next_offsets.iter().collect();
    parts.sort_by_key(|(part, _)| (part.len(), *part));
    let parts: Vec<String> = parts.into_iter().map(|(part, next)| format!("{part}:{next}")).collect();
    parts.join(",")
}
