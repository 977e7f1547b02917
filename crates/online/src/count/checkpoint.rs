//! The state of one partition in the store, in increments.
//!
//! `<log id>/<partition>/manifest.json` names the offset that the state reflects and the segments
//! that make it up, in order, each with its checksum; it is sealed and written last. A segment is a zstd-compressed Arrow
//! stream of one batch: for each incident that changed its id, winning revision, hour, area and category (missing
//! where it is deleted). A new segment takes in those before it that are not much larger, so that there are few and an
//! incident is rewritten a few times at most; when half of what the segments hold is out of date, all are written anew.
//!
//! A store that cannot be read now is an error: the role is run again. Only a checkpoint whose bytes are not those that were
//! written is left aside, with a warning that names the object; then everything is counted again from the log.
//!
//! On a shared log a member that has lost its partition may not know it yet: the manifest is only replaced as it was read,
//! and a segment's name is used once.

use super::{
    CountError,
    partition::{CheckpointRow, PartitionCounts},
    slot::{DELETED, Slot},
};
use arrow::{
    array::{
        Array, AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, StringBuilder, UInt16Array,
    },
    datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, UInt16Type},
    error::ArrowError,
    ipc::{reader::StreamReader, writer::StreamWriter},
};
use blotter_city::{CivilMicros, UtcMicros};
use blotter_incident::Revision;
use blotter_log::Offset;
use blotter_seal::{Seal, seal_of, to_sealed_json};
use blotter_store::{Checkpoints, ObjectVersion, StoreError};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// Format 1 had no checksums.
const FORMAT: u32 = 2;
/// Incidents of one segment: bounds the memory that writing one takes.
const SEGMENT_ROWS: usize = 1 << 17;
/// A segment of up to so many times as many incidents as the new one is taken into it.
const TAKEN_IN: usize = 2;

/// Of a manifest of any format.
#[derive(Debug, Deserialize)]
struct ManifestVersion {
    format: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct CheckpointManifest {
    format: u32,
    /// The layer that was counted by.
    layer: String,
    next_offset: Offset,
    segments: Vec<StateObject>,
}

/// One object of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StateObject {
    name: String,
    checksum: String,
}

/// Why a checkpoint that is there is not used.
enum Unusable {
    /// The store, or the role: trying again may help.
    Failed(CountError),
    /// An object's bytes are not those that were written.
    Damaged { object: String, why: String },
    /// It is sound, and of no use to this counter.
    Other(String),
}

impl From<CountError> for Unusable {
    fn from(error: CountError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Unusable {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A segment, and the numbers in the identity of the incidents that it holds.
#[derive(Clone, Debug)]
struct Segment {
    named: StateObject,
    rows: Rows,
}

/// Numbers in ascending order.
#[derive(Clone, Debug)]
enum Rows {
    From(u32, u32),
    Some(Vec<u32>),
}

impl Rows {
    fn new(rows: Vec<u32>) -> Self {
        match (rows.first(), rows.last()) {
            (Some(first), Some(last)) if (last - first) as usize + 1 == rows.len() => Self::From(*first, last + 1),
            _ => Self::Some(rows),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::From(first, end) => (end - first) as usize,
            Self::Some(rows) => rows.len(),
        }
    }

    fn add_to(&self, all: &mut Vec<u32>) {
        match self {
            Self::From(first, end) => all.extend(*first..*end),
            Self::Some(rows) => all.extend(rows),
        }
    }
}

/// The checkpoint of one partition.
pub(super) struct Checkpoint {
    store: Checkpoints,
    prefix: String,
    layer: String,
    segments: Vec<Segment>,
    /// The manifest that [`Checkpoint::restore`] found, or that this one has put.
    read: Option<ObjectVersion>,
}

impl Checkpoint {
    pub(super) fn new(store: Checkpoints, log_id: &str, partition: u32, layer: &str) -> Self {
        Self {
            store,
            prefix: format!("{log_id}/{partition}"),
            layer: layer.to_owned(),
            segments: Vec::new(),
            read: None,
        }
    }

    fn manifest_name(&self) -> String {
        format!("{}/manifest.json", self.prefix)
    }

    /// Fills empty counts from the store; says up to which offset.
    ///
    /// # Errors
    /// The store's, which says nothing of whether there is a checkpoint.
    pub(super) fn restore(&mut self, counts: &mut PartitionCounts) -> Result<Offset, CountError> {
        let (bytes, version) = self.store.get_versioned(&self.manifest_name())?;
        self.read = Some(version);
        let Some(bytes) = bytes else { return Ok(Offset(0)) };
        match self.read(&bytes, counts) {
            Ok(offset) => {
                counts.discard_changes();
                counts.mark_saved();
                return Ok(offset);
            }
            Err(Unusable::Failed(error)) => return Err(error),
            Err(Unusable::Damaged { object, why }) => {
                let object = self.store.shown(&object);
                tracing::warn!(
                    object,
                    why,
                    "the checkpoint of count is damaged; counting again from the log's beginning"
                );
            }
            Err(Unusable::Other(why)) => {
                tracing::warn!(checkpoint = self.prefix, why, "counting again from the log's beginning");
            }
        }
        self.forget(counts);
        Ok(Offset(0))
    }

    /// Begins anew: the next save writes everything.
    pub(super) fn forget(&mut self, counts: &mut PartitionCounts) {
        *counts = counts.emptied();
        self.segments.clear();
    }

    fn read(&mut self, manifest: &[u8], counts: &mut PartitionCounts) -> Result<Offset, Unusable> {
        let damaged = |object: &str, why: String| Unusable::Damaged { object: object.to_owned(), why };
        let name = self.manifest_name();
        if seal_of(manifest) == Seal::Broken {
            return Err(damaged(&name, "its checksum does not match".to_owned()));
        }
        let ManifestVersion { format } =
            serde_json::from_slice(manifest).map_err(|error| damaged(&name, error.to_string()))?;
        if format != FORMAT {
            return Err(Unusable::Other(format!(
                "the checkpoint has format {format}, and this version reads {FORMAT}"
            )));
        }
        if seal_of(manifest) != Seal::Sound {
            return Err(damaged(&name, "its checksum is missing".to_owned()));
        }
        let manifest: CheckpointManifest =
            serde_json::from_slice(manifest).map_err(|error| damaged(&name, error.to_string()))?;
        if manifest.layer != self.layer {
            return Err(Unusable::Other(format!(
                "areas were counted by {}, and now by {}",
                manifest.layer, self.layer
            )));
        }
        for named in manifest.segments {
            let StateObject { name, checksum } = &named;
            let bytes = self.store.get(name)?.ok_or_else(|| damaged(name, "it is missing".to_owned()))?;
            let found = blotter_seal::checksum(&bytes);
            if found != *checksum {
                return Err(damaged(name, format!("checksum {found} where the manifest says {checksum}")));
            }
            let mut rows = restore_segment(&bytes, counts)?;
            rows.sort_unstable();
            rows.dedup();
            self.segments.push(Segment { named, rows: Rows::new(rows) });
        }
        Ok(manifest.next_offset)
    }

    /// Makes the state as of `next_offset` durable.
    pub(super) fn save(&mut self, counts: &mut PartitionCounts, next_offset: Offset) -> Result<(), CountError> {
        let (kept, rows) = self.rows_to_write(counts);
        let mut segments = self.segments[..kept].to_vec();
        for rows in rows.chunks(SEGMENT_ROWS) {
            let name = format!("{}/{}.segment", self.prefix, Uuid::new_v4());
            let bytes = segment(counts, rows)?;
            let checksum = blotter_seal::checksum(&bytes);
            self.store.put(&name, bytes)?;
            segments.push(Segment { named: StateObject { name, checksum }, rows: Rows::new(rows.to_vec()) });
        }
        let named = segments.iter().map(|segment| segment.named.clone()).collect();
        let manifest = CheckpointManifest { format: FORMAT, layer: self.layer.clone(), next_offset, segments: named };
        let bytes = to_sealed_json(&manifest);
        let read = match self.read.take() {
            Some(read) => read,
            None => self.store.get_versioned(&self.manifest_name())?.1,
        };
        match self.store.replace(&self.manifest_name(), bytes, read) {
            Ok(version) => self.read = Some(version),
            Err(error) => {
                // Nothing names the new segments; where deleting them fails too, they only take room.
                for segment in &segments[kept..] {
                    let _left = self.store.delete(&segment.named.name);
                }
                return Err(error.into());
            }
        }
        counts.mark_saved();
        let before = std::mem::replace(&mut self.segments, segments);
        for segment in &before[kept..] {
            self.store.delete(&segment.named.name)?;
        }
        Ok(())
    }

    /// How many segments stay, and the incidents that the new ones hold.
    fn rows_to_write(&self, counts: &PartitionCounts) -> (usize, Vec<u32>) {
        let mut rows = counts.to_save(false);
        let held: usize = self.segments.iter().map(|segment| segment.rows.len()).sum();
        if self.segments.is_empty() || held + rows.len() > 2 * counts.incidents() + SEGMENT_ROWS {
            return (0, counts.to_save(true));
        }
        let mut kept = self.segments.len();
        while let Some(segment) = self.segments[..kept].last()
            && segment.rows.len() <= TAKEN_IN * rows.len()
        {
            segment.rows.add_to(&mut rows);
            rows.sort_unstable();
            rows.dedup();
            kept -= 1;
        }
        (kept, rows)
    }
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let word = || DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("updated_at", DataType::Int64, true),
        Field::new("observed_at", DataType::Int64, false),
        Field::new("content_hash", DataType::Int64, false),
        Field::new("hour", DataType::Int32, false),
        Field::new("area", word(), false),
        Field::new("category", word(), true),
    ]))
});

fn segment(counts: &PartitionCounts, rows: &[u32]) -> Result<Vec<u8>, CountError> {
    let mut ids = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
    let saved: Vec<(Revision, Slot)> = rows
        .iter()
        .map(|row| {
            let saved = counts.saved(*row);
            ids.append_value(&saved.id);
            (saved.revision, saved.slot)
        })
        .collect();
    let (areas, categories) = counts.vocabularies();
    let word = |keys: UInt16Array, words: &[String]| {
        DictionaryArray::try_new(keys, Arc::new(StringArray::from_iter_values(words)))
    };
    let batch = RecordBatch::try_new(
        Arc::clone(&SCHEMA),
        vec![
            Arc::new(ids.finish()),
            Arc::new(saved.iter().map(|(revision, _)| revision.updated_at.map(|at| at.0)).collect::<Int64Array>()),
            Arc::new(Int64Array::from_iter_values(saved.iter().map(|(revision, _)| revision.observed_at.0))),
            Arc::new(Int64Array::from_iter_values(saved.iter().map(|(revision, _)| revision.content_hash))),
            Arc::new(Int32Array::from_iter_values(saved.iter().map(|(_, slot)| slot.hour))),
            Arc::new(word(UInt16Array::from_iter_values(saved.iter().map(|(_, slot)| slot.area)), areas.words())?),
            Arc::new(word(
                saved.iter().map(|(_, slot)| (slot.category != DELETED).then_some(slot.category)).collect(),
                categories.words(),
            )?),
        ],
    )?;
    let compressor = zstd::Encoder::new(Vec::new(), 1).map_err(ArrowError::from)?;
    let mut writer = StreamWriter::try_new(compressor, &SCHEMA)?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?.finish().map_err(ArrowError::from)?)
}

/// The numbers in the identity of the incidents that it held and that were not known in a newer revision.
fn restore_segment(bytes: &[u8], counts: &mut PartitionCounts) -> Result<Vec<u32>, CountError> {
    let mut restored = Vec::new();
    let reader = StreamReader::try_new(zstd::Decoder::new(bytes).map_err(ArrowError::from)?, None)?;
    for batch in reader {
        let batch = batch?;
        if batch.schema_ref().fields() != SCHEMA.fields() {
            return Err(ArrowError::SchemaError("not a segment of counts".into()).into());
        }
        let ids = batch.column(0).as_string::<i32>();
        let updated = batch.column(1).as_primitive::<Int64Type>();
        let observed = batch.column(2).as_primitive::<Int64Type>();
        let hashes = batch.column(3).as_primitive::<Int64Type>();
        let hours = batch.column(4).as_primitive::<Int32Type>();
        let areas = batch.column(5).as_dictionary::<UInt16Type>();
        let categories = batch.column(6).as_dictionary::<UInt16Type>();
        let (known_areas, known_categories) = counts.vocabularies_mut();
        let area_codes: Vec<u16> =
            words(areas).map(|word| known_areas.code(word, "areas")).collect::<Result<_, _>>()?;
        let category_codes: Vec<u16> =
            words(categories).map(|word| known_categories.code(word, "categories")).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let keys = categories.keys();
            let row = counts.restore(&CheckpointRow {
                id: ids.value(row).to_owned(),
                revision: Revision {
                    updated_at: updated.is_valid(row).then(|| CivilMicros(updated.value(row))),
                    observed_at: UtcMicros(observed.value(row)),
                    content_hash: hashes.value(row),
                },
                slot: Slot {
                    hour: hours.value(row),
                    area: area_codes[usize::from(areas.keys().value(row))],
                    category: if keys.is_valid(row) { category_codes[usize::from(keys.value(row))] } else { DELETED },
                },
            });
            restored.extend(row);
        }
    }
    Ok(restored)
}

fn words(column: &DictionaryArray<UInt16Type>) -> impl Iterator<Item = &str> {
    let texts = column.values().as_string::<i32>();
    (0..texts.len()).map(|key| texts.value(key))
}
