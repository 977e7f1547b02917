//! The log on a real broker, and what only a log of several processes promises.

use crate::support::{TestResult, append_to, is_here, numbers, read_all};
use arrow::{
    array::{ArrayRef, AsArray, DictionaryArray, Int64Array, RecordBatch, StringArray},
    datatypes::{Int64Type, SchemaRef, UInt16Type},
    error::ArrowError,
};
use blotter_log::{
    Append, DecodedMessage, Decoder, Encode, Formats, GroupOffset, KafkaLog, KafkaOptions, Log, LogError, Message,
    Offset, Topic, TopicFormat, Transaction,
};
use rdkafka::{
    ClientConfig, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseRecord, Producer, ThreadedProducer},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// A number as text, and as its own key.
struct Numbers {
    /// Whether the topic says how far a group came.
    marks: bool,
}

struct NumbersDecoder(Vec<i64>);

impl TopicFormat for Numbers {
    fn schema(&self) -> SchemaRef {
        crate::support::batch(0..0).schema()
    }

    fn encode(&self, _: u32, records: &RecordBatch, message: &mut Encode<'_, ArrowError>) -> Result<(), ArrowError> {
        let numbers = records
            .column_by_name("number")
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| ArrowError::SchemaError("no numbers".to_owned()))?;
        numbers.values().iter().try_for_each(|number| {
            let text = number.to_string();
            message(text.as_bytes(), text.as_bytes())
        })
    }

    fn decoder(&self, _: u32) -> Box<dyn Decoder> {
        Box::new(NumbersDecoder(Vec::new()))
    }

    fn mark(&self, commit: &GroupOffset) -> Option<(Vec<u8>, Vec<u8>)> {
        self.marks.then(|| (b"progress".to_vec(), commit.next.to_string().into_bytes()))
    }
}

impl Decoder for NumbersDecoder {
    fn push(&mut self, message: &Message<'_>) -> DecodedMessage {
        if message.key == Some(b"progress") {
            let next = message.value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
            return DecodedMessage::Mark(next.map(Offset));
        }
        let text = message.value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        match text.parse() {
            Ok(number) => {
                self.0.push(number);
                DecodedMessage::Record
            }
            Err(error) => DecodedMessage::Invalid(format!("`{text}` is no number: {error}")),
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= 1000
    }

    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let numbers = std::mem::take(&mut self.0);
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values(numbers.iter().map(|number| format!("record {number}"))));
        let words: DictionaryArray<UInt16Type> =
            numbers.iter().map(|number| ["THEFT", "ARSON", "BATTERY"][*number as usize % 3]).collect();
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        RecordBatch::try_from_iter([("number", numbers), ("text", texts), ("word", Arc::new(words) as ArrayRef)])
    }
}

pub(crate) fn servers() -> Option<String> {
    std::env::var("BLOTTER_TEST_KAFKA").ok().filter(|servers| !servers.is_empty())
}

fn options(path: &Path) -> KafkaOptions {
    let name: String = path.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
    let url = format!("kafka://{}/{name}.", servers().unwrap_or_default());
    let options = KafkaOptions::from_url(&url, "").expect("a URL");
    KafkaOptions { session_timeout: Duration::from_secs(3), ..options }
}

/// The log whose topics bear the path's name.
pub(crate) fn open(path: &Path) -> Result<Arc<dyn Log>, LogError> {
    Ok(connect(&options(path))?)
}

fn connect(options: &KafkaOptions) -> Result<Arc<KafkaLog>, LogError> {
    KafkaLog::open(options, |_| formats()).map(Arc::new)
}

fn formats() -> Formats {
    Topic::ALL
        .into_iter()
        .map(|topic| (topic, Arc::new(Numbers { marks: topic == Topic::Counts }) as Arc<dyn TopicFormat>))
        .collect()
}

/// What another program may do to a topic.
fn foreign(options: &KafkaOptions, transactional: bool) -> ThreadedProducer<rdkafka::producer::DefaultProducerContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.servers);
    if transactional {
        config.set("transactional.id", format!("{}foreign", options.prefix));
    }
    config.create().expect("a producer")
}

#[test]
fn of_two_writers_of_a_name_the_newer_writes() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let options = options(directory.path());
    let (one, two) = (connect(&options)?, connect(&options)?);
    assert_eq!(one.id(), two.id());
    let mut first = Arc::clone(&one).writer("count/0")?;
    first.append(append_to(Topic::Counts, 0, 0..5))?;
    let mut second = Arc::clone(&two).writer("count/0")?;
    let refused = first.append(append_to(Topic::Counts, 0, 5..10));
    assert!(matches!(refused, Err(LogError::Fenced { .. })), "{refused:?}");
    second.append(append_to(Topic::Counts, 0, 10..15))?;
    let expected: Vec<i64> = (0..5).chain(10..15).collect();
    for log in [&one, &two] {
        assert_eq!(read_all(log.as_ref(), Topic::Counts, 0, Offset(0))?, expected);
    }
    Ok(())
}

#[test]
fn what_is_not_committed_is_not_read() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let options = options(directory.path());
    let log = connect(&options)?;
    log.append(append_to(Topic::Incidents, 2, 0..3))?;
    let other = foreign(&options, true);
    other.init_transactions(Duration::from_secs(10))?;
    let topic = format!("{}incidents", options.prefix);
    for commits in [false, true] {
        other.begin_transaction()?;
        let number = if commits { "7" } else { "6" };
        other.send(BaseRecord::to(&topic).partition(2).key(number).payload(number)).map_err(|(error, _)| error)?;
        other.flush(Duration::from_secs(10))?;
        assert_eq!(read_all(log.as_ref(), Topic::Incidents, 2, Offset(0))?, [0, 1, 2]);
        if commits {
            other.commit_transaction(Duration::from_secs(10))?;
        } else {
            other.abort_transaction(Duration::from_secs(10))?;
        }
    }
    let mut read = Vec::new();
    while read != [0, 1, 2, 7] {
        read = read_all(log.as_ref(), Topic::Incidents, 2, Offset(0))?;
    }
    Ok(())
}

/// A counter that was killed in a commit kept the next owner of another partition waiting.
#[test]
fn who_takes_over_one_partition_does_not_wait_for_another() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let options = options(directory.path());
    let log = connect(&options)?;
    let topic = format!("{}incidents", options.prefix);
    let mut group = ClientConfig::new();
    group.set("bootstrap.servers", &options.servers).set("group.id", format!("{}count", options.prefix));
    let group: BaseConsumer = group.create()?;
    let killed = foreign(&options, true);
    killed.init_transactions(Duration::from_secs(10))?;
    let commit = |partition: i32, next: i64| -> TestResult {
        killed.begin_transaction()?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&topic, partition, rdkafka::Offset::Offset(next))?;
        let metadata = group.group_metadata().ok_or("no group")?;
        Ok(killed.send_offsets_to_transaction(&offsets, &metadata, Duration::from_secs(10))?)
    };
    commit(0, 5)?;
    killed.commit_transaction(Duration::from_secs(10))?;
    commit(1, 7)?;
    assert_eq!(log.committed_of("count", Topic::Incidents, &[0, 2])?, [(0, Offset(5))]);
    killed.commit_transaction(Duration::from_secs(10))?;
    assert_eq!(log.committed("count", Topic::Incidents)?, [(0, Offset(5)), (1, Offset(7))]);
    Ok(())
}

#[test]
fn what_is_no_record_is_handed_out_as_such() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let options = options(directory.path());
    let log = connect(&options)?;
    let other = foreign(&options, false);
    let topic = format!("{}incidents", options.prefix);
    for value in ["1", "garbage", "rubbish", "2", "3", "junk"] {
        other.send(BaseRecord::to(&topic).partition(1).key(value).payload(value)).map_err(|(error, _)| error)?;
    }
    other.flush(Duration::from_secs(10))?;
    for max_bytes in [1, 1 << 20] {
        let (mut next, mut rows, mut invalid) = (Offset(0), Vec::new(), Vec::new());
        while next < Offset(6) {
            let fetched = log.read(Topic::Incidents, 1, next, max_bytes)?;
            rows.extend(numbers(next, &fetched));
            invalid.extend(fetched.iter().flat_map(|fetched| &fetched.invalid).cloned());
            next = fetched.last().map_or(next, |last| last.next);
        }
        assert_eq!(rows, [1, 2, 3]);
        let found: Vec<_> = invalid.iter().map(|one| (one.offset.0, one.bytes.as_slice())).collect();
        assert_eq!(found, [(1, &b"garbage"[..]), (2, b"rubbish"), (5, b"junk")]);
        assert!(invalid[0].reason.contains("`garbage` is no number"));
    }
    Ok(())
}

#[test]
fn the_end_is_reached_over_marks() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let log = connect(&options(directory.path()))?;
    for round in 0..5 {
        log.append(append_to(Topic::Incidents, 0, round..round + 1))?;
    }
    let five_records_and_five_marks = Offset(10);
    let mut next = Offset(0);
    while next < five_records_and_five_marks {
        if let Some(last) = log.read(Topic::Incidents, 0, next, 1 << 20)?.last() {
            next = last.next;
        }
    }
    assert_eq!(log.bounds(Topic::Incidents, 0)?.next, next);
    Ok(())
}

#[test]
fn members_share_the_partitions_and_take_over() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let options = options(directory.path());
    let logs = [connect(&options)?, connect(&options)?, connect(&options)?];
    let mut members = Vec::new();
    for log in &logs {
        members.push(log.join("count", Topic::Incidents)?);
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let shares = members.iter_mut().map(|member| member.partitions()).collect::<Result<Vec<_>, _>>()?;
            let mut all = shares.concat();
            all.sort_unstable();
            if all == [0, 1, 2, 3] && shares.iter().all(|share| !share.is_empty()) {
                break;
            }
            assert!(Instant::now() < deadline, "{shares:?}");
            log.wait(Topic::Peaks, &[Offset(0)], Duration::from_millis(20));
        }
    }
    members.truncate(1);
    while members[0].partitions()? != [0, 1, 2, 3] {
        logs[0].wait(Topic::Peaks, &[Offset(0)], Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_session_that_the_brokers_do_not_allow_becomes_one_that_they_do() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let log = connect(&KafkaOptions { session_timeout: Duration::from_millis(300), ..options(directory.path()) })?;
    let mut member = log.join("count", Topic::Incidents)?;
    let deadline = Instant::now() + Duration::from_mins(1);
    while member.partitions()? != [0, 1, 2, 3] {
        assert!(Instant::now() < deadline, "no partition was given");
        log.wait(Topic::Peaks, &[Offset(0)], Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn topics_that_would_lose_records_are_refused() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let options = options(directory.path());
    drop(connect(&options)?);
    let other = KafkaOptions { partitions: Some(3), ..options.clone() };
    let error = connect(&other).err().ok_or("opened with another number of partitions")?.to_string();
    assert!(error.contains("has 4 partitions, not 3"), "{error}");

    let compacted = KafkaOptions { prefix: format!("compacted-{}", options.prefix), ..options };
    let admin: rdkafka::admin::AdminClient<_> =
        ClientConfig::new().set("bootstrap.servers", &compacted.servers).create()?;
    let name = format!("{}incidents", compacted.prefix);
    let topic = rdkafka::admin::NewTopic::new(&name, 4, rdkafka::admin::TopicReplication::Fixed(1))
        .set("cleanup.policy", "compact");
    let wait = rdkafka::admin::AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
    futures::executor::block_on(admin.create_topics(&[topic], &wait))?;
    let error = connect(&compacted).err().ok_or("opened on a compacted topic")?.to_string();
    assert!(error.contains("is compacted") && error.contains("delete"), "{error}");
    Ok(())
}

#[test]
fn a_cluster_that_does_not_answer_is_named_in_the_error() -> TestResult {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let options = KafkaOptions::from_url(&format!("kafka://{nobody}"), "x.")?;
    let error = connect(&KafkaOptions { give_up: Duration::from_millis(300), ..options }).err().ok_or("connected")?;
    assert!(error.is_retryable() && error.to_string().contains(&nobody.to_string()), "{error}");
    Ok(())
}

#[test]
fn transactions_say_counts_and_progress_at_once() -> TestResult {
    if !is_here("kafka") {
        return Ok(());
    }
    let directory = tempdir()?;
    let log = connect(&options(directory.path()))?;
    let mut writer = Arc::clone(&log).writer("count/1")?;
    let commit = GroupOffset { group: "count".to_owned(), topic: Topic::Incidents, partition: 1, next: Offset(42) };
    let append = Append { topic: Topic::Counts, partition: 1, records: crate::support::batch(0..3) };
    let transaction = Transaction { appends: vec![append], commits: vec![commit], ..Transaction::default() };
    writer.append(transaction)?;
    assert_eq!(log.committed("count", Topic::Incidents)?, [(1, Offset(42))]);
    assert_eq!(read_all(log.as_ref(), Topic::Counts, 1, Offset(0))?, [0, 1, 2]);
    assert_eq!(log.bounds(Topic::Counts, 1)?.next, Offset(5), "three records, how far it came, and a mark");
    // The newest mark before an end.
    let marked = |mut from: Offset, end: u64| {
        let mut marked = None;
        while from < Offset(end) {
            for fetched in log.read(Topic::Counts, 1, from, 1 << 20)? {
                from = fetched.next;
                marked = fetched.marked.or(marked);
            }
        }
        Ok::<_, LogError>(marked)
    };
    assert_eq!(marked(Offset(0), 5)?, Some(Offset(42)));
    // Where nothing has changed on the way it says so too.
    let commit = GroupOffset { group: "count".to_owned(), topic: Topic::Incidents, partition: 1, next: Offset(50) };
    writer.append(Transaction { commits: vec![commit], ..Transaction::default() })?;
    assert_eq!((marked(Offset(5), 7)?, marked(Offset(0), 7)?), (Some(Offset(50)), Some(Offset(50))));
    assert_eq!(read_all(log.as_ref(), Topic::Counts, 1, Offset(0))?, [0, 1, 2]);
    Ok(())
}
