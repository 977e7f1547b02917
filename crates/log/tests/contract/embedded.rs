//! What holds for the embedded log alone.

use crate::support::{TestResult, append_to, read_all, small};
use blotter_log::{EmbeddedLog, EmbeddedOptions, Log, LogError, Offset, Retention, Topic, Transaction};
use std::{path::Path, time::Duration};
use tempfile::tempdir;

#[test]
fn a_directory_in_use_names_its_holder() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), EmbeddedOptions::default())?;
    let error = EmbeddedLog::open(directory.path(), EmbeddedOptions::default()).err().ok_or("opened twice")?;
    let sentence = error.to_string();
    assert!(error.is_retryable());
    assert!(sentence.contains(&format!("(pid {})", std::process::id())) && sentence.contains("kafka://"), "{sentence}");
    log.close()?;
    EmbeddedLog::open(directory.path(), EmbeddedOptions::default())?;
    Ok(())
}

#[test]
fn a_closed_log_says_so() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), EmbeddedOptions::default())?;
    log.close()?;
    log.close()?;
    assert!(matches!(log.append(append_to(Topic::Peaks, 0, 0..1)), Err(LogError::Closed)));
    assert!(matches!(log.read(Topic::Peaks, 0, Offset(0), 1), Err(LogError::Closed)));
    assert!(matches!(log.position("a"), Err(LogError::Closed)));
    assert!(!log.wait(Topic::Peaks, &[Offset(0)], Duration::from_mins(1)));
    Ok(())
}

/// Bytes of the journals.
fn journal_bytes(directory: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory.join("store"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            bytes += path.metadata()?.len();
        }
    }
    Ok(bytes)
}

#[test]
fn closing_empties_the_journal_and_loses_nothing() -> TestResult {
    let directory = tempdir()?;
    // Memtables that hold everything, and small ones whose tables are written meanwhile.
    for (round, options) in [EmbeddedOptions::default(), small(), EmbeddedOptions::default()].into_iter().enumerate() {
        let before = round as i64 * 40_000;
        let log = EmbeddedLog::open(directory.path(), options.clone())?;
        for first in (0..40_000).step_by(100) {
            let mut transaction = append_to(Topic::Peaks, 0, before + first..before + first + 100);
            transaction.positions.push(("source".to_owned(), (before + first).to_le_bytes().to_vec()));
            log.append(transaction)?;
        }
        assert!(journal_bytes(directory.path())? > 1 << 18);
        log.close()?;
        assert_eq!(journal_bytes(directory.path())?, 0);
        let log = EmbeddedLog::open(directory.path(), options)?;
        assert_eq!(log.bounds(Topic::Peaks, 0)?.next.0 as i64, before + 40_000);
        assert_eq!(log.position("source")?, Some((before + 39_900).to_le_bytes().to_vec()));
        assert_eq!(read_all(&log, Topic::Peaks, 0, Offset(0))?, (0..before + 40_000).collect::<Vec<_>>());
        // What is appended now is newer than what was there: the latest value of a key is found.
        log.append(Transaction {
            positions: vec![("source".to_owned(), b"newer".to_vec())],
            ..Transaction::default()
        })?;
        drop(log);
        let log = EmbeddedLog::open(directory.path(), small())?;
        assert_eq!(log.position("source")?.as_deref(), Some(&b"newer"[..]));
    }
    Ok(())
}

#[test]
fn closing_ends_a_wait() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), EmbeddedOptions::default())?;
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| log.wait(Topic::Peaks, &[Offset(0)], Duration::from_mins(1)));
        log.close()?;
        assert!(waiter.join().is_ok_and(|something| !something));
        Ok(())
    })
}

#[test]
fn a_log_is_nobody_elses() -> TestResult {
    let directory = tempdir()?;
    let with = |owner: Option<&str>| {
        EmbeddedLog::open(directory.path(), EmbeddedOptions { owner: owner.map(str::to_owned), ..small() })
    };
    drop(with(Some("chicago"))?);
    for _ in 0..2 {
        let Err(error) = with(Some("new-york")) else { return Err("another's log was opened".into()) };
        assert!(matches!(error, LogError::Owner { .. }), "{error}");
        assert!(error.to_string().contains("is the log of `chicago`, not of `new-york`"), "{error}");
    }
    drop(with(None)?);
    drop(with(Some("chicago"))?);
    // One that was made when nobody said whose it is goes on as it was.
    let unowned = tempdir()?;
    drop(EmbeddedLog::open(unowned.path(), small())?);
    let owner = Some("chicago".to_owned());
    drop(EmbeddedLog::open(unowned.path(), EmbeddedOptions { owner, ..small() })?);
    Ok(())
}

#[test]
fn the_number_of_partitions_is_kept() -> TestResult {
    let directory = tempdir()?;
    let with = |partitions| EmbeddedLog::open(directory.path(), EmbeddedOptions { partitions, ..small() });
    assert_eq!(with(Some(3))?.partitions(Topic::Counts), 3);
    assert_eq!(with(None)?.partitions(Topic::Incidents), 3);
    assert!(matches!(with(Some(4)), Err(LogError::Partitions { stored: 3, configured: 4, .. })));
    assert!(matches!(with(Some(0)), Err(LogError::PartitionCount { configured: 0, .. })));
    assert_eq!(
        with(Some(3))?.partitions(Topic::Incidents),
        3,
        "a refusal changes nothing and lets go of the directory"
    );
    Ok(())
}

#[test]
fn an_unfinished_creation_is_begun_again() -> TestResult {
    let directory = tempdir()?;
    std::fs::create_dir_all(directory.path().join("store.new/keyspaces"))?;
    std::fs::write(directory.path().join("store.new/0.jnl"), b"half")?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    log.append(append_to(Topic::Peaks, 0, 0..1))?;
    Ok(())
}

#[test]
fn what_retention_removed_stays_gone() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    for first in (0..100).step_by(10) {
        log.append(append_to(Topic::Peaks, 0, first..first + 10))?;
    }
    log.retain(Topic::Peaks, Retention { max_age: Some(Duration::ZERO), max_bytes: Some(0) })?;
    for reopened in [false, true] {
        let log = if reopened { &EmbeddedLog::open(directory.path(), small())? } else { &log };
        let bounds = log.bounds(Topic::Peaks, 0)?;
        assert_eq!((bounds.earliest, bounds.next), (Offset(90), Offset(100)), "the newest batch stays");
        let gone = log.read(Topic::Peaks, 0, Offset(89), 1);
        assert!(matches!(gone, Err(LogError::OffsetGone { earliest: Offset(90), .. })), "{gone:?}");
        assert_eq!(read_all(log, Topic::Peaks, 0, Offset(90))?, (90..100).collect::<Vec<_>>());
        log.close()?;
    }
    Ok(())
}

#[test]
fn retention_by_size_keeps_what_fits() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    for first in (0..1000).step_by(10) {
        log.append(append_to(Topic::Peaks, 0, first..first + 10))?;
    }
    log.retain(Topic::Peaks, Retention { max_bytes: Some(2_000), ..Retention::FOREVER })?;
    let first = log.bounds(Topic::Peaks, 0)?.earliest;
    assert!(first > Offset(500) && first < Offset(990), "{first}");
    assert_eq!(read_all(&log, Topic::Peaks, 0, first)?, (first.0 as i64..1000).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn retention_removes_the_oldest() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    for first in (0..100).step_by(10) {
        log.append(append_to(Topic::Peaks, 0, first..first + 10))?;
    }
    log.retain(Topic::Peaks, Retention::FOREVER)?;
    assert_eq!(log.bounds(Topic::Peaks, 0)?.earliest, Offset(0));
    log.retain(Topic::Peaks, Retention { max_age: Some(Duration::from_hours(1)), max_bytes: Some(1 << 30) })?;
    assert_eq!(log.bounds(Topic::Peaks, 0)?.earliest, Offset(0), "nothing is that old or that large");
    log.retain(Topic::Peaks, Retention { max_bytes: Some(0), ..Retention::FOREVER })?;
    log.append(append_to(Topic::Peaks, 0, 100..110))?;
    // When the records go is the log's affair; what is left is the newest, without a gap.
    let left = read_all(&log, Topic::Peaks, 0, log.bounds(Topic::Peaks, 0)?.earliest)?;
    assert!(left.len() >= 10 && left == (110 - left.len() as i64..110).collect::<Vec<_>>(), "{left:?}");
    Ok(())
}
