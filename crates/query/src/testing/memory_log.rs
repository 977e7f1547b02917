//! A shared log in memory that behaves as Kafka does to a reader: a partition has one reader that everybody who follows it
//! takes in turns, and records are gone when retention has removed them.

use arrow::array::RecordBatch;
use blotter_log::{
    Append, AppendEnd, Bounds, Log, LogBatch, LogError, LogId, Membership, Offset, Topic, Transaction,
    WatchedPartition, Writer,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

pub struct MemoryLog {
    id: LogId,
    partitions: u32,
    batches: Mutex<BTreeMap<(Topic, u32), Vec<LogBatch>>>,
    changed: Condvar,
    earliest: Mutex<BTreeMap<(Topic, u32), u64>>,
    /// The next read of that partition of `incidents` fails, and may succeed later.
    fails: Mutex<Option<u32>>,
    /// Of single records, beside the follower.
    pub looked_up: AtomicUsize,
    /// Whether look-ups wait.
    pub is_slow: AtomicBool,
    waiting: Mutex<usize>,
    reader: Mutex<()>,
}

impl MemoryLog {
    pub fn new(partitions: u32) -> Arc<Self> {
        Arc::new(Self {
            id: LogId("memory".to_owned()),
            partitions,
            batches: Mutex::default(),
            changed: Condvar::new(),
            earliest: Mutex::default(),
            fails: Mutex::default(),
            looked_up: AtomicUsize::new(0),
            is_slow: AtomicBool::new(false),
            waiting: Mutex::default(),
            reader: Mutex::default(),
        })
    }

    pub fn push(&self, topic: Topic, partition: u32, records: RecordBatch) {
        let appends = vec![Append { topic, partition, records }];
        self.append(Transaction { appends, ..Transaction::default() }).unwrap();
    }

    /// Retention removes what lies before an offset.
    pub fn remove_below(&self, partition: u32, earliest: u64) {
        self.earliest.lock().unwrap().insert((Topic::Incidents, partition), earliest);
    }

    pub fn fail_once(&self, partition: u32) {
        *self.fails.lock().unwrap() = Some(partition);
    }

    pub fn has_failed(&self) -> bool {
        self.fails.lock().unwrap().is_none()
    }

    /// Whether a look-up waits.
    pub fn is_waited_for(&self) -> bool {
        *self.waiting.lock().unwrap() > 0
    }

    fn from(&self, topic: Topic, partition: u32, from: Offset) -> Result<Vec<LogBatch>, LogError> {
        let earliest = Offset(self.earliest.lock().unwrap().get(&(topic, partition)).copied().unwrap_or(0));
        if from < earliest {
            return Err(LogError::OffsetGone { topic, partition, offset: from, earliest });
        }
        let all = self.batches.lock().unwrap();
        let batches = all.get(&(topic, partition)).map_or(&[][..], Vec::as_slice);
        let behind = batches.iter().filter(|batch| batch.next > from);
        Ok(behind
            .map(|batch| {
                let skip = from.0.saturating_sub(batch.base.0) as usize;
                let records = Arc::new(batch.records.slice(skip, batch.records.num_rows() - skip));
                LogBatch { base: Offset(batch.base.0 + skip as u64), records, ..batch.clone() }
            })
            .collect())
    }

    fn wait_while_slow(&self) {
        *self.waiting.lock().unwrap() += 1;
        while self.is_slow.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        *self.waiting.lock().unwrap() -= 1;
    }
}

impl Log for MemoryLog {
    fn id(&self) -> &LogId {
        &self.id
    }

    fn partitions(&self, topic: Topic) -> u32 {
        if topic.is_partitioned() { self.partitions } else { 1 }
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn writer(self: Arc<Self>, _: &str) -> Result<Box<dyn Writer>, LogError> {
        Err(LogError::Closed)
    }

    fn append(&self, transaction: Transaction) -> Result<Vec<AppendEnd>, LogError> {
        let mut all = self.batches.lock().unwrap();
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
                appended_at_ms: 1,
                appended: Vec::new(),
                invalid: Vec::new(),
                marked: None,
            });
            ends.push((append.topic, append.partition, next));
        }
        self.changed.notify_all();
        Ok(ends)
    }

    fn join(&self, _: &str, _: Topic) -> Result<Box<dyn Membership>, LogError> {
        Err(LogError::Closed)
    }

    fn read(&self, topic: Topic, partition: u32, from: Offset, max_bytes: usize) -> Result<Vec<LogBatch>, LogError> {
        let _one_at_a_time = self.reader.lock().unwrap();
        if topic == Topic::Incidents && self.fails.lock().unwrap().take_if(|failing| *failing == partition).is_some() {
            let (servers, doing, reason) = ("memory".to_owned(), "read".to_owned(), "it is away".to_owned());
            return Err(LogError::Kafka { servers, doing, reason, retryable: true });
        }
        // Nobody who follows reads a single record.
        if max_bytes == 1 {
            self.looked_up.fetch_add(1, Ordering::Relaxed);
            self.wait_while_slow();
            let mut found = self.from(topic, partition, from)?;
            found.truncate(1);
            return Ok(found);
        }
        self.from(topic, partition, from)
    }

    fn read_range(&self, topic: Topic, partition: u32, from: Offset, to: Offset) -> Result<Vec<LogBatch>, LogError> {
        self.looked_up.fetch_add(1, Ordering::Relaxed);
        self.wait_while_slow();
        let mut found = self.from(topic, partition, from)?;
        found.retain(|batch| batch.base < to);
        if let Some(last) = found.last_mut() {
            let rows = (to.0 - last.base.0).min(last.records.num_rows() as u64);
            last.records = Arc::new(last.records.slice(0, rows as usize));
            last.next = Offset(last.base.0 + rows);
        }
        Ok(found)
    }

    fn bounds(&self, topic: Topic, partition: u32) -> Result<Bounds, LogError> {
        let earliest = Offset(self.earliest.lock().unwrap().get(&(topic, partition)).copied().unwrap_or(0));
        let all = self.batches.lock().unwrap();
        let next = all.get(&(topic, partition)).and_then(|batches| batches.last()).map_or(Offset(0), |last| last.next);
        Ok(Bounds { earliest, next })
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
        let all = self.batches.lock().unwrap();
        let has = |all: &BTreeMap<(Topic, u32), Vec<LogBatch>>| {
            watched.iter().any(|(topic, partition, next)| {
                all.get(&(*topic, *partition)).and_then(|batches| batches.last()).is_some_and(|last| last.next > *next)
            })
        };
        let (all, _) = self.changed.wait_timeout_while(all, timeout, |all| !has(all)).unwrap();
        has(&all)
    }

    fn wake(&self) {
        self.changed.notify_all();
    }
}
