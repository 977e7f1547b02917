//! Batches that say who they are, and logs in temporary directories.

use arrow::{
    array::{ArrayRef, AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray},
    datatypes::{Int64Type, SchemaRef, UInt16Type},
    error::ArrowError,
};
use blotter_log::{
    Append, Decoder, EmbeddedLog, EmbeddedOptions, Encode, Formats, Log, LogBatch, LogError, Offset, Topic,
    TopicFormat, Transaction,
};
use std::{error::Error, ops::Range, path::Path, sync::Arc};

pub(crate) type TestResult = Result<(), Box<dyn Error>>;

/// Opens the log that lives at a path, the same one every time.
pub(crate) type Open = fn(&Path) -> Result<Arc<dyn Log>, LogError>;

/// Whether what an implementation needs is here; says so where it is not.
pub(crate) fn is_here(open: &str) -> bool {
    #[cfg(feature = "kafka")]
    let missing = open.contains("kafka") && crate::kafka::servers().is_none();
    #[cfg(not(feature = "kafka"))]
    let missing = open.contains("kafka");
    if missing {
        blotter_testing::skipped("no Kafka broker: `make test` starts one, or set BLOTTER_TEST_KAFKA to host:port");
    }
    !missing
}

/// Small memtables, so that tests see tables and blob files and not only the journal.
pub(crate) fn small() -> EmbeddedOptions {
    EmbeddedOptions { memtable_bytes: 64 << 10, tail_cache_bytes: 16 << 10, ..EmbeddedOptions::default() }
}

pub(crate) fn open_embedded(path: &Path) -> Result<Arc<dyn Log>, LogError> {
    Ok(Arc::new(EmbeddedLog::open(path, small())?))
}

/// One row for each number.
pub(crate) fn batch(numbers: Range<i64>) -> RecordBatch {
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values(numbers.clone().map(|number| format!("record {number}"))));
    let words: DictionaryArray<UInt16Type> =
        numbers.clone().map(|number| ["THEFT", "ARSON", "BATTERY"][number as usize % 3]).collect();
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
    RecordBatch::try_from_iter([("number", numbers), ("text", texts), ("word", Arc::new(words) as ArrayRef)])
        .expect("columns of one length")
}

pub(crate) fn append_to(topic: Topic, partition: u32, numbers: Range<i64>) -> Transaction {
    Transaction { appends: vec![Append { topic, partition, records: batch(numbers) }], ..Transaction::default() }
}

/// The numbers of fetched batches, whose offsets must follow each other from `from`.
pub(crate) fn numbers(from: Offset, fetched: &[LogBatch]) -> Vec<i64> {
    let (mut next, mut numbers) = (from, Vec::new());
    for fetched in fetched {
        assert!(fetched.base >= next, "no overlap");
        assert!(fetched.next.0 >= fetched.base.0 + fetched.records.num_rows() as u64);
        let found = fetched.records.column(0).as_primitive::<Int64Type>().values();
        assert_eq!(*fetched.records, batch_of(found), "every column is as it was");
        numbers.extend(found.iter());
        next = fetched.next;
    }
    numbers
}

fn batch_of(numbers: &[i64]) -> RecordBatch {
    let Some(first) = numbers.first() else { return batch(0..0) };
    let range = batch(*first..first + numbers.len() as i64);
    if range.column(0).as_primitive::<Int64Type>().values() == numbers {
        return range;
    }
    let rows: Vec<RecordBatch> = numbers.iter().map(|number| batch(*number..number + 1)).collect();
    arrow::compute::concat_batches(&range.schema(), &rows).expect("one schema")
}

/// Everything from an offset on, by reads of a few bytes.
pub(crate) fn read_all(log: &dyn Log, topic: Topic, partition: u32, from: Offset) -> Result<Vec<i64>, LogError> {
    let (mut next, mut all) = (from, Vec::new());
    loop {
        let fetched = log.read(topic, partition, next, 2_000)?;
        let Some(last) = fetched.last() else { return Ok(all) };
        all.extend(numbers(next, &fetched));
        next = last.next;
    }
}

/// How many keys the records of a topic of latest values have.
pub(crate) const KEYS: i64 = 7;

/// A record's key is its number, modulo.
struct Keyed;

impl TopicFormat for Keyed {
    fn schema(&self) -> SchemaRef {
        batch(0..0).schema()
    }

    fn encode(&self, _: u32, records: &RecordBatch, message: &mut Encode<'_, ArrowError>) -> Result<(), ArrowError> {
        let numbers = records.column(0).as_primitive::<Int64Type>().values();
        numbers.iter().try_for_each(|number| message(&(number % KEYS).to_le_bytes(), b""))
    }

    fn decoder(&self, _: u32) -> Box<dyn Decoder> {
        unreachable!("the embedded log keeps columns")
    }
}

/// The keys of the topics of latest values.
pub(crate) fn formats() -> Formats {
    let keyed = |topic: Topic| (topic, Arc::new(Keyed) as Arc<dyn TopicFormat>);
    Topic::ALL.into_iter().filter(|topic| topic.is_compacted()).map(keyed).collect()
}

/// Not random, and different each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
