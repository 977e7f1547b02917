//! The log's keys and values in fjall.
//!
//! ```text
//! keyspace `records`   topic u8, partition u32, first offset u64 (all big-endian, so that the order of keys is the
//!                      order of offsets)                                  → a batch, as `codec` writes it; where it was
//!                                                                           packed, the first offset that it covers
//! keyspace `meta`      `e`, topic u8, partition u32                       → u64: the first offset that retention left
//!                      `g`, group, 0, topic u8, partition u32             → u64: a group's committed offset
//!                      `k`, topic u8, partition u32                       → what was packed, as `packing` writes it
//!                      `p`, name                                          → a position, opaque
//!                      `s`, number u16                                    → XXH3, then the schema as an Arrow IPC stream
//! ```
//!
//! What the log is (format, identity, partitions) is in `log.json` beside fjall's files.
//!
//! A partition's end is that of its last batch, which retention never removes; nothing else says it, so nothing can
//! contradict it. Values above a kilobyte go to fjall's blob files: compaction moves their addresses, not the records.
//!
//! Every byte is under a checksum that is compared: `log.json` is sealed, `journal` and `versions` look through what fjall
//! takes on trust, and fjall itself compares those of its blocks. Small values, such as positions, lie in those blocks. fjall's
//! journal has a checksum over a transaction's keys and values but not over its sequence number, whose order is compared.
//!
//! A new store is built beside its place and moved there when it is whole, so that a store which is there can be opened.

use crate::{
    LogError, LogId, Offset, Topic,
    codec::{self, Header},
    embedded::{journal, lock::DirectoryLock, partition::Slot, versions},
};
use blotter_seal::{Seal, seal_of, to_sealed_json};
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, OwnedWriteBatch, PersistMode,
    Readable, Snapshot,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const STORE: &str = "store";
const UNFINISHED: &str = "store.new";
const SETTINGS: &str = "log.json";
/// Format 1 had no seal around `log.json`, and is read.
const FORMAT: u32 = 2;
/// What a log gets unless told otherwise.
const DEFAULT_PARTITIONS: u32 = 4;
pub(super) const MOST_PARTITIONS: u32 = 1024;

/// A journal of so many bytes is read in a moment.
const SHORT_JOURNAL: u64 = 1 << 18;
/// How long closing waits for the tables, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(1);

/// Positions and group offsets by their keys in the store.
pub(super) type Meta = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is decided when a log is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Settings {
    format: u32,
    pub(super) id: LogId,
    pub(super) partitions: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

/// The open store. Fields are dropped in this order: the lock goes last.
pub(super) struct Tables {
    pub(super) records: Keyspace,
    pub(super) meta: Keyspace,
    database: Database,
    pub(super) settings: Settings,
    lock: DirectoryLock,
}

/// The stored batches as they were at one moment.
pub(super) struct View<'a> {
    records: &'a Keyspace,
    snapshot: Snapshot,
}

impl View<'_> {
    /// The batches of a partition whose keys lie in `[from, to)`, ascending.
    pub(super) fn batches(
        &self,
        slot: Slot,
        from: u64,
        to: u64,
    ) -> impl DoubleEndedIterator<Item = fjall::Guard> + use<> {
        self.snapshot.range(self.records, record_key(slot, from)..record_key(slot, to.max(from)))
    }

    /// The key of the batch that covers `offset`.
    pub(super) fn base_of(&self, slot: Slot, offset: u64) -> Result<Option<u64>, LogError> {
        let before = self.batches(slot, 0, offset.saturating_add(1)).next_back();
        before.map(|guard| Ok(base_of_key(&guard.key()?))).transpose()
    }
}

/// How much memory fjall may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoreMemory {
    pub(super) block_cache_bytes: u64,
    pub(super) memtable_bytes: u64,
}

impl Tables {
    /// Whether there is one below `dir`.
    pub(super) fn is_in(dir: &Path) -> bool {
        dir.join(STORE).exists()
    }

    /// Opens the store below `dir`, making it if it is not there.
    pub(super) fn open(
        dir: &Path,
        owner: Option<&str>,
        partitions: Option<u32>,
        memory: StoreMemory,
    ) -> Result<Self, LogError> {
        if let Some(configured) = partitions
            && !(1..=MOST_PARTITIONS).contains(&configured)
        {
            return Err(LogError::PartitionCount { configured, most: MOST_PARTITIONS });
        }
        fs::create_dir_all(dir).map_err(file_error("make", dir))?;
        Self::open_under(DirectoryLock::take(dir)?, dir, owner, partitions, memory)
    }

    fn open_under(
        lock: DirectoryLock,
        dir: &Path,
        owner: Option<&str>,
        partitions: Option<u32>,
        memory: StoreMemory,
    ) -> Result<Self, LogError> {
        let path = dir.join(STORE);
        if !path.try_exists().map_err(file_error("look at", &path))? {
            create(dir, &path, owner, partitions.unwrap_or(DEFAULT_PARTITIONS), memory)?;
        }
        let settings = read_settings(dir, &path.join(SETTINGS))?;
        if !(1..=FORMAT).contains(&settings.format) {
            return Err(LogError::Format { dir: dir.to_owned(), found: settings.format, known: FORMAT });
        }
        if let (Some(stored), Some(asked)) = (&settings.owner, owner)
            && stored != asked
        {
            return Err(LogError::Owner { dir: dir.to_owned(), stored: stored.clone(), asked: asked.to_owned() });
        }
        if let Some(configured) = partitions.filter(|configured| *configured != settings.partitions) {
            return Err(LogError::Partitions { dir: dir.to_owned(), stored: settings.partitions, configured });
        }
        let damaged = |(file, reason): (PathBuf, String)| LogError::Damaged {
            dir: dir.to_owned(),
            reason: format!("{}: {reason}", file.display()),
        };
        if let Some(found) = versions::damage(&path).map_err(file_error("look through", &path))? {
            return Err(damaged(found));
        }
        if let Some((file, at)) = journal::damage(&path).map_err(file_error("look through", &path))? {
            return Err(damaged((file, format!("its bytes from {at} on are not those that were written"))));
        }
        let (database, records, meta) = open_database(&path, memory)?;
        Ok(Self { records, meta, database, settings, lock })
    }

    /// An empty store of that identity, built beside its place.
    pub(super) fn build(
        dir: &Path,
        id: LogId,
        owner: Option<&str>,
        partitions: u32,
        memory: StoreMemory,
    ) -> Result<Self, LogError> {
        fs::create_dir_all(dir).map_err(file_error("make", dir))?;
        let lock = DirectoryLock::take(dir)?;
        let settings = Settings { format: FORMAT, id, partitions, owner: owner.map(str::to_owned) };
        let (database, records, meta) = build(dir, &settings, memory)?;
        Ok(Self { records, meta, database, settings, lock })
    }

    /// Moves a store that was built to its place. One that is there is kept beside it: where.
    pub(super) fn put_in_place(self, dir: &Path) -> Result<Option<PathBuf>, LogError> {
        let _lock = self.shut(&dir.join(UNFINISHED), SHORT_JOURNAL)?;
        let path = dir.join(STORE);
        let mut aside = None;
        if path.try_exists().map_err(file_error("look at", &path))? {
            let free = (1..=u32::MAX).map(|number| dir.join(format!("{STORE}.{number}"))).find(|free| !free.exists());
            aside = free;
            if let Some(aside) = &aside {
                fs::rename(&path, aside).map_err(file_error("move aside", &path))?;
            }
        }
        place(dir, &path)?;
        Ok(aside)
    }

    /// Closes the store below `dir`.
    pub(super) fn close(self, dir: &Path) -> Result<(), LogError> {
        self.shut(&dir.join(STORE), SHORT_JOURNAL).map(drop)
    }

    /// Closes the store below `dir`, empties its journal and opens it again, without letting another process have it.
    pub(super) fn reopen(self, dir: &Path, memory: StoreMemory) -> Result<Self, LogError> {
        let lock = self.shut(&dir.join(STORE), 0)?;
        Self::open_under(lock, dir, None, None, memory)
    }

    /// Bytes of the journals of the store below `dir`.
    pub(super) fn journal_bytes(dir: &Path) -> Result<u64, LogError> {
        let path = dir.join(STORE);
        journal::bytes(&path).map_err(file_error("look at", &path))
    }

    /// Closes it and keeps the lock. What a journal of more than `short` bytes holds goes to the tables first, and it is emptied:
    /// fjall reads all of it when it opens, up to 64 MB, however little of it is not in the tables.
    fn shut(self, path: &Path, short: u64) -> Result<DirectoryLock, LogError> {
        self.sync()?;
        let is_in_tables = journal::bytes(path).map_err(file_error("look at", path))? > short && self.flush();
        let Self { records, meta, database, lock, .. } = self;
        drop((records, meta, database));
        if is_in_tables {
            journal::empty(path).map_err(file_error("empty the journal of", path))?;
        }
        Ok(lock)
    }

    /// Writes what is in memory to tables; whether everything is there, which is not waited for long.
    #[expect(clippy::disallowed_methods, reason = "fjall tells nobody when a table is written")]
    pub(super) fn flush(&self) -> bool {
        let keyspaces = [&self.records, &self.meta];
        if keyspaces.iter().any(|keyspace| keyspace.rotate_memtable().is_err()) {
            return false;
        }
        let began = Instant::now();
        while keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > 0) || self.database.journal_count() > 1
        {
            if began.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    /// A write that is durable when it is committed.
    pub(super) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::SyncData))
    }

    /// Makes sure that everything is on the disk.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    /// The stored batches as they are now. Without it an iteration may see half of a write that is under way.
    pub(super) fn view(&self) -> View<'_> {
        View { records: &self.records, snapshot: self.database.snapshot() }
    }

    /// The stored batches of a partition whose keys lie in `[from, to)`, ascending, as they are now.
    pub(super) fn batches(&self, slot: Slot, from: u64, to: u64) -> impl DoubleEndedIterator<Item = fjall::Guard> {
        self.view().batches(slot, from, to)
    }

    /// All positions and group offsets, by key.
    pub(super) fn positions_and_groups(&self) -> Result<Meta, LogError> {
        let all = [b"g", b"p"].into_iter().flat_map(|prefix| self.meta.prefix(prefix));
        all.map(|guard| guard.into_inner().map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(LogError::from))
            .collect()
    }

    /// The first offset that retention left.
    pub(super) fn earliest(&self, slot: Slot) -> Result<u64, LogError> {
        let Some(value) = self.meta.get(earliest_key(slot))? else { return Ok(0) };
        number(&value).ok_or_else(|| corrupt(slot, 0, "where it begins is not a number".to_owned()))
    }

    /// The end of a partition: that of its last batch.
    pub(super) fn end(&self, slot: Slot) -> Result<u64, LogError> {
        let Some(last) = self.batches(slot, 0, u64::MAX).next_back() else { return Ok(0) };
        let (key, value) = last.into_inner()?;
        let covered = base_of_key(&key);
        let header = header_of(slot, covered, &value)?;
        Ok(covered.saturating_add(header.skipped).saturating_add(u64::from(header.rows)))
    }
}

/// The header of a stored batch.
pub(super) fn header_of(slot: Slot, base: u64, value: &[u8]) -> Result<Header, LogError> {
    codec::header(value).map_err(|reason| corrupt(slot, base, reason))
}

pub(super) const fn corrupt(slot: Slot, base: u64, reason: String) -> LogError {
    LogError::Corrupt { topic: slot.topic, partition: slot.partition, offset: Offset(base), reason }
}

const fn topic_byte(topic: Topic) -> u8 {
    match topic {
        Topic::Incidents => 1,
        Topic::Counts => 2,
        Topic::Peaks => 3,
        Topic::Rejected => 4,
    }
}

pub(super) fn record_key(slot: Slot, base: u64) -> [u8; 13] {
    let mut key = [0; 13];
    key[0] = topic_byte(slot.topic);
    key[1..5].copy_from_slice(&slot.partition.to_be_bytes());
    key[5..].copy_from_slice(&base.to_be_bytes());
    key
}

pub(super) fn base_of_key(key: &[u8]) -> u64 {
    key.last_chunk().copied().map_or(0, u64::from_be_bytes)
}

pub(super) fn packed_key(slot: Slot) -> Vec<u8> {
    let mut key = vec![b'k', topic_byte(slot.topic)];
    key.extend(slot.partition.to_be_bytes());
    key
}

pub(super) fn earliest_key(slot: Slot) -> Vec<u8> {
    let mut key = vec![b'e', topic_byte(slot.topic)];
    key.extend(slot.partition.to_be_bytes());
    key
}

/// Of all partitions of a topic that a group committed; followed by the partition. A group's name has no byte 0.
pub(super) fn group_prefix(group: &str, topic: Topic) -> Vec<u8> {
    let mut key = vec![b'g'];
    key.extend(group.bytes().filter(|byte| *byte != 0));
    key.extend([0, topic_byte(topic)]);
    key
}

pub(super) fn group_key(group: &str, slot: Slot) -> Vec<u8> {
    let mut key = group_prefix(group, slot.topic);
    key.extend(slot.partition.to_be_bytes());
    key
}

pub(super) fn position_key(name: &str) -> Vec<u8> {
    [b"p", name.as_bytes()].concat()
}

pub(super) fn schema_key(number: u16) -> [u8; 3] {
    let [high, low] = number.to_be_bytes();
    [b's', high, low]
}

/// A stored number.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_le_bytes)
}

fn read_settings(dir: &Path, path: &Path) -> Result<Settings, LogError> {
    let bytes = fs::read(path).map_err(file_error("read", path))?;
    let damaged =
        |reason: String| LogError::Damaged { dir: dir.to_owned(), reason: format!("{}: {reason}", path.display()) };
    let seal = seal_of(&bytes);
    if seal == Seal::Broken {
        return Err(damaged("its checksum does not match".to_owned()));
    }
    let settings: Settings = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if settings.format > 1 && seal == Seal::Absent {
        return Err(damaged("its checksum is missing".to_owned()));
    }
    Ok(settings)
}

fn create(dir: &Path, path: &Path, owner: Option<&str>, partitions: u32, memory: StoreMemory) -> Result<(), LogError> {
    let id = LogId(uuid::Uuid::new_v4().to_string());
    let settings = Settings { format: FORMAT, id, partitions, owner: owner.map(str::to_owned) };
    drop(build(dir, &settings, memory)?);
    place(dir, path)
}

/// An empty store beside its place.
fn build(dir: &Path, settings: &Settings, memory: StoreMemory) -> Result<(Database, Keyspace, Keyspace), LogError> {
    let unfinished = dir.join(UNFINISHED);
    if unfinished.try_exists().map_err(file_error("look at", &unfinished))? {
        fs::remove_dir_all(&unfinished).map_err(file_error("remove", &unfinished))?;
    }
    let opened = open_database(&unfinished, memory)?;
    let file = unfinished.join(SETTINGS);
    let json = to_sealed_json(settings);
    fs::write(&file, json).and_then(|()| fs::File::open(&file)?.sync_all()).map_err(file_error("write", &file))?;
    fs::File::open(&unfinished).and_then(|directory| directory.sync_all()).map_err(file_error("sync", &unfinished))?;
    Ok(opened)
}

/// Moves what was built to its place.
fn place(dir: &Path, path: &Path) -> Result<(), LogError> {
    let unfinished = dir.join(UNFINISHED);
    fs::rename(&unfinished, path).map_err(file_error("move into place", &unfinished))?;
    fs::File::open(dir).and_then(|directory| directory.sync_all()).map_err(file_error("sync", dir))
}

/// Files that the store keeps open at most: a quarter of those that the process may open. The archive and connections need
/// the others, and a store that cannot open a file fails.
fn most_open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit / 4).clamp(32, 900) as usize
}

fn open_database(path: &Path, memory: StoreMemory) -> Result<(Database, Keyspace, Keyspace), LogError> {
    let open = || {
        let database = Database::builder(path)
            .manual_journal_persist(true)
            .journal_compression(CompressionType::None)
            .cache_size(memory.block_cache_bytes)
            .max_journaling_size(128 << 20)
            .max_cached_files(Some(most_open_files()))
            .worker_threads(2)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(memory.memtable_bytes);
        // A blob file of which half was packed or removed is written anew, however few such files there are.
        let blobs = KvSeparationOptions::default()
            .compression(CompressionType::None)
            .separation_threshold(1024)
            .staleness_threshold(0.5)
            .age_cutoff(1.0);
        let records = database.keyspace("records", || options().with_kv_separation(Some(blobs)))?;
        let meta = database.keyspace("meta", || options().max_memtable_size(1 << 20))?;
        Ok((database, records, meta))
    };
    let damaged = |reason| LogError::Damaged { dir: path.to_owned(), reason };
    // Damaged files make fjall return errors and, for a few, panic.
    let mut opened = catch_unwind(AssertUnwindSafe(open));
    if matches!(opened, Ok(Err(fjall::Error::JournalRecovery(_))))
        && journal::drop_torn_end(path).map_err(file_error("repair", path))?
    {
        opened = catch_unwind(AssertUnwindSafe(open));
    }
    match opened {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(fjall::Error::Io(source))) => {
            Err(LogError::File { doing: "open the store", path: path.to_owned(), source })
        }
        Ok(Err(error)) => Err(damaged(format!("{error:?}"))),
        Err(panic) => {
            let words =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(damaged(words.unwrap_or("its store does not make sense").to_owned()))
        }
    }
}

fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path: PathBuf = path.to_owned();
    move |source| LogError::File { doing, path, source }
}
