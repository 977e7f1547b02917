//! Topic `incidents`: key `city/id`, value the incident in JSON.

use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use blotter_city::{Profile, UtcMicros};
use blotter_incident::{IncidentBatch, MessageParser, incident_schema};
use blotter_log::{DecodedMessage, Decoder, Encode, Message, TopicFormat};
use std::sync::Arc;

pub(super) struct Incidents {
    pub(super) profile: Arc<Profile>,
    pub(super) partitions: u32,
}

impl TopicFormat for Incidents {
    fn schema(&self) -> SchemaRef {
        incident_schema(&self.profile)
    }

    fn encode(&self, _: u32, records: &RecordBatch, message: &mut Encode<'_, ArrowError>) -> Result<(), ArrowError> {
        let incidents = IncidentBatch::try_new(records)?;
        let mut key = format!("{}/", self.profile.slug).into_bytes();
        let prefix = key.len();
        let mut value = Vec::with_capacity(1024);
        for row in 0..incidents.len {
            key.truncate(prefix);
            key.extend_from_slice(incidents.id.value(row).as_bytes());
            value.clear();
            incidents.write_message(row, &mut value)?;
            message(&key, &value)?;
        }
        Ok(())
    }

    fn decoder(&self, partition: u32) -> Box<dyn Decoder> {
        Box::new(IncidentsReader(MessageParser::new(Arc::clone(&self.profile), partition, self.partitions)))
    }
}

struct IncidentsReader(MessageParser);

impl Decoder for IncidentsReader {
    fn push(&mut self, message: &Message<'_>) -> DecodedMessage {
        match self.0.push(message.key, message.value, UtcMicros(message.appended_at_ms * 1000)) {
            Ok(()) => DecodedMessage::Record,
            Err(reason) => DecodedMessage::Invalid(reason.to_string()),
        }
    }

    fn is_full(&self) -> bool {
        self.0.is_full()
    }

    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.0.finish()
    }
}
