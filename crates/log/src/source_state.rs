//! What the log keeps of a source: its position, and its state, which the other roles read without knowing any source.

use crate::{Log, LogError, Offset};
use blotter_health::{Condition, Reports};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Positions of sources are kept in the log under `source/<name>`.
const POSITION_PREFIX: &str = "source/";

/// The position of one source, as stored: a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPosition {
    /// The source's own words, opaque here; none before its first chunk.
    pub source: Option<String>,
    /// For everyone.
    pub state: SourceState,
}

/// What the other roles need to know about a source.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other, as they are stored")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Everything that the source held has been appended.
    pub caught_up: bool,
    /// Its records are made up.
    pub simulated: bool,
    /// It hands its records out as they happened: what is there is looked at before all of it is.
    #[serde(default)]
    pub paced: bool,
    /// Another source is read in its place: nobody waits for it.
    #[serde(default)]
    pub retired: bool,
    /// What it is, for people.
    pub describe: String,
    /// The ends of `incidents` when the source was caught up last after it had not been: what it held then lies before
    /// them. What a live feed adds later does not move them.
    pub held: BTreeMap<u32, Offset>,
    /// The state of each of its parts, by name: whether it works, since when it does not, and what people should know.
    #[serde(default)]
    pub reports: Reports,
}

impl SourceState {
    /// Whether a part of it cannot be read now, so that the figures may be behind without anyone's doing.
    pub fn is_failing(&self) -> bool {
        !self.retired && self.reports.values().any(|report| report.condition == Condition::SourceFailure)
    }

    /// Whether there may be more to come that others wait for.
    pub fn is_pending(&self) -> bool {
        !self.caught_up && !self.retired
    }
}

impl StoredPosition {
    /// Reads what the log keeps of one source; nothing where it keeps nothing.
    ///
    /// # Errors
    /// [`LogError::Position`] where what it keeps cannot be read: that is not a source that never began.
    pub fn of(log: &dyn Log, name: &str) -> Result<Option<Self>, LogError> {
        let key = format!("{POSITION_PREFIX}{name}");
        let bytes = log.position(&key)?;
        bytes.map(|bytes| Self::read(&key, &bytes)).transpose()
    }

    /// What the log keeps of every source that was ever opened on it, by name.
    ///
    /// # Errors
    /// [`LogError::Position`] if the position of a source cannot be read.
    pub fn all(log: &dyn Log) -> Result<BTreeMap<String, Self>, LogError> {
        let positions = log.positions(POSITION_PREFIX)?.into_iter();
        let read = |(key, bytes): (String, Vec<u8>)| {
            let name = key.strip_prefix(POSITION_PREFIX).unwrap_or(&key).to_owned();
            Ok((name, Self::read(&key, &bytes)?))
        };
        positions.map(read).collect()
    }

    /// The source's entry in [`crate::Transaction::positions`].
    ///
    /// # Errors
    /// [`LogError::Position`] if it cannot be written as JSON.
    pub fn entry(&self, name: &str) -> Result<(String, Vec<u8>), LogError> {
        let key = format!("{POSITION_PREFIX}{name}");
        match serde_json::to_vec(self) {
            Ok(bytes) => Ok((key, bytes)),
            Err(error) => Err(LogError::Position { name: key, reason: error.to_string() }),
        }
    }

    fn read(key: &str, bytes: &[u8]) -> Result<Self, LogError> {
        serde_json::from_slice(bytes)
            .map_err(|error| LogError::Position { name: key.to_owned(), reason: error.to_string() })
    }
}

/// The states of all sources that ever were opened on this log, by name.
///
/// # Errors
/// [`LogError::Position`] where the state of one cannot be read.
pub fn source_states(log: &dyn Log) -> Result<BTreeMap<String, SourceState>, LogError> {
    Ok(StoredPosition::all(log)?.into_iter().map(|(name, stored)| (name, stored.state)).collect())
}

/// The states of the sources that have appended something to this log, by name. A source that was opened and then killed
/// before its first chunk has not: it says nothing of what the log holds.
pub fn fed_by(log: &dyn Log) -> Result<BTreeMap<String, SourceState>, LogError> {
    let begun = StoredPosition::all(log)?.into_iter().filter(|(_, stored)| stored.source.is_some());
    Ok(begun.map(|(name, stored)| (name, stored.state)).collect())
}

/// The ends, by partition, behind everything that the sources held. None while one of them is pending, and where
/// nothing was ever produced.
pub fn held(states: &BTreeMap<String, SourceState>) -> Option<BTreeMap<u32, Offset>> {
    if states.is_empty() || states.values().any(SourceState::is_pending) {
        return None;
    }
    let mut ends = BTreeMap::new();
    for (partition, end) in states.values().flat_map(|state| &state.held) {
        let furthest = ends.entry(*partition).or_insert(*end);
        *furthest = (*furthest).max(*end);
    }
    Some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sources_held_is_known_when_none_is_pending() {
        let state = |caught_up, retired, ends: [u64; 2]| SourceState {
            caught_up,
            retired,
            held: (0..).zip(ends.map(Offset)).collect(),
            ..SourceState::default()
        };
        let of = |states: &[SourceState]| {
            let states = states.iter().enumerate().map(|(number, state)| (number.to_string(), state.clone())).collect();
            held(&states).map(|ends| ends.into_values().map(|end| end.0).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[state(true, false, [3, 9]), state(false, false, [0, 0])]), None);
        assert_eq!(of(&[state(true, false, [3, 9]), state(false, true, [4, 1])]), Some(vec![4, 9]));
    }
}
