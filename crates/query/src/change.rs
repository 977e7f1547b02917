//! What changed since the live event before.

use crate::{NextOffsets, figures::FiguresChange, live::Event, offsets_text};
use blotter_city::CityClock;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// More changed totals than this are not listed: clients request the counts again.
pub(crate) const MOST_COUNTS: usize = 1000;

/// More changed incidents than this are not listed: two seconds of a thousand a second.
pub(crate) const MOST_INCIDENTS: usize = 2000;

/// The data of an event of type `change`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Change {
    /// The next offsets that the event reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub(crate) next_offsets: NextOffsets,
    /// Figures of `/api/v1/meta` that changed, each with its whole new value.
    pub(crate) meta: FiguresChange,
    /// New totals that changed. Null if there are too many, a snapshot was loaded, or the client missed some: request the counts again.
    #[schema(required)]
    pub(crate) counts: Option<Vec<CountChange>>,
    /// Incidents that are counted differently now, in the order of their records within a partition. With them any answer can be
    /// brought up to date: apply those whose `offset` is not below the answer's next offset of that `partition`. Null if there are too many,
    /// a snapshot was loaded, the client missed some, or nobody was listening when they changed: request the answers again.
    #[schema(required)]
    pub(crate) incidents: Option<Vec<IncidentChange>>,
}

/// A total that changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountChange {
    /// Start of the hour, city time with offset.
    #[schema(format = DateTime)]
    pub(crate) bucket: String,
    /// Area code in the primary layer. Empty if the incident has none.
    pub(crate) area: String,
    /// Category.
    pub(crate) category: String,
    /// New number of incidents of that hour, area and category.
    pub(crate) count: u64,
}

/// An incident that a record brought, moved or took away.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentChange {
    /// Partition of the log's topic `incidents`.
    pub(crate) partition: u32,
    /// Offset of the record in it.
    pub(crate) offset: u64,
    /// Id of the incident.
    pub(crate) id: String,
    /// As it was counted. Null if it was not.
    #[schema(required)]
    pub(crate) before: Option<CountedIncident>,
    /// As it is counted now. Null if the source no longer lists it.
    #[schema(required)]
    pub(crate) after: Option<CountedIncident>,
}

/// What filters and counts know of an incident.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CountedIncident {
    /// Time of the incident, city time with offset.
    #[schema(format = DateTime)]
    pub(crate) occurred_at: String,
    /// Category.
    pub(crate) category: String,
    /// Area code by layer. Layers in which it has none are left out.
    pub(crate) areas: BTreeMap<String, String>,
    /// Whether someone was arrested. Null if the source does not say.
    #[schema(required)]
    pub(crate) arrest: Option<bool>,
    /// Whether it was domestic. Null if the source does not say.
    #[schema(required)]
    pub(crate) domestic: Option<bool>,
    /// Latitude in degrees, WGS 84. Null if the incident is not mapped.
    #[schema(required)]
    pub(crate) latitude: Option<f64>,
    /// Longitude in degrees, WGS 84. Null if the incident is not mapped.
    #[schema(required)]
    pub(crate) longitude: Option<f64>,
}

impl IncidentChange {
    /// `layers`: their names, in the profile's order.
    pub(crate) fn named(changed: &blotter_cube::ChangedIncident, layers: &[&str], clock: &CityClock) -> Self {
        let counted = |incident: &blotter_cube::CountedIncident| CountedIncident {
            occurred_at: clock.format(incident.at),
            category: incident.category.clone(),
            areas: layers
                .iter()
                .zip(&incident.areas)
                .filter(|(_, code)| !code.is_empty())
                .map(|(layer, code)| ((*layer).to_owned(), code.clone()))
                .collect(),
            arrest: incident.arrest,
            domestic: incident.domestic,
            latitude: incident.point.map(|(latitude, _)| latitude),
            longitude: incident.point.map(|(_, longitude)| longitude),
        };
        Self {
            partition: changed.record.partition,
            offset: changed.record.offset,
            id: changed.id.clone(),
            before: changed.before.as_ref().map(counted),
            after: changed.after.as_ref().map(counted),
        }
    }
}

impl Event {
    /// What changed.
    pub(crate) fn change(change: &Change) -> Result<Self, serde_json::Error> {
        let id = Some(offsets_text(&change.next_offsets));
        Ok(Self { name: "change", id, data: serde_json::to_string(change)? })
    }
}
