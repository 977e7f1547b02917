//! The schemas that batches point to. There is one a topic, and another when a version adds a column.
//!
//! A schema is durable before the first batch that needs it.

use crate::{
    LogError, codec,
    embedded::{
        partition::Slot,
        store::{Tables, corrupt, header_of, schema_key},
        tail::Batch,
    },
};
use arrow::{
    datatypes::{Schema, SchemaRef},
    error::ArrowError,
    ipc::{reader::StreamReader, writer::StreamWriter},
};
use std::sync::{Arc, PoisonError, RwLock};
use xxhash_rust::xxh3::xxh3_64;

/// All of them; a schema's place is its number.
#[derive(Debug)]
pub(super) struct Schemas {
    known: RwLock<Vec<SchemaRef>>,
}

impl Schemas {
    pub(super) fn load(store: &Tables) -> Result<Self, LogError> {
        let mut known = Vec::new();
        while let Some(bytes) = store.meta.get(schema_key(known.len() as u16))? {
            let schema = decode(&bytes).map_err(|reason| LogError::Damaged {
                dir: store.meta.path().to_owned(),
                reason: format!("schema {}: {reason}", known.len()),
            })?;
            known.push(schema);
        }
        Ok(Self { known: RwLock::new(known) })
    }

    /// What the store holds, after it was opened again.
    pub(super) fn reload(&self, store: &Tables) -> Result<(), LogError> {
        let found = Self::load(store)?.known.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// The number of a schema, which is stored if it is new.
    pub(super) fn number(&self, schema: &SchemaRef, store: &Tables) -> Result<u16, LogError> {
        let find = |known: &[SchemaRef]| known.iter().position(|other| Arc::ptr_eq(other, schema) || other == schema);
        if let Some(number) = find(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(number as u16);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = find(&known) {
            return Ok(number as u16);
        }
        let number = u16::try_from(known.len())
            .ok()
            .filter(|number| *number < u16::MAX)
            .ok_or_else(|| LogError::Poisoned { cause: "it has as many schemas as it can number".to_owned() })?;
        let mut batch = store.batch();
        batch.insert(
            &store.meta,
            schema_key(number),
            encode(schema).map_err(|error| LogError::Poisoned { cause: error.to_string() })?,
        );
        batch.commit().map_err(|error| LogError::Poisoned { cause: format!("{error:?}") })?;
        known.push(schema.clone());
        Ok(number)
    }

    /// A stored batch that covers offsets from `covered` on, and the number of its schema.
    pub(super) fn decode(&self, slot: Slot, covered: u64, value: &[u8]) -> Result<(Batch, u16), LogError> {
        let header = header_of(slot, covered, value)?;
        let damaged = |reason| corrupt(slot, covered, reason);
        let schema = self
            .get(header.schema)
            .ok_or_else(|| damaged(format!("it has schema {}, which is unknown", header.schema)))?;
        let records = codec::decode(value, &schema).map_err(damaged)?;
        let packed = codec::packed(value).map_err(damaged)?;
        let base = covered
            .checked_add(packed.skipped)
            .ok_or_else(|| damaged("it skips more offsets than there are".to_owned()))?;
        let batch =
            Batch { base, records: Arc::new(records), appended_at_ms: packed.newest_ms, appended: packed.appended };
        Ok((batch, header.schema))
    }

    pub(super) fn get(&self, number: u16) -> Option<SchemaRef> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(usize::from(number)).cloned()
    }
}

fn encode(schema: &Schema) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = vec![0; 8];
    StreamWriter::try_new(&mut bytes, schema)?.finish()?;
    let checksum = xxh3_64(&bytes[8..]);
    bytes[..8].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<SchemaRef, String> {
    let (checksum, stream) = bytes.split_first_chunk().ok_or("it ends early")?;
    if u64::from_le_bytes(*checksum) != xxh3_64(stream) {
        return Err("its checksum does not match".to_owned());
    }
    StreamReader::try_new(stream, None).map(|reader| reader.schema()).map_err(|error| error.to_string())
}
