//! Records of the topic that violate its contract.

use arrow::{array::RecordBatch, error::ArrowError};
use blotter_incident::{IncidentBatch, Profile, Rejected, partition_of, rejected_batch};
use blotter_log::{Append, Log, LogError, Topic, Transaction};

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

/// Appends misplaced rows to topic `rejected`.
pub(super) fn say(
    log: &dyn Log,
    batch: &IncidentBatch<'_>,
    rows: &[usize],
    partition: u32,
    base: u64,
) -> Result<(), SayError> {
    let rejected: Vec<Rejected> = rows
        .iter()
        .map(|row| {
            let incident = batch.incident(*row);
            Rejected {
                key: format!("{partition}/{}", base + *row as u64),
                reason: format!("incident `{}` does not belong in partition {partition} of the log", incident.id),
                bytes: incident.to_json().to_string().into_bytes(),
                observed_at: incident.observed_at,
            }
        })
        .collect();
    let append = Append { topic: Topic::Rejected, partition: 0, records: rejected_batch(&rejected)? };
    log.append(Transaction { appends: vec![append], ..Transaction::default() })?;
    Ok(())
}

/// Why it could not be said.
#[derive(Debug, thiserror::Error)]
pub(super) enum SayError {
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<SayError> for crate::OfflineError {
    fn from(error: SayError) -> Self {
        match error {
            SayError::Arrow(error) => error.into(),
            SayError::Log(error) => error.into(),
        }
    }
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
