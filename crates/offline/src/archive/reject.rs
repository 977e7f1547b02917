//! Records of the topic that violate its contract.

use crate::Result;
use blotter_city::UtcMicros;
use blotter_incident::{IncidentBatch, IncidentRecord, Rejected, rejected_batch};
use blotter_log::{Append, Invalid, Log, Topic, Transaction};

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
