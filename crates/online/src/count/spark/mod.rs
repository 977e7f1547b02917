//! Engine Spark: Spark says which totals a stretch of the log has changed, and this role says them on topic `counts`.
//!
//! Count keeps no state of its own here. Which revision of an incident won before a record, and how many incidents count in an
//! hour, follows from the records before it, and the archive has all of them. So one question of SQL ([`question`]) over the
//! archive's table answers what a stretch has changed: absolute totals, the same whenever it is asked. Records that the archive
//! does not have yet ([`tail`]) are sent with the question, so that count does not wait for the archive.
//!
//! The answer and the committed offsets are one transaction of the partition's own writer, as with the embedded engine. Whoever dies,
//! and whenever, has said a stretch as a whole or not at all, and the next one asks anew.

mod question;
mod tail;

use super::{
    CountConfig, CountError, CountParts, GROUP, Vocabulary, counts_batch,
    role::{ends, has_reached},
};
use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{DataType, Int32Type},
    error::ArrowError,
};
use blotter_log::{Append, GroupOffset, LogError, Membership, Offset, Topic, Transaction, Writer};
use blotter_runtime::Shutdown;
use blotter_spark::{SparkAddress, SparkError, SparkSession, delta};
use blotter_store::{ArchiveTable, Store, StoreError};
use question::Stretch;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tail::Tail;

/// Offsets of one stretch, over all partitions: bounds a transaction.
const STRETCH_OFFSETS: u64 = 1 << 20;
/// Totals of one record batch.
const BATCH_ROWS: usize = 1 << 15;
/// How often the archive is looked at while nothing else can be done.
const LOOK: Duration = Duration::from_secs(1);
/// Between two questions at the live edge.
const PAUSE: Duration = Duration::from_secs(1);
const WAIT: Duration = Duration::from_millis(500);

/// What engine Spark works with, beside what every engine has.
pub struct SparkCount {
    /// The server.
    pub address: SparkAddress,
    /// Where the archive lies.
    pub store: Store,
}

/// Counts until stopped, or until caught up.
pub fn run(
    engine: &SparkCount,
    config: &CountConfig,
    parts: &CountParts,
    shutdown: &Shutdown,
) -> Result<(), CountError> {
    match Driver::open(engine, config, parts, shutdown).and_then(Driver::follow) {
        Err(CountError::Spark(SparkError::Interrupted)) => Ok(()),
        ended => ended,
    }
}

/// A total that has changed, of one partition.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ChangedTotal {
    hour: i32,
    area: String,
    category: String,
    count: u32,
}

/// Partitions that are this process's, and the one writer that may say their totals.
struct Owned {
    partitions: Vec<u32>,
    writer: Box<dyn Writer>,
}

struct Driver<'a> {
    engine: &'a SparkCount,
    config: &'a CountConfig,
    parts: &'a CountParts,
    shutdown: &'a Shutdown,
    session: SparkSession,
    /// On a shared log.
    membership: Option<Box<dyn Membership>>,
    owned: Vec<Owned>,
    /// Up to where each partition has been counted.
    said: BTreeMap<u32, Offset>,
    table: Option<ArchiveTable>,
    tail: Tail,
    /// While count waits for the archive: since when, and whether it has said so.
    waiting: Option<(Instant, bool)>,
}

impl<'a> Driver<'a> {
    fn open(
        engine: &'a SparkCount,
        config: &'a CountConfig,
        parts: &'a CountParts,
        shutdown: &'a Shutdown,
    ) -> Result<Self, CountError> {
        let session = SparkSession::connect(&engine.address, shutdown)?;
        tracing::info!(spark = session.version(), "count by Spark");
        let log = &parts.log;
        let membership = log.is_shared().then(|| log.join(GROUP, Topic::Incidents)).transpose()?;
        let tail = Tail::new(&parts.profile);
        let mut driver = Self {
            engine,
            config,
            parts,
            shutdown,
            session,
            membership,
            owned: Vec::new(),
            said: BTreeMap::new(),
            table: None,
            tail,
            waiting: None,
        };
        if driver.membership.is_none() {
            let writer = Arc::clone(log).writer(GROUP)?;
            driver.owned.push(Owned { partitions: (0..log.partitions(Topic::Incidents)).collect(), writer });
            driver.learn_said()?;
        }
        Ok(driver)
    }

    fn follow(mut self) -> Result<(), CountError> {
        let log = Arc::clone(&self.parts.log);
        let goal = if self.config.until_caught_up { Some(ends(&*log)?) } else { None };
        while !self.shutdown.is_triggered() {
            self.look_who_owns()?;
            let stretches = self.next()?;
            if stretches.iter().any(|stretch| stretch.from < stretch.to) {
                self.count(&stretches)?;
                let offsets: u64 = stretches.iter().map(|stretch| stretch.to - stretch.from).sum();
                // At the live edge: a question costs the same for more records.
                if goal.is_none() && offsets < tail::MOST_ROWS as u64 {
                    self.shutdown.wait_timeout(PAUSE);
                }
                continue;
            }
            if let Some(goal) = &goal
                && has_reached(&*log, goal)?
            {
                return Ok(());
            }
            self.wait(&stretches);
        }
        Ok(())
    }

    /// Takes over partitions that have become this member's, and leaves those that have gone.
    fn look_who_owns(&mut self) -> Result<(), CountError> {
        let Some(membership) = &mut self.membership else { return Ok(()) };
        let mine = membership.partitions()?;
        self.owned.retain(|owned| owned.partitions.iter().all(|partition| mine.contains(partition)));
        let mut is_new = false;
        for partition in mine {
            if !self.owned.iter().any(|owned| owned.partitions.contains(&partition)) {
                let writer = Arc::clone(&self.parts.log).writer(&format!("{GROUP}/{partition}"))?;
                self.owned.push(Owned { partitions: vec![partition], writer });
                is_new = true;
            }
        }
        // Only now: from here on nobody else says anything of them.
        if is_new { self.learn_said() } else { Ok(()) }
    }

    fn learn_said(&mut self) -> Result<(), CountError> {
        let log = &self.parts.log;
        let mine: Vec<u32> = self.owned.iter().flat_map(|owned| owned.partitions.iter().copied()).collect();
        self.said = log.committed_of(GROUP, Topic::Incidents, &mine)?.into_iter().collect();
        for (partition, offset) in &self.said {
            let (topic, partition, offset) = (Topic::Incidents, *partition, *offset);
            let next = log.bounds(topic, partition)?.next;
            // What comes next would lie before it and never be counted.
            if offset > next {
                return Err(LogError::OffsetAhead { topic, partition, offset, next }.into());
            }
        }
        Ok(())
    }

    /// What is to be counted next.
    fn next(&mut self) -> Result<Vec<Stretch>, CountError> {
        self.look_at_archive()?;
        let mine: Vec<u32> = self.owned.iter().flat_map(|owned| owned.partitions.iter().copied()).collect();
        let most = STRETCH_OFFSETS / mine.len().max(1) as u64;
        let mut stretches = Vec::with_capacity(mine.len());
        let archived = |partition: u32| match &self.table {
            Some(table) => table.next_offsets().get(partition as usize).copied().unwrap_or(0),
            None => 0,
        };
        self.tail.keep(&mine, archived);
        self.tail.read(&*self.parts.log)?;
        for partition in mine {
            let from = self.said.get(&partition).map_or(0, |next| next.0);
            // What was counted stays counted, also if this member has read less of the log yet.
            let to = self.tail.next(partition).0.min(from + most).max(from);
            stretches.push(Stretch { partition, archived: archived(partition), from, to });
        }
        Ok(stretches)
    }

    fn look_at_archive(&mut self) -> Result<(), CountError> {
        if let Some(table) = &mut self.table {
            return table.refresh().map_err(CountError::Archive);
        }
        let opened = ArchiveTable::open_existing(&self.engine.store, &self.parts.profile);
        let expected = self.parts.log.id().0.clone();
        match opened.map_err(CountError::Archive)? {
            Some(table) if table.log_id() != expected => {
                let found = table.log_id().to_owned();
                Err(CountError::Archive(StoreError::OtherLog { expected, found }))
            }
            opened => {
                self.table = opened;
                Ok(())
            }
        }
    }

    /// Has Spark count a stretch of each partition, and says what it has changed.
    fn count(&mut self, stretches: &[Stretch]) -> Result<(), CountError> {
        let started = Instant::now();
        let table = self.table.as_ref().map(|table| delta(&ArchiveTable::url(&self.engine.store), table.version()));
        let layer = self.parts.profile.layers.get(self.parts.profile.primary_layer());
        let sql = question::changed_totals(table.as_deref(), layer.map(|layer| layer.name.as_str()), stretches);
        let mut totals: BTreeMap<u32, Vec<ChangedTotal>> = BTreeMap::new();
        let tail = self.tail.rows();
        self.session.rows_with(&sql, question::TAIL, self.tail.schema(), &tail, |batch| {
            changed(&batch, &mut totals).map_err(CountError::from)
        })?;
        let rows = totals.values().map(Vec::len).sum::<usize>();
        self.say(stretches, totals)?;
        tracing::debug!(
            offsets = stretches.iter().map(|stretch| stretch.to - stretch.from).sum::<u64>(),
            totals = rows,
            took_ms = started.elapsed().as_millis() as u64,
            "a stretch is counted by Spark"
        );
        Ok(())
    }

    /// One transaction of each writer: the changed totals, and how far its partitions are counted.
    fn say(&mut self, stretches: &[Stretch], mut totals: BTreeMap<u32, Vec<ChangedTotal>>) -> Result<(), CountError> {
        let mut lost = Vec::new();
        for (index, owned) in self.owned.iter_mut().enumerate() {
            let mut transaction = Transaction::default();
            for stretch in stretches.iter().filter(|stretch| owned.partitions.contains(&stretch.partition)) {
                let partition = stretch.partition;
                if stretch.from == stretch.to {
                    continue;
                }
                for records in batches(totals.remove(&partition).unwrap_or_default())? {
                    transaction.appends.push(Append { topic: Topic::Counts, partition, records });
                }
                let next = Offset(stretch.to);
                transaction.commits.push(GroupOffset {
                    group: GROUP.to_owned(),
                    topic: Topic::Incidents,
                    partition,
                    next,
                });
            }
            if transaction.commits.is_empty() {
                continue;
            }
            let commits: Vec<(u32, Offset)> =
                transaction.commits.iter().map(|commit| (commit.partition, commit.next)).collect();
            match owned.writer.append(transaction) {
                Err(LogError::Fenced { .. }) if self.membership.is_some() => {
                    tracing::info!(partitions = ?owned.partitions, "another counter has taken over");
                    lost.push(index);
                }
                outcome => {
                    outcome?;
                    for (partition, next) in commits {
                        self.said.insert(partition, next);
                        self.parts.progress.set(partition, next);
                    }
                }
            }
        }
        for index in lost.into_iter().rev() {
            self.owned.remove(index);
        }
        Ok(())
    }

    /// Waits for records, or for the archive where the log has more than travels with a question.
    fn wait(&mut self, stretches: &[Stretch]) {
        if !self.tail.is_full() {
            self.waiting = None;
            let watched: Vec<_> = stretches
                .iter()
                .map(|stretch| (Topic::Incidents, stretch.partition, self.tail.next(stretch.partition)))
                .collect();
            if watched.is_empty() {
                self.shutdown.wait_timeout(WAIT);
            } else {
                self.parts.log.wait_any(&watched, WAIT);
            }
            return;
        }
        let (since, is_said) = self.waiting.get_or_insert((Instant::now(), false));
        if !*is_said && since.elapsed() >= 10 * LOOK {
            *is_said = true;
            tracing::warn!(
                records = tail::MOST_ROWS,
                "count by Spark waits for the archive, which lacks more records than Spark is sent: run `blotter archive` on the same log and store"
            );
        }
        self.shutdown.wait_timeout(LOOK);
    }
}

/// Takes rows of Spark's answer.
fn changed(batch: &RecordBatch, totals: &mut BTreeMap<u32, Vec<ChangedTotal>>) -> Result<(), ArrowError> {
    let wrong =
        |what: &str| ArrowError::SchemaError(format!("Spark's answer has no column `{what}` of the expected type"));
    let numbers = |name: &str| {
        batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int32Type>()).ok_or_else(|| wrong(name))
    };
    let texts = |name: &str| {
        let column = batch.column_by_name(name).ok_or_else(|| wrong(name))?;
        arrow::compute::cast(column, &DataType::Utf8)
    };
    let (partitions, hours, counts) = (numbers("partition")?, numbers("hour")?, numbers("count")?);
    let (areas, categories) = (texts("area")?, texts("category")?);
    let (areas, categories) = (areas.as_string::<i32>(), categories.as_string::<i32>());
    for row in 0..batch.num_rows() {
        totals.entry(partitions.value(row) as u32).or_default().push(ChangedTotal {
            hour: hours.value(row),
            area: areas.value(row).to_owned(),
            category: categories.value(row).to_owned(),
            count: counts.value(row) as u32,
        });
    }
    Ok(())
}

/// Totals of one partition as batches of topic `counts`.
fn batches(mut totals: Vec<ChangedTotal>) -> Result<Vec<RecordBatch>, CountError> {
    totals.sort_unstable();
    let (mut areas, mut categories) = (Vocabulary::default(), Vocabulary::default());
    let mut batches = Vec::new();
    for rows in totals.chunks(BATCH_ROWS) {
        let area_codes = rows.iter().map(|row| areas.code(&row.area, "areas")).collect::<Result<_, _>>()?;
        let category_codes =
            rows.iter().map(|row| categories.code(&row.category, "categories")).collect::<Result<_, _>>()?;
        batches.push(counts_batch(
            rows.iter().map(|row| row.hour).collect(),
            (area_codes, areas.words()),
            (category_codes, categories.words()),
            rows.iter().map(|row| row.count).collect(),
        )?);
    }
    Ok(batches)
}
