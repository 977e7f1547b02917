//! The log in one directory, for one process, on fjall.
//!
//! - `store`: keys, values, opening;
//! - `lock`: one process a directory;
//! - `writer`: concurrent appends share one `fdatasync`;
//! - `tail`: the ends of the partitions, and the newest batches in memory;
//! - `schemas`: what the columns are;
//! - `retention`: removing the oldest;
//! - `packing`: fewer, larger batches, and only the latest value of each key;
//! - `rebuild`: making a lost log again from copies of its records;
//! - `journal`: dropping the torn end of a write that never was acknowledged, and finding damage elsewhere;
//! - `versions`: finding damage in the files that say which tables there are;
//! - `room`: refusing a write that the disk has no room for.

mod journal;
mod lock;
mod packing;
mod partition;
mod rebuild;
mod retention;
mod room;
mod schemas;
mod store;
mod tail;
mod versions;
mod writer;

pub use packing::{PackWhen, PackingReport};
pub use rebuild::{Rebuild, RecordPlace};
pub use retention::Retention;
pub use room::{FreeBytes, free_bytes};

use crate::{
    AppendEnd, Bounds, Log, LogBatch, LogError, LogId, Membership, Offset, Topic, Transaction, WatchedPartition,
    Writer as LogWriter,
    codec::{self, EncodeError},
    embedded::{
        packing::Young,
        partition::{Partitions, Slot},
        room::Room,
        schemas::Schemas,
        store::{
            Meta, StoreMemory, Tables, base_of_key, corrupt, group_key, group_prefix, header_of, number, position_key,
        },
        tail::{Batch, Tail},
        writer::{DurableBatch, EncodedAppend, EncodedTransaction, GroupCommit, NOT_BEGUN},
    },
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How to open an embedded log.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Whose records the log holds, such as a city's: a new log keeps it, and one that is another's is refused. `None` does
    /// not ask.
    pub owner: Option<String>,
    /// The number of partitions of `incidents` and of `counts`, for ever: `None` takes what a log has, and 4 for a new one.
    pub partitions: Option<u32>,
    /// How many bytes of just-appended batches stay in memory for followers.
    pub tail_cache_bytes: usize,
    /// How many bytes of the store's blocks stay in memory.
    pub block_cache_bytes: u64,
    /// How many bytes the store collects in memory before it writes a table.
    pub memtable_bytes: u64,
    /// How many bytes of the disk stay free: a write that would take less is refused with [`LogError::Full`].
    pub reserve_bytes: u64,
    /// How the free bytes are found out; tests say it themselves.
    pub free_bytes: FreeBytes,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            owner: None,
            partitions: None,
            tail_cache_bytes: 32 << 20,
            block_cache_bytes: 4 << 20,
            memtable_bytes: 8 << 20,
            reserve_bytes: 64 << 20,
            free_bytes,
        }
    }
}

/// A log in one directory. It is closed by [`EmbeddedLog::close`] or when it is dropped.
pub struct EmbeddedLog {
    dir: PathBuf,
    id: LogId,
    partitions: Partitions,
    memory: StoreMemory,
    room: Room,
    /// None once closed, and while a failed write has made it uncertain.
    store: RwLock<Option<Tables>>,
    schemas: Schemas,
    writer: GroupCommit,
    live: Mutex<Live>,
    changed: Condvar,
    housekeeping: Mutex<()>,
}

/// What changes while the log is open.
struct Live {
    tail: Tail,
    /// By slot: what was appended since it was packed. Looked up when it is packed for the first time.
    young: Vec<Option<Young>>,
    /// All of them: they are few, asked for all the time, and the store would look through every value that they ever had.
    meta: Meta,
    /// How often someone asked to be woken.
    wakes: u64,
    closed: bool,
}

impl EmbeddedLog {
    /// Whether a directory has a log, whole or damaged. Opening it would make one where it has none.
    pub fn is_in(dir: impl AsRef<Path>) -> bool {
        Tables::is_in(dir.as_ref())
    }

    /// Opens the log in `dir`, or makes it.
    ///
    /// # Errors
    /// [`LogError::Held`] while another process has it, [`LogError::Owner`] where it is another's, [`LogError::Partitions`]
    /// where it was made with another number of partitions, [`LogError::Damaged`] where its files are not those that were
    /// written.
    pub fn open(dir: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, LogError> {
        let dir = dir.as_ref();
        Self::open_in(dir, options).map_err(|error| named(dir, error))
    }

    fn open_in(dir: &Path, options: EmbeddedOptions) -> Result<Self, LogError> {
        let EmbeddedOptions { owner, partitions, tail_cache_bytes, block_cache_bytes, memtable_bytes, .. } = options;
        let memory = StoreMemory { block_cache_bytes, memtable_bytes };
        let store = Tables::open(dir, owner.as_deref(), partitions, memory)?;
        let partitions = Partitions::new(store.settings.partitions);
        let bounds = partitions
            .all()
            .map(|slot| {
                let next = store.end(slot)?;
                Ok(Bounds { earliest: Offset(store.earliest(slot)?.min(next)), next: Offset(next) })
            })
            .collect::<Result<Vec<_>, LogError>>()?;
        let tail = Tail::new(bounds.into_iter(), tail_cache_bytes);
        let young = partitions.all().map(|_| None).collect();
        let meta = store.positions_and_groups()?;
        Ok(Self {
            dir: dir.to_owned(),
            memory,
            room: Room { reserve_bytes: options.reserve_bytes, free: options.free_bytes },
            id: store.settings.id.clone(),
            partitions,
            schemas: Schemas::load(&store)?,
            store: RwLock::new(Some(store)),
            writer: GroupCommit::default(),
            live: Mutex::new(Live { tail, young, meta, wakes: 0, closed: false }),
            changed: Condvar::new(),
            housekeeping: Mutex::new(()),
        })
    }

    /// Ends all waits, writes what is left to the disk and lets another process have the directory. Calls that are
    /// under way finish first; later ones get [`LogError::Closed`].
    pub fn close(&self) -> Result<(), LogError> {
        self.live().closed = true;
        self.changed.notify_all();
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        store.map_or(Ok(()), |store| store.close(&self.dir))
    }

    /// Closing waits until `work` is done.
    fn with_store<T>(&self, work: impl FnOnce(&Tables) -> Result<T, LogError>) -> Result<T, LogError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        match store.as_ref() {
            Some(store) => work(store).map_err(|error| named(&self.dir, error)),
            None if self.live().closed => Err(LogError::Closed),
            None => Err(LogError::Poisoned { cause: self.writer.poisoned().unwrap_or_default() }),
        }
    }

    /// After a failed write, opens the store anew to find out what is on the disk. Reading waits meanwhile.
    fn recover(&self) -> Result<(), LogError> {
        let Some(cause) = self.writer.poisoned() else { return Ok(()) };
        self.room.check(&self.dir, 0)?;
        let mut held = self.store.write().unwrap_or_else(PoisonError::into_inner);
        if self.live().closed {
            return Err(LogError::Closed);
        }
        if self.writer.poisoned().is_none() {
            return Ok(());
        }
        // The lock on the directory goes with it.
        drop(held.take());
        let failed = |error: LogError| LogError::Poisoned { cause: format!("{cause}; opening it again: {error}") };
        let store = Tables::open(&self.dir, None, None, self.memory).map_err(failed)?;
        self.schemas.reload(&store)?;
        for slot in self.partitions.all() {
            let next = store.end(slot)?;
            self.live().tail.reopened(slot, next).map_err(|before| {
                corrupt(slot, next, format!("the records from {next} to {before} are lost since a write failed"))
            })?;
        }
        self.live().meta = store.positions_and_groups()?;
        *held = Some(store);
        self.writer.recovered();
        self.changed.notify_all();
        tracing::warn!(dir = %self.dir.display(), "the log takes writes again");
        Ok(())
    }

    /// How many bytes the log's journal takes.
    pub fn journal_bytes(&self) -> Result<u64, LogError> {
        self.with_store(|_| Tables::journal_bytes(&self.dir))
    }

    /// Writes what is in memory to tables and empties the journal, which fjall by itself does only at 64 MB. The store is opened
    /// anew for that: reading and writing wait for that moment. Whether it was emptied: not while the disk is full or slow.
    pub fn empty_journal(&self) -> Result<bool, LogError> {
        let _one_at_a_time = self.housekeeping();
        let before = self.journal_bytes()?;
        self.room.check(&self.dir, before as usize)?;
        // Most is written before anyone waits.
        if !self.with_store(|store| Ok(store.flush()))? {
            return Ok(false);
        }
        let mut held = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let Some(store) = held.take_if(|_| self.writer.poisoned().is_none()) else { return Ok(false) };
        // What could not be opened is opened by the next write.
        let failed = |error: &LogError| self.writer.poison(format!("opening its store anew: {error}"));
        *held = Some(store.reopen(&self.dir, self.memory).inspect_err(failed)?);
        drop(held);
        Ok(self.journal_bytes()? < before)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn housekeeping(&self) -> MutexGuard<'_, ()> {
        self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Positions or group offsets whose keys begin so.
    fn with_prefix<T>(&self, prefix: &[u8], found: impl Fn(&[u8], &[u8]) -> T) -> Result<Vec<T>, LogError> {
        let live = self.live();
        if live.closed {
            return Err(LogError::Closed);
        }
        let all = live.meta.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(all.map(|(key, value)| found(key, value)).collect())
    }

    fn poison_by(&self, error: &LogError) {
        if let LogError::Poisoned { cause } = error {
            self.writer.poison(cause.clone());
        }
    }

    fn try_append(&self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        let end = |slot| self.live().tail.bounds(slot).next.0;
        let publish = |batches: Vec<DurableBatch>, mut meta: Meta| {
            let mut live = self.live();
            live.meta.append(&mut meta);
            for DurableBatch { slot, batch, memory, stored } in batches {
                live.tail.push(slot, batch, memory);
                if let Some(young) = &mut live.young[slot.index] {
                    young.add(stored);
                }
            }
            drop(live);
            self.changed.notify_all();
        };
        self.recover()?;
        self.with_store(|store| {
            let bytes: usize = transaction.appends.iter().map(|append| append.records.get_array_memory_size()).sum();
            self.room.check(&self.dir, bytes)?;
            let encoded = self.encode(transaction, store).inspect_err(|error| self.poison_by(error))?;
            self.writer.write(store, encoded, end, publish)
        })
    }

    fn encode(&self, transaction: Transaction, store: &Tables) -> Result<EncodedTransaction, LogError> {
        let appended_at_ms = now_ms();
        let mut appends = Vec::with_capacity(transaction.appends.len());
        for append in transaction.appends {
            let slot = self.partitions.slot(append.topic, append.partition)?;
            let records = append.records;
            let bytes = if records.num_rows() == 0 {
                Vec::new()
            } else {
                let schema = self.schemas.number(records.schema_ref(), store)?;
                codec::encode(&records, schema, appended_at_ms)?
            };
            appends.push(EncodedAppend {
                slot,
                memory: records.get_array_memory_size(),
                records: Arc::new(records),
                bytes,
            });
        }
        let mut meta: Vec<_> =
            transaction.positions.into_iter().map(|(name, value)| (position_key(&name), value)).collect();
        for commit in transaction.commits {
            let slot = self.partitions.slot(commit.topic, commit.partition)?;
            meta.push((group_key(&commit.group, slot), commit.next.0.to_le_bytes().to_vec()));
        }
        Ok(EncodedTransaction { appends, meta, appended_at_ms })
    }

    /// Batches from the disk, from the one that holds `from` up to `to`, where everything is in memory.
    fn stored(&self, store: &Tables, slot: Slot, from: u64, to: u64, max_bytes: usize) -> Result<Vec<Batch>, LogError> {
        // As of one moment: batches may be packed meanwhile.
        let view = store.view();
        let first = view.base_of(slot, from)?.unwrap_or(from);
        let mut batches: Vec<Batch> = Vec::new();
        let mut total = 0;
        let mut expected = first;
        for guard in view.batches(slot, first, to) {
            let (key, value) = guard.into_inner()?;
            let covered = base_of_key(&key);
            if covered != expected {
                return Err(corrupt(slot, expected, "it is missing".to_owned()));
            }
            let header = header_of(slot, covered, &value)?;
            if !batches.is_empty() && total + header.body_len() > max_bytes {
                break;
            }
            let (batch, _) = self.schemas.decode(slot, covered, &value)?;
            total += batch.bytes();
            expected = batch.next();
            batches.push(batch);
        }
        if batches.first().is_none_or(|batch| batch.next() <= from) {
            return Err(corrupt(slot, from, "it is missing".to_owned()));
        }
        Ok(batches)
    }
}

impl Log for EmbeddedLog {
    fn id(&self) -> &LogId {
        &self.id
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.partitions.of(topic)
    }

    fn is_shared(&self) -> bool {
        false
    }

    /// One process has the log, and nothing of another's is under way: whoever opened a writer last is the only one by
    /// the process's own doing.
    fn writer(self: Arc<Self>, _name: &str) -> Result<Box<dyn LogWriter>, LogError> {
        Ok(Box::new(Only(self)))
    }

    fn join(&self, _group: &str, topic: Topic) -> Result<Box<dyn Membership>, LogError> {
        Ok(Box::new(AllOf(self.partitions.of(topic))))
    }

    fn append(&self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        match self.try_append(transaction.clone()) {
            // Nothing of it was begun: opening the store again may be all that is needed.
            Err(LogError::Poisoned { cause }) if cause == NOT_BEGUN => self.try_append(transaction),
            outcome => outcome,
        }
    }

    fn read(&self, topic: Topic, partition: u32, from: Offset, max_bytes: usize) -> Result<Vec<LogBatch>, LogError> {
        let slot = self.partitions.slot(topic, partition)?;
        let live = self.live();
        let Bounds { earliest, next } = live.tail.bounds(slot);
        if live.closed {
            return Err(LogError::Closed);
        } else if from < earliest {
            return Err(LogError::OffsetGone { topic, partition, offset: from, earliest });
        } else if from > next {
            return Err(LogError::OffsetAhead { topic, partition, offset: from, next });
        } else if from == next {
            return Ok(Vec::new());
        }
        let cached_from = live.tail.cached_from(slot);
        let batches = if from.0 >= cached_from {
            live.tail.batches(slot, from.0, max_bytes)
        } else {
            drop(live);
            let stored = self.with_store(|store| self.stored(store, slot, from.0, cached_from, max_bytes));
            // Retention may have been faster.
            let earliest = self.live().tail.bounds(slot).earliest;
            if from < earliest {
                return Err(LogError::OffsetGone { topic, partition, offset: from, earliest });
            }
            stored?
        };
        Ok(batches.into_iter().map(|batch| fetched(batch, from.0)).collect())
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Bounds, LogError> {
        let slot = self.partitions.slot(topic, partition)?;
        let live = self.live();
        if live.closed { Err(LogError::Closed) } else { Ok(live.tail.bounds(slot)) }
    }

    fn committed(&self, group: &str, topic: Topic) -> Result<Vec<(u32, Offset)>, LogError> {
        let prefix = group_prefix(group, topic);
        let committed = self.with_prefix(&prefix, |key, value| {
            let partition = key.get(prefix.len()..).and_then(|partition| partition.try_into().ok());
            match (partition, number(value)) {
                (Some(partition), Some(next)) => Ok((u32::from_be_bytes(partition), Offset(next))),
                _ => Err(LogError::Position {
                    name: format!("{group}/{topic}"),
                    reason: "its value is not an offset".to_owned(),
                }),
            }
        })?;
        committed.into_iter().collect()
    }

    fn position(&self, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        let live = self.live();
        if live.closed { Err(LogError::Closed) } else { Ok(live.meta.get(&position_key(name)).cloned()) }
    }

    fn positions(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        self.with_prefix(&position_key(prefix), |key, value| {
            (String::from_utf8_lossy(&key[1..]).into_owned(), value.to_owned())
        })
    }

    fn wait_any(&self, watched: &[WatchedPartition], timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let slots: Vec<_> = watched
            .iter()
            .filter_map(|(topic, partition, next)| Some((self.partitions.slot(*topic, *partition).ok()?, *next)))
            .collect();
        let mut live = self.live();
        let wakes = live.wakes;
        loop {
            if live.closed {
                return false;
            }
            if slots.iter().any(|(slot, next)| live.tail.bounds(*slot).next > *next) {
                return true;
            }
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() || live.wakes != wakes {
                return false;
            }
            live = self.changed.wait_timeout(live, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wake(&self) {
        self.live().wakes += 1;
        self.changed.notify_all();
    }
}

/// The writer of any name.
struct Only(Arc<EmbeddedLog>);

impl LogWriter for Only {
    fn append(&mut self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        self.0.append(transaction)
    }
}

/// The only member has all partitions.
struct AllOf(u32);

impl Membership for AllOf {
    fn partitions(&mut self) -> Result<Vec<u32>, LogError> {
        Ok((0..self.0).collect())
    }
}

impl EmbeddedLog {
    /// Removes now what may be removed from a topic; nobody else does it, so call it now and then.
    pub fn retain(&self, topic: Topic, retention: Retention) -> Result<(), LogError> {
        let _one_at_a_time = self.housekeeping();
        self.with_store(|store| {
            for slot in self.partitions.slots(topic) {
                let (first_kept, doomed) = retention::doomed(store, slot, retention, now_ms())?;
                if doomed.is_empty() {
                    continue;
                }
                self.live().tail.advance(slot, first_kept);
                retention::remove(store, slot, first_kept, &doomed).inspect_err(|error| self.poison_by(error))?;
                tracing::info!(%topic, partition = slot.partition, earliest = first_kept, "removed the oldest records");
            }
            Ok(())
        })
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("dir", &self.dir).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, dir = %self.dir.display(), "the log was not closed cleanly");
        }
    }
}

impl From<EncodeError> for LogError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Unencodable { column, data_type } => Self::Unencodable { column, data_type },
            EncodeError::TooLarge { rows, bytes } => {
                Self::TooLarge { rows, bytes, max_rows: codec::MAX_ROWS, max_bytes: codec::MAX_BODY }
            }
        }
    }
}

/// A failure of the store that is none of the disk's says where the damage is.
fn named(dir: &Path, error: LogError) -> LogError {
    let is_of_disk = |error: &fjall::Error| {
        let mut causes =
            std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
        causes.any(<dyn std::error::Error>::is::<io::Error>)
    };
    match error {
        LogError::Store(error) if !is_of_disk(&error) && !matches!(error, fjall::Error::Poisoned) => {
            LogError::Damaged { dir: dir.to_owned(), reason: format!("a table of its store: {error}") }
        }
        error => error,
    }
}

/// A batch as a reader sees it who begins at `from`, which may lie inside.
fn fetched(batch: Batch, from: u64) -> LogBatch {
    let next = Offset(batch.next());
    let skip = from.saturating_sub(batch.base);
    let records = if skip == 0 {
        batch.records
    } else {
        let rows = batch.records.num_rows();
        Arc::new(batch.records.slice(skip as usize, rows - skip as usize))
    };
    let base = Offset(batch.base + skip);
    let appended = packing::after(&batch.appended, skip);
    LogBatch { base, next, records, appended_at_ms: batch.appended_at_ms, appended, invalid: Vec::new(), marked: None }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
