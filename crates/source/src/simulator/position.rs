//! Where a simulation stands: the next record, and what the first start decided.

use super::options::{Pace, SimulatorOptions};
use crate::SourceError;
use blotter_city::UtcMicros;
use serde::{Deserialize, Serialize};

/// The position kept in the log, as JSON. The times of the first start hold for ever: a simulator that is opened
/// again with another `now` goes on with the history that it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    version: u32,
    options: u64,
    pub(super) starts_at: UtcMicros,
    pub(super) ends_at: UtcMicros,
    /// When the live feed was first asked.
    pub(super) live_since: Option<UtcMicros>,
    pub(super) slot: u64,
    /// New incidents and revisions of the slot that were handed out.
    pub(super) new: u64,
    pub(super) revised: u64,
}

const VERSION: u32 = 1;

impl Position {
    pub(super) fn start(options: &SimulatorOptions) -> Self {
        Self {
            version: VERSION,
            options: fingerprint(options),
            starts_at: options.starts_at,
            ends_at: options.ends_at,
            live_since: None,
            slot: 0,
            new: 0,
            revised: 0,
        }
    }

    pub(super) fn read(bytes: &[u8], what: &str, options: &SimulatorOptions) -> Result<Self, SourceError> {
        let fault = |why: String| SourceError::Position { what: what.to_owned(), why };
        let position: Self = serde_json::from_slice(bytes).map_err(|error| fault(error.to_string()))?;
        if position.version != VERSION {
            return Err(fault(format!("its version is {}, this build writes {VERSION}", position.version)));
        }
        if position.options != fingerprint(options) {
            return Err(fault(
                "it was written by a simulation with other options; give the same ones (seed, incidents, shares, \
                 outbreaks, live rate), or start in an empty directory"
                    .into(),
            ));
        }
        Ok(position)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        // Numbers and nothing else: it cannot fail.
        serde_json::to_vec(&self).unwrap_or_default()
    }
}

/// Everything that decides what the records are, but the times.
fn fingerprint(options: &SimulatorOptions) -> u64 {
    let pace = match options.pace {
        Pace::Max => String::new(),
        Pace::PerSecond(rate) => format!("{rate:?} a second"),
        Pace::Realtime { .. } => "the history's rate".into(),
    };
    let text = format!(
        "{} {} {} {pace} {:?} {:?} {:?}",
        options.city.slug, options.seed, options.incidents, options.revisions, options.deletions, options.outbreaks
    );
    hash(text.as_bytes())
}

/// FNV-1a: a position outlives a change of libraries.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
