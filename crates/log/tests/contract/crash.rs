//! A process that is killed while it appends: what it was told is durable is there, and every transaction is there as a
//! whole or not at all.

use crate::support::{Dice, TestResult, batch, small};
use arrow::{
    array::{ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch},
    datatypes::Int64Type,
};
use blotter_log::{Append, EmbeddedLog, GroupOffset, Log, LogError, Offset, Topic, Transaction};
use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};
use tempfile::tempdir;

const DIRECTORY: &str = "LOG_TEST_DIRECTORY";
const PAYLOAD: &str = "LOG_TEST_PAYLOAD_BYTES";
const ROUNDS: u64 = 24;

/// The number of the last transaction, which is also its position; -1 before the first.
fn last(log: &dyn Log) -> Result<i64, Box<dyn std::error::Error>> {
    Ok(log.position("source/a")?.map_or(Ok(-1), |value| String::from_utf8_lossy(&value).parse())?)
}

/// Rows in partition 0 and in partition 1, all with the transaction's number; and bytes that do not compress.
fn transaction(number: i64, payload: usize, next: Offset) -> Result<Transaction, Box<dyn std::error::Error>> {
    let mut dice = Dice(number as u64 * 2 + 1);
    let bytes: Vec<u8> = (0..payload).map(|_| dice.below(251) as u8).collect();
    let rows = |count: i64| {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![number; count as usize]));
        let payloads: ArrayRef = Arc::new(BinaryArray::from_iter_values((0..count).map(|_| &bytes)));
        RecordBatch::try_from_iter([("number", numbers), ("payload", payloads)])
    };
    Ok(Transaction {
        appends: vec![
            Append { topic: Topic::Incidents, partition: 0, records: rows(1)? },
            Append { topic: Topic::Incidents, partition: 1, records: rows(number % 3 + 1)? },
        ],
        positions: vec![("source/a".to_owned(), number.to_string().into_bytes())],
        commits: vec![GroupOffset { group: "count".to_owned(), topic: Topic::Incidents, partition: 0, next }],
    })
}

#[test]
#[ignore = "the process that `a_killed_process_loses_nothing_that_it_acknowledged` starts and kills"]
fn child() -> TestResult {
    let Ok(directory) = env::var(DIRECTORY) else { return Ok(()) };
    let payload = env::var(PAYLOAD)?.parse()?;
    let log = Arc::new(EmbeddedLog::open(directory, small())?);
    let mut out = std::io::stdout();
    // The store is opened anew under way, over and over.
    let emptied = Arc::clone(&log);
    std::thread::spawn(move || while emptied.empty_journal().is_ok() {});
    for number in last(log.as_ref())? + 1.. {
        let next = log.bounds(Topic::Incidents, 0)?.next;
        log.append(transaction(number, payload, next)?)?;
        writeln!(out, "\nacknowledged {number}")?;
        out.flush()?;
    }
    Ok(())
}

/// Lets a child append until it has acknowledged `enough` transactions, kills it, and gives the last it acknowledged.
fn run_and_kill(directory: &Path, payload: usize, enough: u64) -> Result<Option<i64>, Box<dyn std::error::Error>> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(PAYLOAD, payload.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let (mut line, mut seen, mut acknowledged) = (String::new(), 0, None);
    loop {
        line.clear();
        // A line without its end was being written when the process died.
        if out.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            break;
        }
        if let Some(number) = line.trim_end().strip_prefix("acknowledged ") {
            acknowledged = Some(number.parse()?);
            seen += 1;
            if seen == enough {
                child.kill()?;
            }
        }
    }
    let status = child.wait()?;
    assert!(!status.success() && seen >= enough, "it was killed, and did not end by itself: {status}");
    Ok(acknowledged)
}

fn check(log: &EmbeddedLog) -> Result<i64, Box<dyn std::error::Error>> {
    let last = last(log)?;
    for partition in 0..2 {
        let rows = |number: i64| if partition == 0 { 1 } else { number % 3 + 1 };
        let expected: Vec<i64> = (0..=last).flat_map(|number| (0..rows(number)).map(move |_| number)).collect();
        let (mut next, mut found) = (Offset(0), Vec::new());
        loop {
            let fetched = log.read(Topic::Incidents, partition, next, 1 << 20)?;
            let Some(end) = fetched.last() else { break };
            next = end.next;
            found.extend(
                fetched
                    .iter()
                    .flat_map(|fetched| fetched.records.column(0).as_primitive::<Int64Type>().values().to_vec()),
            );
        }
        assert_eq!(found, expected, "partition {partition}: each transaction once, and as a whole");
    }
    let committed = if last < 0 { vec![] } else { vec![(0, Offset(last as u64))] };
    assert_eq!(log.committed("count", Topic::Incidents)?, committed);
    Ok(last)
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() -> TestResult {
    let directory = tempdir()?;
    let mut dice = Dice(0x5eed);
    for round in 0..ROUNDS {
        // Large ones now and then, so that tables, blob files and journals are changed under way.
        let (payload, most) = if round % 3 == 2 { (150_000, 120) } else { (100, 250) };
        let acknowledged = run_and_kill(directory.path(), payload, dice.below(most) + 1)?;
        let log = EmbeddedLog::open(directory.path(), small())?;
        let last = check(&log)?;
        assert!(
            acknowledged.is_none_or(|acknowledged| acknowledged <= last),
            "round {round}: {acknowledged:?} was said, {last} is there"
        );
        assert!(
            acknowledged.is_none_or(|acknowledged| last <= acknowledged + 1),
            "round {round}: one may be under way"
        );
    }
    Ok(())
}

#[test]
fn a_second_process_is_refused_by_name() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    log.append(Transaction {
        appends: vec![Append { topic: Topic::Peaks, partition: 0, records: batch(0..1) }],
        ..Transaction::default()
    })?;
    let output = Command::new(env::current_exe()?)
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .env(PAYLOAD, "1")
        .output()?;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(&format!("pid: {}", std::process::id()))
            || said.contains(&format!("(pid {})", std::process::id())),
        "{said}"
    );
    assert!(
        matches!(EmbeddedLog::open(directory.path(), small()), Err(LogError::Held { .. })),
        "and the first still has it"
    );
    Ok(())
}
