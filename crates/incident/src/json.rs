//! The JSON form of an incident, in the API and where one is rejected.

use crate::batch::Incident;
use blotter_city::{format_civil, format_utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An incident. Times are ISO 8601, city times without an offset. A member that the source does not give is null.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentRecord<'a> {
    /// Id, unique in its city.
    id: &'a str,
    /// Case number of the police. Not unique: a homicide has one row per victim.
    #[schema(required)]
    case_number: Option<&'a str>,
    /// Time of the incident: city time as published (no offset).
    occurred_at: String,
    /// Time of the incident, UTC.
    #[schema(format = DateTime)]
    occurred_at_utc: String,
    /// Time of the portal's last change, as published (no offset). Null if the portal gives none.
    #[schema(required)]
    updated_at: Option<String>,
    /// Time at which the source reported this revision, UTC.
    #[schema(format = DateTime)]
    observed_at: String,
    /// Whether the source no longer lists it. Always false in answers of this API: such incidents are not returned.
    deleted: bool,
    /// Category under which it is counted.
    category: &'a str,
    /// Category as published.
    category_published: &'a str,
    /// Description of what happened.
    #[schema(required)]
    description: Option<&'a str>,
    /// Kind of place.
    #[schema(required)]
    place: Option<&'a str>,
    /// Offence code.
    #[schema(required)]
    code: Option<&'a str>,
    /// Address, made inexact by the city.
    #[schema(required)]
    block: Option<&'a str>,
    /// Whether someone was arrested.
    #[schema(required)]
    arrest: Option<bool>,
    /// Whether it was domestic.
    #[schema(required)]
    domestic: Option<bool>,
    /// Area code in each layer.
    areas: &'a BTreeMap<String, String>,
    /// Latitude in degrees, WGS 84.
    #[schema(required)]
    latitude: Option<f64>,
    /// Longitude in degrees, WGS 84.
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
