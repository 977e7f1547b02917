//! Which records count: those in the partition where their incident belongs. The others are rejected by `archive`.

use super::CountError;
use arrow::array::RecordBatch;
use blotter_city::Profile;
use blotter_incident::{IncidentBatch, misplaced_rows, stretches_between};
use blotter_log::{Log, Topic};

/// The records of a batch that count: stretches of rows, each with the number of its first row. On the embedded log all count.
pub(super) fn placed(
    log: &dyn Log,
    profile: &Profile,
    partition: u32,
    records: &RecordBatch,
) -> Result<Vec<(usize, RecordBatch)>, CountError> {
    if !log.is_shared() {
        return Ok(vec![(0, records.clone())]);
    }
    let partitions = log.partitions(Topic::Incidents);
    let misplaced = misplaced_rows(&IncidentBatch::try_new(records)?, &profile.slug, partition, partitions);
    Ok(stretches_between(records, &misplaced))
}
