//! All of a topic.

use anyhow::Result;
use blotter_log::{Log, Topic};

/// Bytes read from the log at a time.
const READ_BYTES: usize = 4 << 20;

/// Every batch of one partition, from its first offset.
pub(super) fn batches(
    log: &dyn Log,
    topic: Topic,
    partition: u32,
    mut each: impl FnMut(&arrow::array::RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut from = log.bounds(topic, partition)?.earliest;
    loop {
        let fetched = log.read(topic, partition, from, READ_BYTES)?;
        let Some(last) = fetched.last() else { return Ok(()) };
        from = last.next;
        for batch in &fetched {
            each(&batch.records)?;
        }
    }
}
