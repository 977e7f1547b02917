//! The Delta table itself: made, read, appended to.
//!
//! Table properties `blotter.city` and `blotter.logId` say whose it is. Each append commits one `txn`
//! per partition of the log: app id `blotter/<log id>/incidents/<partition>`, version = next offset.

use super::{
    columns::{PARTITION_COLUMN, archive_schema, delta_schema},
    file::EncodedFile,
    sealed::{REMEDY, SealedLog},
};
use crate::{
    error::{Result, StoreError},
    reader::ObjectReader,
    store::Store,
};
use arrow::datatypes::SchemaRef;
use blotter_city::Profile;
use deltalake_core::{
    kernel::{
        Action, Add, Transaction,
        transaction::{CommitBuilder, CommitProperties},
    },
    logstore::{LogStoreRef, StorageConfig, default_logstore},
    operations::create::CreateBuilder,
    protocol::{DeltaOperation, SaveMode},
    table::state::DeltaTableState,
};
use object_store::{path::Path, prefix::PrefixStore};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

/// The table's folder in the store.
pub(crate) const FOLDER: &str = "incidents";

const CITY: &str = "blotter.city";
const LOG_ID: &str = "blotter.logId";

const FILE_END: &str = ".zstd.parquet";
const CHECKSUM_PREFIX: &str = "xxh3:";
const UUID_LENGTH: usize = 36;

/// Commits between two Delta checkpoints.
const CHECKPOINT_INTERVAL: &str = "20";

/// How long versions and files that were compacted away can still be read.
const RETENTION: &str = "interval 1 days";

/// The next offset of each partition of the log, in partition order.
pub type TableOffsets = Vec<u64>;

/// A file of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Its path in the store.
    pub path: String,
    /// The civil year of its rows.
    pub year: i32,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// A file in the store that no commit names yet.
#[derive(Clone, Debug)]
pub struct UploadedFile(Add);

/// One city's archive.
pub struct ArchiveTable {
    pub(super) store: Store,
    pub(super) log_store: LogStoreRef,
    pub(super) state: DeltaTableState,
    pub(super) schema: SchemaRef,
    log_id: String,
    next_offsets: TableOffsets,
}

impl ArchiveTable {
    /// Opens the archive of a log of `partitions` for writing; makes it where there is none. Refuses
    /// another city's table and one made from another log.
    pub fn open(store: &Store, profile: &Profile, log_id: &str, partitions: u32) -> Result<Self> {
        let table = match Self::open_existing(store, profile)? {
            Some(table) => table,
            None => Self::create(store, profile, log_id)?,
        };
        if table.log_id != log_id {
            return Err(StoreError::OtherLog { expected: log_id.to_owned(), found: table.log_id });
        }
        let mut table = table;
        table.next_offsets.resize(table.next_offsets.len().max(partitions as usize), 0);
        Ok(table)
    }

    /// Where the archive of a store lies, for other engines that read Delta tables.
    pub fn url(store: &Store) -> String {
        format!("{}/{FOLDER}", store.url().trim_end_matches('/'))
    }

    /// Opens the archive for reading; none where there is none.
    pub fn open_existing(store: &Store, profile: &Profile) -> Result<Option<Self>> {
        let log_store = log_store(store)?;
        let state = store.block_on(async {
            if log_store.is_delta_table_location().await? {
                DeltaTableState::try_new(&log_store, None).await.map(Some)
            } else {
                Ok(None)
            }
        })?;
        let Some(state) = state else { return Ok(None) };
        let configuration = state.metadata().configuration();
        let city = configuration.get(CITY).map_or("something else", String::as_str);
        if city != profile.slug {
            return Err(StoreError::OtherCity {
                expected: format!("the incidents of `{}`", profile.slug),
                found: format!("those of `{city}`"),
            });
        }
        let columns = |schema: &deltalake_core::kernel::StructType| {
            let columns = schema.fields().map(|field| format!("{} {}", field.name(), field.data_type()));
            columns.collect::<Vec<_>>().join(", ")
        };
        let (expected, found) = (columns(&delta_schema(profile)?), columns(&state.schema()));
        if found != expected {
            return Err(StoreError::OtherCity {
                expected: format!("columns {expected}"),
                found: format!("columns {found}"),
            });
        }
        let log_id = configuration.get(LOG_ID).cloned().unwrap_or_default();
        let next_offsets = read_offsets(store, &log_store, &state, &log_id)?;
        let schema = archive_schema(profile);
        Ok(Some(Self { store: store.clone(), log_store, state, schema, log_id, next_offsets }))
    }

    fn create(store: &Store, profile: &Profile, log_id: &str) -> Result<Self> {
        let columns: Vec<_> = delta_schema(profile)?.fields().cloned().collect();
        let made = store.block_on(
            CreateBuilder::new()
                .with_log_store(log_store(store)?)
                .with_table_name(FOLDER)
                .with_comment(format!("Every record of the incident log of {}, one row each", profile.name))
                .with_columns(columns)
                .with_partition_columns([PARTITION_COLUMN])
                .with_raise_if_key_not_exists(false)
                .with_save_mode(SaveMode::ErrorIfExists)
                // Tried again it would commit another table on top of the one that was made meanwhile.
                .with_commit_properties(CommitProperties::default().with_max_retries(0))
                .with_configuration([
                    ("delta.appendOnly", Some("true")),
                    ("delta.checkpointInterval", Some(CHECKPOINT_INTERVAL)),
                    // As-of questions go by `ingested_at`, not by versions: older ones need not be there.
                    ("delta.logRetentionDuration", Some(RETENTION)),
                    ("delta.deletedFileRetentionDuration", Some(RETENTION)),
                    (CITY, Some(profile.slug.as_str())),
                    (LOG_ID, Some(log_id)),
                ])
                .into_future(),
        );
        // Another process may have made it meanwhile: then its table decides.
        let opened = Self::open_existing(store, profile)?;
        match (opened, made) {
            (Some(table), _) => Ok(table),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(_)) => Err(StoreError::NoTable),
        }
    }

    /// Reads the newest version.
    pub fn refresh(&mut self) -> Result<()> {
        self.store.block_on(self.state.update(&self.log_store, None))?;
        let found = read_offsets(&self.store, &self.log_store, &self.state, &self.log_id)?;
        let partitions = self.next_offsets.len().max(found.len());
        self.next_offsets = found;
        self.next_offsets.resize(partitions, 0);
        Ok(())
    }

    /// The version that it holds.
    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// The log it was made from.
    pub fn log_id(&self) -> &str {
        &self.log_id
    }

    /// How far it has come in each partition of the log.
    pub fn next_offsets(&self) -> &[u64] {
        &self.next_offsets
    }

    /// The columns of a file in memory, see [`archive_schema`].
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The files of the version that it holds, by year and path.
    pub fn files(&self) -> Vec<ArchiveFile> {
        let mut files: Vec<ArchiveFile> = self
            .state
            .log_data()
            .iter()
            .map(|file| ArchiveFile {
                path: format!("{FOLDER}/{}", file.path()),
                year: year_of_file(&file.partition_values_map()),
                rows: file.num_records().unwrap_or(0) as u64,
                bytes: u64::try_from(file.size()).unwrap_or(0),
            })
            .collect();
        files.sort_by(|a, b| (a.year, &a.path).cmp(&(b.year, &b.path)));
        files
    }

    /// Opens a file; texts of few distinct values come as the dictionaries of [`archive_schema`].
    pub fn open_file(&self, path: &str) -> Result<(ObjectReader, ArrowReaderMetadata)> {
        let options = ArrowReaderOptions::new().with_schema(SchemaRef::clone(&self.schema));
        let reader = match checksum_of(path) {
            Some(checksum) => self.store.verified(path, &checksum, REMEDY)?,
            // An older version, or another engine, has written it.
            None => self.store.reader(path)?,
        };
        let metadata = ArrowReaderMetadata::load(&reader, options)?;
        Ok((reader, metadata))
    }

    /// Opens a file for one pass.
    pub fn read(&self, path: &str) -> Result<ParquetRecordBatchReaderBuilder<ObjectReader>> {
        let (reader, metadata) = self.open_file(path)?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(reader, metadata))
    }

    /// Puts a file into the store. It is no part of the table until a commit names it.
    pub fn upload(&self, file: &EncodedFile) -> Result<UploadedFile> {
        // The checksum is in the name, which the commit and every checkpoint of Delta repeat.
        let checksum = blotter_seal::checksum(&file.bytes);
        let digits = checksum.trim_start_matches(CHECKSUM_PREFIX);
        let path = format!("{PARTITION_COLUMN}={}/part-{}-{digits}{FILE_END}", file.year, Uuid::new_v4());
        self.store.put(&format!("{FOLDER}/{path}"), file.bytes.clone())?;
        Ok(UploadedFile(Add {
            path,
            partition_values: HashMap::from([(PARTITION_COLUMN.to_owned(), Some(file.year.to_string()))]),
            size: file.bytes.len() as i64,
            modification_time: now_ms(),
            data_change: true,
            stats: Some(file.stats.clone()),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }))
    }

    /// Commits files and the offsets that they reach, both or neither; the new version. Refuses where
    /// the table's offsets are no longer those that this writer has seen.
    ///
    /// A commit is one put of the next version's log entry that succeeds only where there is none. When its
    /// answer is lost the store finds out whose the entry is; when even that fails, for the server is gone,
    /// the error [`StoreError::is_retryable`] and the outcome is open. Then the same call is made again, with
    /// the same files: it first reads the table, and where that reaches these offsets *with these very
    /// files* (their names are unique) the earlier call has committed and this one says so. So no commit is
    /// made twice, and none that stands ends as [`StoreError::Moved`]. A writer that gives up instead opens
    /// the table anew and goes on from its offsets.
    pub fn append(&mut self, files: &[UploadedFile], next_offsets: &[u64]) -> Result<u64> {
        let held = self.next_offsets.clone();
        self.refresh()?;
        if self.has_committed(files, &held, next_offsets) {
            return Ok(self.version());
        }
        self.refuse_if_moved(&held)?;
        let transactions = (0..).zip(next_offsets).map(|(partition, next)| {
            Transaction::new_with_last_update(app_id(&self.log_id, partition), *next as i64, Some(now_ms()))
        });
        let properties = CommitProperties::default().with_application_transactions(transactions.collect());
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![PARTITION_COLUMN.to_owned()]),
            predicate: None,
        };
        let commit = CommitBuilder::from(properties)
            .with_actions(files.iter().map(|file| Action::Add(file.0.clone())).collect())
            .build(Some(&self.state), LogStoreRef::clone(&self.log_store), operation);
        match self.store.block_on(commit.into_future()) {
            Ok(commit) => {
                self.state = commit.snapshot();
                self.next_offsets = next_offsets.to_vec();
                Ok(commit.version())
            }
            Err(error) => {
                // What failed may have come after the commit (a checkpoint, an answer that was lost).
                let refreshed = self.refresh();
                if let Err(unread) = refreshed {
                    self.next_offsets = held;
                    return Err(unread);
                }
                if self.has_committed(files, &held, next_offsets) {
                    tracing::warn!(%error, version = self.version(), "the archive's commit stands, what follows it failed");
                    return Ok(self.version());
                }
                self.refuse_if_moved(&held)?;
                Err(error.into())
            }
        }
    }

    /// Whether the table as read holds these files and stands at these offsets. Without files there is
    /// nothing to hold: then whoever has moved the offsets has done the same.
    fn has_committed(&self, files: &[UploadedFile], held: &[u64], next_offsets: &[u64]) -> bool {
        if self.next_offsets != next_offsets || held == next_offsets {
            return false;
        }
        let paths: HashSet<_> = self.state.log_data().iter().map(|file| file.path().into_owned()).collect();
        files.iter().all(|file| paths.contains(&file.0.path))
    }

    fn refuse_if_moved(&self, held: &[u64]) -> Result<()> {
        match (0..).zip(held.iter().zip(&self.next_offsets)).find(|(_, (held, found))| held != found) {
            None => Ok(()),
            Some((partition, (held, found))) => Err(StoreError::Moved { partition, held: *held, found: *found }),
        }
    }
}

impl UploadedFile {
    pub(super) fn into_add(self, data_change: bool) -> Action {
        Action::Add(Add { data_change, ..self.0 })
    }
}

fn log_store(store: &Store) -> Result<LogStoreRef> {
    let location = store
        .base()
        .join(&format!("{FOLDER}/"))
        .map_err(|error| StoreError::Url { url: store.url().to_owned(), why: error.to_string() })?;
    let prefixed = SealedLog::new(Arc::new(PrefixStore::new(Arc::clone(store.objects()), Path::from(FOLDER))));
    let root = SealedLog::new(Arc::clone(store.root_objects()));
    Ok(default_logstore(Arc::new(prefixed), Arc::new(root), &location, &StorageConfig::default()))
}

fn app_id(log_id: &str, partition: u32) -> String {
    format!("blotter/{log_id}/{FOLDER}/{partition}")
}

/// Every append says the offsets of all partitions, so the first without one is behind the last.
fn read_offsets(store: &Store, log_store: &LogStoreRef, state: &DeltaTableState, log_id: &str) -> Result<TableOffsets> {
    store.block_on(async {
        let mut offsets = Vec::new();
        while let Some(next) = state.transaction_version(log_store, app_id(log_id, offsets.len() as u32)).await? {
            offsets.push(next as u64);
        }
        Ok(offsets)
    })
}

/// The checksum that a data file's name says: `part-<uuid>-<16 digits>.zstd.parquet`.
fn checksum_of(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?.strip_prefix("part-")?.strip_suffix(FILE_END)?;
    let (uuid, digits) = name.split_at_checked(UUID_LENGTH)?;
    let digits = digits.strip_prefix('-')?;
    let is_checksum = Uuid::parse_str(uuid).is_ok()
        && digits.len() == 16
        && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    is_checksum.then(|| format!("{CHECKSUM_PREFIX}{digits}"))
}

pub(super) fn year_of_file(values: &HashMap<String, Option<String>>) -> i32 {
    values.get(PARTITION_COLUMN).and_then(|year| year.as_deref()?.parse().ok()).unwrap_or(0)
}

pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
