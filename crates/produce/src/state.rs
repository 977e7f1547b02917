//! What the log keeps of a source: its position, and what the other roles need to know about it.

use blotter_log::{Log, LogError, Offset};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Positions of sources are kept in the log under `source/<name>`.
pub const POSITION_PREFIX: &str = "source/";

/// The position of one source, as stored: a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPosition {
    /// The source's own words, opaque here; none before its first chunk.
    pub source: Option<String>,
    /// For everyone.
    pub state: SourceState,
}

/// What the other roles need to know about a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Everything that the source held has been appended.
    pub caught_up: bool,
    /// Its records are made up.
    pub simulated: bool,
    /// What it is, for people.
    pub describe: String,
    /// The ends of `incidents` behind its last transaction, by partition.
    pub next_offsets: BTreeMap<u32, Offset>,
}

impl StoredPosition {
    /// Reads what the log keeps of one source; nothing where it keeps none or what it keeps is not ours.
    pub fn of(log: &dyn Log, name: &str) -> Result<Option<Self>, LogError> {
        let bytes = log.position(&format!("{POSITION_PREFIX}{name}"))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

/// The states of all sources that ever fed this log, by name.
pub fn source_states(log: &dyn Log) -> Result<BTreeMap<String, SourceState>, LogError> {
    Ok(log
        .positions(POSITION_PREFIX)?
        .into_iter()
        .filter_map(|(name, bytes)| {
            let stored: StoredPosition = serde_json::from_slice(&bytes).ok()?;
            Some((name.trim_start_matches(POSITION_PREFIX).to_owned(), stored.state))
        })
        .collect())
}
