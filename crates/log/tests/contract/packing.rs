//! What packing, compaction and emptying the journal keep, and what they make room of.

use crate::support::{KEYS, TestResult, append_to, formats, read_all, small};
use blotter_log::{AppendedRows, EmbeddedLog, EmbeddedOptions, Log, Offset, PackWhen, PackingReport, Topic};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use tempfile::tempdir;

fn bytes_below(directory: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // The journals hold everything until they are full, whatever was packed.
        let is_journal = entry.path().extension().is_some_and(|extension| extension == "jnl");
        sum += match entry.file_type()?.is_dir() {
            true => bytes_below(&entry.path())?,
            false if is_journal => 0,
            // A table that was merged goes meanwhile.
            false => match entry.metadata() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
                metadata => metadata?.len(),
            },
        };
    }
    Ok(sum)
}

#[test]
fn packed_records_keep_their_offsets_and_times() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    for number in 0..500 {
        log.append(append_to(Topic::Incidents, 2, number..number + 1))?;
    }
    let times = |log: &EmbeddedLog| -> Result<Vec<AppendedRows>, Box<dyn std::error::Error>> {
        let (mut next, mut times) = (Offset(0), Vec::new());
        loop {
            let fetched = log.read(Topic::Incidents, 2, next, 1 << 30)?;
            let Some(last) = fetched.last() else { return Ok(times) };
            next = last.next;
            for stretch in fetched.iter().flat_map(|fetched| fetched.appended().collect::<Vec<_>>()) {
                times.extend(vec![AppendedRows { rows: 1, ..stretch }; stretch.rows as usize]);
            }
        }
    };
    let before = times(&log)?;
    let packed = log.pack(&formats(), &PackWhen::ALWAYS)?;
    assert_eq!((packed.replaced, packed.superseded), (499, 0), "all but the newest batch: {packed:?}");
    assert!(packed.written <= 2, "{packed:?}");
    drop(log);
    let log = EmbeddedLog::open(directory.path(), small())?;
    let after = times(&log)?;
    assert_eq!(after.len(), before.len());
    for (before, after) in before.iter().zip(&after) {
        assert!(before.at_ms.abs_diff(after.at_ms) <= 1000, "{before:?} {after:?}");
    }
    for from in [0, 1, 250, 498, 499, 500] {
        assert_eq!(read_all(&log, Topic::Incidents, 2, Offset(from))?, (from as i64..500).collect::<Vec<_>>());
    }
    assert_eq!(log.pack(&formats(), &PackWhen::ALWAYS)?, PackingReport::default(), "nothing is left to do");
    Ok(())
}

#[test]
fn only_the_latest_value_of_each_key_stays() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    for round in 0..100 {
        log.append(append_to(Topic::Counts, 1, round * 10..round * 10 + 10))?;
    }
    let packed = log.pack(&formats(), &PackWhen::ALWAYS)?;
    assert_eq!(packed.superseded, 990 - KEYS as u64);
    let expected: Vec<i64> = (990 - KEYS..1000).collect();
    assert_eq!(read_all(&log, Topic::Counts, 1, Offset(0))?, expected);
    assert_eq!(read_all(&log, Topic::Counts, 1, Offset(992))?, (992..1000).collect::<Vec<_>>());
    assert_eq!(log.bounds(Topic::Counts, 1)?.next, Offset(1000), "offsets go on where they were");
    Ok(())
}

#[test]
fn a_large_record_keeps_its_offset() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    let large = |number: i64| {
        let mut transaction = append_to(Topic::Peaks, 0, number..number + 1);
        let mut dice = crate::support::Dice(number as u64 + 1);
        let text: String = (0..20_000).map(|_| char::from(b'a' + dice.below(26) as u8)).collect();
        let records = &transaction.appends[0].records;
        let mut columns = records.columns().to_vec();
        columns[1] = std::sync::Arc::new(arrow::array::StringArray::from(vec![text]));
        transaction.appends[0].records = arrow::array::RecordBatch::try_new(records.schema(), columns)?;
        Ok::<_, arrow::error::ArrowError>(transaction)
    };
    for number in 0..30 {
        log.append(large(number)?)?;
    }
    let packed = log.pack(&formats(), &PackWhen::ALWAYS)?;
    assert_eq!(packed.superseded, 29 - KEYS as u64);
    let fetched = log.read(Topic::Peaks, 0, Offset(0), 1 << 30)?;
    let offsets: Vec<u64> = fetched.iter().map(|fetched| fetched.base.0).collect();
    assert_eq!(offsets, (29 - KEYS as u64..30).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_compacted_topic_grows_with_its_keys_only() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    // The store writes tables of 64 kB and merges them in the background, every 54 rounds. Growth with what was appended would
    // make the smallest of the last quarter three times the largest of the first.
    let (mut first, mut last) = (0, u64::MAX);
    for round in 0..400 {
        for step in 0..25 {
            let first = (round * 25 + step) * 4;
            log.append(append_to(Topic::Counts, 0, first..first + 4))?;
        }
        log.pack(&formats(), &PackWhen { dirty_bytes: 8 << 10, batches: 64, ..PackWhen::default() })?;
        let bytes = bytes_below(directory.path())?;
        match round / 100 {
            0 => first = bytes.max(first),
            3 => last = bytes.min(last),
            _ => {}
        }
    }
    assert!(last <= first * 2, "{last} bytes after {first}");
    Ok(())
}

/// Batches are replaced under readers that are on their way through them.
#[test]
fn readers_go_on_while_batches_are_packed() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut rounds = 0;
            while !ended.load(Ordering::Acquire) || rounds == 0 {
                let next = log.bounds(Topic::Incidents, 0)?.next;
                let all = read_all(&log, Topic::Incidents, 0, Offset(0))?;
                assert!(all.len() as u64 >= next.0 && all.iter().copied().eq(0..all.len() as i64));
                rounds += 1;
            }
            Ok::<_, blotter_log::LogError>(())
        });
        for number in 0..3000 {
            log.append(append_to(Topic::Incidents, 0, number..number + 1))?;
            if number % 40 == 39 {
                log.pack(&formats(), &PackWhen::ALWAYS)?;
            }
        }
        ended.store(true, Ordering::Release);
        reader.join().map_err(|_| "the reader panicked")??;
        TestResult::Ok(())
    })
}

/// The store is opened anew under writers and readers, who notice nothing.
#[test]
fn the_journal_is_emptied_while_the_log_is_written_and_read() -> TestResult {
    const ROWS: i64 = 6000;
    let directory = tempdir()?;
    let options = EmbeddedOptions { tail_cache_bytes: 0, ..small() };
    let log = EmbeddedLog::open(directory.path(), options)?;
    let ended = AtomicBool::new(false);
    let mut emptied = 0;
    thread::scope(|scope| {
        let log = &log;
        let writers: Vec<_> = [0, 1]
            .map(|partition| {
                scope.spawn(move || {
                    for number in 0..ROWS {
                        log.append(append_to(Topic::Incidents, partition, number..number + 1))?;
                    }
                    Ok::<_, blotter_log::LogError>(())
                })
            })
            .into();
        let reader = scope.spawn(|| {
            while !ended.load(Ordering::Acquire) {
                let next = log.bounds(Topic::Incidents, 0)?.next;
                let all = read_all(log, Topic::Incidents, 0, Offset(0))?;
                assert!(all.len() as u64 >= next.0 && all.iter().copied().eq(0..all.len() as i64));
            }
            Ok::<_, blotter_log::LogError>(())
        });
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            if log.journal_bytes()? > 1 << 19 && log.empty_journal()? {
                emptied += 1;
            }
        }
        ended.store(true, Ordering::Release);
        for writer in writers {
            writer.join().map_err(|_| "a writer panicked")??;
        }
        reader.join().map_err(|_| "the reader panicked")??;
        TestResult::Ok(())
    })?;
    assert!(emptied > 0, "it was emptied while they were at it");
    assert!(log.empty_journal()? && log.journal_bytes()? < 1 << 14, "{} bytes", log.journal_bytes()?);
    let expected: Vec<i64> = (0..ROWS).collect();
    for partition in [0, 1] {
        assert_eq!(read_all(&log, Topic::Incidents, partition, Offset(0))?, expected);
    }
    drop(log);
    let log = EmbeddedLog::open(directory.path(), small())?;
    for partition in [0, 1] {
        assert_eq!(read_all(&log, Topic::Incidents, partition, Offset(0))?, expected, "and after it was closed");
    }
    Ok(())
}
