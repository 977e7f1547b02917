//! How the records of a topic look on a log that keeps them one by one, each with a key and a value: columns here,
//! messages there. What a record means is the format's affair; the log's is where it lies.

use crate::{GroupOffset, Offset, Topic};
use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use std::{collections::BTreeMap, sync::Arc};

/// One message as it lies on the topic.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// When it was appended, in milliseconds since 1970.
    pub appended_at_ms: i64,
}

/// Takes one encoded record: key and value.
pub type Encode<'a, E> = dyn FnMut(&[u8], &[u8]) -> Result<(), E> + 'a;

/// The messages of one topic.
pub trait TopicFormat: Send + Sync {
    /// The columns that [`Decoder::finish`] gives.
    fn schema(&self) -> SchemaRef;

    /// Says the key and the value of each row, in order. Stops at the first error that `message` answers.
    ///
    /// # Errors
    /// Columns that are none of this topic; else what `message` answered.
    fn encode(
        &self,
        partition: u32,
        records: &RecordBatch,
        message: &mut Encode<'_, ArrowError>,
    ) -> Result<(), ArrowError>;

    /// A decoder of one partition's messages.
    fn decoder(&self, partition: u32) -> Box<dyn Decoder>;

    /// A message that says in the topic itself how far a group has come, for readers that see no committed offsets;
    /// it lies in the partition of the same number and is [`DecodedMessage::Mark`] to a decoder.
    fn mark(&self, _commit: &GroupOffset) -> Option<(Vec<u8>, Vec<u8>)> {
        None
    }
}

/// The format of each topic's messages.
pub type Formats = BTreeMap<Topic, Arc<dyn TopicFormat>>;

/// What a message was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodedMessage {
    /// A record; it is the next row.
    Record,
    /// No record, and meant to be none: how far a group had come with the records before it, where it can be read.
    Mark(Option<Offset>),
    /// No record: a sentence that says why.
    Invalid(String),
}

/// Turns messages into columns.
pub trait Decoder: Send {
    /// Takes one message.
    fn push(&mut self, message: &Message<'_>) -> DecodedMessage;

    /// Whether no further row fits into a batch.
    fn is_full(&self) -> bool;

    /// The rows since the last call.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError>;
}
