//! The role `archive`: topic `incidents` into the Delta table, exactly once.
//!
//! It follows every partition from the offsets of the table's last commit, and commits what it has read,
//! files and offsets together, when the oldest record waits too long, when there is much of it, or when
//! the log has nothing more. A kill at any moment leaves at most files that no commit names.
//!
//! A record that violates the contract becomes one in topic `rejected`, keyed `partition/offset`, before
//! the commit that passes over it: killed between the two, it says so again under the same key.

mod progress;
mod reject;
mod role;

pub use progress::ArchiveProgress;
pub use role::run;

use blotter_city::Profile;
use blotter_log::Log;
use blotter_store::{CompactionOptions, Store, WriterLimits};
use std::{
    ops::ControlFlow,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// When to commit, and what else to look after.
#[derive(Clone, Debug)]
pub struct ArchiveConfig {
    /// A record waits no longer than this for its commit.
    pub commit_age: Duration,
    /// A commit has about this many encoded bytes at most.
    pub commit_bytes: u64,
    /// At the end of the log it commits when nothing has come for this long.
    pub idle_commit: Duration,
    /// End when everything that the log holds is committed.
    pub until_caught_up: bool,
    /// Bytes read from a partition at a time.
    pub read_bytes: usize,
    /// Memory and file sizes.
    pub limits: WriterLimits,
    /// When small files are merged; `None` never.
    pub compaction: Option<CompactionOptions>,
    /// How long files without a version stay, for readers that began before: no answer needs them.
    pub vacuum_retention: Duration,
    /// Niceness of the thread, 0 to leave it alone.
    pub niceness: i32,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            commit_age: Duration::from_secs(30),
            commit_bytes: 128 << 20,
            idle_commit: Duration::from_secs(2),
            until_caught_up: false,
            read_bytes: 1 << 20,
            limits: WriterLimits::default(),
            compaction: Some(CompactionOptions::default()),
            vacuum_retention: Duration::from_hours(24),
            niceness: 0,
        }
    }
}

/// A commit that has just been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveCommit {
    /// The table's version.
    pub table_version: u64,
    /// The next offset of each partition.
    pub next_offsets: Vec<u64>,
    /// Records that it added.
    pub rows: u64,
}

/// The moments at which a test may kill the archiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Encoded, nothing in the store.
    BeforeUpload,
    /// Files in the store that no commit names.
    AfterUpload,
    /// Committed, nobody told.
    AfterCommit,
}

/// Told of a commit.
pub type CommitHook = Box<dyn FnMut(&ArchiveCommit) + Send>;

/// Asked at each stage whether to go on.
pub type FailPoint = Box<dyn FnMut(Stage) -> ControlFlow<()> + Send>;

/// What the role works on.
pub struct ArchiveParts {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The store of the table.
    pub store: Store,
    /// The city.
    pub profile: Arc<Profile>,
    /// Where others read how far it has come.
    pub progress: Arc<ArchiveProgress>,
    /// Whether the source has said all that it has. When that becomes true, the end of the log is committed
    /// at once; what trickles in later waits as usual.
    pub source_caught_up: Option<Arc<AtomicBool>>,
    /// Told of each commit, on the role's thread.
    pub on_commit: Option<CommitHook>,
    /// A test's hook: to break off is to be killed.
    pub fail_point: Option<FailPoint>,
}

impl ArchiveParts {
    /// Parts without hooks.
    pub fn new(log: Arc<dyn Log>, store: Store, profile: Arc<Profile>) -> Self {
        let progress = Arc::new(ArchiveProgress::new(log.partitions(blotter_log::Topic::Incidents)));
        Self { log, store, profile, progress, source_caught_up: None, on_commit: None, fail_point: None }
    }
}
