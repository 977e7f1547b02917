//! Topic `peaks`: the key is the tick's end, and behind a slash the id of its first alert if it has one; the value is
//! what was published of it in JSON, as it stands. Compaction therefore keeps the last tick of each hour, and every tick
//! with an alert.

use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use blotter_city::{format_utc, parse_instant};
use blotter_log::{DecodedMessage, Decoder, Encode, Message, TopicFormat};
use blotter_peak::{PublishedTick, TickRecord, begin_of, hour_of, said_batch, said_rows, said_schema};
use serde::Deserialize;

/// Rows of one batch.
const MOST_ROWS: usize = 256;

pub(super) struct PeaksFormat;

impl TopicFormat for PeaksFormat {
    fn schema(&self) -> SchemaRef {
        said_schema()
    }

    fn encode(&self, _: u32, records: &RecordBatch, message: &mut Encode<'_, ArrowError>) -> Result<(), ArrowError> {
        for row in said_rows(records)? {
            message(key(&row).as_bytes(), row.json.as_bytes())?;
        }
        Ok(())
    }

    fn decoder(&self, _: u32) -> Box<dyn Decoder> {
        Box::new(PeaksReader(Vec::new()))
    }
}

fn key(row: &TickRecord) -> String {
    #[derive(Deserialize)]
    struct Alerts {
        #[serde(default)]
        alerts: Vec<Id>,
    }
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let at = format_utc(begin_of(row.at));
    let alerts = serde_json::from_str::<Alerts>(&row.json).map(|tick| tick.alerts).unwrap_or_default();
    alerts.first().map_or_else(|| at.clone(), |alert| format!("{at}/{}", alert.id))
}

struct PeaksReader(Vec<TickRecord>);

impl PeaksReader {
    fn read(message: &Message<'_>) -> Result<TickRecord, String> {
        let key = message.key.and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default();
        let end = key.split('/').next().unwrap_or_default();
        let at = parse_instant(end).map(hour_of).filter(|at| format_utc(begin_of(*at)) == end);
        let at = at.ok_or("the key is not a full hour in UTC")?;
        let json = std::str::from_utf8(message.value.unwrap_or_default()).map_err(|error| error.to_string())?;
        serde_json::from_str::<PublishedTick>(json).map_err(|error| error.to_string())?;
        Ok(TickRecord { at, json: json.to_owned() })
    }
}

impl Decoder for PeaksReader {
    fn push(&mut self, message: &Message<'_>) -> DecodedMessage {
        match Self::read(message) {
            Ok(said) => {
                self.0.push(said);
                DecodedMessage::Record
            }
            Err(why) => DecodedMessage::Invalid(why),
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= MOST_ROWS
    }

    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        said_batch(&std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let json = r#"{"at":null,"layer":"l","tests":0,"reporting_lag":"none","next_offsets":{"0":7},"windows":[]}"#;
        let rows = [TickRecord { at: 412_345, json: json.to_owned() }, TickRecord { at: -1, json: json.to_owned() }];
        let mut reading = PeaksFormat.decoder(0);
        let mut keys = Vec::new();
        let mut write = |key: &[u8], value: &[u8]| {
            keys.push(String::from_utf8(key.to_vec()).unwrap());
            let message = Message { key: Some(key), value: Some(value), appended_at_ms: 0 };
            assert_eq!(reading.push(&message), DecodedMessage::Record);
            Ok(())
        };
        PeaksFormat.encode(0, &said_batch(&rows).unwrap(), &mut write).unwrap();
        assert_eq!(said_rows(&reading.finish().unwrap()).unwrap(), rows);
        assert_eq!(keys, ["2017-01-15T01:00:00Z", "1969-12-31T23:00:00Z"]);
        for (key, value) in [("2017-01-15T01:00:01Z", json), ("", json), ("2017-01-15T01:00:00Z", "{}")] {
            let message = Message { key: Some(key.as_bytes()), value: Some(value.as_bytes()), appended_at_ms: 0 };
            assert!(matches!(reading.push(&message), DecodedMessage::Invalid(_)), "{key}");
        }
    }
}
