//! Answers about places as a table, for other programs: Arrow, CSV, and GeoJSON with a feature a row.
//!
//! What JSON says beside the rows goes where the form has room for it: members of the feature collection, metadata of the
//! Arrow schema. The next offsets are in a header of every form.

use super::{
    answer::{self, ARROW, CSV, Edition, Form, GEOJSON, Timing},
    written::{self, Rest},
};
use arrow::{
    array::{Array, ArrayRef, Float64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    ipc::writer::StreamWriter,
    util::display::{ArrayFormatter, FormatOptions},
};
use axum::response::Response;
use blotter_runtime::{Problem, Sending};
use h3o::{CellIndex, LatLng};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::{collections::HashMap, fmt::Write as _, io::Write as _, ops::Range, sync::Arc};

/// Rows of a table that are made at a time: for text, and for Arrow, whose batches they are.
const TEXT_ROWS: usize = 256;
const ARROW_ROWS: usize = 16 << 10;

/// A map of more features than this is more than what draws it can take: some forty megabytes.
const MOST_FEATURES: usize = 200_000;

/// Some rows of a table.
pub(super) type Table = Box<dyn Fn(Range<usize>) -> Result<RecordBatch, ArrowError> + Send>;

/// A table, each of whose rows is at a place. It is written while the client reads, from what its columns are made of.
pub(super) struct Places {
    /// Rows.
    pub(super) count: usize,
    pub(super) rows: Table,
    /// A row's geometry, as GeoJSON.
    pub(super) geometry: Box<dyn Fn(usize) -> String + Send>,
    /// What is said beside the rows.
    pub(super) beside: Map<String, Value>,
    /// Bytes that `rows` and `geometry` hold.
    pub(super) held_bytes: usize,
}

impl Places {
    /// In any form but JSON, which each answer writes by itself.
    pub(super) fn answer(
        self,
        form: Form,
        edition: &Edition,
        timing: &Timing,
        sending: &Sending,
    ) -> Result<Response, Problem> {
        let Self { count, rows, geometry, beside, held_bytes } = self;
        let internal = |error: ArrowError| Problem::internal(&error);
        let (media, body) = match form {
            Form::Csv => (CSV, written::body(sending, held_bytes, csv(count, rows))?),
            Form::GeoJson if count > MOST_FEATURES => {
                return Err(Problem::parameter(
                    "format",
                    format!(
                        "a map of {count} features is larger than the {MOST_FEATURES} that are answered as GeoJSON: give \
                         `format=arrow`, a coarser grid or resolution, or a smaller bbox"
                    ),
                ));
            }
            Form::GeoJson => (GEOJSON, written::body(sending, held_bytes, geojson(count, rows, geometry, &beside))?),
            Form::Json | Form::Arrow => {
                let beside = beside.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
                (ARROW, written::body(sending, held_bytes, arrow(count, rows, beside).map_err(internal)?)?)
            }
        };
        Ok(answer::streamed(media, body, Some(edition), timing))
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

/// A cell as it is written in JSON.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn as_text<S: Serializer>(cell: &CellIndex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(cell)
}

/// The middles of cells as columns: not everybody reads H3.
pub(super) fn middles(cells: impl Iterator<Item = CellIndex>) -> [(&'static str, ArrayRef); 2] {
    let middles: Vec<LatLng> = cells.map(LatLng::from).collect();
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

/// Rows from the first to the last, so many at a time.
struct Batches {
    count: usize,
    next: usize,
    most: usize,
}

impl Batches {
    fn of(count: usize, most: usize) -> Self {
        Self { count, next: 0, most }
    }
}

impl Iterator for Batches {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rows = self.next..self.count.min(self.next + self.most);
        self.next = rows.end;
        (!rows.is_empty()).then_some(rows)
    }
}

/// RFC 4180, with a header; nothing where a value is not defined. Numbers read back as they were.
fn csv(count: usize, rows: Table) -> impl FnMut(&mut Vec<u8>) -> Result<Rest, ArrowError> + Send {
    let (mut is_begun, mut batches) = (false, Batches::of(count, TEXT_ROWS));
    move |body| {
        if !is_begun {
            is_begun = true;
            let schema = rows(0..0)?.schema();
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            body.extend_from_slice((names.join(",") + "\r\n").as_bytes());
        }
        let Some(range) = batches.next() else { return Ok(Rest::Nothing) };
        let rows = rows(range)?;
        let options = FormatOptions::default().with_null("");
        let columns = formatters(&rows, &options)?;
        for row in 0..rows.num_rows() {
            for (number, column) in columns.iter().enumerate() {
                if number > 0 {
                    body.push(b',');
                }
                let text = column.value(row).try_to_string()?;
                if text.contains([',', '"', '\r', '\n']) {
                    write!(body, "\"{}\"", text.replace('"', "\"\""))?;
                } else {
                    body.extend_from_slice(text.as_bytes());
                }
            }
            body.extend_from_slice(b"\r\n");
        }
        Ok(Rest::More)
    }
}

/// RFC 7946: a feature collection, with what is said beside the rows as members of its own.
fn geojson(
    count: usize,
    rows: Table,
    geometry: Box<dyn Fn(usize) -> String + Send>,
    beside: &Map<String, Value>,
) -> impl FnMut(&mut Vec<u8>) -> Result<Rest, ArrowError> + Send + use<> {
    let mut head = String::from("{\"type\":\"FeatureCollection\",");
    for (name, value) in beside {
        // Writing into a string cannot fail.
        let _infallible = write!(head, "{}:{value},", Value::from(name.as_str()));
    }
    let mut head = Some(head + "\"features\":[");
    let mut batches = Batches::of(count, TEXT_ROWS);
    move |body| {
        if let Some(head) = head.take() {
            body.extend_from_slice(head.as_bytes());
        }
        let Some(range) = batches.next() else {
            body.extend_from_slice(b"]}");
            return Ok(Rest::Nothing);
        };
        let rows = rows(range.clone())?;
        let options = FormatOptions::default();
        let columns = formatters(&rows, &options)?;
        let schema = rows.schema();
        for (row, place) in range.enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(body, "{comma}{{\"type\":\"Feature\",\"properties\":{{")?;
            for (number, (field, column)) in schema.fields().iter().zip(&columns).enumerate() {
                let comma = if number == 0 { "" } else { "," };
                write!(body, "{comma}{}:", Value::from(field.name().as_str()))?;
                if rows.column(number).is_null(row) {
                    body.extend_from_slice(b"null");
                } else if *field.data_type() == DataType::Utf8 {
                    write!(body, "{}", Value::from(column.value(row).try_to_string()?))?;
                } else {
                    write!(body, "{}", column.value(row))?;
                }
            }
            write!(body, "}},\"geometry\":{}}}", geometry(place))?;
        }
        Ok(Rest::More)
    }
}

/// An Arrow stream, with what is said beside the rows as metadata of its schema.
pub(super) fn arrow(
    count: usize,
    rows: Table,
    beside: HashMap<String, String>,
) -> Result<impl FnMut(&mut Vec<u8>) -> Result<Rest, ArrowError> + Send, ArrowError> {
    // Whether a column has nulls is not known before its last row: every column may.
    let fields: Vec<Field> =
        rows(0..0)?.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let schema = Arc::new(Schema::new(fields).with_metadata(beside));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    let mut batches = Batches::of(count, ARROW_ROWS);
    Ok(move |body: &mut Vec<u8>| {
        let rest = if let Some(range) = batches.next() {
            let rows = rows(range)?;
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), rows.columns().to_vec())?)?;
            Rest::More
        } else {
            writer.finish()?;
            Rest::Nothing
        };
        body.append(writer.get_mut());
        Ok(rest)
    })
}

fn formatters<'a>(rows: &'a RecordBatch, options: &FormatOptions<'a>) -> Result<Vec<ArrayFormatter<'a>>, ArrowError> {
    rows.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), options)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};

    fn rows() -> Table {
        let rows = RecordBatch::try_from_iter_with_nullable([
            ("name", Arc::new(StringArray::from(vec!["plain", "a \"b\", c"])) as ArrayRef, false),
            ("count", Arc::new(UInt64Array::from(vec![1, u64::MAX])), false),
            ("z", Arc::new(Float64Array::from(vec![None, Some(1.0 / 3.0)])), true),
        ])
        .unwrap();
        Box::new(move |range| Ok(rows.slice(range.start, range.len())))
    }

    /// A table of so many rows, whose last is not defined.
    fn many(count: usize) -> Table {
        Box::new(move |range| {
            let value = |row: usize| (row + 1 < count).then_some(row as u64);
            RecordBatch::try_from_iter([("n", Arc::new(range.map(value).collect::<UInt64Array>()) as ArrayRef)])
        })
    }

    fn whole(mut write: impl FnMut(&mut Vec<u8>) -> Result<Rest, ArrowError>) -> Vec<u8> {
        let mut body = Vec::new();
        while write(&mut body).unwrap() == Rest::More {}
        body
    }

    #[test]
    fn a_sheet() {
        let expect = "name,count,z\r\nplain,1,\r\n\"a \"\"b\"\", c\",18446744073709551615,0.3333333333333333\r\n";
        assert_eq!(String::from_utf8(whole(csv(2, rows()))).unwrap(), expect);
        assert_eq!(whole(csv(0, rows())), b"name,count,z\r\n");
        let lines = String::from_utf8(whole(csv(1000, many(1000)))).unwrap();
        assert_eq!(lines.lines().count(), 1001);
        assert!(lines.ends_with("\r\n998\r\n\r\n"), "{}", &lines[lines.len() - 20..]);
    }

    #[test]
    fn a_map() {
        let corners = || Box::new(|_| polygon(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]));
        let beside = Map::from_iter([("next_offsets".to_owned(), serde_json::json!({ "0": 7 }))]);
        let map: Value = serde_json::from_slice(&whole(geojson(2, rows(), corners(), &beside))).unwrap();
        assert_eq!(map["type"], "FeatureCollection");
        assert_eq!(map["next_offsets"]["0"], 7);
        let features = map["features"].as_array().unwrap();
        assert_eq!(features.len(), 2);
        assert_eq!(features[0]["properties"], serde_json::json!({ "name": "plain", "count": 1, "z": null }));
        assert_eq!(features[1]["properties"]["name"], "a \"b\", c");
        assert_eq!(features[1]["properties"]["z"], 1.0 / 3.0);
        let ring = features[1]["geometry"]["coordinates"][0].as_array().unwrap();
        assert_eq!((ring.len(), &ring[0]), (4, &ring[3]));
        let none = whole(geojson(0, rows(), corners(), &Map::new()));
        assert_eq!(none, b"{\"type\":\"FeatureCollection\",\"features\":[]}");
        let many: Value = serde_json::from_slice(&whole(geojson(700, many(700), corners(), &beside))).unwrap();
        assert_eq!(many["features"].as_array().unwrap().len(), 700);
        assert_eq!(many["features"][699]["properties"]["n"], Value::Null);
    }

    #[test]
    fn a_map_of_too_many_features_is_refused_with_the_remedy() {
        let answer = |count: usize, form: Form| {
            let (rows, geometry) = (many(count), Box::new(|_| "null".to_owned()));
            let places = Places { count, rows, geometry, beside: Map::new(), held_bytes: 0 };
            places.answer(form, &Edition::of_test(), &Timing::start(), &Sending::new(1 << 20))
        };
        let refused = format!("{:?}", answer(MOST_FEATURES + 1, Form::GeoJson).unwrap_err());
        assert!(refused.contains("`format=arrow`") && refused.contains("smaller bbox"), "{refused}");
        assert!(answer(MOST_FEATURES, Form::GeoJson).is_ok());
        assert!(answer(MOST_FEATURES + 1, Form::Csv).is_ok());
        assert!(answer(MOST_FEATURES + 1, Form::Arrow).is_ok());
    }

    #[test]
    fn an_arrow_stream_in_batches_of_one_schema() {
        for count in [0, 1, ARROW_ROWS, 2 * ARROW_ROWS + 5] {
            let beside = HashMap::from([("unit".to_owned(), "km".to_owned())]);
            let bytes = whole(super::arrow(count, many(count), beside.clone()).unwrap());
            let reader = ::arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap();
            assert_eq!(reader.schema().metadata(), &beside);
            let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), count);
            assert_eq!(batches.len(), count.div_ceil(ARROW_ROWS));
        }
    }
}
