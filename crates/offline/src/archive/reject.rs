//! Records of the topic that violate its contract.

use crate::Result;
use arrow::array::RecordBatch;
use blotter_city::{Profile, UtcMicros};
use blotter_incident::{IncidentBatch, IncidentRecord, Rejected, partition_of, rejected_batch};
use blotter_log::{Append, Invalid, Log, Topic, Transaction};

/// The rows of a batch that are not where their key belongs.
pub(super) fn misplaced(batch: &IncidentBatch<'_>, profile: &Profile, partition: u32, partitions: u32) -> Vec<usize> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(profile.slug.as_bytes());
    key.push(b'/');
    let prefix = key.len();
    (0..batch.len)
        .filter(|row| {
            key.truncate(prefix);
            key.extend_from_slice(batch.id.value(*row).as_bytes());
            partition_of(&key, partitions) != partition
        })
        .collect()
}

/// Misplaced rows as what `rejected` says of them.
pub(super) fn rows(batch: &IncidentBatch<'_>, misplaced: &[usize], partition: u32, base: u64) -> Vec<Rejected> {
    let rejected = misplaced.iter().map(|row| {
        let incident = batch.incident(*row);
        Rejected {
            key: format!("{partition}/{}", base + *row as u64),
            reason: format!("incident `{}` does not belong in partition {partition} of the log", incident.id),
            // Texts, flags and finite numbers: they can be written.
            bytes: serde_json::to_vec(&IncidentRecord::from(&incident)).unwrap_or_default(),
            observed_at: incident.observed_at,
        }
    });
    rejected.collect()
}

/// Messages that are no records as what `rejected` says of them.
pub(super) fn messages(invalid: &[Invalid], partition: u32) -> impl Iterator<Item = Rejected> {
    invalid.iter().map(move |invalid| Rejected {
        key: format!("{partition}/{}", invalid.offset),
        reason: invalid.reason.clone(),
        bytes: invalid.bytes.clone(),
        observed_at: UtcMicros(invalid.appended_at_ms * 1000),
    })
}

/// Appends to topic `rejected`.
pub(super) fn say(log: &dyn Log, rejected: &[Rejected]) -> Result<()> {
    let append = Append { topic: Topic::Rejected, partition: 0, records: rejected_batch(rejected)? };
    log.append(Transaction { appends: vec![append], ..Transaction::default() })?;
    Ok(())
}

/// The stretches of a batch between misplaced rows: first row and batch.
pub(super) fn between(batch: &RecordBatch, misplaced: &[usize]) -> Vec<(usize, RecordBatch)> {
    let mut start = 0;
    let mut stretches = Vec::with_capacity(misplaced.len() + 1);
    for end in misplaced.iter().copied().chain([batch.num_rows()]) {
        if end > start {
            stretches.push((start, batch.slice(start, end - start)));
        }
        start = end + 1;
    }
    stretches
}
