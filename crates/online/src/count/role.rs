//! The loop of the role `count`.

use super::{CountError, PartitionCounts, checkpoint::Checkpoint};
use blotter_incident::Profile;
use blotter_log::{Append, GroupOffset, Log, Offset, Topic, Transaction};
use blotter_store::{Checkpoints, Shutdown};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The consumer group whose committed offsets are count's progress: `progress/part → next offset`.
pub const GROUP: &str = "count";

/// Bytes of log read from one partition at a time: bounds a transaction.
const READ_BYTES: usize = 1 << 20;

/// How to count.
#[derive(Clone, Debug)]
pub struct CountConfig {
    /// Stop when everything in the log is counted.
    pub until_caught_up: bool,
    /// At the live edge, totals are said at most this often: fewer, larger transactions.
    pub commit_interval: Duration,
    /// A checkpoint is written at least this often while something changes.
    pub checkpoint_interval: Duration,
    /// … and after this many changed incidents of a partition.
    pub checkpoint_rows: usize,
}

impl Default for CountConfig {
    fn default() -> Self {
        Self {
            until_caught_up: false,
            commit_interval: Duration::from_millis(100),
            checkpoint_interval: Duration::from_mins(1),
            checkpoint_rows: 1 << 20,
        }
    }
}

/// What it works with.
pub struct CountParts {
    /// Reads `incidents`, writes `counts`.
    pub log: Arc<dyn Log>,
    /// Where the state is kept.
    pub checkpoints: Checkpoints,
    /// Says by which layer areas are counted.
    pub profile: Arc<Profile>,
    /// For others to see.
    pub progress: Arc<CountProgress>,
}

/// How far count is: the next offset of each partition.
#[derive(Debug)]
pub struct CountProgress(Vec<AtomicU64>);

impl CountProgress {
    /// For a log of that many partitions.
    pub fn new(partitions: u32) -> Self {
        Self((0..partitions).map(|_| AtomicU64::new(0)).collect())
    }

    /// The next offset of each partition.
    pub fn next_offsets(&self) -> Vec<Offset> {
        self.0.iter().map(|next| Offset(next.load(Ordering::Acquire))).collect()
    }

    fn set(&self, partition: u32, next: Offset) {
        self.0[partition as usize].store(next.0, Ordering::Release);
    }
}

struct Part {
    partition: u32,
    counts: PartitionCounts,
    checkpoint: Checkpoint,
    /// Next offset to read.
    next: Offset,
    /// Totals of records before this offset were said.
    said: Offset,
    /// The offset of the last checkpoint.
    saved: Offset,
}

/// Counts until told to stop, or until caught up. A killed counter that starts again says what an
/// undisturbed one would have said.
pub fn run(config: &CountConfig, parts: &CountParts, shutdown: &Shutdown) -> Result<(), CountError> {
    let log = &parts.log;
    let layer = parts.profile.primary_layer();
    let layer_name = parts.profile.layers[layer].name.as_str();
    let mut said = vec![Offset(0); log.partitions(Topic::Incidents) as usize];
    for (partition, next) in log.committed(GROUP, Topic::Incidents)? {
        if let Some(slot) = said.get_mut(partition as usize) {
            *slot = next;
        }
    }
    let mut all = Vec::new();
    for (partition, said) in (0..).zip(said) {
        let mut counts = PartitionCounts::new(layer);
        let mut checkpoint = Checkpoint::new(parts.checkpoints.clone(), &log.id().to_string(), partition, layer_name);
        let next = checkpoint.restore(&mut counts)?;
        tracing::debug!(partition, next = next.0, said = said.0, incidents = counts.incidents(), "count starts");
        all.push(Part { partition, counts, checkpoint, next, said, saved: next });
    }
    let mut last_checkpoint = Instant::now();
    loop {
        let stopping = shutdown.is_triggered();
        let read = if stopping { false } else { step(log.as_ref(), &mut all, &parts.progress)? };
        let due = last_checkpoint.elapsed() >= config.checkpoint_interval;
        let caught_up = !read && !stopping;
        for part in &mut all {
            let enough = part.counts.unsaved() >= config.checkpoint_rows;
            let changed = part.saved < part.next && part.said <= part.next;
            if changed && (stopping || due || enough || (caught_up && config.until_caught_up)) {
                part.checkpoint.save(&mut part.counts, part.next)?;
                part.saved = part.next;
            }
        }
        if due {
            last_checkpoint = Instant::now();
        }
        if stopping || (caught_up && config.until_caught_up) {
            return Ok(());
        }
        if caught_up {
            let next: Vec<Offset> = all.iter().map(|part| part.next).collect();
            log.wait(Topic::Incidents, &next, Duration::from_millis(500));
        }
        if !read || all.iter().all(|part| part.counts.incidents() == 0) {
            continue;
        }
        let behind = all.iter().map(|part| Ok(log.bounds(Topic::Incidents, part.partition)?.next.0 - part.next.0));
        if behind.sum::<Result<u64, CountError>>()? == 0 {
            shutdown.wait_timeout(config.commit_interval);
        }
    }
}

/// Reads once from every partition and says what changed, in one transaction. Whether there was anything.
fn step(log: &dyn Log, all: &mut [Part], progress: &CountProgress) -> Result<bool, CountError> {
    let mut transaction = Transaction::default();
    let mut read = false;
    for part in all.iter_mut() {
        for fetched in log.read(Topic::Incidents, part.partition, part.next, READ_BYTES)? {
            read = true;
            part.counts.apply(&fetched.records)?;
            part.next = fetched.next;
            if part.next <= part.said {
                part.counts.discard_changes();
            }
        }
        if part.next > part.said {
            if let Some(records) = part.counts.take_changes()? {
                transaction.appends.push(Append { topic: Topic::Counts, partition: part.partition, records });
            }
            transaction.commits.push(GroupOffset {
                group: GROUP.to_owned(),
                topic: Topic::Incidents,
                partition: part.partition,
                next: part.next,
            });
        }
    }
    if !transaction.commits.is_empty() {
        log.append(transaction)?;
    }
    for part in all {
        part.said = part.said.max(part.next);
        progress.set(part.partition, part.next);
    }
    Ok(read)
}
