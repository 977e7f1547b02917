//! How far the archiver has come, for whoever wants to know.

use std::sync::atomic::{AtomicU64, Ordering};

/// Shared by the role and its readers; a read costs a few loads.
#[derive(Debug)]
pub struct ArchiveProgress {
    next: Vec<AtomicU64>,
    version: AtomicU64,
    commits: AtomicU64,
    rows: AtomicU64,
    rejected: AtomicU64,
}

impl ArchiveProgress {
    /// Nothing yet, in that many partitions.
    pub fn new(partitions: u32) -> Self {
        Self {
            next: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
            version: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// The next offset of each partition in the table's last commit.
    pub fn next_offsets(&self) -> Vec<u64> {
        self.next.iter().map(|next| next.load(Ordering::Acquire)).collect()
    }

    /// The table's version.
    pub fn table_version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Commits of this run.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Rows committed by this run.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Acquire)
    }

    /// Records rejected by this run.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Acquire)
    }

    pub(super) fn set_position(&self, version: u64, next_offsets: &[u64]) {
        for (slot, next) in self.next.iter().zip(next_offsets) {
            slot.store(*next, Ordering::Release);
        }
        self.version.store(version, Ordering::Release);
    }

    pub(super) fn add_commit(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::AcqRel);
        self.commits.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn add_rejected(&self, records: u64) {
        self.rejected.fetch_add(records, Ordering::AcqRel);
    }
}
