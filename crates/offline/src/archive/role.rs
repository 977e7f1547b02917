//! The loop: read, encode, commit.

use super::{ArchiveCommit, ArchiveConfig, ArchiveParts, Stage, reject};
use crate::{
    error::{OfflineError, Result},
    positions::Keeper,
};
use blotter_incident::{IncidentBatch, misplaced_rows, stretches_between};
use blotter_log::{AppendedRows, LogBatch, LogError, Offset, Topic};
use blotter_runtime::{Shutdown, priority};
use blotter_store::{ArchiveTable, ArchiveWriter, StoreError, UploadedFile};
use std::{
    ops::ControlFlow,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// The longest wait for records, after which a shutdown or a due commit is noticed.
const POLL: Duration = Duration::from_millis(200);

/// Versions of the table between two looks for files that no version needs. Counted by the table and not by the process:
/// one that is started again and again looks all the same.
const VERSIONS_PER_VACUUM: u64 = 100;

/// Runs the role on the calling thread until it is shut down, or caught up where the configuration says so.
pub fn run(config: &ArchiveConfig, parts: ArchiveParts, shutdown: &Shutdown) -> Result<()> {
    priority::lower(config.niceness);
    Archiver::open(config, parts, shutdown)?.follow()
}

struct Archiver<'a> {
    config: &'a ArchiveConfig,
    shutdown: &'a Shutdown,
    parts: ArchiveParts,
    partitions: u32,
    table: ArchiveTable,
    writer: ArchiveWriter,
    uploaded: Vec<UploadedFile>,
    /// The next offset to read in each partition.
    next: Vec<u64>,
    /// When the first record that is not yet committed was read.
    pending_since: Option<Instant>,
    last_record: Instant,
    /// Whether the source had said all when the end of the log was last committed.
    was_caught_up: bool,
    /// How many times that many versions there were at the last look.
    vacuumed: u64,
    positions: Keeper,
}

impl<'a> Archiver<'a> {
    fn open(config: &'a ArchiveConfig, parts: ArchiveParts, shutdown: &'a Shutdown) -> Result<Self> {
        let partitions = parts.log.partitions(Topic::Incidents);
        let table = ArchiveTable::open(&parts.store, &parts.profile, &parts.log.id().0, partitions)?;
        let next = table.next_offsets().to_vec();
        parts.progress.set_position(table.version(), &next);
        tracing::info!(version = table.version(), ?next, "archive opened");
        Ok(Self {
            config,
            shutdown,
            partitions,
            vacuumed: table.version() / VERSIONS_PER_VACUUM,
            table,
            writer: ArchiveWriter::new(&parts.profile, config.limits),
            uploaded: Vec::new(),
            next,
            pending_since: None,
            last_record: Instant::now(),
            was_caught_up: false,
            positions: Keeper::new(&parts.store),
            parts,
        })
    }

    fn follow(&mut self) -> Result<()> {
        loop {
            // Asked before reading: what the source had appended by then is read in this round.
            let is_caught_up =
                self.parts.source_caught_up.as_ref().is_some_and(|caught_up| caught_up.load(Ordering::Acquire));
            let mut found = false;
            for partition in 0..self.partitions {
                found |= self.read(partition)?;
                if self.is_due() {
                    self.commit()?;
                }
                if self.shutdown.is_triggered() {
                    // What was read is at most one commit, and so a matter of seconds.
                    return self.commit();
                }
            }
            if found {
                continue;
            }
            if self.config.until_caught_up {
                return self.commit();
            }
            let is_idle = self.pending_since.is_some() && self.last_record.elapsed() >= self.config.idle_commit;
            if is_idle || (is_caught_up && !self.was_caught_up) {
                self.commit()?;
            }
            self.was_caught_up = is_caught_up;
            let from: Vec<Offset> = self.next.iter().copied().map(Offset).collect();
            self.parts.log.wait(Topic::Incidents, &from, POLL);
        }
    }

    /// Reads on in one partition; whether there was something.
    fn read(&mut self, partition: u32) -> Result<bool> {
        let from = self.next[partition as usize];
        let fetched = match self.parts.log.read(Topic::Incidents, partition, Offset(from), self.config.read_bytes) {
            Ok(fetched) => fetched,
            Err(LogError::OffsetGone { earliest, .. }) => {
                return Err(OfflineError::Gap { partition, from, earliest: earliest.0 });
            }
            Err(error) => return Err(error.into()),
        };
        for batch in &fetched {
            self.write(partition, batch)?;
            self.next[partition as usize] = batch.next.0;
        }
        if !fetched.is_empty() {
            self.last_record = Instant::now();
            self.pending_since.get_or_insert(self.last_record);
        }
        Ok(!fetched.is_empty())
    }

    fn write(&mut self, partition: u32, fetched: &LogBatch) -> Result<()> {
        let view = IncidentBatch::try_new(&fetched.records)?;
        let misplaced = misplaced_rows(&view, &self.parts.profile.slug, partition, self.partitions);
        let mut rejected = reject::rows(&view, &misplaced, partition, fetched.base.0);
        rejected.extend(reject::messages(&fetched.invalid, partition));
        if !rejected.is_empty() {
            tracing::warn!(partition, records = rejected.len(), why = rejected[0].reason, "records rejected");
            reject::say(&*self.parts.log, &rejected)?;
            self.parts.progress.add_rejected(rejected.len() as u64);
        }
        let mut first = 0;
        for AppendedRows { rows, at_ms } in fetched.appended() {
            let end = first + rows as usize;
            let misplaced: Vec<usize> =
                misplaced.iter().filter(|row| (first..end).contains(*row)).map(|row| row - first).collect();
            for (row, stretch) in stretches_between(&fetched.records.slice(first, rows as usize), &misplaced) {
                self.writer.write(&stretch, partition, fetched.base.0 + (first + row) as u64, at_ms)?;
            }
            first = end;
        }
        for file in self.writer.take_closed() {
            self.uploaded.push(self.table.upload(&file)?);
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.pending_since.is_some_and(|since| since.elapsed() >= self.config.commit_age)
            || self.writer.encoded_bytes() >= self.config.commit_bytes
    }

    fn commit(&mut self) -> Result<()> {
        if self.next == self.table.next_offsets() {
            self.pending_since = None;
            return Ok(());
        }
        let started = Instant::now();
        let rows = self.writer.rows();
        let files = self.writer.finish()?;
        self.pass(Stage::BeforeUpload)?;
        for file in &files {
            let uploaded = self.table.upload(file)?;
            self.uploaded.push(uploaded);
        }
        self.pass(Stage::AfterUpload)?;
        let table_version = self.append()?;
        self.pass(Stage::AfterCommit)?;
        self.pending_since = None;
        self.parts.progress.set_position(table_version, &self.next);
        self.parts.progress.add_commit(rows);
        tracing::info!(
            version = table_version,
            rows,
            took_ms = started.elapsed().as_millis() as u64,
            "archive committed"
        );
        self.keep_positions();
        // What is merged can wait; whoever told the role to stop cannot.
        if !self.shutdown.is_triggered() {
            self.keep_house();
        }
        if let Some(tell) = &mut self.parts.on_commit {
            tell(&ArchiveCommit { table_version: self.table.version(), next_offsets: self.next.clone(), rows });
        }
        Ok(())
    }

    fn append(&mut self) -> Result<u64> {
        let files = std::mem::take(&mut self.uploaded);
        let mut patience = [1, 2, 4, 8].map(Duration::from_secs).into_iter();
        loop {
            match self.table.append(&files, &self.next) {
                // Another's commit: the role begins anew from what is committed.
                Err(error @ StoreError::Moved { .. }) => return Err(error.into()),
                Err(error) if error.is_retryable() => {
                    let Some(pause) = patience.next() else { return Err(error.into()) };
                    tracing::warn!(%error, ?pause, "archive commit is tried again");
                    self.shutdown.wait_timeout(pause);
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// Copies the sources' positions where the log may be lost with this machine.
    fn keep_positions(&mut self) {
        if self.parts.log.is_shared() {
            return;
        }
        if let Err(error) = self.positions.committed(&*self.parts.log, &self.next) {
            tracing::warn!(%error, "the sources' positions could not be copied; they are copied with a later commit");
        }
    }

    /// Merges and deletes files. Nothing is lost where it fails, so it is said and tried after a later commit.
    fn keep_house(&mut self) {
        let compacted = match &self.config.compaction {
            Some(options) => self.table.compact(options),
            None => return,
        };
        let outcome = compacted.and_then(|compacted| {
            if let Some(done) = compacted {
                tracing::info!(?done, "archive compacted");
                self.parts.progress.set_position(done.version, &self.next);
            }
            let turn = self.table.version() / VERSIONS_PER_VACUUM;
            if turn != self.vacuumed {
                let deleted = self.table.vacuum(self.config.vacuum_retention)?;
                self.vacuumed = turn;
                tracing::info!(deleted, "archive vacuumed");
            }
            Ok::<(), StoreError>(())
        });
        if let Err(error) = outcome {
            tracing::warn!(%error, "the archive's housekeeping failed and is tried again later");
        }
    }

    fn pass(&mut self, stage: Stage) -> Result<()> {
        let outcome = self.parts.fail_point.as_mut().map_or(ControlFlow::Continue(()), |hook| hook(stage));
        if outcome.is_break() { Err(OfflineError::Stopped("at a fail point")) } else { Ok(()) }
    }
}
