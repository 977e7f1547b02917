//! Where a CSV source stands: JSON, opaque to all but this source.

use super::{roll::VanishedIncidents, shared::SharedIds};
use crate::{SourceError, input::Identity};
use blotter_incident::PointTally;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// Where it stands, behind the last chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    version: u32,
    /// The file that was read.
    pub(super) file: Identity,
    /// It is not compressed.
    pub(super) plain: bool,
    /// Where its next record starts, in decompressed bytes.
    pub(super) offset: u64,
    /// Records so far, rejected ones too.
    pub(super) rows: u64,
    /// The header, so that reading can go on in the middle of the file.
    pub(super) header: Vec<String>,
    /// When the source said what it says, where no row says so itself.
    pub(super) observed_at: i64,
    /// The end was reached.
    pub(super) done: bool,
    /// Rows that share an id and are different incidents.
    #[serde(default)]
    pub(super) shared: SharedIds,
    /// Where the points of the rows lie.
    #[serde(default)]
    pub(super) points: PointTally,
    /// Another file of the name was read before.
    #[serde(default)]
    pub(super) replaced: bool,
    /// What this one lacks of it.
    #[serde(default)]
    pub(super) vanished: VanishedIncidents,
}

impl Position {
    pub(super) fn new(file: Identity, observed_at: i64) -> Self {
        Self {
            version: VERSION,
            file,
            plain: false,
            offset: 0,
            rows: 0,
            header: Vec::new(),
            observed_at,
            done: false,
            shared: SharedIds::default(),
            points: PointTally::default(),
            replaced: false,
            vanished: VanishedIncidents::default(),
        }
    }

    pub(super) fn read(bytes: &[u8], what: &str) -> Result<Self, SourceError> {
        let wrong = |why: String| SourceError::Position { what: what.into(), why };
        let position: Self = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if position.version != VERSION {
            return Err(wrong(format!(
                "version {} is not {VERSION}, the one that this program writes",
                position.version
            )));
        }
        Ok(position)
    }

    #[expect(clippy::expect_used, reason = "plain fields are always JSON")]
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields")
    }
}
