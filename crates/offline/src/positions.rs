//! A copy of the sources' positions beside the archive, for the day on which an embedded log is lost.
//!
//! `checkpoints/archive/<log id>/positions.json` says how far the sources had come in what the archive holds, or in less of
//! it: what a source brings twice changes nothing, what it leaves out would be missing for ever.

use crate::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use blotter_log::{Log, LogError, Topic};
use blotter_seal::{Seal, seal_of, to_sealed_json};
use blotter_store::{Checkpoints, Store};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const ROLE: &str = "archive";

/// Positions by name.
pub(crate) type Positions = BTreeMap<String, Vec<u8>>;

/// The document: values in base64.
#[derive(Serialize, Deserialize)]
struct Document {
    positions: BTreeMap<String, String>,
}

fn name(log_id: &str) -> String {
    format!("{log_id}/positions.json")
}

/// Keeps the copy up to date.
pub(crate) struct Keeper {
    checkpoints: Checkpoints,
    /// What was copied last.
    kept: Positions,
    /// Positions, and the ends of the log after they were read: they may be kept when the archive has come that far.
    waiting: Option<(Positions, Vec<u64>)>,
}

impl Keeper {
    pub(crate) fn new(store: &Store) -> Self {
        Self { checkpoints: Checkpoints::new(store.clone(), ROLE), kept: Positions::new(), waiting: None }
    }

    /// The archive has committed everything before these offsets.
    pub(crate) fn committed(&mut self, log: &dyn Log, next_offsets: &[u64]) -> Result<()> {
        let now = Self::read(log)?;
        let reached = |ends: &[u64]| ends.iter().zip(next_offsets).all(|(end, next)| next >= end);
        let newest = [Some(now.clone()), self.waiting.take()].into_iter().flatten().find(|(_, ends)| reached(ends));
        if let Some((positions, _)) = &newest
            && *positions != self.kept
        {
            let coded = positions.iter().map(|(name, value)| (name.clone(), STANDARD.encode(value)));
            let document = to_sealed_json(&Document { positions: coded.collect() });
            self.checkpoints.put(&name(&log.id().0), document)?;
            self.kept.clone_from(positions);
        }
        self.waiting = (newest.as_ref() != Some(&now)).then_some(now);
        Ok(())
    }

    fn read(log: &dyn Log) -> Result<(Positions, Vec<u64>), LogError> {
        let positions = log.positions("")?.into_iter().collect();
        // After them: whatever they speak of is in the log by now.
        let ends = (0..log.partitions(Topic::Incidents))
            .map(|partition| Ok(log.bounds(Topic::Incidents, partition)?.next.0))
            .collect::<Result<_, LogError>>()?;
        Ok((positions, ends))
    }
}

/// Reads the copy. `None` if there is none, or if it is damaged.
pub(crate) fn copy(store: &Store, log_id: &str) -> Result<Option<Positions>> {
    let checkpoints = Checkpoints::new(store.clone(), ROLE);
    let name = name(log_id);
    let Some(bytes) = checkpoints.get(&name)? else { return Ok(None) };
    let document = serde_json::from_slice::<Document>(&bytes).ok().filter(|_| seal_of(&bytes) == Seal::Sound);
    let positions: Option<Positions> = document.and_then(|document| {
        let coded = document.positions.into_iter();
        coded.map(|(name, value)| Some((name, STANDARD.decode(value).ok()?))).collect()
    });
    if positions.is_none() {
        tracing::warn!(
            object = checkpoints.shown(&name),
            "the copy of the sources' positions is damaged and is left aside"
        );
    }
    Ok(positions)
}
