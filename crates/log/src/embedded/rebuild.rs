//! Making a lost log again, from copies of its records: the same identity, and each record at the offset where it was.
//!
//! It is built beside its place and moved there when it is whole. A log that is there is kept under another name.

use crate::{
    AppendedRows, LogError, LogId, Offset, Topic,
    codec::{self, PackedExtension},
    embedded::{
        EmbeddedOptions,
        partition::{Partitions, Slot},
        schemas::Schemas,
        store::{StoreMemory, Tables, corrupt, position_key, record_key},
    },
};
use arrow::array::RecordBatch;
use std::path::{Path, PathBuf};

/// A log that is being made again.
pub struct Rebuild {
    dir: PathBuf,
    store: Tables,
    schemas: Schemas,
    partitions: Partitions,
    /// By slot, how far it is written.
    ends: Vec<u64>,
    /// By slot, the last record, and when it was appended.
    last: Vec<Option<(RecordBatch, i64)>>,
}

/// A record's place in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// Its offset.
    pub offset: u64,
    /// When it was appended, in milliseconds since 1970.
    pub appended_at_ms: i64,
}

impl Rebuild {
    /// Begins the log `id` of so many partitions in `dir`.
    ///
    /// # Errors
    /// [`LogError::Held`] while another process has the directory.
    pub fn begin(dir: &Path, id: LogId, partitions: u32, options: &EmbeddedOptions) -> Result<Self, LogError> {
        let memory =
            StoreMemory { block_cache_bytes: options.block_cache_bytes, memtable_bytes: options.memtable_bytes };
        let store = Tables::build(dir, id, options.owner.as_deref(), partitions, memory)?;
        let schemas = Schemas::load(&store)?;
        let partitions = Partitions::new(partitions);
        let slots = partitions.all().count();
        Ok(Self { dir: dir.to_owned(), store, schemas, partitions, ends: vec![0; slots], last: vec![None; slots] })
    }

    /// Puts records at their places, which ascend and lie behind all that were put before. Offsets between them hold nothing.
    pub fn put(
        &mut self,
        topic: Topic,
        partition: u32,
        records: &RecordBatch,
        places: &[RecordPlace],
    ) -> Result<(), LogError> {
        let slot = self.partitions.slot(topic, partition)?;
        assert_eq!(records.num_rows(), places.len(), "a place for each record");
        let mut first = 0;
        for stretch in places.chunk_by(|one, next| one.offset.checked_add(1) == Some(next.offset)) {
            self.put_stretch(slot, &records.slice(first, stretch.len()), stretch)?;
            first += stretch.len();
        }
        Ok(())
    }

    /// Records at offsets that follow each other.
    fn put_stretch(&mut self, slot: Slot, records: &RecordBatch, places: &[RecordPlace]) -> Result<(), LogError> {
        let Some(base) = places.first().map(|place| place.offset) else { return Ok(()) };
        let end = &mut self.ends[slot.index];
        let Some(skipped) = base.checked_sub(*end) else {
            return Err(corrupt(slot, base, format!("a record of that offset was put before: it goes on at {end}")));
        };
        let together = places.chunk_by(|one, next| one.appended_at_ms == next.appended_at_ms);
        let appended: Vec<AppendedRows> =
            together.map(|same| AppendedRows { rows: same.len() as u32, at_ms: same[0].appended_at_ms }).collect();
        let newest_ms = appended.iter().map(|stretch| stretch.at_ms).max().unwrap_or_default();
        let appended = if appended.len() > 1 { appended } else { Vec::new() };
        let schema = self.schemas.number(records.schema_ref(), &self.store)?;
        let bytes = codec::encode_packed(records, schema, &PackedExtension { skipped, newest_ms, appended })?;
        let mut batch = self.store.batch();
        batch.insert(&self.store.records, record_key(slot, *end), bytes);
        batch.commit().map_err(|error| LogError::Poisoned { cause: format!("{error:?}") })?;
        *end = base + places.len() as u64;
        let last = places.last().map(|place| (records.slice(places.len() - 1, 1), place.appended_at_ms));
        self.last[slot.index] = last;
        Ok(())
    }

    /// Lets a partition end at `next`. Where the last offsets hold nothing, the newest record is put again at the last one of
    /// them: a partition ends with a record, and a repeated revision changes nothing.
    pub fn end_at(&mut self, topic: Topic, partition: u32, next: u64) -> Result<(), LogError> {
        let slot = self.partitions.slot(topic, partition)?;
        let end = self.ends[slot.index];
        if end == next {
            return Ok(());
        }
        let offset = next.saturating_sub(1);
        match self.last[slot.index].clone() {
            Some((last, appended_at_ms)) if end < next => {
                self.put(topic, partition, &last, &[RecordPlace { offset, appended_at_ms }])
            }
            _ => Err(corrupt(slot, end, format!("the copies end here, not at {next}"))),
        }
    }

    /// Keeps positions, and puts the log in its place; where the one that was there is kept.
    pub fn finish(self, positions: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Option<PathBuf>, LogError> {
        let mut batch = self.store.batch();
        for (name, value) in positions {
            batch.insert(&self.store.meta, position_key(&name), value);
        }
        batch.commit().map_err(|error| LogError::Poisoned { cause: format!("{error:?}") })?;
        self.store.put_in_place(&self.dir)
    }

    /// Up to where a partition is written.
    pub fn end(&self, topic: Topic, partition: u32) -> Result<Offset, LogError> {
        Ok(Offset(self.ends[self.partitions.slot(topic, partition)?.index]))
    }
}
