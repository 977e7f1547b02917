//! What the log knows without asking the disk: where each partition begins and ends, and its newest batches as they were
//! appended, so that followers in the same process decode nothing.
//!
//! Invariants: an end is published only after its records are durable; the cached batches of a partition follow each
//! other without a gap and reach up to its end; together they take no more than the given bytes.

use crate::{AppendedRows, Bounds, Offset, embedded::partition::Slot};
use arrow::array::RecordBatch;
use std::{collections::VecDeque, sync::Arc};

/// A stored batch in memory.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) base: u64,
    pub(super) records: Arc<RecordBatch>,
    /// The newest of its rows.
    pub(super) appended_at_ms: i64,
    /// Stretches of rows in order; empty where all were appended at once.
    pub(super) appended: Vec<AppendedRows>,
}

impl Batch {
    pub(super) fn next(&self) -> u64 {
        self.base + self.records.num_rows() as u64
    }

    pub(super) fn bytes(&self) -> usize {
        self.records.get_array_memory_size()
    }
}

/// One partition's ends and newest batches.
#[derive(Debug)]
struct Partition {
    earliest: u64,
    next: u64,
    batches: VecDeque<(Batch, usize)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Tail {
    partitions: Vec<Partition>,
    /// The partitions of the cached batches, oldest first.
    order: VecDeque<usize>,
    bytes: usize,
    most_bytes: usize,
}

impl Tail {
    /// From the bounds of each slot, in order.
    pub(super) fn new(bounds: impl Iterator<Item = Bounds>, most_bytes: usize) -> Self {
        let partition =
            |bounds: Bounds| Partition { earliest: bounds.earliest.0, next: bounds.next.0, batches: VecDeque::new() };
        Self { partitions: bounds.map(partition).collect(), order: VecDeque::new(), bytes: 0, most_bytes }
    }

    pub(super) fn bounds(&self, slot: Slot) -> Bounds {
        let partition = &self.partitions[slot.index];
        Bounds { earliest: Offset(partition.earliest), next: Offset(partition.next) }
    }

    /// Publishes a batch that is durable.
    pub(super) fn push(&mut self, slot: Slot, batch: Batch, bytes: usize) {
        let partition = &mut self.partitions[slot.index];
        debug_assert_eq!(partition.next, batch.base, "batches follow each other");
        partition.next = batch.next();
        partition.batches.push_back((batch, bytes));
        self.order.push_back(slot.index);
        self.bytes += bytes;
        while self.bytes > self.most_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some((_, bytes)) = self.partitions[oldest].batches.pop_front() {
                self.bytes -= bytes;
            }
        }
    }

    /// Says how far a partition reaches after the log was opened again. Never less than before: that would be lost.
    pub(super) fn reopened(&mut self, slot: Slot, next: u64) -> Result<(), u64> {
        let partition = &mut self.partitions[slot.index];
        if next < partition.next {
            return Err(partition.next);
        }
        if next > partition.next {
            // A write that failed, and had reached the disk all the same. What is cached must reach up to the end.
            partition.next = next;
            self.bytes -= partition.batches.drain(..).map(|(_, bytes)| bytes).sum::<usize>();
            self.order.retain(|index| *index != slot.index);
        }
        Ok(())
    }

    /// Says that a partition begins later now.
    pub(super) fn advance(&mut self, slot: Slot, earliest: u64) {
        let partition = &mut self.partitions[slot.index];
        partition.earliest = partition.earliest.max(earliest);
    }

    /// The first offset from which on everything is in memory.
    pub(super) fn cached_from(&self, slot: Slot) -> u64 {
        let partition = &self.partitions[slot.index];
        partition.batches.front().map_or(partition.next, |(batch, _)| batch.base)
    }

    /// Cached batches from the one that holds `from`, which must be cached, at least one and then up to `max_bytes`.
    pub(super) fn batches(&self, slot: Slot, from: u64, max_bytes: usize) -> Vec<Batch> {
        let batches = &self.partitions[slot.index].batches;
        let first = batches.partition_point(|(batch, _)| batch.next() <= from);
        let mut taken = Vec::new();
        let mut total = 0_usize;
        for (batch, bytes) in batches.range(first..) {
            total = total.saturating_add(*bytes);
            if !taken.is_empty() && total > max_bytes {
                break;
            }
            taken.push(batch.clone());
        }
        taken
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed step is a failed test")]
mod tests {
    use super::*;
    use crate::{Topic, embedded::partition::Partitions};
    use arrow::array::{ArrayRef, Int64Array};

    fn batch(base: u64, rows: usize) -> Batch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1; rows]));
        Batch {
            base,
            records: Arc::new(RecordBatch::try_from_iter([("n", numbers)]).unwrap()),
            appended_at_ms: 0,
            appended: Vec::new(),
        }
    }

    #[test]
    fn it_keeps_the_newest_within_its_bytes() {
        let partitions = Partitions::new(2);
        let (first, second) =
            (partitions.slot(Topic::Incidents, 0).unwrap(), partitions.slot(Topic::Incidents, 1).unwrap());
        let empty = Bounds { earliest: Offset(0), next: Offset(0) };
        let bytes = batch(0, 100).bytes();
        let mut tail = Tail::new(std::iter::repeat_n(empty, 6), bytes * 5 / 2);
        for round in 0..50 {
            for slot in [first, second] {
                tail.push(slot, batch(round * 100, 100), bytes);
                assert!(tail.bytes() <= bytes * 5 / 2);
            }
        }
        assert_eq!(tail.bounds(first).next, Offset(5000));
        assert_eq!(tail.cached_from(first), 4900);
        assert_eq!(tail.batches(second, 4950, 0).len(), 1);
        tail.push(first, batch(5000, 100_000), usize::MAX / 2);
        assert_eq!((tail.cached_from(first), tail.bytes()), (105_000, 0), "a batch beyond the limit is not kept");
    }
}
