//! Where a portal's source stands: JSON, opaque to all but this source.

use super::schema::MissingField;
use crate::{HeldDeletions, SourceError};
use blotter_city::UtcMicros;
use blotter_incident::PointTally;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const VERSION: u32 = 1;

/// The last row seen, in the order of `:updated_at` and `:id`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    pub(super) updated_at: String,
    pub(super) id: String,
}

/// Where it stands, behind the last chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    version: u32,
    pub(super) dataset: String,
    /// Incidents from this civil moment on, as the first start chose it: `2023-11-23T00:00:00`.
    pub(super) since: String,
    /// The names of the fields seen so far.
    pub(super) names: Vec<String>,
    /// Where paging goes on; none at the beginning.
    pub(super) cursor: Option<Cursor>,
    /// The furthest row seen, which paging with an overlap stays behind for a while.
    pub(super) furthest: Option<Cursor>,
    /// Paging has reached the end once.
    pub(super) backfilled: bool,
    /// When the last complete paging began, in microseconds of the wall clock.
    pub(super) polled_at: i64,
    /// Rows handed out.
    pub(super) rows: u64,
    /// The month whose ids are compared next, counted back from the current one.
    pub(super) sweep: u32,
    /// When the last comparison ended, in microseconds of the wall clock; before the first, when the source began.
    #[serde(default)]
    pub(super) compared_at: i64,
    /// In a city without ids: they are key and ordinal. Before that they were the portal's row ids.
    #[serde(default)]
    pub(super) keyed: bool,
    /// Deletions that wait, by month.
    #[serde(default)]
    pub(super) waiting: BTreeMap<String, HeldDeletions>,
    /// Fields of the profile that newer rows lack.
    #[serde(default)]
    pub(super) lacking: BTreeMap<String, MissingField>,
    /// Where the points of the rows lie.
    #[serde(default)]
    pub(super) points: PointTally,
}

impl Position {
    pub(super) fn new(dataset: &str, since: String, now: UtcMicros) -> Self {
        Self {
            version: VERSION,
            dataset: dataset.to_owned(),
            since,
            names: Vec::new(),
            cursor: None,
            furthest: None,
            backfilled: false,
            polled_at: 0,
            rows: 0,
            sweep: 0,
            compared_at: now.0,
            keyed: false,
            waiting: BTreeMap::new(),
            lacking: BTreeMap::new(),
            points: PointTally::default(),
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
