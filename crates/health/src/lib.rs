//! A source's health: whether it works, since when it fails and why, and what a person should know about its rows.
//!
//! Plain data. A source reports it, the log keeps it, `serve` shows it: none of the three has to import another for it.

use blotter_city::UtcMicros;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a source is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It holds more than it has handed out.
    #[default]
    Loading,
    /// It handed out all that it holds, and is asked for changes.
    Following,
    /// It cannot be read now. What it handed out before stays.
    SourceFailure,
    /// It answers, but part of what it says waits for a confirmation.
    Held,
    /// It handed out all that it holds, and has an end.
    Ended,
}

impl Condition {
    /// All.
    pub const ALL: [Self; 5] = [Self::Loading, Self::Following, Self::SourceFailure, Self::Held, Self::Ended];

    /// The word in `meta` and in the metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Following => "following",
            Self::SourceFailure => "failing",
            Self::Held => "held",
            Self::Ended => "ended",
        }
    }
}

/// Since when a source cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFailure {
    /// The first failure after the last success.
    pub since: UtcMicros,
    /// The last failure, as a sentence without secrets.
    pub why: String,
}

/// What a notice is about. A program can tell notices apart by it; a person reads the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Columns that the profile names are not in the source.
    MissingColumns,
    /// Different incidents have the same id.
    SharedIds,
    /// Most points lie outside the city.
    OutsideCity,
    /// The source no longer lists so many rows that their deletion must be confirmed.
    HeldDeletions,
    /// A file was replaced, and the new one lacks incidents that the old one had.
    VanishedRows,
}

impl NoticeKind {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::MissingColumns, Self::SharedIds, Self::OutsideCity, Self::HeldDeletions, Self::VanishedRows];

    /// The word in `meta`.
    pub fn word(self) -> &'static str {
        match self {
            Self::MissingColumns => "missing_columns",
            Self::SharedIds => "shared_ids",
            Self::OutsideCity => "outside_city",
            Self::HeldDeletions => "held_deletions",
            Self::VanishedRows => "vanished_rows",
        }
    }
}

/// Something that a person should know of a source's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// A sentence that says what happened and what to do.
    pub text: String,
}

/// The state of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// What it is, for people: without secrets.
    pub describe: String,
    /// What it is doing.
    pub condition: Condition,
    /// When it last answered.
    pub last_success: Option<UtcMicros>,
    /// There while it fails.
    pub failing: Option<SourceFailure>,
    /// What a person should know of its rows.
    #[serde(default)]
    pub notices: Vec<Notice>,
}

impl SourceReport {
    /// Whether both say the same to a person: the time of the last success moves all the time.
    pub fn same_but_for_success(&self, other: &Self) -> bool {
        let failing = |report: &Self| report.failing.as_ref().map(|failing| (failing.since, failing.why.clone()));
        self.describe == other.describe
            && self.condition == other.condition
            && failing(self) == failing(other)
            && self.notices == other.notices
    }
}

/// The reports of a source's parts, by name.
pub type Reports = BTreeMap<String, SourceReport>;
