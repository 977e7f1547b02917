//! Housekeeping: many small files become one, and files that no version needs are deleted.
//!
//! Compaction is a commit of `remove` and `add` with `dataChange = false`: readers that follow changes
//! see none. It belongs to the archiver's own thread, between two appends.

use super::{
    file::{EncodedFile, FileWriter},
    table::{ArchiveTable, FOLDER, year_of_file},
};
use crate::error::Result;
use deltalake_core::{
    kernel::{
        Action,
        transaction::{CommitBuilder, CommitProperties},
    },
    logstore::LogStoreRef,
    protocol::DeltaOperation,
};
use futures::TryStreamExt;
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

/// Rows that are read at a time.
const READ_ROWS: usize = 32 * 1024;

/// When files are rewritten.
#[derive(Clone, Copy, Debug)]
pub struct CompactionOptions {
    /// A file below this size is small.
    pub small_bytes: u64,
    /// This many small files of one year and of one tier are merged.
    pub files: usize,
    /// A tier's files are up to so many times as large as those of the tier below it. The lowest has files of up to
    /// `lowest_bytes`.
    pub tier_factor: u64,
    /// See `tier_factor`.
    pub lowest_bytes: u64,
    /// Files are merged up to this size.
    pub target_bytes: u64,
}

impl Default for CompactionOptions {
    fn default() -> Self {
        Self { small_bytes: 16 << 20, files: 8, tier_factor: 6, lowest_bytes: 96 << 10, target_bytes: 64 << 20 }
    }
}

impl CompactionOptions {
    /// Files of about the same size are merged, so that a row is rewritten once a tier and not at every merge.
    fn tier(&self, bytes: u64) -> u32 {
        let (mut tier, mut most) = (0, self.lowest_bytes.max(1));
        while bytes > most && most < u64::MAX / self.tier_factor.max(2) {
            most *= self.tier_factor.max(2);
            tier += 1;
        }
        tier
    }
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionOutcome {
    /// The table's new version.
    pub version: u64,
    /// The year whose files were merged.
    pub year: i32,
    /// How many they were.
    pub files: usize,
    /// Their rows.
    pub rows: u64,
}

impl ArchiveTable {
    /// Merges the small files of the year and tier that has most of them; none where none has enough.
    pub fn compact(&mut self, options: &CompactionOptions) -> Result<Option<CompactionOutcome>> {
        self.refresh()?;
        let mut alike: BTreeMap<(i32, u32), Vec<_>> = BTreeMap::new();
        for file in self.state.log_data() {
            let bytes = file.size() as u64;
            if bytes < options.small_bytes {
                let year = year_of_file(&file.partition_values_map());
                alike.entry((year, options.tier(bytes))).or_default().push(file);
            }
        }
        let Some(((year, _), mut files)) = alike.into_iter().max_by_key(|(_, files)| files.len()) else {
            return Ok(None);
        };
        if files.len() < options.files.max(2) {
            return Ok(None);
        }
        files.sort_by_key(deltalake_core::kernel::LogicalFileView::size);
        let mut bytes = 0;
        files.retain(|file| {
            bytes += file.size() as u64;
            bytes <= options.target_bytes
        });
        files.sort_by_key(|file| (file.modification_time(), file.path().into_owned()));
        let paths: Vec<String> = files.iter().map(|file| format!("{FOLDER}/{}", file.path())).collect();
        let merged = self.merge(year, &paths)?;
        let rows = merged.rows;
        let mut actions: Vec<Action> = files.iter().map(|file| Action::Remove(file.remove_action(false))).collect();
        actions.push(self.upload(&merged)?.into_add(false));
        let operation = DeltaOperation::Optimize { predicate: None, target_size: options.target_bytes as i64 };
        let commit = CommitBuilder::from(CommitProperties::default()).with_actions(actions).build(
            Some(&self.state),
            LogStoreRef::clone(&self.log_store),
            operation,
        );
        let commit = self.store.block_on(commit.into_future())?;
        self.state = commit.snapshot();
        Ok(Some(CompactionOutcome { version: commit.version(), year, files: paths.len(), rows }))
    }

    fn merge(&self, year: i32, paths: &[String]) -> Result<EncodedFile> {
        let mut writer = FileWriter::new(year, &self.schema)?;
        for path in paths {
            for rows in self.read(path)?.with_batch_size(READ_ROWS).build()? {
                writer.write(&rows?)?;
            }
        }
        writer.finish()
    }

    /// Deletes data files that are no part of the newest version and have not been for `retention`:
    /// those that were compacted away, and those that a killed archiver never committed. How many.
    pub fn vacuum(&mut self, retention: Duration) -> Result<usize> {
        self.refresh()?;
        let oldest = super::table::now_ms().saturating_sub(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
        let mut kept: HashSet<String> = self.files().into_iter().map(|file| file.path).collect();
        let tombstones: Vec<_> =
            self.store.block_on(async { self.state.all_tombstones(&self.log_store).try_collect().await })?;
        for tombstone in tombstones {
            if tombstone.deletion_timestamp().is_none_or(|at| at > oldest) {
                kept.insert(format!("{FOLDER}/{}", tombstone.path()));
            }
        }
        let mut deleted = 0;
        for object in self.store.list(FOLDER)? {
            let is_data = object.path.ends_with(".parquet") && !object.path.contains("/_delta_log/");
            if is_data && object.modified_ms <= oldest && !kept.contains(&object.path) {
                tracing::debug!(path = object.path, "file without a version deleted");
                self.store.delete(&object.path)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}
