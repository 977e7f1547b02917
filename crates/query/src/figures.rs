//! The figures of `meta` that change, as they are said in an answer and on the live stream.

use crate::{
    caught_up::{Facts, caught_up},
    loaded::LoadedCity,
    names::{NoticeKindName, SourceStateName},
    view::View,
};
use blotter_city::{UtcMicros, format_utc};
use blotter_cube::Apart;
use blotter_log::{SourceState, held};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How much is loaded, how fresh it is, and how its sources stand.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figures {
    /// Incidents, each by its winning revision; those that the source no longer lists are not counted.
    pub incidents: IncidentFigures,
    /// Distinct records that could not be accepted.
    pub rejected: usize,
    /// The data's clock: when the newest incident occurred, without outliers. Null where there are no incidents.
    #[schema(format = DateTime, required)]
    pub data_as_of: Option<String>,
    /// When the first incident occurred, without outliers. Null where there are no incidents.
    #[schema(format = DateTime, required)]
    pub earliest: Option<String>,
    /// Incidents whose dates lie far from all others: they are counted, and move neither the data's clock nor the axis of a chart.
    pub outliers: Outliers,
    /// When the newest record was appended to the log. Null where there is none.
    #[schema(format = DateTime, required)]
    pub received_at: Option<String>,
    /// Whether everything that the sources hold has reached every role, archive and snapshot included. False while a source fails.
    pub caught_up: bool,
    /// Whether a simulator made them up.
    pub simulated: bool,
    /// The sources in words; null where none is known.
    #[schema(required)]
    pub source: Option<String>,
    /// The state of each source that is read.
    pub sources: Vec<SourceFigures>,
    /// The snapshot that is loaded.
    pub snapshot: SnapshotFigures,
}

/// How many incidents there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct IncidentFigures {
    /// All incidents.
    pub total: u64,
    /// Incidents with coordinates inside the city's bounding box.
    pub mapped: u64,
    /// All other incidents.
    pub unmapped: u64,
}

/// Incidents whose dates lie apart from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outliers {
    /// Those before all others.
    #[schema(required)]
    pub early: Option<OutlierFigures>,
    /// Those after all others.
    #[schema(required)]
    pub late: Option<OutlierFigures>,
}

/// Some incidents that lie apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutlierFigures {
    /// How many incidents.
    pub incidents: u64,
    /// When the first of them occurred.
    #[schema(format = DateTime)]
    pub first: String,
    /// When the last of them occurred.
    #[schema(format = DateTime)]
    pub last: String,
}

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceFigures {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub describe: String,
    /// What it is doing. `failing`: it cannot be read now, and what it had before is shown. `held`: part of what it has waits for a
    /// confirmation.
    #[schema(value_type = SourceStateName)]
    pub state: &'static str,
    /// When it answered last, to the minute; null before its first answer.
    #[schema(format = DateTime, required)]
    pub last_success_at: Option<String>,
    /// Since when it fails; null where it works.
    #[schema(format = DateTime, required)]
    pub failing_since: Option<String>,
    /// The last failure; null where it works.
    #[schema(required)]
    pub why: Option<String>,
    /// What a person should know of its rows.
    pub notices: Vec<NoticeFigures>,
}

/// Something to know of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NoticeFigures {
    /// What it is about.
    #[schema(value_type = NoticeKindName)]
    pub kind: &'static str,
    /// What happened, and what to do.
    pub text: String,
}

/// The local snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SnapshotFigures {
    /// Its version; null where none is loaded.
    #[schema(required)]
    pub version: Option<u64>,
    /// A newer snapshot that could not be loaded; the one before stays.
    #[schema(required)]
    pub refused: Option<RefusedFigures>,
}

/// A snapshot that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusedFigures {
    /// Its version; null where not even that can be read.
    #[schema(required)]
    pub version: Option<u64>,
    /// Why it could not be loaded.
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
                version: view.snapshot.as_ref().map(|(version, _)| *version),
                refused: view.refused.as_ref().map(refused),
            },
        }
    }
}

/// Declares a type with the members of [`Figures`] that changed, from their names and types.
macro_rules! figures_change {
    ($($(#[$attribute:meta])* $name:ident: $type:ty,)*) => {
        /// The figures that changed, each as a whole; what `meta` says of a figure holds here, too.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
        pub struct FiguresChange {$(
            $(#[$attribute])*
            #[schema(value_type = $type, required = false)]
            #[serde(skip_serializing_if = "Option::is_none")]
            $name: Option<$type>,
        )*}

        impl FiguresChange {
            /// What is other than before; everything where there is no before.
            pub(crate) fn since(before: Option<&Figures>, now: &Figures) -> Self {
                Self {$(
                    $name: (before.map(|before| &before.$name) != Some(&now.$name)).then(|| now.$name.clone()),
                )*}
            }
        }
    };
}

figures_change! {
    /// Incidents.
    incidents: IncidentFigures,
    /// Distinct records that could not be accepted.
    rejected: usize,
    /// The data's clock.
    #[schema(format = DateTime)]
    data_as_of: Option<String>,
    /// When the first incident occurred.
    #[schema(format = DateTime)]
    earliest: Option<String>,
    /// Incidents whose dates lie far from all others.
    outliers: Outliers,
    /// When the newest record was appended to the log.
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// Whether everything that the sources hold has reached every role.
    caught_up: bool,
    /// Whether a simulator made the data up.
    simulated: bool,
    /// The sources in words.
    source: Option<String>,
    /// The state of each source that is read.
    sources: Vec<SourceFigures>,
    /// The snapshot that is loaded.
    snapshot: SnapshotFigures,
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
        snapshot: view.snapshot.as_ref().map(|(_, next)| next.clone()),
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
