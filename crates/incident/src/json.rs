//! The JSON form of an incident, in the API and where one is rejected.

use crate::batch::Incident;
use blotter_city::{format_civil, format_utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An incident: times as ISO 8601 (civil ones without a zone), missing members as null.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentRecord<'a> {
    /// Unique in its city.
    id: &'a str,
    /// The police's case number. Not unique: homicides have a row for each victim.
    #[schema(required)]
    case_number: Option<&'a str>,
    /// When it happened: civil time, as published.
    occurred_at: String,
    /// When it happened, in UTC.
    #[schema(format = DateTime)]
    occurred_at_utc: String,
    /// When the portal changed it: civil time, as published.
    #[schema(required)]
    updated_at: Option<String>,
    /// When the source had it.
    #[schema(format = DateTime)]
    observed_at: String,
    /// Whether the source no longer lists it; the other members are its last known ones.
    deleted: bool,
    /// The category, by which it is counted.
    category: &'a str,
    /// The category as published.
    category_published: &'a str,
    /// What happened.
    #[schema(required)]
    description: Option<&'a str>,
    /// Kind of place.
    #[schema(required)]
    place: Option<&'a str>,
    /// Offence code.
    #[schema(required)]
    code: Option<&'a str>,
    /// Address, coarsened by the city.
    #[schema(required)]
    block: Option<&'a str>,
    /// Whether someone was arrested.
    #[schema(required)]
    arrest: Option<bool>,
    /// Whether it was domestic.
    #[schema(required)]
    domestic: Option<bool>,
    /// Codes of its areas, by layer.
    areas: &'a BTreeMap<String, String>,
    /// Degrees north, WGS 84.
    #[schema(required)]
    latitude: Option<f64>,
    /// Degrees east, WGS 84.
    #[schema(required)]
    longitude: Option<f64>,
}

impl<'a> From<&'a Incident> for IncidentRecord<'a> {
    fn from(incident: &'a Incident) -> Self {
        Self {
            id: &incident.id,
            case_number: incident.case_number.as_deref(),
            occurred_at: format_civil(incident.occurred_at),
            occurred_at_utc: format_utc(incident.occurred_at_utc),
            updated_at: incident.updated_at.map(format_civil),
            observed_at: format_utc(incident.observed_at),
            deleted: incident.deleted,
            category: &incident.category,
            category_published: &incident.category_published,
            description: incident.description.as_deref(),
            place: incident.place.as_deref(),
            code: incident.code.as_deref(),
            block: incident.block.as_deref(),
            arrest: incident.arrest,
            domestic: incident.domestic,
            areas: &incident.areas,
            latitude: incident.position.map(|(latitude, _)| latitude),
            longitude: incident.position.map(|(_, longitude)| longitude),
        }
    }
}
