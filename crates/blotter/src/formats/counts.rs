//! Topic `counts`: key `area/category/bucket/part`, percent-encoded; value the total in JSON. How far a part is counted
//! lies between them, under `progress/part`.

use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use blotter_city::{UtcMicros, format_utc, parse_instant};
use blotter_log::{DecodedMessage, Decoder, Encode, GroupOffset, Message, Offset, Topic, TopicFormat};
use blotter_online::count::{self, Vocabulary, counts_batch, counts_rows, counts_schema};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Rows of one batch.
const MOST_ROWS: usize = 16_384;

/// What stands for itself in a key: RFC 3986's unreserved characters, and the colon of a time.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

const HOUR_MICROS: i64 = 3_600_000_000;

pub(super) struct CountsFormat;

#[derive(Debug, Serialize, Deserialize)]
struct Value<'a> {
    /// The hour's beginning, UTC.
    bucket: Cow<'a, str>,
    #[serde(borrow)]
    area: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    part: u32,
    count: u32,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    next_offset: u64,
}

impl TopicFormat for CountsFormat {
    fn schema(&self) -> SchemaRef {
        counts_schema()
    }

    fn encode(
        &self,
        partition: u32,
        records: &RecordBatch,
        message: &mut Encode<'_, ArrowError>,
    ) -> Result<(), ArrowError> {
        for row in counts_rows(records)? {
            let bucket = format_utc(row.bucket);
            let key = key(&row.area, &row.category, &bucket, partition);
            let value = Value {
                bucket: bucket.into(),
                area: row.area.into(),
                category: row.category.into(),
                part: partition,
                count: row.count,
            };
            message(key.as_bytes(), &json(&value)?)?;
        }
        Ok(())
    }

    fn decoder(&self, partition: u32) -> Box<dyn Decoder> {
        Box::new(CountsReader { partition, ..CountsReader::default() })
    }

    fn mark(&self, commit: &GroupOffset) -> Option<(Vec<u8>, Vec<u8>)> {
        if commit.group != count::GROUP || commit.topic != Topic::Incidents {
            return None;
        }
        let value = json(&Progress { next_offset: commit.next.0 }).ok()?;
        Some((format!("progress/{}", commit.partition).into_bytes(), value))
    }
}

fn key(area: &str, category: &str, bucket: &str, part: u32) -> String {
    let encoded = |text| utf8_percent_encode(text, ENCODED);
    format!("{}/{}/{}/{part}", encoded(area), encoded(category), encoded(bucket))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, ArrowError> {
    serde_json::to_vec(value).map_err(|error| ArrowError::ExternalError(Box::new(error)))
}

#[derive(Default)]
struct CountsReader {
    partition: u32,
    areas: Vocabulary,
    categories: Vocabulary,
    rows: Vec<(i32, u16, u16, u32)>,
}

impl CountsReader {
    fn read(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let value: Value<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        let bucket = parse_instant(&value.bucket).filter(|at| at.0.rem_euclid(HOUR_MICROS) == 0);
        let UtcMicros(bucket) = bucket.ok_or("`bucket` is not a full hour")?;
        let hour = i32::try_from(bucket / HOUR_MICROS).map_err(|_| "`bucket` is out of range")?;
        if value.part != self.partition {
            return Err(format!("part {} does not lie in partition {}", value.part, self.partition));
        }
        if key != self::key(&value.area, &value.category, &format_utc(UtcMicros(bucket)), value.part).as_bytes() {
            return Err("the key is not area/category/bucket/part of the value".to_owned());
        }
        let area = self.areas.code(&value.area, "areas").map_err(|error| error.to_string())?;
        let category = self.categories.code(&value.category, "categories").map_err(|error| error.to_string())?;
        self.rows.push((hour, area, category, value.count));
        Ok(())
    }
}

impl Decoder for CountsReader {
    fn push(&mut self, message: &Message<'_>) -> DecodedMessage {
        let key = message.key.unwrap_or_default();
        if key.strip_prefix(b"progress/").is_some_and(|part| !part.contains(&b'/')) {
            let progress: Option<Progress> = message.value.and_then(|value| serde_json::from_slice(value).ok());
            return DecodedMessage::Mark(progress.map(|progress| Offset(progress.next_offset)));
        }
        match self.read(key, message.value.unwrap_or_default()) {
            Ok(()) => DecodedMessage::Record,
            Err(why) => DecodedMessage::Invalid(why),
        }
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= MOST_ROWS
    }

    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        counts_batch(
            rows.iter().map(|row| row.0).collect(),
            (rows.iter().map(|row| row.1).collect(), self.areas.words()),
            (rows.iter().map(|row| row.2).collect(), self.categories.words()),
            rows.iter().map(|row| row.3).collect(),
        )
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let words = |words: [&str; 2]| words.map(str::to_owned);
        let (areas, categories) = (words(["", "25/é"]), words(["THEFT", "OFFENSE, \"OTHER\""]));
        let batch =
            counts_batch(vec![-1, 412_345, 7], (vec![0, 1, 1], &areas), (vec![1, 0, 1], &categories), vec![0, 5, 7])
                .unwrap();
        let mut reading = CountsFormat.decoder(3);
        let mut keys = Vec::new();
        let mut write = |key: &[u8], value: &[u8]| {
            keys.push(String::from_utf8(key.to_vec()).unwrap());
            let message = Message { key: Some(key), value: Some(value), appended_at_ms: 0 };
            assert_eq!(reading.push(&message), DecodedMessage::Record);
            Ok(())
        };
        CountsFormat.encode(3, &batch, &mut write).unwrap();
        assert_eq!(counts_rows(&reading.finish().unwrap()).unwrap(), counts_rows(&batch).unwrap());
        assert_eq!(keys[1], "25%2F%C3%A9/THEFT/2017-01-15T01:00:00Z/3");
        assert!(keys[0].starts_with("/OFFENSE%2C%20%22OTHER%22/1969-12-31T23:00:00Z/"));
        let push = |key: &str, value: &str, reading: &mut Box<dyn Decoder>| {
            reading.push(&Message { key: Some(key.as_bytes()), value: Some(value.as_bytes()), appended_at_ms: 0 })
        };
        assert!(matches!(push(&keys[1], "{}", &mut reading), DecodedMessage::Invalid(_)));
        let commit = GroupOffset { group: "count".into(), topic: Topic::Incidents, partition: 3, next: Offset(9) };
        let (key, value) = CountsFormat.mark(&commit).unwrap();
        assert_eq!((key.as_slice(), value.as_slice()), (&b"progress/3"[..], &br#"{"next_offset":9}"#[..]));
        assert_eq!(push("progress/3", "{}", &mut reading), DecodedMessage::Mark(None));
        assert_eq!(push("progress/3", r#"{"next_offset":9}"#, &mut reading), DecodedMessage::Mark(Some(Offset(9))));
        assert_eq!(CountsFormat.mark(&GroupOffset { group: "detect".into(), ..commit }), None);
    }
}
