//! The JSON form of an incident: the value on Kafka and in the API.

use crate::batch::Incident;
use blotter_city::{format_civil, format_utc};
use serde_json::{Map, Value, json};

impl Incident {
    /// Times as ISO 8601 (civil ones without a zone), missing fields as null, coordinates in degrees.
    pub fn to_json(&self) -> Value {
        let areas: Map<String, Value> =
            self.areas.iter().map(|(layer, code)| (layer.clone(), Value::from(code.as_str()))).collect();
        json!({
            "id": self.id,
            "case_number": self.case_number,
            "occurred_at": format_civil(self.occurred_at),
            "occurred_at_utc": format_utc(self.occurred_at_utc),
            "updated_at": self.updated_at.map(format_civil),
            "observed_at": format_utc(self.observed_at),
            "deleted": self.deleted,
            "category": self.category,
            "category_published": self.category_published,
            "description": self.description,
            "place": self.place,
            "code": self.code,
            "block": self.block,
            "arrest": self.arrest,
            "domestic": self.domestic,
            "areas": areas,
            "latitude": self.position.map(|(latitude, _)| latitude),
            "longitude": self.position.map(|(_, longitude)| longitude),
        })
    }
}
