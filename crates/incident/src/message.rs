//! An incident as a message: the JSON value that lies on Kafka, and back to columns.
//!
//! Writing and reading are each other's inverse: the batch that is read has the columns of the one that was written, content
//! hash included, which is that of what the source said, without the areas' codes that were filled in. A message may be made by
//! hand: what is derived (`occurred_at_utc`, and `content_hash` where it is left out) is derived anew, what may be missing is
//! missing, texts are cleaned as a source's are; but a value of another type is refused.

use crate::{
    batch::IncidentBatch,
    builder::FIXED_DICTIONARIES,
    parser::{Observation, Parser, TypedRow, Word},
    partition::partition_of,
    reason::{MAX_FIELD_BYTES, Reason},
};
use arrow::{
    array::{Array, BooleanArray, RecordBatch, StringArray},
    error::ArrowError,
};
use blotter_city::{CivilMicros, Profile, UtcMicros, clean, format_civil, format_utc, parse_civil, parse_instant};
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap, io::Write, sync::Arc};

/// Bytes of the longest accepted message; the real data's longest is some 700.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The fields of a message. Unknown ones are left alone: a later version may have more.
#[derive(Debug, Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    case_number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
    #[serde(borrow, default)]
    updated_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    observed_at: Option<Cow<'a, str>>,
    #[serde(default)]
    deleted: Option<bool>,
    #[serde(borrow, default)]
    category: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    category_published: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    place: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    block: Option<Cow<'a, str>>,
    #[serde(default)]
    arrest: Option<bool>,
    #[serde(default)]
    domestic: Option<bool>,
    #[serde(borrow, default)]
    areas: Option<BTreeMap<Cow<'a, str>, Option<Cow<'a, str>>>>,
    #[serde(default)]
    latitude: Option<f64>,
    #[serde(default)]
    longitude: Option<f64>,
    #[serde(borrow, default)]
    content_hash: Option<Cow<'a, str>>,
}

/// Reads the messages of one partition into batches.
pub struct MessageParser {
    parser: Parser,
    profile: Arc<Profile>,
    partition: u32,
    partitions: u32,
    prefix: String,
}

impl MessageParser {
    /// For one partition of so many.
    pub fn new(profile: Arc<Profile>, partition: u32, partitions: u32) -> Self {
        let prefix = format!("{}/", profile.slug);
        Self { parser: Parser::new(Arc::clone(&profile), partitions), profile, partition, partitions, prefix }
    }

    /// Accepts a message into the next batch, or says why not. `produced_at` is the message's own time.
    pub fn push(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, produced_at: UtcMicros) -> Result<(), Reason> {
        let value = value.ok_or(Reason::NoValue)?;
        if value.len() > MAX_MESSAGE_BYTES {
            return Err(Reason::LongMessage { bytes: value.len(), most: MAX_MESSAGE_BYTES });
        }
        let text = std::str::from_utf8(value).map_err(|_| Reason::NotUtf8)?;
        let fields: Fields<'_> =
            serde_json::from_str(text).map_err(|error| Reason::NotAnIncident(error.to_string()))?;
        let id = clean::trimmed(&fields.id);
        if id.is_empty() {
            return Err(Reason::NoId);
        }
        let belongs =
            key.and_then(|key| key.strip_prefix(self.prefix.as_bytes())).is_some_and(|key| key == id.as_bytes());
        if !belongs {
            return Err(Reason::OtherKey { expected: format!("{}{id}", self.prefix) });
        }
        let partition = partition_of(key.unwrap_or_default(), self.partitions);
        if partition != self.partition {
            return Err(Reason::OtherPartition { expected: partition, found: self.partition });
        }
        let empty = Cow::Borrowed("");
        let texts = [
            fields.category.as_ref().unwrap_or(&empty),
            fields.category_published.as_ref().or(fields.category.as_ref()).unwrap_or(&empty),
            fields.description.as_ref().unwrap_or(&empty),
            fields.place.as_ref().unwrap_or(&empty),
            fields.code.as_ref().unwrap_or(&empty),
        ];
        let areas = fields.areas.as_ref();
        let area = |layer: &str| areas.and_then(|areas| areas.get(layer)?.as_deref()).unwrap_or("");
        if let Some(unknown) = areas.and_then(|areas| {
            areas.keys().find(|name| !self.profile.layers.iter().any(|layer| layer.name == name.as_ref()))
        }) {
            return Err(Reason::UnknownLayer(unknown.chars().take(80).collect()));
        }
        let case_number = fields.case_number.as_deref().map_or(Cow::Borrowed(""), clean::trimmed);
        let block = fields.block.as_deref().map_or(Cow::Borrowed(""), clean::trimmed);
        let longest = [id.len(), case_number.len(), block.len()]
            .into_iter()
            .chain(texts.iter().map(|text| text.len()))
            .chain(self.profile.layers.iter().map(|layer| area(&layer.name).len()))
            .max();
        if let Some(bytes) = longest.filter(|bytes| *bytes > MAX_FIELD_BYTES) {
            return Err(Reason::Oversized { bytes });
        }
        let not_a_date =
            |field: &'static str, text: &str| Reason::NotADate { field, text: text.chars().take(80).collect() };
        let occurred_at =
            parse_exactly(&fields.occurred_at).ok_or_else(|| not_a_date("occurred_at", &fields.occurred_at))?;
        let updated_at = match fields.updated_at.as_deref() {
            None | Some("") => None,
            Some(text) => Some(parse_exactly(text).ok_or_else(|| not_a_date("updated_at", text))?),
        };
        let observed_at = match fields.observed_at.as_deref() {
            None | Some("") => produced_at,
            Some(text) => parse_utc(text).ok_or_else(|| not_a_date("observed_at", text))?,
        };
        let position = match (fields.latitude, fields.longitude) {
            (None, None) => None,
            (Some(latitude), Some(longitude)) => {
                degrees("latitude", latitude, 90.0)?;
                degrees("longitude", longitude, 180.0)?;
                Some((latitude, longitude)).filter(|at| *at != (0.0, 0.0))
            }
            _ => return Err(Reason::HalfAPosition),
        };
        let content_hash = fields.content_hash.as_deref().map(hash).transpose()?;
        let mut words: Vec<Word> = Vec::with_capacity(FIXED_DICTIONARIES + self.profile.layers.len());
        for (column, text) in texts.iter().enumerate() {
            words.push(self.parser.interned(column, text));
        }
        for (layer, named) in self.profile.layers.iter().enumerate() {
            words.push(self.parser.interned(FIXED_DICTIONARIES + layer, area(&named.name)));
        }
        let row = TypedRow {
            id: &id,
            case_number: &case_number,
            occurred_at,
            updated_at,
            words: &words,
            block: &block,
            arrest: fields.arrest,
            domestic: fields.domestic,
            position,
        };
        let observation = Observation { observed_at, deleted: fields.deleted.unwrap_or(false), id: None };
        self.parser.push_hashed(&row, &observation, produced_at, content_hash)
    }

    /// Whether the next batch is as large as a batch can be.
    pub fn is_full(&self) -> bool {
        self.parser.is_full()
    }

    /// The batch of all accepted since the last call, empty where none were.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let batch = self.parser.finish()?.into_iter().next().map(|(_, batch)| batch);
        Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(crate::incident_schema(&self.profile))))
    }
}

fn degrees(field: &'static str, value: f64, limit: f64) -> Result<(), Reason> {
    if value.abs() <= limit { Ok(()) } else { Err(Reason::NotACoordinate { field, text: value.to_string() }) }
}

/// Sixteen hexadecimal digits: a number would lose some of them to readers that know floating point alone.
fn hash(text: &str) -> Result<i64, Reason> {
    let is_hash = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bits = u64::from_str_radix(text, 16).ok().filter(|_| is_hash);
    let refused = || Reason::NotAnIncident("`content_hash` has 16 hexadecimal digits, or is left out".into());
    bits.map(|bits| bits as i64).ok_or_else(refused)
}

/// `YYYY-MM-DDThh:mm:ss[.ffffff]` without a zone, as it is written here; else whatever a person may write.
fn parse_exactly(text: &str) -> Option<CivilMicros> {
    match blotter_city::iso(text.as_bytes()) {
        Some(at) => Some(at),
        None => parse_civil(text),
    }
}

/// RFC 3339; the common form in UTC quickly.
fn parse_utc(text: &str) -> Option<UtcMicros> {
    let plain = text.strip_suffix('Z').and_then(|civil| blotter_city::iso(civil.as_bytes()));
    plain.map(|civil| UtcMicros(civil.0)).or_else(|| parse_instant(text))
}

impl IncidentBatch<'_> {
    /// Writes a row as the value of a message.
    pub fn write_message(&self, row: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
        let text = |out: &mut Vec<u8>, name: &str, value: Option<&str>| -> std::io::Result<()> {
            write!(out, ",\"{name}\":")?;
            match value {
                Some(value) => serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from),
                None => out.write_all(b"null"),
            }
        };
        let of = |column: &'_ StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
        let flag = |out: &mut Vec<u8>, name: &str, column: &BooleanArray| {
            if column.is_valid(row) {
                write!(out, ",\"{name}\":{}", column.value(row))
            } else {
                write!(out, ",\"{name}\":null")
            }
        };
        out.write_all(b"{\"id\":")?;
        serde_json::to_writer(&mut *out, self.id.value(row))?;
        text(out, "case_number", of(self.case_number).as_deref())?;
        write!(out, ",\"occurred_at\":\"{}\"", format_civil(CivilMicros(self.occurred_at[row])))?;
        write!(out, ",\"occurred_at_utc\":\"{}\"", format_utc(UtcMicros(self.occurred_at_utc[row])))?;
        match self.revision(row).updated_at {
            Some(at) => write!(out, ",\"updated_at\":\"{}\"", format_civil(at))?,
            None => out.write_all(b",\"updated_at\":null")?,
        }
        write!(out, ",\"observed_at\":\"{}\"", format_utc(UtcMicros(self.observed_at[row])))?;
        write!(out, ",\"deleted\":{}", self.deleted.value(row))?;
        text(out, "category", self.category.value(row))?;
        text(out, "category_published", self.category_published.value(row))?;
        text(out, "description", self.description.value(row))?;
        text(out, "place", self.place.value(row))?;
        text(out, "code", self.code.value(row))?;
        text(out, "block", of(self.block).as_deref())?;
        flag(out, "arrest", self.arrest)?;
        flag(out, "domestic", self.domestic)?;
        out.write_all(b",\"areas\":{")?;
        let mut first = true;
        for (name, code) in self.layers(row) {
            if !first {
                out.write_all(b",")?;
            }
            first = false;
            serde_json::to_writer(&mut *out, name)?;
            out.write_all(b":")?;
            serde_json::to_writer(&mut *out, code)?;
        }
        match self.position(row) {
            // The shortest text that reads back as the same number.
            Some((latitude, longitude)) => write!(out, "}},\"latitude\":{latitude:?},\"longitude\":{longitude:?}")?,
            None => out.write_all(b"},\"latitude\":null,\"longitude\":null")?,
        }
        write!(out, ",\"content_hash\":\"{:016x}\"}}", self.content_hash[row] as u64)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{Header, Row, WordColumn};
    use proptest::prelude::*;

    const NOW: UtcMicros = UtcMicros(1_700_000_000_000_000);
    const VALUE: &str = r#"{"id":"77","occurred_at":"2017-03-12T02:30:00","category":"burglary","areas":{"district":"17"},"latitude":41.9,"longitude":-87.7}"#;

    fn profile() -> Arc<Profile> {
        Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap())
    }

    fn parse(key: &str, value: &str) -> Result<crate::Incident, Reason> {
        let mut parser = MessageParser::new(profile(), 0, 1);
        parser.push(Some(key.as_bytes()), Some(value.as_bytes()), NOW)?;
        Ok(IncidentBatch::try_new(&parser.finish().unwrap()).unwrap().incident(0))
    }

    #[test]
    fn a_message_made_by_hand() {
        let incident = parse("chicago/77", VALUE).unwrap();
        assert_eq!(format_utc(incident.occurred_at_utc), "2017-03-12T08:30:00Z");
        assert_eq!((incident.category.as_str(), incident.category_published.as_str()), ("BURGLARY", "burglary"));
        assert_eq!((incident.observed_at, incident.areas["district"].as_str()), (NOW, "017"));
        assert_eq!((incident.position, incident.deleted), (Some((41.9, -87.7)), false));
    }

    #[test]
    fn what_is_no_incident_says_why() {
        let check = |key: &str, value: &str, expect: &str| {
            let reason = parse(key, value).unwrap_err().to_string();
            assert!(reason.contains(expect), "{value}: {reason}");
        };
        let with = |from: &str, to: &str| {
            assert!(VALUE.contains(from));
            VALUE.replacen(from, to, 1)
        };
        check("chicago/77", "", "JSON");
        check("chicago/77", "garbage", "JSON");
        check("chicago/77", &"[".repeat(5000), "JSON");
        check("chicago/77", "[]", "JSON");
        check("chicago/77", &with("\"77\"", "77"), "JSON");
        check("chicago/77", &with("41.9", "\"north\""), "JSON");
        check("chicago/77", &with("\"id\"", "\"ID\""), "id");
        check("chicago/77", &with("2017-03-12T02:30:00", "2017-02-30T02:30:00"), "2017-02-30");
        check("chicago/77", &with("2017-03", "2117-03"), "future");
        check("chicago/77", &with("2017-03", "1817-03"), "1900");
        check("chicago/77", &with("41.9", "141.9"), "latitude");
        check("chicago/77", &with("\"latitude\":41.9,", ""), "both or neither");
        check("chicago/77", &with("district", "diocese"), "diocese");
        check("chicago/77", &with("\"id\"", "\"content_hash\":\"+00000000000000f\",\"id\""), "content_hash");
        check("chicago/77", &with("\"id\"", "\"content_hash\":\"f\",\"id\""), "content_hash");
        check("chicago/77", &with("burglary", &"A".repeat(20_000)), "20000 bytes");
        check("chicago/77", &with("burglary", &"A".repeat(300_000)), "262144");
        check("chicago/78", VALUE, "`chicago/77`");
        check("77", VALUE, "`chicago/77`");
        let mut parser = MessageParser::new(profile(), 0, 1);
        assert_eq!(parser.push(Some(b"chicago/77"), None, NOW), Err(Reason::NoValue));
        assert_eq!(parser.push(Some(b"chicago/77"), Some(&[0xff, 0xfe]), NOW), Err(Reason::NotUtf8));
        assert!(parser.push(None, Some(VALUE.as_bytes()), NOW).is_err());
        let right = partition_of(b"chicago/77", 4);
        let mut wrong = MessageParser::new(profile(), (right + 1) % 4, 4);
        let reason = wrong.push(Some(b"chicago/77"), Some(VALUE.as_bytes()), NOW).unwrap_err();
        assert_eq!(reason, Reason::OtherPartition { expected: right, found: (right + 1) % 4 });
        assert_eq!(parser.finish().unwrap().num_rows(), 0);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            id in "[a-zA-Z0-9\"\\\\é-]{1,12}",
            texts in prop::collection::vec(".{0,20}", 9),
            (occurred, updated, observed) in (0_i64..1_600_000_000_000_000, prop::option::of(0_i64..1_600_000_000_000_000), 0_i64..1_600_000_000_000_000),
            (arrest, domestic, deleted) in (any::<Option<bool>>(), any::<Option<bool>>(), any::<bool>()),
            position in prop::option::of((-90.0_f64..90.0, -180.0_f64..180.0)),
        ) {
            let profile = profile();
            let mut parser = Parser::new(Arc::clone(&profile), 1);
            let columns = [
                WordColumn::Category, WordColumn::CategoryPublished, WordColumn::Description, WordColumn::Place, WordColumn::Code,
                WordColumn::Layer(0), WordColumn::Layer(1), WordColumn::Layer(2), WordColumn::Layer(3),
            ];
            let words: Vec<Word> = columns.into_iter().zip(&texts).map(|(column, text)| parser.word(column, text)).collect();
            let row = TypedRow {
                id: &id, case_number: "a \"b\" \u{1}", occurred_at: CivilMicros(occurred), updated_at: updated.map(CivilMicros),
                words: &words, block: "é\\", arrest, domestic, position,
            };
            parser.push_typed(&row, &Observation { observed_at: UtcMicros(observed), deleted, id: None }, NOW).unwrap();
            let (_, written) = parser.finish().unwrap().remove(0);
            let mut value = Vec::new();
            IncidentBatch::try_new(&written).unwrap().write_message(0, &mut value).unwrap();
            let mut reader = MessageParser::new(profile, 0, 1);
            let key = format!("chicago/{id}");
            reader.push(Some(key.as_bytes()), Some(&value), NOW).unwrap();
            let read = reader.finish().unwrap();
            let rows = [&written, &read].map(|batch| IncidentBatch::try_new(batch).unwrap().incident(0));
            prop_assert_eq!(&rows[0], &rows[1]);
            let json: serde_json::Value = serde_json::from_slice(&value).unwrap();
            prop_assert_eq!(json["id"].as_str(), Some(rows[0].id.as_str()));
            // The API's 18 members, and the hash, which is nobody's business but ours.
            prop_assert_eq!(json.as_object().unwrap().len(), 18 + 1);
        }

        #[test]
        fn never_panics(value in prop::collection::vec(any::<u8>(), 0..200), key in prop::option::of(prop::collection::vec(any::<u8>(), 0..20))) {
            let mut parser = MessageParser::new(profile(), 0, 3);
            let _refused = parser.push(key.as_deref(), Some(&value), NOW);
        }
    }

    #[test]
    fn a_source_row_keeps_its_hash() {
        let profile = profile();
        let names = ["id", "date", "primary_type", "community_area", "latitude", "longitude"];
        let fields = ["9", "07/19/2017 01:45:00 PM", "CRIM SEXUAL ASSAULT", "14.0", "41.965693651", "-87.715726125"];
        let mut parser = Parser::new(Arc::clone(&profile), 1);
        parser.set_header(Header::resolve(&profile, &names).unwrap());
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for field in fields {
            bytes.extend_from_slice(field.as_bytes());
            ends.push(bytes.len());
        }
        let observation = Observation { observed_at: UtcMicros(7), deleted: false, id: None };
        parser.push(&Row::new(&bytes, &ends), &observation, NOW).unwrap();
        let (_, written) = parser.finish().unwrap().remove(0);
        let mut value = Vec::new();
        IncidentBatch::try_new(&written).unwrap().write_message(0, &mut value).unwrap();
        let mut reader = MessageParser::new(profile, 0, 1);
        reader.push(Some(b"chicago/9"), Some(&value), NOW).unwrap();
        assert_eq!(reader.finish().unwrap(), written);
    }
}
