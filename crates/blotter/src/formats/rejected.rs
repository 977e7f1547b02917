//! Topic `rejected`: the key is the record's position, the value says why, and has its bytes as text, or in base64.

use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use base64::{Engine, engine::general_purpose::STANDARD};
use blotter_city::{format_utc, parse_instant};
use blotter_incident::{Rejected, rejected_batch, rejected_rows, rejected_schema};
use blotter_log::{DecodedMessage, Decoder, Encode, Message, TopicFormat};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Rows of one batch.
const MOST_ROWS: usize = 4096;

pub(super) struct Rejections;

/// A rejected record, as it is written for people and programs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Value<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) reason: Cow<'a, str>,
    pub(crate) observed_at: String,
    /// The bytes where they are UTF-8.
    pub(crate) text: Option<Cow<'a, str>>,
    /// The bytes where they are not.
    pub(crate) base64: Option<String>,
}

impl<'a> From<&'a Rejected> for Value<'a> {
    fn from(rejected: &'a Rejected) -> Self {
        let text = std::str::from_utf8(&rejected.bytes);
        Self {
            key: Cow::Borrowed(&rejected.key),
            reason: Cow::Borrowed(&rejected.reason),
            observed_at: format_utc(rejected.observed_at),
            base64: text.is_err().then(|| STANDARD.encode(&rejected.bytes)),
            text: text.ok().map(Cow::Borrowed),
        }
    }
}

impl Value<'_> {
    fn read(value: &[u8]) -> Result<Rejected, String> {
        let value: Value<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        let observed_at = parse_instant(&value.observed_at).ok_or("`observed_at` is not a time")?;
        let bytes = match (value.text, value.base64) {
            (Some(text), None) => text.into_owned().into_bytes(),
            (None, Some(coded)) => STANDARD.decode(coded).map_err(|error| format!("`base64`: {error}"))?,
            _ => return Err("`text` or `base64`, and not both".to_owned()),
        };
        Ok(Rejected { key: value.key.into_owned(), reason: value.reason.into_owned(), bytes, observed_at })
    }
}

impl TopicFormat for Rejections {
    fn schema(&self) -> SchemaRef {
        rejected_schema()
    }

    fn encode(&self, _: u32, records: &RecordBatch, message: &mut Encode<'_, ArrowError>) -> Result<(), ArrowError> {
        for row in rejected_rows(records)? {
            let value =
                serde_json::to_vec(&Value::from(&row)).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
            message(row.key.as_bytes(), &value)?;
        }
        Ok(())
    }

    fn decoder(&self, _: u32) -> Box<dyn Decoder> {
        Box::new(RejectedReader(Vec::new()))
    }
}

struct RejectedReader(Vec<Rejected>);

impl Decoder for RejectedReader {
    fn push(&mut self, message: &Message<'_>) -> DecodedMessage {
        match Value::read(message.value.unwrap_or_default()) {
            Ok(rejected) => {
                self.0.push(rejected);
                DecodedMessage::Record
            }
            Err(why) => DecodedMessage::Invalid(why),
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= MOST_ROWS
    }

    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        rejected_batch(&std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_city::UtcMicros;

    #[test]
    fn what_was_written_is_read() {
        let row = |bytes: &[u8]| Rejected {
            key: "f.csv:row \"3\"".into(),
            reason: "no id".into(),
            bytes: bytes.to_vec(),
            observed_at: UtcMicros(1_500_000_000_000_123),
        };
        let rows = [row(b"a,\"b\",\n"), row(&[0, 255, b',']), row(b"")];
        let mut reading = Rejections.decoder(0);
        let mut write = |key: &[u8], value: &[u8]| {
            assert_eq!(key, b"f.csv:row \"3\"");
            let message = Message { key: Some(key), value: Some(value), appended_at_ms: 0 };
            assert_eq!(reading.push(&message), DecodedMessage::Record);
            Ok(())
        };
        Rejections.encode(0, &rejected_batch(&rows).unwrap(), &mut write).unwrap();
        let other = Message { key: None, value: Some(b"{}"), appended_at_ms: 0 };
        assert!(matches!(reading.push(&other), DecodedMessage::Invalid(_)));
        assert_eq!(rejected_rows(&reading.finish().unwrap()).unwrap(), rows);
    }
}
