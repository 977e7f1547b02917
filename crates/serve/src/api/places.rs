//! Answers about places as a table, for other programs: Arrow, CSV, and GeoJSON with a feature a row.
//!
//! What JSON says beside the rows goes where the form has room for it: members of the feature collection, metadata of the
//! Arrow schema. The next offsets are in a header of every form.

use super::answer::{self, CSV, Edition, Form, GEOJSON, Timing};
use crate::problem::Problem;
use arrow::{
    array::{Array, ArrayRef, Float64Array, RecordBatch},
    datatypes::DataType,
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};
use axum::response::Response;
use h3o::{CellIndex, LatLng};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::HashMap, fmt::Write, sync::Arc};

/// Rows, each at a place.
pub(super) struct Places<'a> {
    pub(super) rows: RecordBatch,
    /// A row's geometry, as GeoJSON.
    pub(super) geometry: &'a dyn Fn(usize) -> String,
    /// What is said beside the rows.
    pub(super) beside: Map<String, Value>,
}

impl Places<'_> {
    /// In any form but JSON, which each answer writes by itself.
    pub(super) fn answer(self, form: Form, edition: &Edition, timing: &Timing) -> Result<Response, Problem> {
        let internal = |error: ArrowError| Problem::internal(&error);
        Ok(match form {
            Form::Csv => answer::text(CSV, csv(&self.rows).map_err(internal)?, Some(edition), timing),
            Form::GeoJson => {
                let body = geojson(&self.rows, self.geometry, &self.beside).map_err(internal)?;
                answer::text(GEOJSON, body, Some(edition), timing)
            }
            Form::Json | Form::Arrow => {
                let beside: HashMap<String, String> =
                    self.beside.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
                let schema = self.rows.schema().as_ref().clone().with_metadata(beside);
                let rows = self.rows.with_schema(Arc::new(schema)).map_err(internal)?;
                answer::arrow(&rows, Some(edition), timing)
            }
        })
    }
}

/// What an answer says beside its rows, by name.
pub(super) fn beside(summary: &impl Serialize) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(summary) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Problem::internal(&error)),
    }
}

/// A polygon by its corners, counter-clockwise and not closed: longitude and latitude.
pub(super) fn polygon(corners: &[(f64, f64)]) -> String {
    let mut text = String::from("{\"type\":\"Polygon\",\"coordinates\":[[");
    for (number, (longitude, latitude)) in corners.iter().chain(corners.first()).enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // A centimetre.
        let _infallible = write!(text, "{comma}[{longitude:.7},{latitude:.7}]");
    }
    text + "]]}"
}

/// A hexagon.
pub(super) fn hexagon(cell: CellIndex) -> String {
    polygon(&cell.boundary().iter().map(|corner| (corner.lng(), corner.lat())).collect::<Vec<_>>())
}

/// The middles of cells as columns: not everybody reads H3.
pub(super) fn middles(cells: &[CellIndex]) -> [(&'static str, ArrayRef); 2] {
    let middles: Vec<LatLng> = cells.iter().map(|cell| LatLng::from(*cell)).collect();
    let column = |of: fn(&LatLng) -> f64| -> ArrayRef {
        // A centimetre.
        let degrees = |middle: &LatLng| (of(middle) * 1e7).round() / 1e7;
        Arc::new(Float64Array::from_iter_values(middles.iter().map(degrees)))
    };
    [("latitude", column(|middle| middle.lat())), ("longitude", column(|middle| middle.lng()))]
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// RFC 4180, with a header; nothing where a value is not defined. Numbers read back as they were.
fn csv(rows: &RecordBatch) -> Result<String, ArrowError> {
    let options = FormatOptions::default().with_null("");
    let columns = formatters(rows, &options)?;
    let schema = rows.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut body = names.join(",") + "\r\n";
    for row in 0..rows.num_rows() {
        for (number, column) in columns.iter().enumerate() {
            if number > 0 {
                body.push(',');
            }
            let text = column.value(row).try_to_string()?;
            if text.contains([',', '"', '\r', '\n']) {
                let _infallible = write!(body, "\"{}\"", text.replace('"', "\"\""));
            } else {
                body.push_str(&text);
            }
        }
        body.push_str("\r\n");
    }
    Ok(body)
}

/// RFC 7946: a feature collection, with what is said beside the rows as members of its own.
fn geojson(
    rows: &RecordBatch,
    geometry: &dyn Fn(usize) -> String,
    beside: &Map<String, Value>,
) -> Result<String, ArrowError> {
    let options = FormatOptions::default();
    let columns = formatters(rows, &options)?;
    let schema = rows.schema();
    let mut body = String::from("{\"type\":\"FeatureCollection\",");
    for (name, value) in beside {
        let _infallible = write!(body, "{}:{value},", Value::from(name.as_str()));
    }
    body.push_str("\"features\":[");
    for row in 0..rows.num_rows() {
        let comma = if row == 0 { "" } else { "," };
        let _infallible = write!(body, "{comma}{{\"type\":\"Feature\",\"properties\":{{");
        for (number, (field, column)) in schema.fields().iter().zip(&columns).enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let _infallible = write!(body, "{comma}{}:", Value::from(field.name().as_str()));
            if rows.column(number).is_null(row) {
                body.push_str("null");
            } else if *field.data_type() == DataType::Utf8 {
                let _infallible = write!(body, "{}", Value::from(column.value(row).try_to_string()?));
            } else {
                let _infallible = write!(body, "{}", column.value(row));
            }
        }
        let _infallible = write!(body, "}},\"geometry\":{}}}", geometry(row));
    }
    body.push_str("]}");
    Ok(body)
}

fn formatters<'a>(rows: &'a RecordBatch, options: &FormatOptions<'a>) -> Result<Vec<ArrayFormatter<'a>>, ArrowError> {
    rows.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), options)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};

    fn rows() -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("name", Arc::new(StringArray::from(vec!["plain", "a \"b\", c"])) as ArrayRef, false),
            ("count", Arc::new(UInt64Array::from(vec![1, u64::MAX])), false),
            ("z", Arc::new(Float64Array::from(vec![None, Some(1.0 / 3.0)])), true),
        ])
        .unwrap()
    }

    #[test]
    fn a_sheet() {
        let expect = "name,count,z\r\nplain,1,\r\n\"a \"\"b\"\", c\",18446744073709551615,0.3333333333333333\r\n";
        assert_eq!(csv(&rows()).unwrap(), expect);
    }

    #[test]
    fn a_map() {
        let corners = |_| polygon(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]);
        let beside = Map::from_iter([("next_offsets".to_owned(), serde_json::json!({ "0": 7 }))]);
        let map: Value = serde_json::from_str(&geojson(&rows(), &corners, &beside).unwrap()).unwrap();
        assert_eq!(map["type"], "FeatureCollection");
        assert_eq!(map["next_offsets"]["0"], 7);
        let features = map["features"].as_array().unwrap();
        assert_eq!(features.len(), 2);
        assert_eq!(features[0]["properties"], serde_json::json!({ "name": "plain", "count": 1, "z": null }));
        assert_eq!(features[1]["properties"]["name"], "a \"b\", c");
        assert_eq!(features[1]["properties"]["z"], 1.0 / 3.0);
        let ring = features[1]["geometry"]["coordinates"][0].as_array().unwrap();
        assert_eq!((ring.len(), &ring[0]), (4, &ring[3]));
        let none = geojson(&rows().slice(0, 0), &corners, &Map::new()).unwrap();
        assert_eq!(none, "{\"type\":\"FeatureCollection\",\"features\":[]}");
    }
}
