//! How the sources and the other roles stand, by what the log says of them.

use blotter_log::{Log, LogError, SourceState, Topic, source_states};
use std::collections::BTreeMap;

/// How the others stood when the log was asked.
#[derive(Clone, Debug, Default)]
pub struct LogStatus {
    /// By name.
    pub sources: BTreeMap<String, SourceState>,
    /// Count's next offsets, by partition.
    pub counted: Vec<u64>,
    /// The ends of `incidents`, by partition: the first record that is still there, and the next one to come.
    pub earliest: Vec<u64>,
    /// See `earliest`.
    pub ends: Vec<u64>,
}

impl LogStatus {
    pub(crate) fn ask(log: &dyn Log) -> Result<Self, LogError> {
        let partitions = log.partitions(Topic::Incidents);
        let mut counted = vec![0; partitions as usize];
        for (partition, next) in log.committed("count", Topic::Incidents)? {
            if let Some(slot) = counted.get_mut(partition as usize) {
                *slot = next.0;
            }
        }
        let (mut earliest, mut ends) = (Vec::new(), Vec::new());
        for partition in 0..partitions {
            let bounds = log.bounds(Topic::Incidents, partition)?;
            earliest.push(bounds.earliest.0);
            ends.push(bounds.next.0);
        }
        Ok(Self { sources: source_states(log)?, counted, earliest, ends })
    }
}
