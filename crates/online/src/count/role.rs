//! The loop of the role `count`: a worker reads partitions, says what changed, and keeps checkpoints.
//!
//! On a log of its own process one worker has all partitions, and says what changed in all of them in one transaction. On a
//! shared log every partition that is this member's has a worker of its own, whose writer's name is the partition's: when
//! another member takes it over, this one can say nothing more of it.

use super::{CountError, PartitionCounts, checkpoint::Checkpoint, placed::placed};
use blotter_city::Profile;
use blotter_log::{Append, GroupOffset, Log, LogError, Membership, Offset, Topic, Transaction, Writer};
use blotter_runtime::Shutdown;
use blotter_store::{Checkpoints, StoreError};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

/// The consumer group whose committed offsets are count's progress: `progress/part → next offset`.
pub const GROUP: &str = "count";

/// Bytes of log read from one partition at a time: bounds a transaction.
const READ_BYTES: usize = 1 << 20;
/// … of a shared log, where a transaction costs round trips.
const SHARED_READ_BYTES: usize = 4 << 20;
/// How often a member looks whose the partitions are.
const LOOK: Duration = Duration::from_millis(100);

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

    pub(super) fn set(&self, partition: u32, next: Offset) {
        self.0[partition as usize].store(next.0, Ordering::Release);
    }
}

/// Counts until stopped, or until caught up. A killed counter that starts again says what an
/// undisturbed one would have said.
pub fn run(config: &CountConfig, parts: &CountParts, shutdown: &Shutdown) -> Result<(), CountError> {
    let partitions = 0..parts.log.partitions(Topic::Incidents);
    if parts.log.is_shared() {
        Member { config, parts, membership: parts.log.join(GROUP, Topic::Incidents)? }.run(shutdown)
    } else {
        Worker::open(config, parts, GROUP, partitions)?.run(config.until_caught_up, shutdown)
    }
}

/// One of those who divide the partitions of a shared log.
struct Member<'a> {
    config: &'a CountConfig,
    parts: &'a CountParts,
    membership: Box<dyn Membership>,
}

/// A worker of one partition, and the token by which it is stopped.
type RunningWorker<'scope> = (Shutdown, ScopedJoinHandle<'scope, Result<(), CountError>>);

impl Member<'_> {
    fn run(mut self, shutdown: &Shutdown) -> Result<(), CountError> {
        let goal = if self.config.until_caught_up { Some(ends(&*self.parts.log)?) } else { None };
        let (config, parts) = (self.config, self.parts);
        std::thread::scope(|scope| {
            let mut working: BTreeMap<u32, RunningWorker<'_>> = BTreeMap::new();
            let ended = self.attend(config, parts, scope, &mut working, goal.as_deref(), shutdown);
            // Whatever ended it, no worker is left to itself.
            let left = stop(working);
            ended.and(left)
        })
    }

    /// Starts and stops workers as partitions come and go.
    fn attend<'scope, 'env: 'scope>(
        &mut self,
        config: &'env CountConfig,
        parts: &'env CountParts,
        scope: &'scope Scope<'scope, 'env>,
        working: &mut BTreeMap<u32, RunningWorker<'scope>>,
        goal: Option<&[Offset]>,
        shutdown: &Shutdown,
    ) -> Result<(), CountError> {
        while !shutdown.is_triggered() {
            let mine = self.membership.partitions()?;
            let gone: Vec<u32> = working
                .iter()
                .filter(|(partition, (_, thread))| !mine.contains(partition) || thread.is_finished())
                .map(|(partition, _)| *partition)
                .collect();
            stop(gone.iter().filter_map(|partition| Some((*partition, working.remove(partition)?))).collect())?;
            for partition in mine {
                if working.contains_key(&partition) {
                    continue;
                }
                let token = Shutdown::new();
                let worker_token = token.clone();
                let thread = std::thread::Builder::new().name(format!("count/{partition}"));
                let thread = thread.spawn_scoped(scope, move || {
                    let name = format!("{GROUP}/{partition}");
                    Worker::open(config, parts, &name, partition..partition + 1)?.run(false, &worker_token)
                });
                working.insert(partition, (token, thread.map_err(CountError::Thread)?));
            }
            if let Some(goal) = goal
                && has_reached(&*self.parts.log, goal)?
            {
                return Ok(());
            }
            shutdown.wait_timeout(LOOK);
        }
        Ok(())
    }
}

/// Where each partition ends now.
pub(super) fn ends(log: &dyn Log) -> Result<Vec<Offset>, CountError> {
    let end = |partition| Ok(log.bounds(Topic::Incidents, partition)?.next);
    (0..log.partitions(Topic::Incidents)).map(end).collect()
}

/// Whether the group has counted up to these offsets. Any of its members may have.
pub(super) fn has_reached(log: &dyn Log, goal: &[Offset]) -> Result<bool, CountError> {
    let committed: BTreeMap<u32, Offset> = log.committed(GROUP, Topic::Incidents)?.into_iter().collect();
    for (partition, end) in (0..).zip(goal) {
        let next = committed.get(&partition).copied().unwrap_or_default();
        // Behind the last record there may be marks, which nobody commits.
        if next < *end && !log.read(Topic::Incidents, partition, next, 1)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tells workers to stop, and waits for them. One whose partition another member has taken over has done its part.
fn stop(working: BTreeMap<u32, RunningWorker<'_>>) -> Result<(), CountError> {
    for (token, _) in working.values() {
        token.trigger();
    }
    let mut ended = Ok(());
    for (partition, (_, thread)) in working {
        match thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            Err(CountError::Log(LogError::Fenced { .. }) | CountError::Store(StoreError::Changed { .. })) => {
                tracing::info!(partition, "another counter has taken over");
            }
            other => ended = ended.and(other),
        }
    }
    ended
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

/// Counts some partitions, on one thread.
struct Worker<'a> {
    config: &'a CountConfig,
    parts: &'a CountParts,
    writer: Box<dyn Writer>,
    all: Vec<Part>,
}

impl<'a> Worker<'a> {
    fn open(
        config: &'a CountConfig,
        parts: &'a CountParts,
        writer: &str,
        partitions: std::ops::Range<u32>,
    ) -> Result<Self, CountError> {
        let log = &parts.log;
        // First of all: from here on nobody else says anything, so what is found now is how things are.
        let writer = Arc::clone(log).writer(writer)?;
        let layer = parts.profile.primary_layer();
        let layer_name = parts.profile.layers[layer].name.as_str();
        let mine: Vec<u32> = partitions.clone().collect();
        let said: BTreeMap<u32, Offset> = log.committed_of(GROUP, Topic::Incidents, &mine)?.into_iter().collect();
        let mut all = Vec::new();
        for partition in partitions {
            let said = said.get(&partition).copied().unwrap_or_default();
            let mut counts = PartitionCounts::new(layer);
            let mut checkpoint =
                Checkpoint::new(parts.checkpoints.clone(), &log.id().to_string(), partition, layer_name);
            let mut next = checkpoint.restore(&mut counts)?;
            let end = log.bounds(Topic::Incidents, partition)?.next;
            if next > end {
                tracing::warn!(
                    partition,
                    next = next.0,
                    end = end.0,
                    "the checkpoint of count holds records that the log has lost; counting again from the log's beginning"
                );
                checkpoint.forget(&mut counts);
                next = Offset(0);
            }
            tracing::debug!(partition, next = next.0, said = said.0, incidents = counts.incidents(), "count starts");
            all.push(Part { partition, counts, checkpoint, next, said, saved: next });
        }
        Ok(Self { config, parts, writer, all })
    }

    fn run(mut self, until_caught_up: bool, shutdown: &Shutdown) -> Result<(), CountError> {
        let mut last_checkpoint = Instant::now();
        loop {
            let stopping = shutdown.is_triggered();
            let read = if stopping { false } else { self.step()? };
            let due = last_checkpoint.elapsed() >= self.config.checkpoint_interval;
            let caught_up = !read && !stopping;
            let ends = stopping || (caught_up && until_caught_up);
            for part in &mut self.all {
                // When it has caught up, a start should not count again what took it long.
                let enough = if caught_up { self.config.checkpoint_rows / 64 } else { self.config.checkpoint_rows };
                let enough = part.counts.unsaved() >= enough.max(1);
                let changed = part.saved < part.next && part.said <= part.next;
                if changed && (ends || due || enough) {
                    part.checkpoint.save(&mut part.counts, part.next)?;
                    part.saved = part.next;
                }
            }
            if due {
                last_checkpoint = Instant::now();
            }
            if ends {
                return Ok(());
            }
            if caught_up {
                let watched: Vec<_> =
                    self.all.iter().map(|part| (Topic::Incidents, part.partition, part.next)).collect();
                self.parts.log.wait_any(&watched, Duration::from_millis(500));
            } else if self.all.iter().any(|part| part.counts.incidents() > 0) && self.is_at_the_end() {
                shutdown.wait_timeout(self.config.commit_interval);
            }
        }
    }

    /// Whether there is nothing more to read now.
    fn is_at_the_end(&self) -> bool {
        let watched: Vec<_> = self.all.iter().map(|part| (Topic::Incidents, part.partition, part.next)).collect();
        !self.parts.log.wait_any(&watched, Duration::ZERO)
    }

    /// Reads once from every partition and says what changed, in one transaction. Whether there was anything.
    fn step(&mut self) -> Result<bool, CountError> {
        let log = &self.parts.log;
        let read_bytes = if log.is_shared() { SHARED_READ_BYTES } else { READ_BYTES };
        let mut transaction = Transaction::default();
        let mut read = false;
        for part in &mut self.all {
            for fetched in log.read(Topic::Incidents, part.partition, part.next, read_bytes)? {
                read = true;
                for (_, records) in placed(&**log, &self.parts.profile, part.partition, &fetched.records)? {
                    part.counts.apply(&records)?;
                }
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
            self.writer.append(transaction)?;
        }
        for part in &mut self.all {
            part.said = part.said.max(part.next);
            self.parts.progress.set(part.partition, part.next);
        }
        Ok(read)
    }
}
