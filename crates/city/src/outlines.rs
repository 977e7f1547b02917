//! The outlines of one layer's areas: read from GeoJSON, and asked for the area in which a point lies.

use crate::{
    polygons::{Polygons, Ring},
    profile::Layer,
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    sync::Arc,
};

/// Why a text is no outlines of a layer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the sentences are the documentation")]
pub enum OutlinesError {
    #[error("not GeoJSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("not a GeoJSON FeatureCollection")]
    NotACollection,
    #[error("a feature has no property `{property}` with the area's code, but {others}")]
    NoCode { property: String, others: String },
    #[error("no feature is a polygon of an area")]
    NoPolygon,
    #[error("a corner at {0}, {1}: give longitude and latitude in degrees (WGS84)")]
    NotDegrees(f64, f64),
}

/// The outlines of one layer's areas.
#[derive(Clone)]
pub struct Outlines {
    /// In order: the shorter first, as numbers are.
    codes: Vec<String>,
    polygons: Polygons,
    /// By polygon: the position of its area's code.
    areas: Vec<usize>,
    geojson: Arc<[u8]>,
}

impl Outlines {
    /// Reads a GeoJSON `FeatureCollection` whose features have the properties that the layer names (`code` and `name` where
    /// it names none). A feature whose code means "none" is left out.
    pub fn read(layer: &Layer, text: &[u8]) -> Result<Self, OutlinesError> {
        let file: Value = serde_json::from_slice(text)?;
        let features = file.get("features").and_then(Value::as_array);
        let is_collection = file.get("type").and_then(Value::as_str) == Some("FeatureCollection");
        let features = features.filter(|_| is_collection).ok_or(OutlinesError::NotACollection)?;
        let (code_name, name_name) = match &layer.boundaries {
            Some(dataset) => (dataset.code.as_str(), dataset.name.as_deref()),
            None => ("code", Some("name")),
        };
        // By the length of the code, and the code.
        let mut areas: BTreeMap<(usize, String), Vec<Vec<Ring>>> = BTreeMap::new();
        let mut outlines = Vec::with_capacity(features.len());
        for feature in features {
            let published = property(feature, code_name).ok_or_else(|| no_code(feature, code_name))?;
            let Some(code) = layer.code(&published) else { continue };
            let name = layer.names.get(&code).cloned();
            let name = name.or_else(|| property(feature, name_name?)).unwrap_or_else(|| code.clone());
            let geometry = feature.get("geometry").unwrap_or(&Value::Null);
            areas.entry((code.len(), code.clone())).or_default().extend(polygons(geometry)?);
            outlines.push(json!({
                "type": "Feature", "properties": { "code": code, "name": name }, "geometry": geometry,
            }));
        }
        if areas.values().all(Vec::is_empty) {
            return Err(OutlinesError::NoPolygon);
        }
        let mut collection = Map::new();
        collection.insert("type".into(), "FeatureCollection".into());
        collection.insert("features".into(), Value::Array(outlines));
        Ok(Self {
            polygons: Polygons::new(areas.values().flatten().map(Vec::as_slice)),
            areas: areas.values().enumerate().flat_map(|(area, polygons)| polygons.iter().map(move |_| area)).collect(),
            codes: areas.into_keys().map(|(_, code)| code).collect(),
            geojson: Value::Object(collection).to_string().into_bytes().into(),
        })
    }

    /// The areas' codes, in order.
    pub fn codes(&self) -> &[String] {
        &self.codes
    }

    /// The position in [`Outlines::codes`] of the area in which a point lies. On a border that two areas share it is one of
    /// them, and where areas overlap the first.
    pub fn area_at(&self, latitude: f64, longitude: f64) -> Option<usize> {
        self.polygons.at(longitude, latitude).map(|polygon| self.areas[polygon as usize])
    }

    /// Whether a point lies in any area.
    pub fn contains(&self, latitude: f64, longitude: f64) -> bool {
        self.polygons.at(longitude, latitude).is_some()
    }

    /// A GeoJSON `FeatureCollection` with the properties `code` and `name`, and no others.
    pub fn geojson(&self) -> Arc<[u8]> {
        Arc::clone(&self.geojson)
    }
}

impl Debug for Outlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlines").field("codes", &self.codes).finish_non_exhaustive()
    }
}

fn property(feature: &Value, name: &str) -> Option<String> {
    match feature.get("properties")?.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn no_code(feature: &Value, property: &str) -> OutlinesError {
    let others = feature.get("properties").and_then(Value::as_object);
    // What portals add for themselves begins with a colon.
    let others: Vec<&str> =
        others.into_iter().flat_map(Map::keys).map(String::as_str).filter(|name| !name.starts_with(':')).collect();
    let others = if others.is_empty() { "none at all".to_owned() } else { others.join(", ") };
    OutlinesError::NoCode { property: property.to_owned(), others }
}

/// Each by its rings; none where the geometry is something else.
fn polygons(geometry: &Value) -> Result<Vec<Vec<Ring>>, OutlinesError> {
    let coordinates = geometry.get("coordinates").and_then(Value::as_array);
    match (geometry.get("type").and_then(Value::as_str), coordinates) {
        (Some("Polygon"), Some(rings)) => Ok(vec![polygon(rings)?]),
        (Some("MultiPolygon"), Some(parts)) => {
            parts.iter().filter_map(Value::as_array).map(|rings| polygon(rings)).collect()
        }
        _ => Ok(Vec::new()),
    }
}

fn polygon(rings: &[Value]) -> Result<Vec<Ring>, OutlinesError> {
    let corner = |value: &Value| Some((value.get(0)?.as_f64()?, value.get(1)?.as_f64()?));
    let ring = |corners: &Vec<Value>| -> Result<Ring, OutlinesError> {
        let ring: Ring = corners.iter().filter_map(corner).collect();
        match ring.iter().find(|(longitude, latitude)| longitude.abs() > 180.0 || latitude.abs() > 90.0) {
            Some((longitude, latitude)) => Err(OutlinesError::NotDegrees(*longitude, *latitude)),
            None => Ok(ring),
        }
    };
    rings.iter().filter_map(Value::as_array).map(ring).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::Profile;

    fn layer(name: &str) -> Layer {
        let profile = Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap();
        profile.layers[profile.layer(name).unwrap()].clone()
    }

    fn square(west: f64, south: f64) -> Value {
        let (east, north) = (west + 1.0, south + 1.0);
        json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]])
    }

    fn area(properties: &Value, kind: &str, coordinates: &Value) -> Value {
        let geometry = json!({ "type": kind, "coordinates": coordinates });
        json!({ "type": "Feature", "properties": properties, "geometry": geometry })
    }

    fn collection(features: &[Value]) -> Vec<u8> {
        json!({ "type": "FeatureCollection", "features": features }).to_string().into_bytes()
    }

    #[test]
    fn areas_have_the_layers_codes_and_the_profiles_names() {
        let outlines = Outlines::read(
            &layer("community_area"),
            &collection(&[
                area(&json!({ "area_numbe": "10", "community": "TEN" }), "Polygon", &square(0.0, 0.0)),
                area(&json!({ "area_numbe": 2.0 }), "MultiPolygon", &json!([square(1.0, 0.0), square(5.0, 5.0)])),
                area(&json!({ "area_numbe": "099", "community": "NEW" }), "Polygon", &square(2.0, 0.0)),
                area(&json!({ "area_numbe": "0" }), "Polygon", &square(3.0, 0.0)),
                area(&json!({ "area_numbe": "7" }), "Point", &json!([50, 50])),
            ]),
        )
        .unwrap();
        assert_eq!(outlines.codes(), ["2", "7", "10", "99"]);
        let at =
            |latitude, longitude| outlines.area_at(latitude, longitude).map(|area| outlines.codes()[area].as_str());
        assert_eq!([at(0.5, 0.5), at(0.5, 1.5), at(5.5, 5.5), at(0.5, 2.5)], ["10", "2", "2", "99"].map(Some));
        assert_eq!([at(0.5, 3.5), at(50.0, 50.0), at(9.0, 9.0)], [None; 3]);
        // Each border is of the area that begins there.
        assert_eq!([at(0.0, 0.0), at(0.5, 1.0), at(0.0, 2.0), at(1.0, 0.5)], [Some("10"), Some("2"), Some("99"), None]);
        let geojson: Value = serde_json::from_slice(&outlines.geojson()).unwrap();
        let properties: Vec<&Value> =
            geojson["features"].as_array().unwrap().iter().map(|feature| &feature["properties"]).collect();
        assert_eq!(properties.len(), 4);
        assert_eq!(properties[0], &json!({ "code": "10", "name": "Norwood Park" }));
        assert_eq!(properties[2], &json!({ "code": "99", "name": "NEW" }));
    }

    #[test]
    fn codes_are_padded_and_a_layer_without_a_dataset_has_plain_properties() {
        let beat = json!({ "beat_num": "313" });
        assert_eq!(
            Outlines::read(&layer("beat"), &collection(&[area(&beat, "Polygon", &square(0.0, 0.0))])).unwrap().codes(),
            ["0313"]
        );
        let ward = json!({ "code": 7, "name": "Seventh" });
        let ward = Outlines::read(&layer("ward"), &collection(&[area(&ward, "Polygon", &square(0.0, 0.0))])).unwrap();
        assert_eq!(ward.codes(), ["7"]);
        assert!(std::str::from_utf8(&ward.geojson()).unwrap().contains("Seventh"));
    }

    #[test]
    fn what_is_no_outlines_says_why() {
        let check = |text: &[u8], expect: &str| {
            let error = Outlines::read(&layer("beat"), text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(b"<html>", "not GeoJSON");
        check(b"[]", "FeatureCollection");
        check(br#"{"type":"Feature","features":[]}"#, "FeatureCollection");
        check(&collection(&[]), "polygon");
        check(&collection(&[area(&json!({ "beat_num": "1" }), "Point", &json!([1, 1]))]), "polygon");
        let other = json!({ ":id": "row", "beat": "1", "sector": 2 });
        check(
            &collection(&[area(&other, "Polygon", &square(0.0, 0.0))]),
            "`beat_num` with the area's code, but beat, sector",
        );
        check(&collection(&[area(&Value::Null, "Polygon", &square(0.0, 0.0))]), "none at all");
        let beat = json!({ "beat_num": "1" });
        check(&collection(&[area(&beat, "Polygon", &square(1_100_000.0, 1.0))]), "WGS84");
    }
}
