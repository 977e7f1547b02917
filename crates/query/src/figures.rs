//! The figures of `meta` that change, as they are said in an answer and on the live stream.

use crate::{
    caught_up::{Facts, caught_up},
    loaded::LoadedCity,
    view::View,
};
use blotter_city::{UtcMicros, format_utc};
use blotter_cube::Apart;
use blotter_log::{SourceState, held};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How much is loaded, how fresh it is, and how its sources stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Winning revisions, not deleted.
    pub incidents: IncidentFigures,
    /// Distinct records that were rejected.
    pub rejected: usize,
    /// When the newest incident occurred, without outliers.
    pub data_as_of: Option<String>,
    /// When the first one occurred, without outliers.
    pub earliest: Option<String>,
    /// Incidents whose dates lie apart from all others.
    pub outliers: Outliers,
    /// When the newest record was appended to the log.
    pub received_at: Option<String>,
    /// Whether everything that the sources hold is in these figures.
    pub caught_up: bool,
    /// Whether a simulator made them up.
    pub simulated: bool,
    /// The sources in words.
    pub source: Option<String>,
    /// Each source that is read.
    pub sources: Vec<SourceFigures>,
    /// The local snapshot.
    pub snapshot: SnapshotFigures,
}

/// How many incidents there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncidentFigures {
    /// All.
    pub total: u64,
    /// With a point inside the city's bounding box.
    pub mapped: u64,
    /// The others.
    pub unmapped: u64,
}

/// Incidents whose dates lie apart from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outliers {
    /// Before the others.
    pub early: Option<OutlierFigures>,
    /// After the others.
    pub late: Option<OutlierFigures>,
}

/// Some incidents that lie apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutlierFigures {
    /// How many.
    pub incidents: u64,
    /// When the first occurred.
    pub first: String,
    /// When the last occurred.
    pub last: String,
}

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceFigures {
    /// Its name.
    pub name: String,
    /// In words.
    pub describe: String,
    /// What it is doing.
    pub state: &'static str,
    /// When it answered last.
    pub last_success_at: Option<String>,
    /// Since when it fails, where it does.
    pub failing_since: Option<String>,
    /// Why it fails.
    pub why: Option<String>,
    /// What a reader of the figures should know of it.
    pub notices: Vec<NoticeFigures>,
}

/// Something to know of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeFigures {
    /// Of what kind.
    pub kind: &'static str,
    /// What, and what to do.
    pub text: String,
}

/// The local snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotFigures {
    /// The newest; none where there is none.
    pub version: Option<u64>,
    /// A newer one that could not be loaded.
    pub refused: Option<RefusedFigures>,
}

/// A snapshot that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedFigures {
    /// None where not even that can be read.
    pub version: Option<u64>,
    /// Why.
    pub why: String,
}

impl Figures {
    /// As of a view.
    pub fn of(city: &LoadedCity, view: &View) -> Self {
        let (figures, period) = (view.cube.figures(), view.cube.period());
        let local = |at: Option<UtcMicros>| at.map(|at| view.cube.clock().format(at));
        let apart = |apart: Option<Apart>| {
            let format = |at| view.cube.clock().format(at);
            apart.map(|Apart { incidents, first, last }| OutlierFigures {
                incidents,
                first: format(first),
                last: format(last),
            })
        };
        let Known { facts, simulated, source, failing, sources } = facts(city, view);
        let refused =
            |refused: &crate::RefusedSnapshot| RefusedFigures { version: refused.version, why: refused.why.clone() };
        Self {
            incidents: IncidentFigures {
                total: figures.total,
                mapped: figures.mapped,
                unmapped: figures.total - figures.mapped,
            },
            rejected: view.rejected.len(),
            data_as_of: local(period.newest),
            earliest: local(period.earliest),
            outliers: Outliers { early: apart(period.early), late: apart(period.late) },
            received_at: view.received_at_ms.map(|ms| format_utc(UtcMicros(ms * 1000))),
            caught_up: match &facts {
                // What a source that fails holds is not known.
                Some(facts) => caught_up(facts) && !failing,
                // Without the log it is as fresh as its snapshot.
                None => view.snapshot.is_some(),
            },
            simulated,
            source,
            sources,
            snapshot: SnapshotFigures {
                version: view.snapshot.as_ref().map(|(version, _)| *version),
                refused: view.refused.as_ref().map(refused),
            },
        }
    }

    /// By name, as an answer has them.
    pub(crate) fn by_name(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }
}

/// What the log says of the sources, and what follows from it.
#[derive(Default)]
struct Known {
    facts: Option<Facts>,
    simulated: bool,
    source: Option<String>,
    failing: bool,
    sources: Vec<SourceFigures>,
}

fn facts(city: &LoadedCity, view: &View) -> Known {
    let Some(standing) = city.standing() else { return Known::default() };
    let partitions = view.next_offsets.len() as u32;
    let sources = &standing.sources;
    let described: Vec<&str> =
        sources.values().filter(|source| !source.retired).map(|source| source.describe.as_str()).collect();
    let facts = Facts {
        held: held(sources)
            .map(|ends| (0..partitions).map(|partition| ends.get(&partition).map_or(0, |end| end.0)).collect()),
        counted: standing.counted,
        snapshot: view.snapshot.as_ref().map(|(_, next)| next.clone()),
        applied: view.next_offsets.clone(),
    };
    Known {
        facts: Some(facts),
        simulated: sources.values().any(|source| source.simulated),
        source: (!described.is_empty()).then(|| described.join("; ")),
        failing: sources.values().any(SourceState::is_failing),
        sources: said_of(sources),
    }
}

/// The state of each source that is read.
fn said_of(sources: &BTreeMap<String, SourceState>) -> Vec<SourceFigures> {
    let reports = sources.values().filter(|source| !source.retired).flat_map(|source| &source.reports);
    let said = reports.map(|(name, report)| {
        let notices = report.notices.iter();
        SourceFigures {
            name: name.clone(),
            describe: report.describe.clone(),
            state: report.condition.word(),
            last_success_at: report.last_success.map(format_utc),
            failing_since: report.failing.as_ref().map(|failing| format_utc(failing.since)),
            why: report.failing.as_ref().map(|failing| failing.why.clone()),
            notices: notices
                .map(|notice| NoticeFigures { kind: notice.kind.word(), text: notice.text.clone() })
                .collect(),
        }
    });
    said.collect()
}
