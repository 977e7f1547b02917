//! The records of the log that the archive has not yet: they travel with the question.

use crate::count::{CountError, placed::placed, slot::HOUR_MICROS};
use arrow::{
    array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
};
use blotter_city::Profile;
use blotter_incident::IncidentBatch;
use blotter_log::{Log, Offset, Topic};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Records that travel at most: some ten megabytes.
pub(super) const MOST_ROWS: usize = 200_000;
/// Read from one partition at a time.
const READ_BYTES: usize = 4 << 20;

/// See the module.
pub(super) struct Tail {
    profile: Arc<Profile>,
    schema: SchemaRef,
    partitions: BTreeMap<u32, PartitionTail>,
    rows: usize,
}

/// Of one partition: what lies between the archive and `next`, without a gap.
struct PartitionTail {
    batches: VecDeque<(Offset, RecordBatch)>,
    next: Offset,
}

impl Tail {
    pub(super) fn new(profile: &Arc<Profile>) -> Self {
        let number = |name, is_nullable| Field::new(name, DataType::Int64, is_nullable);
        let schema = Schema::new(vec![
            Field::new("partition", DataType::Int32, false),
            number("offset", false),
            Field::new("id", DataType::Utf8, false),
            Field::new("updated_at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
            number("observed_at", false),
            number("content_hash", false),
            Field::new("hour", DataType::Int32, false),
            Field::new("area", DataType::Utf8, false),
            // None of a deletion.
            Field::new("category", DataType::Utf8, true),
        ]);
        Self { profile: Arc::clone(profile), schema: Arc::new(schema), partitions: BTreeMap::new(), rows: 0 }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn rows(&self) -> Vec<RecordBatch> {
        self.partitions.values().flat_map(|part| part.batches.iter().map(|(_, batch)| batch.clone())).collect()
    }

    /// Whether the log may have more than it holds.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS
    }

    /// Up to where the archive and the tail have a partition.
    pub(super) fn next(&self, partition: u32) -> Offset {
        self.partitions.get(&partition).map_or(Offset(0), |part| part.next)
    }

    /// Forgets what the archive has now, and partitions that are not among these.
    pub(super) fn keep(&mut self, partitions: &[u32], archived: impl Fn(u32) -> u64) {
        self.partitions.retain(|partition, _| partitions.contains(partition));
        for partition in partitions {
            let archived = Offset(archived(*partition));
            let part = self
                .partitions
                .entry(*partition)
                .or_insert_with(|| PartitionTail { batches: VecDeque::new(), next: archived });
            while part.batches.front().is_some_and(|(next, _)| *next <= archived) {
                part.batches.pop_front();
            }
            part.next = part.next.max(archived);
        }
        let held = self.partitions.values().flat_map(|part| &part.batches);
        self.rows = held.map(|(_, batch)| batch.num_rows()).sum();
    }

    /// Reads on, as far as it has room.
    pub(super) fn read(&mut self, log: &dyn Log) -> Result<(), CountError> {
        let mut found = true;
        while found && self.rows < MOST_ROWS {
            found = false;
            for (partition, part) in &mut self.partitions {
                for fetched in log.read(Topic::Incidents, *partition, part.next, READ_BYTES)? {
                    found = true;
                    for (first, records) in placed(log, &self.profile, *partition, &fetched.records)? {
                        let base = fetched.base.0 + first as u64;
                        let rows = as_rows(&records, *partition, base, self.profile.primary_layer(), &self.schema)?;
                        self.rows += rows.num_rows();
                        part.batches.push_back((fetched.next, rows));
                    }
                    part.next = fetched.next;
                }
            }
        }
        Ok(())
    }
}

fn as_rows(
    records: &RecordBatch,
    partition: u32,
    base: u64,
    layer: usize,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let batch = IncidentBatch::try_new(records)?;
    let len = batch.len;
    let areas = batch.areas.get(layer);
    let area = |row| areas.and_then(|column| column.value(row)).unwrap_or_default();
    let category = |row| if batch.deleted.value(row) { None } else { batch.category.value(row) };
    let numbers = |values: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    let offsets = (0..len as i64).map(|row| base as i64 + row);
    let hours = batch.occurred_at_utc.iter().map(|at| at.div_euclid(HOUR_MICROS) as i32);
    RecordBatch::try_new(
        SchemaRef::clone(schema),
        vec![
            Arc::new(Int32Array::from(vec![partition as i32; len])),
            Arc::new(Int64Array::from_iter_values(offsets)),
            Arc::new(batch.id.clone()),
            Arc::new(TimestampMicrosecondArray::clone(batch.updated_at)),
            numbers(batch.observed_at),
            numbers(batch.content_hash),
            Arc::new(Int32Array::from_iter_values(hours)),
            Arc::new(StringArray::from_iter_values((0..len).map(area))),
            Arc::new((0..len).map(category).collect::<StringArray>()),
        ],
    )
}
