//! The figures of `meta` that change, in its answer and on the live stream.

use crate::{
    caught_up::{Facts, caught_up},
    loaded::LoadedCity,
    names::{NoticeKindName, SourceStateName},
    view::View,
};
use blotter_city::{UtcMicros, format_utc};
use blotter_cube::OutlierGroup;
use blotter_log::{SourceState, held};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Declares the figures, and a type with those of them that changed, from one list of names and types.
macro_rules! figures {
    ($($(#[$attribute:meta])* $name:ident: $type:ty,)*) => {
        /// How much is loaded, how fresh it is, and the state of its sources.
        #[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
        pub struct Figures {$(
            $(#[$attribute])*
            #[schema(required)]
            pub $name: $type,
        )*}

        /// The figures of `/api/v1/meta` that changed, each with its whole new value.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
        pub struct FiguresChange {$(
            $(#[$attribute])*
            #[schema(value_type = $type, required = false)]
            #[serde(skip_serializing_if = "Option::is_none")]
            $name: Option<$type>,
        )*}

        impl FiguresChange {
            /// The figures that differ from those before; all of them if there are none before.
            pub(crate) fn since(before: Option<&Figures>, now: &Figures) -> Self {
                Self {$(
                    $name: (before.map(|before| &before.$name) != Some(&now.$name)).then(|| now.$name.clone()),
                )*}
            }
        }
    };
}

figures! {
    /// Number of incidents, each by its winning revision. Those that the source no longer lists are not counted.
    incidents: IncidentFigures,
    /// Number of distinct rejected records.
    rejected: usize,
    /// Time of the newest incident without outliers, city time with offset. Null if there are no incidents.
    #[schema(format = DateTime)]
    data_as_of: Option<String>,
    /// Time of the first incident without outliers, city time with offset. Null if there are no incidents.
    #[schema(format = DateTime)]
    earliest: Option<String>,
    /// Incidents whose dates lie far from all others. They are counted, but do not move `data_as_of`, `earliest` or the axis of a chart.
    outliers: Outliers,
    /// Time at which the newest record was appended to the log, UTC. Null if there is none.
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// True if everything that the sources held has reached counts, archive, snapshot and map. False while a source fails. Without a
    /// log: true if a snapshot is loaded.
    caught_up: bool,
    /// True if a simulator generated the data.
    simulated: bool,
    /// All sources in one sentence. Null if none is known.
    source: Option<String>,
    /// State of each source that is read.
    sources: Vec<SourceFigures>,
    /// The loaded snapshot.
    snapshot: SnapshotFigures,
}

/// How many incidents there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct IncidentFigures {
    /// Number of all incidents.
    pub total: u64,
    /// Number of incidents with coordinates inside the city's bounding box.
    pub mapped: u64,
    /// Number of all other incidents.
    pub unmapped: u64,
}

/// Incidents whose dates lie far from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outliers {
    /// Outliers before all other incidents. Null if there are none.
    #[schema(required)]
    pub early: Option<OutlierFigures>,
    /// Outliers after all other incidents. Null if there are none.
    #[schema(required)]
    pub late: Option<OutlierFigures>,
}

/// Outliers at one end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutlierFigures {
    /// Number of incidents.
    pub incidents: u64,
    /// Time of the first of them, city time with offset.
    #[schema(format = DateTime)]
    pub first: String,
    /// Time of the last of them, city time with offset.
    #[schema(format = DateTime)]
    pub last: String,
}

/// State of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceFigures {
    /// Name of the source.
    pub name: String,
    /// Description of the source.
    pub describe: String,
    /// What the source is doing.
    #[schema(value_type = SourceStateName)]
    pub state: &'static str,
    /// Time of its last answer, to the minute, UTC. Null before the first.
    #[schema(format = DateTime, required)]
    pub last_success_at: Option<String>,
    /// Time of the first failure since its last answer, UTC. Null if the source works.
    #[schema(format = DateTime, required)]
    pub failing_since: Option<String>,
    /// Reason of the last failure. Null if the source works.
    #[schema(required)]
    pub why: Option<String>,
    /// What an operator should know about its rows.
    pub notices: Vec<NoticeFigures>,
}

/// What an operator should know about a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NoticeFigures {
    /// Subject of the notice.
    #[schema(value_type = NoticeKindName)]
    pub kind: &'static str,
    /// What happened, and what to do.
    pub text: String,
}

/// The loaded snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SnapshotFigures {
    /// Version of the loaded snapshot. Null if none is loaded.
    #[schema(required)]
    pub version: Option<u64>,
    /// A newer snapshot that could not be loaded; the loaded one stays. Null if there is none.
    #[schema(required)]
    pub refused: Option<RefusedFigures>,
}

/// A snapshot that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedFigures {
    /// Its version. Null if it cannot be read.
    #[schema(required)]
    pub version: Option<u64>,
    /// Reason why it could not be loaded.
    pub why: String,
}

impl LoadedCity {
    /// Whether the data are made up.
    pub fn is_simulated(&self) -> bool {
        Figures::of(self, &self.read()).simulated
    }
}

impl Figures {
    /// As of a view.
    pub fn of(city: &LoadedCity, view: &View) -> Self {
        let (figures, period) = (view.cube.incident_totals(), view.cube.period());
        let local = |at: Option<UtcMicros>| at.map(|at| view.cube.clock().format(at));
        let apart = |apart: Option<OutlierGroup>| {
            let format = |at| view.cube.clock().format(at);
            apart.map(|OutlierGroup { incidents, first, last }| OutlierFigures {
                incidents,
                first: format(first),
                last: format(last),
            })
        };
        let SourceFacts { facts, simulated, source, failing, sources } = facts(city, view);
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
                version: view.snapshot.as_ref().map(|snapshot| snapshot.version),
                refused: view.refused.as_ref().map(refused),
            },
        }
    }
}

impl FiguresChange {
    /// Whether nothing changed.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the log says of the sources, and what follows from it.
#[derive(Default)]
struct SourceFacts {
    facts: Option<Facts>,
    simulated: bool,
    source: Option<String>,
    failing: bool,
    sources: Vec<SourceFigures>,
}

fn facts(city: &LoadedCity, view: &View) -> SourceFacts {
    let Some(standing) = city.standing() else { return SourceFacts::default() };
    let partitions = view.next_offsets.len() as u32;
    let sources = &standing.sources;
    let described: Vec<&str> =
        sources.values().filter(|source| !source.retired).map(|source| source.describe.as_str()).collect();
    let facts = Facts {
        held: held(sources)
            .map(|ends| (0..partitions).map(|partition| ends.get(&partition).map_or(0, |end| end.0)).collect()),
        counted: standing.counted,
        snapshot: view.snapshot.as_ref().map(|snapshot| snapshot.next_offsets.clone()),
        applied: view.next_offsets.clone(),
    };
    SourceFacts {
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
