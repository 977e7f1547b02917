//! Answers in the forms that programs read: JSON, Arrow, CSV, and GeoJSON with a feature a row.
//!
//! What JSON says beside the rows goes where the form has room for it: members of the feature collection, metadata of the
//! Arrow schema. Answers are written a piece at a time, so that one of many rows never lies in memory as a whole.

use crate::{QueryError, parameters::allowed::listed};
use arrow::{
    array::{Array, ArrayRef, Float64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    ipc::writer::StreamWriter,
    util::display::{ArrayFormatter, FormatOptions},
};
use h3o::{CellIndex, LatLng};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::{collections::HashMap, fmt::Write as _, io::Write as _, ops::Range, sync::Arc};

/// Rows of a table that are made at a time: for text, and for Arrow, whose batches they are.
const TEXT_ROWS: usize = 256;
const ARROW_ROWS: usize = 16 << 10;

/// A map of more features than this is more than what draws it can take: some forty megabytes.
const MOST_FEATURES: usize = 200_000;

/// A form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// An Arrow IPC stream.
    Arrow,
    /// RFC 7946.
    GeoJson,
    /// RFC 4180, with a header.
    Csv,
}

impl Form {
    /// Formats of an answer without rows.
    pub const OBJECT: &'static [Self] = &[Self::Json];
    /// Formats of rows.
    pub const TABLE: &'static [Self] = &[Self::Json, Self::Arrow, Self::Csv];
    /// Formats of rows that lie on a map.
    pub const PLACES: &'static [Self] = &[Self::Json, Self::Arrow, Self::GeoJson, Self::Csv];

    /// As the parameter `format` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Arrow => "arrow",
            Self::GeoJson => "geojson",
            Self::Csv => "csv",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::GeoJson => "application/geo+json",
            Self::Csv => "text/csv",
        }
    }

    /// The one of that name, of those that there are.
    pub fn named(name: &str, offered: &[Self]) -> Result<Self, QueryError> {
        offered.iter().copied().find(|form| form.name() == name).ok_or_else(|| {
            let names: Vec<&str> = offered.iter().map(|form| form.name()).collect();
            QueryError::parameter("format", format!("`format={name}`: give {}", listed(&names)))
        })
    }
}

/// An answer in any of its forms.
pub trait Answer: Send + 'static {
    /// The formats it can be written in; the first is the default.
    const FORMS: &'static [Form];
    /// The parameter of the page to begin with, where it has pages.
    const PAGE_PARAMETER: Option<&'static str> = None;

    /// As JSON.
    fn into_json(self) -> Result<Json, QueryError>;

    /// As a table; `None` if the answer has no rows.
    fn into_table(self, form: Form) -> Result<Option<Table>, QueryError>;

    /// That parameter's value for the next page, if there is one.
    fn next_page(&self) -> Option<String> {
        None
    }
}

/// Writes the element of that number.
pub type WriteElement = Box<dyn FnMut(usize, &mut Vec<u8>) -> serde_json::Result<()> + Send>;

/// An answer as JSON.
pub enum Json {
    /// All of it.
    Whole(String),
    /// An object with an array of many elements.
    Elements {
        /// The other members: an object.
        others: String,
        /// The array's name.
        name: &'static str,
        /// How many elements it has.
        count: usize,
        /// Writes one.
        element: WriteElement,
        /// Bytes that `element` holds.
        held_bytes: usize,
    },
}

impl Json {
    /// All of an answer.
    pub fn whole(answer: &impl Serialize) -> Result<Self, QueryError> {
        serde_json::to_string(answer).map(Self::Whole).map_err(|error| QueryError::internal(&error))
    }

    /// The members of `summary`, and an array.
    pub fn elements(
        summary: &impl Serialize,
        name: &'static str,
        count: usize,
        held_bytes: usize,
        element: impl FnMut(usize, &mut Vec<u8>) -> serde_json::Result<()> + Send + 'static,
    ) -> Result<Self, QueryError> {
        let others = serde_json::to_string(summary).map_err(|error| QueryError::internal(&error))?;
        Ok(Self::Elements { others, name, count, element: Box::new(element), held_bytes })
    }

    fn write(self) -> (usize, AnswerWriter) {
        match self {
            Self::Whole(text) => {
                let mut text = Some(text);
                let write = move |body: &mut Vec<u8>| {
                    body.extend(text.take().unwrap_or_default().into_bytes());
                    Ok(Rest::Nothing)
                };
                (0, Box::new(write))
            }
            Self::Elements { mut others, name, count, mut element, held_bytes } => {
                others.pop();
                let comma = if others.len() > 1 { "," } else { "" };
                let mut head = Some(format!("{others}{comma}\"{name}\":["));
                let mut next = 0;
                let write = move |body: &mut Vec<u8>| {
                    if let Some(head) = head.take() {
                        body.extend_from_slice(head.as_bytes());
                    }
                    if next == count {
                        body.extend_from_slice(b"]}");
                        return Ok(Rest::Nothing);
                    }
                    if next > 0 {
                        body.push(b',');
                    }
                    element(next, body).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
                    next += 1;
                    Ok(Rest::More)
                };
                (held_bytes, Box::new(write))
            }
        }
    }
}

/// Whether there is more to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// There is.
    More,
    /// There is not.
    Nothing,
}

/// Appends some of an answer; called until there is nothing more.
pub type AnswerWriter = Box<dyn FnMut(&mut Vec<u8>) -> Result<Rest, ArrowError> + Send>;

/// An answer that can be written.
pub struct EncodedAnswer {
    /// What it is.
    pub form: Form,
    /// Bytes that it holds until it is written.
    pub held_bytes: usize,
    /// The parameter of the next page, if there is one, and its value.
    pub next_page: Option<(&'static str, String)>,
    /// Writes it.
    pub write: AnswerWriter,
}

impl EncodedAnswer {
    /// An answer in one of its forms.
    pub fn new<A: Answer>(answer: A, form: Form) -> Result<Self, QueryError> {
        let next_page = A::PAGE_PARAMETER.zip(answer.next_page());
        let (held_bytes, write) = match form {
            Form::Json => answer.into_json()?.write(),
            form => {
                let table = answer.into_table(form)?;
                table.ok_or_else(|| QueryError::internal(&"an answer has not the form that it offers"))?.write(form)?
            }
        };
        Ok(Self { form, held_bytes, next_page, write })
    }

    /// All of it.
    pub fn bytes(mut self) -> Result<Vec<u8>, QueryError> {
        let mut bytes = Vec::new();
        while (self.write)(&mut bytes).map_err(|error| QueryError::internal(&error))? == Rest::More {}
        Ok(bytes)
    }
}

/// Some rows of a table.
pub type Rows = Box<dyn Fn(Range<usize>) -> Result<RecordBatch, ArrowError> + Send>;

/// A table. It is written from what its columns are made of.
pub struct Table {
    /// Rows.
    pub count: usize,
    /// Some of them.
    pub rows: Rows,
    /// A row's geometry, as GeoJSON.
    pub geometry: Box<dyn Fn(usize) -> String + Send>,
    /// What is said beside the rows.
    pub beside: Map<String, Value>,
    /// Bytes that `rows` and `geometry` hold.
    pub held_bytes: usize,
}

impl Table {
    /// A small table without geometry.
    pub fn of(rows: RecordBatch, beside: Map<String, Value>) -> Self {
        let (count, held_bytes) = (rows.num_rows(), rows.get_array_memory_size());
        let rows: Rows = Box::new(move |range: Range<usize>| Ok(rows.slice(range.start, range.len())));
        Self { count, rows, geometry: Box::new(|_| "null".to_owned()), beside, held_bytes }
    }

    fn write(self, form: Form) -> Result<(usize, AnswerWriter), QueryError> {
        let Self { count, rows, geometry, beside, held_bytes } = self;
        let write: AnswerWriter = match form {
            Form::Csv => Box::new(csv(count, rows)),
            Form::GeoJson if count > MOST_FEATURES => {
                return Err(QueryError::parameter(
                    "format",
                    format!(
                        "a map of {count} features is larger than the {MOST_FEATURES} that are answered as GeoJSON: give \
                         `format=arrow`, a coarser grid or resolution, or a smaller bbox"
                    ),
                ));
            }
            Form::GeoJson => Box::new(geojson(count, rows, geometry, &beside)),
            Form::Json | Form::Arrow => {
                let beside = beside.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
                Box::new(arrow(count, rows, beside).map_err(|error| QueryError::internal(&error))?)
            }
        };
        Ok((held_bytes, write))
    }
}

/// What an answer says beside its rows, by name.
pub(crate) fn beside(summary: &impl Serialize) -> Result<Map<String, Value>, QueryError> {
    match serde_json::to_value(summary) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(QueryError::internal(&error)),
    }
}

/// A polygon by its corners, counter-clockwise and not closed: longitude and latitude.
pub(crate) fn polygon(corners: &[(f64, f64)]) -> String {
    let mut text = String::from("{\"type\":\"Polygon\",\"coordinates\":[[");
    for (number, (longitude, latitude)) in corners.iter().chain(corners.first()).enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // A centimetre.
        let _infallible = write!(text, "{comma}[{longitude:.7},{latitude:.7}]");
    }
    text + "]]}"
}

/// A hexagon.
pub(crate) fn hexagon(cell: CellIndex) -> String {
    polygon(&cell.boundary().iter().map(|corner| (corner.lng(), corner.lat())).collect::<Vec<_>>())
}

/// A cell as it is written in JSON.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn as_text<S: Serializer>(cell: &CellIndex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(cell)
}

/// The middles of cells as columns: not everybody reads H3.
pub(crate) fn middles(cells: impl Iterator<Item = CellIndex>) -> [(&'static str, ArrayRef); 2] {
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
fn csv(count: usize, rows: Rows) -> impl FnMut(&mut Vec<u8>) -> Result<Rest, ArrowError> + Send {
    let (mut is_begun, mut batches) = (false, Batches::of(count, TEXT_ROWS));
    move |body| {
        let mut sheet = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(body);
        let failed = |error: csv::Error| ArrowError::CsvError(error.to_string());
        if !is_begun {
            is_begun = true;
            let schema = rows(0..0)?.schema();
            sheet.write_record(schema.fields().iter().map(|field| field.name())).map_err(failed)?;
        }
        let Some(range) = batches.next() else { return Ok(Rest::Nothing) };
        let rows = rows(range)?;
        let options = FormatOptions::default().with_null("");
        let columns = formatters(&rows, &options)?;
        for row in 0..rows.num_rows() {
            for column in &columns {
                sheet.write_field(column.value(row).try_to_string()?).map_err(failed)?;
            }
            sheet.write_record(None::<&[u8]>).map_err(failed)?;
        }
        sheet.flush()?;
        Ok(Rest::More)
    }
}

/// RFC 7946: a feature collection, with what is said beside the rows as members of its own.
fn geojson(
    count: usize,
    rows: Rows,
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
                } else if field.data_type().is_numeric() || *field.data_type() == DataType::Boolean {
                    write!(body, "{}", column.value(row))?;
                } else {
                    write!(body, "{}", Value::from(column.value(row).try_to_string()?))?;
                }
            }
            write!(body, "}},\"geometry\":{}}}", geometry(place))?;
        }
        Ok(Rest::More)
    }
}

/// An Arrow stream, with what is said beside the rows as metadata of its schema.
pub(crate) fn arrow(
    count: usize,
    rows: Rows,
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

    fn rows() -> Rows {
        let rows = RecordBatch::try_from_iter_with_nullable([
            ("name", Arc::new(StringArray::from(vec!["plain", "a \"b\", c"])) as ArrayRef, false),
            ("count", Arc::new(UInt64Array::from(vec![1, u64::MAX])), false),
            ("z", Arc::new(Float64Array::from(vec![None, Some(1.0 / 3.0)])), true),
        ])
        .unwrap();
        Box::new(move |range| Ok(rows.slice(range.start, range.len())))
    }

    /// A table of so many rows, whose last is not defined.
    fn many(count: usize) -> Rows {
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
        // An empty line would be no row.
        assert!(lines.ends_with("\r\n998\r\n\"\"\r\n"), "{}", &lines[lines.len() - 20..]);
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
        let write = |count: usize, form: Form| {
            let (rows, geometry) = (many(count), Box::new(|_| "null".to_owned()));
            Table { count, rows, geometry, beside: Map::new(), held_bytes: 0 }.write(form).map(|_| ())
        };
        let refused = write(MOST_FEATURES + 1, Form::GeoJson).unwrap_err().to_string();
        assert!(refused.contains("`format=arrow`") && refused.contains("smaller bbox"), "{refused}");
        assert!(write(MOST_FEATURES, Form::GeoJson).is_ok());
        assert!(write(MOST_FEATURES + 1, Form::Csv).is_ok());
        assert!(write(MOST_FEATURES + 1, Form::Arrow).is_ok());
    }

    #[test]
    fn an_object_with_many_elements() {
        for (count, summary, expect) in [
            (0, serde_json::json!({}), r#"{"values":[]}"#),
            (3, serde_json::json!({ "n": 3 }), r#"{"n":3,"values":[0,1,2]}"#),
        ] {
            let number = |number: usize, body: &mut Vec<u8>| serde_json::to_writer(body, &number);
            let (_, write) = Json::elements(&summary, "values", count, 0, number).unwrap().write();
            assert_eq!(String::from_utf8(whole(write)).unwrap(), expect);
        }
    }

    #[test]
    fn a_form_that_there_is_not_is_refused_with_those_that_there_are() {
        assert_eq!(Form::named("csv", Form::TABLE).unwrap(), Form::Csv);
        for (forms, expect) in
            [(Form::OBJECT, "`format=geojson`: give json"), (Form::TABLE, "`format=geojson`: give json, arrow or csv")]
        {
            assert_eq!(Form::named("geojson", forms).unwrap_err().to_string(), expect);
        }
        assert_eq!(
            Form::named("xml", Form::PLACES).unwrap_err().to_string(),
            "`format=xml`: give json, arrow, geojson or csv"
        );
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
