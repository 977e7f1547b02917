//! A log in memory, incidents made by hand, and ways to read archive and snapshots back.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(unreachable_pub, reason = "shared by several test crates")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{Int32Type, Int64Type},
};
use blotter_city::{CivilMicros, Profile, UtcMicros, format_civil};
use blotter_incident::{Header, Incident, IncidentBatch, Observation, Parser, Row, incident_schema, rejected_rows};
use blotter_log::{
    AppendEnd, Bounds, Log, LogBatch, LogError, LogId, Membership, Offset, Topic, Transaction, WatchedPartition, Writer,
};
use blotter_offline::{
    Manifest,
    archive::{self, ArchiveConfig, ArchiveParts},
};
use blotter_runtime::Shutdown;
use blotter_store::{ArchiveTable, Store, to_incidents};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

pub const PARTITIONS: u32 = 3;

pub fn profile() -> Arc<Profile> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../cities/chicago.toml")).unwrap();
    Arc::new(Profile::from_toml(&text).unwrap())
}

type Partitions = BTreeMap<(Topic, u32), Vec<LogBatch>>;

/// Batches in memory, never durable. The time of appending is set by hand.
pub struct MemoryLog {
    id: LogId,
    batches: Mutex<Partitions>,
    changed: Condvar,
    now_ms: Mutex<i64>,
    gone: Mutex<BTreeMap<u32, u64>>,
}

impl MemoryLog {
    pub fn new(id: &str) -> Arc<Self> {
        Arc::new(Self {
            id: LogId(id.to_owned()),
            batches: Mutex::default(),
            changed: Condvar::new(),
            now_ms: Mutex::new(1_700_000_000_000),
            gone: Mutex::default(),
        })
    }

    pub fn set_now_ms(&self, now_ms: i64) {
        *self.now_ms.lock().unwrap() = now_ms;
    }

    /// Retention removes a partition's records below `earliest`.
    pub fn remove_below(&self, partition: u32, earliest: u64) {
        self.gone.lock().unwrap().insert(partition, earliest);
    }

    pub fn append_incidents(&self, incidents: &[SourceRow]) {
        for (partition, records) in batches(incidents) {
            self.append_batch(Topic::Incidents, partition, records);
        }
    }

    pub fn append_batch(&self, topic: Topic, partition: u32, records: RecordBatch) {
        let append = blotter_log::Append { topic, partition, records };
        self.append(Transaction { appends: vec![append], ..Transaction::default() }).unwrap();
    }

    pub fn next_offsets(&self) -> Vec<u64> {
        (0..PARTITIONS).map(|partition| self.bounds(Topic::Incidents, partition).unwrap().next.0).collect()
    }

    pub fn rejected_keys(&self) -> Vec<String> {
        let batches = self.batches.lock().unwrap();
        let batches = batches.get(&(Topic::Rejected, 0)).cloned().unwrap_or_default();
        batches.iter().flat_map(|batch| rejected_rows(&batch.records).unwrap()).map(|row| row.key).collect()
    }
}

impl Log for MemoryLog {
    fn id(&self) -> &LogId {
        &self.id
    }

    fn partitions(&self, topic: Topic) -> u32 {
        if topic.is_partitioned() { PARTITIONS } else { 1 }
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn writer(self: Arc<Self>, _: &str) -> Result<Box<dyn Writer>, LogError> {
        Ok(Box::new(MemoryWriter(self)))
    }

    fn join(&self, _: &str, topic: Topic) -> Result<Box<dyn Membership>, LogError> {
        Ok(Box::new(Everything(self.partitions(topic))))
    }

    fn append(&self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        let mut all = self.batches.lock().unwrap();
        let appended_at_ms = *self.now_ms.lock().unwrap();
        let mut ends = Vec::new();
        for append in transaction.appends {
            let batches = all.entry((append.topic, append.partition)).or_default();
            let base = batches.last().map_or(Offset(0), |batch| batch.next);
            let next = Offset(base.0 + append.records.num_rows() as u64);
            let records = Arc::new(append.records);
            batches.push(LogBatch {
                base,
                next,
                records,
                appended_at_ms,
                appended: Vec::new(),
                invalid: Vec::new(),
                marked: None,
            });
            ends.push((append.topic, append.partition, next));
        }
        self.changed.notify_all();
        Ok(ends)
    }

    fn read(&self, topic: Topic, partition: u32, from: Offset, _: usize) -> Result<Vec<LogBatch>, LogError> {
        if topic == Topic::Incidents
            && let Some(earliest) = self.gone.lock().unwrap().get(&partition)
            && from.0 < *earliest
        {
            return Err(LogError::OffsetGone { topic, partition, offset: from, earliest: Offset(*earliest) });
        }
        let all = self.batches.lock().unwrap();
        let batches = all.get(&(topic, partition)).map_or(&[][..], Vec::as_slice);
        let mut found = Vec::new();
        for batch in batches.iter().filter(|batch| batch.next > from).take(2) {
            let skip = from.0.saturating_sub(batch.base.0) as usize;
            let mut batch = batch.clone();
            batch.records = Arc::new(batch.records.slice(skip, batch.records.num_rows() - skip));
            batch.base = Offset(batch.base.0 + skip as u64);
            found.push(batch);
        }
        Ok(found)
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Bounds, LogError> {
        let all = self.batches.lock().unwrap();
        let next = all.get(&(topic, partition)).and_then(|batches| batches.last()).map_or(Offset(0), |last| last.next);
        Ok(Bounds { earliest: Offset(0), next })
    }

    fn committed(&self, _: &str, _: Topic) -> Result<Vec<(u32, Offset)>, LogError> {
        Ok(Vec::new())
    }

    fn position(&self, _: &str) -> Result<Option<Vec<u8>>, LogError> {
        Ok(None)
    }

    fn positions(&self, _: &str) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        Ok(Vec::new())
    }

    fn wait_any(&self, watched: &[WatchedPartition], timeout: Duration) -> bool {
        let has = |all: &Partitions| {
            watched.iter().any(|(topic, partition, next)| {
                all.get(&(*topic, *partition)).and_then(|batches| batches.last()).is_some_and(|last| last.next > *next)
            })
        };
        let all = self.batches.lock().unwrap();
        let (all, _) = self.changed.wait_timeout_while(all, timeout, |all| !has(all)).unwrap();
        has(&all)
    }

    fn wake(&self) {
        self.changed.notify_all();
    }
}

struct MemoryWriter(Arc<MemoryLog>);

impl Writer for MemoryWriter {
    fn append(&mut self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        self.0.append(transaction)
    }
}

struct Everything(u32);

impl Membership for Everything {
    fn partitions(&mut self) -> Result<Vec<u32>, LogError> {
        Ok((0..self.0).collect())
    }
}

/// What a source says of one incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    pub id: String,
    pub occurred_at: CivilMicros,
    pub updated_at: Option<CivilMicros>,
    pub observed_at: UtcMicros,
    pub deleted: bool,
    pub category: String,
    pub description: String,
    pub beat: String,
}

pub fn said(id: &str, occurred_at: &str, observed_at: i64, category: &str) -> SourceRow {
    SourceRow {
        id: id.to_owned(),
        occurred_at: blotter_city::parse_civil(occurred_at).unwrap(),
        updated_at: None,
        observed_at: UtcMicros(observed_at),
        deleted: false,
        category: category.to_owned(),
        description: format!("of {id}"),
        beat: "0111".to_owned(),
    }
}

const HEADER: [&str; 12] = [
    "ID",
    "Case Number",
    "Date",
    "Updated On",
    "Primary Type",
    "Description",
    "Beat",
    "Community Area",
    "Arrest",
    "Block",
    "Latitude",
    "Longitude",
];

/// As the parser accepts it, by partition.
pub fn batches(incidents: &[SourceRow]) -> Vec<(u32, RecordBatch)> {
    let mut parser = Parser::new(profile(), PARTITIONS);
    let header = Header::resolve(parser.profile(), &HEADER).unwrap();
    parser.set_header(header);
    let mut found = Vec::new();
    for said in incidents {
        if parser.is_full() {
            found.extend(parser.finish().unwrap());
        }
        let updated_at = said.updated_at.map(format_civil).unwrap_or_default();
        let occurred_at = format_civil(said.occurred_at);
        let case_number = format!("HX{}", said.id);
        let fields = [
            said.id.as_str(),
            &case_number,
            &occurred_at,
            &updated_at,
            &said.category,
            &said.description,
            &said.beat,
            if said.deleted { "" } else { "25" },
            "true",
            "001XX W \"L\" ST",
            "41.88",
            "-87.63",
        ];
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for field in fields {
            bytes.extend_from_slice(field.as_bytes());
            ends.push(bytes.len());
        }
        let observation = Observation { observed_at: said.observed_at, deleted: said.deleted, id: None };
        parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(4_000_000_000_000_000)).unwrap();
    }
    found.extend(parser.finish().unwrap());
    found
}

pub fn rows(batch: &RecordBatch) -> Vec<Incident> {
    let view = IncidentBatch::try_new(batch).unwrap();
    (0..view.len).map(|row| view.incident(row)).collect()
}

pub fn open_store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_directory(directory.path()).unwrap();
    (directory, store)
}

pub fn archive_all(log: &Arc<MemoryLog>, store: &Store) {
    let config = ArchiveConfig { until_caught_up: true, ..ArchiveConfig::default() };
    let parts = ArchiveParts::new(Arc::clone(log) as Arc<dyn Log>, store.clone(), profile());
    archive::run(&config, parts, &Shutdown::new()).unwrap();
}

/// Every row of the log by (partition, offset).
pub fn log_rows(log: &MemoryLog) -> BTreeMap<(u32, u64), Incident> {
    let mut found = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let mut from = Offset(0);
        loop {
            let fetched = log.read(Topic::Incidents, partition, from, 1).unwrap();
            let Some(last) = fetched.last() else { break };
            from = last.next;
            for batch in fetched {
                for (offset, row) in (batch.base.0..).zip(rows(&batch.records)) {
                    found.insert((partition, offset), row);
                }
            }
        }
    }
    found
}

/// Every row of the archive; panics where (partition, offset) is there twice.
pub fn archive_rows(store: &Store) -> BTreeMap<(u32, u64), Incident> {
    let table = ArchiveTable::open_existing(store, &profile()).unwrap().unwrap();
    let schema = incident_schema(&profile());
    let mut found = BTreeMap::new();
    for file in table.files() {
        let mut in_file = 0;
        for batch in table.read(&file.path).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            in_file += batch.num_rows() as u64;
            let partitions = batch.column_by_name("partition").unwrap().as_primitive::<Int32Type>().clone();
            let offsets = batch.column_by_name("offset").unwrap().as_primitive::<Int64Type>().clone();
            for (index, row) in rows(&to_incidents(&batch, &schema).unwrap()).into_iter().enumerate() {
                assert_eq!(blotter_store::civil_year(row.occurred_at.0), file.year);
                let key = (partitions.value(index) as u32, offsets.value(index) as u64);
                assert!(found.insert(key, row).is_none(), "{key:?} is there twice");
            }
        }
        assert_eq!(in_file, file.rows);
    }
    found
}

/// The rows of a snapshot in its order, and the place of each in the log.
pub fn snapshot_rows(store: &Store, manifest: &Manifest, folder: &str) -> Vec<(Incident, (u32, u64))> {
    let schema = incident_schema(&profile());
    let columns: Vec<usize> = (0..schema.fields().len()).collect();
    let mut found = Vec::new();
    for file in &manifest.files {
        let bytes = store.get(&format!("snapshots/{folder}/{}", file.path)).unwrap().unwrap();
        assert_eq!(bytes.len() as u64, file.bytes);
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        assert_eq!(reader.schema().fields()[..columns.len()], schema.fields()[..]);
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let partitions = batch.column_by_name("partition").unwrap().as_primitive::<Int32Type>().clone();
            let offsets = batch.column_by_name("offset").unwrap().as_primitive::<Int64Type>().clone();
            assert!(partitions.null_count() + offsets.null_count() == 0);
            for (index, row) in rows(&batch.project(&columns).unwrap()).into_iter().enumerate() {
                found.push((row, (partitions.value(index) as u32, offsets.value(index) as u64)));
            }
        }
    }
    assert_eq!(found.len() as u64, manifest.rows);
    found
}

/// The winners among rows by the contract, in the snapshot's order.
pub fn winners(rows: impl IntoIterator<Item = Incident>) -> Vec<Incident> {
    let mut best: BTreeMap<String, Incident> = BTreeMap::new();
    for row in rows {
        match best.get(&row.id) {
            Some(held) if held.revision() >= row.revision() => {}
            _ => {
                best.insert(row.id.clone(), row);
            }
        }
    }
    let mut found: Vec<Incident> = best.into_values().collect();
    found.sort_by(|a, b| (a.occurred_at_utc, &a.id).cmp(&(b.occurred_at_utc, &b.id)));
    found
}
