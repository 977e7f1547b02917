//! Outlines of areas, as GeoJSON with the properties `code` and `name` and no others.

use crate::{ServeError, outline::Outline};
use blotter_incident::{Layer, Profile};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs::File, io::Read, path::Path, path::PathBuf};

/// Outlines by layer.
#[derive(Debug, Default)]
pub(crate) struct Boundaries(BTreeMap<String, Bytes>);

impl Boundaries {
    pub(crate) fn load(profile: &Profile, files: &[(String, PathBuf)]) -> Result<Self, ServeError> {
        let mut all = BTreeMap::new();
        for (name, path) in files {
            let unusable = |why: String| ServeError::Boundaries { path: path.clone(), why };
            let layer = profile.layer(name).map(|index| &profile.layers[index]).ok_or_else(|| {
                let names: Vec<&str> = profile.layers.iter().map(|layer| layer.name.as_str()).collect();
                unusable(format!("city `{}` has no layer `{name}`, but {}", profile.slug, names.join(", ")))
            })?;
            let text = read(path).map_err(|error| unusable(error.to_string()))?;
            let outlines = normalise(layer, &text).map_err(unusable)?;
            all.insert(name.clone(), Bytes::from(outlines.to_string()));
        }
        Ok(Self(all))
    }

    /// The city's: that of the primary layer, else of any layer whose outlines are known.
    pub(crate) fn outline(&self, profile: &Profile) -> Outline {
        let primary = profile.layers.get(profile.primary_layer()).and_then(|layer| self.0.get(&layer.name));
        let known = primary.or_else(|| self.0.values().next());
        known
            .and_then(|text| serde_json::from_slice(text).ok())
            .map(|outlines| Outline::of(&outlines))
            .unwrap_or_default()
    }

    pub(crate) fn of(&self, layer: &str) -> Option<Bytes> {
        self.0.get(layer).cloned()
    }
}

/// Plain or zst, by its first bytes.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) { zstd::decode_all(&bytes[..]) } else { Ok(bytes) }
}

fn normalise(layer: &Layer, text: &[u8]) -> Result<Value, String> {
    let (code_name, name_name) = match &layer.boundaries {
        Some(dataset) => (dataset.code.as_str(), dataset.name.as_deref()),
        None => ("code", Some("name")),
    };
    let file: Value = serde_json::from_slice(text).map_err(|error| format!("not GeoJSON: {error}"))?;
    let features = file.get("features").and_then(Value::as_array).ok_or("not a GeoJSON FeatureCollection")?;
    let mut outlines = Vec::with_capacity(features.len());
    for feature in features {
        let property = |name: &str| -> Option<String> {
            match feature.get("properties")?.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            }
        };
        let code = property(code_name)
            .ok_or_else(|| format!("a feature has no property `{code_name}` with the area's code"))?;
        let code = format!("{:0>width$}", code.strip_suffix(".0").unwrap_or(&code), width = layer.width);
        let name =
            layer.names.get(&code).cloned().or_else(|| name_name.and_then(property)).unwrap_or_else(|| code.clone());
        let geometry = feature.get("geometry").cloned().unwrap_or(Value::Null);
        outlines.push(json!({ "type": "Feature", "properties": { "code": code, "name": name }, "geometry": geometry }));
    }
    let mut collection = Map::new();
    collection.insert("type".into(), "FeatureCollection".into());
    collection.insert("features".into(), Value::Array(outlines));
    Ok(Value::Object(collection))
}
