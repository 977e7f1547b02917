//! Housekeeping of a partition's batches, so that neither their number nor what they take grows with how long a log is fed.
//!
//! - **Packing.** At the live edge a batch holds a record or two and takes several times the bytes that they would take
//!   among others. Batches that follow each other become one. Records keep their offsets and the times at which they were
//!   appended.
//! - **Compaction** of a topic of latest values: of the records with one key only the newest stays, and moves up to the
//!   ones behind it. A batch *covers* the offsets from its key in the store to its last record; those before its first
//!   record hold nothing any more.
//!
//! A partition is packed when enough was appended since it was packed last, and compacted when what was appended since it
//! was compacted last takes half of what was left then: each record is rewritten a few times at most, however
//! long the log lives. Every batch that is written replaces others in one atomic write: a crash leaves either. The newest
//! batch of a partition is left alone, because the partition's end is its end.
//!
//! State, under `k` in the store: three u64, little-endian: everything before the first offset is packed,
//! everything before the second is compacted, and took so many bytes then.

use crate::{
    AppendedRows, Formats, LogError, TopicFormat,
    codec::{self, PackedExtension},
    embedded::{
        EmbeddedLog,
        partition::Slot,
        store::{Tables, base_of_key, corrupt, packed_key, record_key},
        tail::Batch,
    },
};
use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::{cast, concat_batches, filter_record_batch},
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
};
use hashbrown::HashMap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// Records whose keys one compaction looks at before the older ones: 24 bytes of memory each.
const MOST_KEYS: u64 = 2 << 20;
/// A first compaction of which less than one record in so many would go is not worth its writes.
const LEAST_SUPERSEDED: u64 = 5;
/// Rows of a packed batch.
const PACKED_ROWS: usize = 8192;
/// A batch of this size, or with records of this size, gains nothing by being packed.
const LARGE_BATCH_BYTES: usize = 64 << 10;
const LARGE_RECORD_BYTES: usize = 2 << 10;
/// Records whose times of appending differ by less are taken to have been appended together.
const SAME_TIME_MS: u64 = 1000;

/// When packing a partition pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackWhen {
    /// It is packed when so many batches were appended since,
    pub batches: u64,
    /// or so many bytes in at least `few_batches`.
    pub bytes: u64,
    /// See `bytes`.
    pub few_batches: u64,
    /// It is compacted when so many bytes were appended since, and half of what was left then.
    pub dirty_bytes: u64,
}

impl Default for PackWhen {
    fn default() -> Self {
        Self { batches: 1024, bytes: 1 << 20, few_batches: 32, dirty_bytes: 1 << 20 }
    }
}

impl PackWhen {
    /// Whenever there is something to pack.
    pub const ALWAYS: Self = Self { batches: 1, bytes: 0, few_batches: 0, dirty_bytes: 0 };
}

/// What packing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackingReport {
    /// Batches that were replaced.
    pub replaced: u64,
    /// Batches that replaced them.
    pub written: u64,
    /// Records that went, because a newer one has their key.
    pub superseded: u64,
}

/// What was appended to a partition since it was packed, and how far it is packed and compacted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Young {
    batches: u64,
    bytes: u64,
    packed: u64,
    compacted: u64,
    compacted_bytes: u64,
    /// What lies between the two.
    dirty_bytes: u64,
}

impl Young {
    /// As the store has it.
    pub(super) fn find(store: &Tables, slot: Slot) -> Result<Self, LogError> {
        let mut young = Self::default();
        if let Some(value) = store.meta.get(packed_key(slot))? {
            let number = |at: usize| {
                let bytes = value.get(at * 8..at * 8 + 8).and_then(|bytes| bytes.try_into().ok());
                bytes.map_or(0, u64::from_le_bytes)
            };
            (young.packed, young.compacted, young.compacted_bytes) = (number(0), number(1), number(2));
        }
        // There is never much of it: else it would have been packed.
        for guard in store.batches(slot, young.packed, u64::MAX) {
            young.add(guard.size()?.into());
        }
        young.dirty_bytes = young.find_dirty(store, slot)?;
        Ok(young)
    }

    /// What lies between what is compacted and what is packed.
    fn find_dirty(&self, store: &Tables, slot: Slot) -> Result<u64, LogError> {
        if slot.topic.is_compacted() { bytes_of(store, slot, self.compacted, self.packed) } else { Ok(0) }
    }

    /// A batch was appended.
    pub(super) fn add(&mut self, bytes: u64) {
        self.batches += 1;
        self.bytes += bytes;
    }

    fn wants_packing(&self, when: &PackWhen) -> bool {
        self.batches >= when.batches || (self.bytes >= when.bytes && self.batches >= when.few_batches)
    }

    fn wants_compaction(&self, when: &PackWhen) -> bool {
        self.dirty_bytes + self.bytes >= when.dirty_bytes.max(self.compacted_bytes / 2)
    }

    fn state(&self) -> [u8; 24] {
        let mut state = [0; 24];
        for (bytes, number) in state.chunks_exact_mut(8).zip([self.packed, self.compacted, self.compacted_bytes]) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        state
    }
}

/// The stretches of rows behind the first `skip` ones.
pub(super) fn after(appended: &[AppendedRows], skip: u64) -> Vec<AppendedRows> {
    let mut left = skip;
    let rest = appended.iter().filter_map(|stretch| {
        let gone = left.min(u64::from(stretch.rows));
        left -= gone;
        let rows = stretch.rows - gone as u32;
        (rows > 0).then_some(AppendedRows { rows, at_ms: stretch.at_ms })
    });
    rest.collect()
}

impl EmbeddedLog {
    /// Packs and compacts the partitions that want it; nobody else does it, so call it now and then, on a thread for which
    /// nobody waits. `formats` say the keys of the topics of latest values; a topic without one is packed only.
    pub fn pack(&self, formats: &Formats, when: &PackWhen) -> Result<PackingReport, LogError> {
        let _one_at_a_time = self.housekeeping();
        let mut done = PackingReport::default();
        for slot in self.partitions.all() {
            let known = self.live().young[slot.index];
            let young = match known {
                Some(young) => young,
                None => self.with_store(|store| Young::find(store, slot))?,
            };
            self.live().young[slot.index].get_or_insert(young);
            let format = formats.get(&slot.topic).filter(|_| slot.topic.is_compacted());
            let compacts = format.is_some() && young.wants_compaction(when);
            if compacts || young.wants_packing(when) {
                self.with_store(|store| {
                    let worked = Packing { log: self, store, slot, done: &mut done }.run(young, format, compacts);
                    worked.inspect_err(|error| self.poison_by(error))
                })?;
            }
        }
        Ok(done)
    }
}

/// One partition's.
struct Packing<'a> {
    log: &'a EmbeddedLog,
    store: &'a Tables,
    slot: Slot,
    done: &'a mut PackingReport,
}

impl Packing<'_> {
    fn run(mut self, young: Young, format: Option<&Arc<dyn TopicFormat>>, compacts: bool) -> Result<(), LogError> {
        let (store, slot) = (self.store, self.slot);
        let earliest = store.earliest(slot)?;
        let newest = store.batches(slot, earliest, u64::MAX).next_back().map(fjall::Guard::key).transpose()?;
        let Some(newest) = newest.map(|key| base_of_key(&key)) else { return Ok(()) };
        let dirty_from = if compacts { young.compacted } else { young.packed }.max(earliest);
        let mut end = newest;
        let mut pays = true;
        let latest = match format {
            None => None,
            Some(format) => {
                let (latest, seen, reached) = self.latest(format.as_ref(), dirty_from, newest)?;
                end = reached;
                // What was loaded at once and never compacted has large batches, and may have each key once.
                let superseded = seen - latest.len() as u64;
                pays = !compacts || young.compacted > 0 || superseded * LEAST_SUPERSEDED > seen;
                Some(Latest { format: format.as_ref(), by_key: latest })
            }
        };
        if end <= dirty_from {
            return Ok(());
        }
        if pays {
            self.rewrite(if compacts { earliest } else { dirty_from }, end, latest.as_ref())?;
        }
        let mut left = Young { packed: end.max(young.packed), ..young };
        if compacts {
            left.compacted = end;
            left.compacted_bytes = bytes_of(store, slot, earliest, end)?;
        }
        let mut batch = store.batch();
        batch.insert(&store.meta, packed_key(slot), left.state());
        batch.commit().map_err(poisoned)?;
        // What was appended meanwhile counts on.
        left.dirty_bytes = left.find_dirty(store, slot)?;
        let mut live = self.log.live();
        let now = live.young[slot.index].get_or_insert(young);
        let (batches, bytes) = if end == newest { (young.batches, young.bytes) } else { (0, 0) };
        (left.batches, left.bytes) = (now.batches - batches, now.bytes - bytes);
        *now = left;
        Ok(())
    }

    /// The last offset of each key from `from` on, how many records that were, and up to which offset it looked: the end, or
    /// a batch's beginning.
    fn latest(&self, format: &dyn TopicFormat, from: u64, to: u64) -> Result<(HashMap<u128, u64>, u64, u64), LogError> {
        let mut latest = HashMap::new();
        let mut seen = 0;
        for guard in self.store.batches(self.slot, from, to) {
            let (key, value) = guard.into_inner()?;
            let covered = base_of_key(&key);
            if seen >= MOST_KEYS {
                return Ok((latest, seen, covered));
            }
            let (batch, _) = self.log.schemas.decode(self.slot, covered, &value)?;
            let keys = keys(format, self.slot, &batch)?;
            seen += keys.len() as u64;
            latest.extend(keys.into_iter().zip(batch.base..));
        }
        Ok((latest, seen, to))
    }

    fn rewrite(&mut self, from: u64, to: u64, latest: Option<&Latest<'_>>) -> Result<(), LogError> {
        let mut group = Group::begin(from);
        for guard in self.store.batches(self.slot, from, to) {
            let (key, value) = guard.into_inner()?;
            let covered = base_of_key(&key);
            let (batch, schema) = self.log.schemas.decode(self.slot, covered, &value)?;
            let rows = batch.records.num_rows();
            let kept = latest.map(|latest| latest.kept(self.slot, &batch)).transpose()?.flatten();
            let is_large = value.len() >= LARGE_BATCH_BYTES || value.len() / rows >= LARGE_RECORD_BYTES;
            if kept.is_none() && is_large {
                if group.rows > 0 {
                    self.flush(group, covered)?;
                    group = Group::begin(covered);
                }
                if group.from < covered {
                    // Nothing is left of the batches before it: it covers their offsets too, and keeps its place.
                    group.add(covered, schema, batch.base, &batch, None)?;
                    self.flush(group, batch.next())?;
                }
                group = Group::begin(batch.next());
                continue;
            }
            if group.rows > 0 && group.schema != schema {
                self.flush(group, covered)?;
                group = Group::begin(covered);
            }
            self.done.superseded += kept.as_ref().map_or(0, |kept| (rows - kept.true_count()) as u64);
            group.add(covered, schema, batch.base, &batch, kept.as_ref())?;
            if group.rows >= PACKED_ROWS {
                self.flush(group, batch.next())?;
                group = Group::begin(batch.next());
            }
        }
        // Where nothing is left the batches stay as they are: what supersedes them lies behind.
        if group.rows > 0 { self.flush(group, to) } else { Ok(()) }
    }

    /// Replaces the batches of a group by one that ends at `end`.
    fn flush(&mut self, group: Group, end: u64) -> Result<(), LogError> {
        if group.is_unchanged() {
            return Ok(());
        }
        let damaged = |error: ArrowError| corrupt(self.slot, group.from, error.to_string());
        let records = together(&group.pieces).map_err(damaged)?;
        let base = end.saturating_sub(records.num_rows() as u64);
        let newest_ms = group.appended.iter().map(|stretch| stretch.at_ms).max().unwrap_or_default();
        let appended = if group.appended.len() > 1 { group.appended } else { Vec::new() };
        let extension = PackedExtension { skipped: base.saturating_sub(group.from), newest_ms, appended };
        let bytes = codec::encode_packed(&records, group.schema, &extension)?;
        let mut batch = self.store.batch();
        batch.insert(&self.store.records, record_key(self.slot, group.from), bytes);
        for covered in group.replaced.iter().filter(|covered| **covered != group.from) {
            batch.remove(&self.store.records, record_key(self.slot, *covered));
        }
        batch.commit().map_err(poisoned)?;
        self.done.replaced += group.replaced.len() as u64;
        self.done.written += 1;
        Ok(())
    }
}

/// Batches that become one.
struct Group {
    /// The first offset that it covers.
    from: u64,
    schema: u16,
    pieces: Vec<RecordBatch>,
    rows: usize,
    appended: Vec<AppendedRows>,
    /// The keys of the batches.
    replaced: Vec<u64>,
    /// Whether all their records stay, at their places.
    is_whole: bool,
}

impl Group {
    fn begin(from: u64) -> Self {
        Self {
            from,
            schema: 0,
            pieces: Vec::new(),
            rows: 0,
            appended: Vec::new(),
            replaced: Vec::new(),
            is_whole: true,
        }
    }

    fn is_unchanged(&self) -> bool {
        self.is_whole && self.replaced == [self.from]
    }

    fn add(
        &mut self,
        covered: u64,
        schema: u16,
        base: u64,
        batch: &Batch,
        kept: Option<&BooleanArray>,
    ) -> Result<(), LogError> {
        self.replaced.push(covered);
        self.is_whole &= kept.is_none() && (base == covered || covered == self.from);
        let whole = [AppendedRows { rows: batch.records.num_rows() as u32, at_ms: batch.appended_at_ms }];
        let stretches = if batch.appended.is_empty() { &whole[..] } else { &batch.appended };
        let mut row = 0;
        for AppendedRows { rows, at_ms } in stretches {
            let rows = *rows as usize;
            let stays = kept.map_or(rows, |kept| kept.slice(row, rows).true_count());
            row += rows;
            match self.appended.last_mut() {
                _ if stays == 0 => {}
                Some(last) if last.at_ms.abs_diff(*at_ms) <= SAME_TIME_MS => last.rows += stays as u32,
                _ => self.appended.push(AppendedRows { rows: stays as u32, at_ms: *at_ms }),
            }
        }
        let records = match kept {
            None => RecordBatch::clone(&batch.records),
            Some(kept) => filter_record_batch(&batch.records, kept)
                .map_err(|error| LogError::Poisoned { cause: error.to_string() })?,
        };
        if records.num_rows() > 0 {
            self.schema = schema;
            self.rows += records.num_rows();
            self.pieces.push(records);
        }
        Ok(())
    }
}

/// The newest record of each key, among those that were looked at.
struct Latest<'a> {
    format: &'a dyn TopicFormat,
    by_key: HashMap<u128, u64>,
}

impl Latest<'_> {
    /// Which records have no newer one; none where that is all.
    fn kept(&self, slot: Slot, batch: &Batch) -> Result<Option<BooleanArray>, LogError> {
        let kept = keys(self.format, slot, batch)?
            .into_iter()
            .zip(batch.base..)
            .map(|(key, offset)| self.by_key.get(&key).is_none_or(|latest| *latest <= offset));
        let kept = BooleanArray::from(kept.collect::<Vec<bool>>());
        Ok((kept.true_count() < kept.len()).then_some(kept))
    }
}

fn keys(format: &dyn TopicFormat, slot: Slot, batch: &Batch) -> Result<Vec<u128>, LogError> {
    let mut keys = Vec::with_capacity(batch.records.num_rows());
    let told = format.encode(slot.partition, &batch.records, &mut |key, _| {
        keys.push(xxh3_128(key));
        Ok(())
    });
    told.map_err(|error| corrupt(slot, batch.base, error.to_string()))?;
    if keys.len() == batch.records.num_rows() {
        Ok(keys)
    } else {
        let reason = format!("it has {} records and {} keys", batch.records.num_rows(), keys.len());
        Err(corrupt(slot, batch.base, reason))
    }
}

/// The batches as one. Its dictionaries have each value once.
fn together(pieces: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let schema = pieces[0].schema();
    if pieces.len() == 1 {
        return Ok(pieces[0].clone());
    }
    let plain = |field: &Field| match field.data_type() {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        other => other.clone(),
    };
    let plain_fields: Vec<Field> =
        schema.fields().iter().map(|field| Field::new(field.name(), plain(field), field.is_nullable())).collect();
    let plain_schema = Arc::new(Schema::new(plain_fields));
    let pieces = pieces.iter().map(|piece| cast_all(piece, &plain_schema)).collect::<Result<Vec<_>, _>>()?;
    cast_all(&concat_batches(&plain_schema, &pieces)?, &schema)
}

fn cast_all(records: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = records.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() { Ok(Arc::clone(column)) } else { cast(column, field.data_type()) }
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<Vec<_>, _>>()?)
}

fn bytes_of(store: &Tables, slot: Slot, from: u64, to: u64) -> Result<u64, LogError> {
    store.batches(slot, from, to).map(|guard| Ok(u64::from(guard.size()?))).sum()
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn poisoned(error: fjall::Error) -> LogError {
    LogError::Poisoned { cause: format!("{error:?}") }
}
