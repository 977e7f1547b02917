//! What records are found by: topic, partition and offset.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A topic. The set is closed: a new kind of record is a new contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// What the source said, record by record.
    Incidents,
    /// Totals so far, by area, category and hour.
    Counts,
    /// What `detect` found.
    Peaks,
    /// What could not be read, with its bytes and the reason.
    Rejected,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Incidents, Self::Counts, Self::Peaks, Self::Rejected];

    /// Its name in URLs, offsets and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Counts => "counts",
            Self::Peaks => "peaks",
            Self::Rejected => "rejected",
        }
    }

    /// Whether it holds latest values: of the records with one key, readers need only the newest.
    pub const fn is_compacted(self) -> bool {
        matches!(self, Self::Counts | Self::Peaks)
    }

    /// Whether it has as many partitions as the deployment; the others have one.
    pub const fn is_partitioned(self) -> bool {
        matches!(self, Self::Incidents | Self::Counts)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record's place in its partition. As a *next offset* it is the place of the first record not yet seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What tells one log from every other, for as long as it exists: offsets mean nothing without it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogId(pub String);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a consumer group has come in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffset {
    /// The group's name.
    pub group: String,
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: u32,
    /// The first record that the group has not yet worked off.
    pub next: Offset,
}
