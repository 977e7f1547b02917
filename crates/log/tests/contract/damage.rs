//! A journal that was cut off or changed: what comes before the damage is intact, or opening says clearly that it is not.

use crate::support::{Dice, TestResult, append_to, open_embedded, read_all, small};
use blotter_log::{EmbeddedLog, EmbeddedOptions, Log, LogError, Offset, Topic};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::tempdir;

const TRANSACTIONS: i64 = 40;

fn newest_journal(directory: &Path) -> io::Result<PathBuf> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(directory.join("store"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            journals.push((number, path));
        }
    }
    journals.into_iter().max().map(|(_, path)| path).ok_or_else(|| io::Error::other("there is no journal"))
}

/// A log of forty transactions of three records, and the bytes of its journal.
fn written(directory: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let log = open_embedded(directory)?;
    for number in 0..TRANSACTIONS {
        let mut transaction = append_to(Topic::Incidents, 0, number * 3..number * 3 + 3);
        transaction.positions.push(("source/a".to_owned(), number.to_string().into_bytes()));
        log.append(transaction)?;
    }
    drop(log);
    // Opening cuts off the zeros that fjall made the file longer by.
    drop(open_embedded(directory)?);
    Ok(fs::read(newest_journal(directory)?)?)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The number of transactions, and the last position.
type Survivors = (i64, Option<i64>);

/// How many transactions are there; `None` where the log cannot be opened. Either way nothing else is.
fn survivors(original: &Path, journal: &[u8]) -> Result<Option<i64>, Box<dyn std::error::Error>> {
    let survived = survivors_with_position(original, journal)?;
    if let Some((transactions, position)) = survived {
        assert_eq!(position.map_or(0, |last| last + 1), transactions, "the position goes with its records");
    }
    Ok(survived.map(|(transactions, _)| transactions))
}

/// The same, and the last position.
fn survivors_with_position(original: &Path, journal: &[u8]) -> Result<Option<Survivors>, Box<dyn std::error::Error>> {
    let directory = tempdir()?;
    copy(original, directory.path())?;
    fs::write(newest_journal(directory.path())?, journal)?;
    let log = match EmbeddedLog::open(directory.path(), small()) {
        Ok(log) => log,
        Err(LogError::Damaged { .. } | LogError::Corrupt { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let records = read_all(&log, Topic::Incidents, 0, Offset(0))?;
    assert_eq!(records, (0..records.len() as i64).collect::<Vec<_>>(), "a beginning of what was written");
    assert_eq!(records.len() % 3, 0, "whole transactions only");
    let transactions = records.len() as i64 / 3;
    let position = log.position("source/a")?.map(|value| String::from_utf8_lossy(&value).parse::<i64>()).transpose()?;
    // And it goes on.
    log.append(append_to(Topic::Incidents, 0, transactions * 3..transactions * 3 + 3))?;
    drop(log);
    let log = open_embedded(directory.path())?;
    assert_eq!(read_all(log.as_ref(), Topic::Incidents, 0, Offset(0))?.len() as i64, transactions * 3 + 3);
    Ok(Some((transactions, position)))
}

#[test]
fn a_journal_that_was_cut_off_keeps_what_comes_before() -> TestResult {
    let original = tempdir()?;
    let journal = written(original.path())?;
    assert_eq!(survivors(original.path(), &journal)?, Some(TRANSACTIONS));
    let mut dice = Dice(1);
    let mut last = TRANSACTIONS;
    let mut lengths: Vec<usize> = (0..25).map(|_| dice.below(journal.len() as u64) as usize).collect();
    lengths.push(journal.len() - 1);
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    for length in lengths {
        let survived =
            survivors(original.path(), &journal[..length])?.ok_or_else(|| format!("cut at {length}: does not open"))?;
        assert!(survived <= last && survived < TRANSACTIONS, "cut at {length}: {survived} of {last}");
        last = survived;
    }
    Ok(())
}

#[test]
fn zeros_and_garbage_behind_the_end_are_dropped() -> TestResult {
    let original = tempdir()?;
    let journal = written(original.path())?;
    let mut dice = Dice(2);
    for garbage in [
        vec![0; 100_000],
        (0..5_000).map(|_| dice.below(256) as u8 & 0xfe).collect(),
        vec![1; 3],
        vec![1, 1, 0, 0, 0, 9, 9],
    ] {
        let longer = [journal.as_slice(), garbage.as_slice()].concat();
        assert_eq!(survivors(original.path(), &longer)?, Some(TRANSACTIONS));
    }
    Ok(())
}

#[test]
fn a_last_write_with_a_hole_in_it_is_dropped() -> TestResult {
    let original = tempdir()?;
    let journal = written(original.path())?;
    // The trailer is 13 bytes; before it lie the last transaction's records and position.
    for (from, to) in [(60, 50), (20, 14), (100, 99)] {
        let mut torn = journal.clone();
        let end = torn.len();
        torn[end - from..end - to].iter_mut().for_each(|byte| *byte ^= 0x55);
        if let Some(survived) = survivors(original.path(), &torn)? {
            assert_eq!(survived, TRANSACTIONS - 1);
        }
    }
    let mut torn = journal.clone();
    let end = torn.len();
    torn[end - 14] ^= 0xff;
    assert_eq!(survivors(original.path(), &torn)?, Some(TRANSACTIONS - 1), "the last byte of a value");
    torn.resize(end + 4096, 0);
    assert_eq!(survivors(original.path(), &torn)?, Some(TRANSACTIONS - 1), "before the zeros of a journal made longer");
    Ok(())
}

#[test]
fn flipped_bytes_change_no_record() -> TestResult {
    let original = tempdir()?;
    let journal = written(original.path())?;
    let mut dice = Dice(3);
    for _ in 0..60 {
        let mut damaged = journal.clone();
        let at = dice.below(journal.len() as u64) as usize;
        damaged[at] ^= 1 << dice.below(8);
        let survived =
            survivors_with_position(original.path(), &damaged).map_err(|error| format!("byte {at}: {error}"))?;
        // fjall does not check a sequence number, by which an older position can win; never a newer one.
        assert!(survived.is_none_or(|(transactions, position)| position.unwrap_or(-1) < transactions), "byte {at}");
    }
    Ok(())
}

#[test]
fn a_damaged_table_is_an_error_with_a_name() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), small())?;
    for number in 0..400 {
        log.append(append_to(Topic::Incidents, 0, number * 500..number * 500 + 500))?;
    }
    drop(log);
    let mut blobs = Vec::new();
    let mut folders = vec![directory.path().join("store/keyspaces")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.parent().is_some_and(|parent| parent.ends_with("blobs")) {
                blobs.push(path);
            }
        }
    }
    assert!(!blobs.is_empty(), "so much was written that there are blob files");
    for blob in blobs {
        let mut bytes = fs::read(&blob)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&blob, bytes)?;
    }
    let log = open_embedded(directory.path())?;
    let read = read_all(log.as_ref(), Topic::Incidents, 0, Offset(0));
    assert!(
        matches!(read, Err(LogError::Corrupt { topic: Topic::Incidents, partition: 0, .. } | LogError::Damaged { .. })),
        "{:?}",
        read.map(|all| all.len())
    );
    Ok(())
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

/// Issue 12, 4.2: a byte flipped anywhere in any file of a log. The log says that it is damaged, or everything is as it was, or
/// the last write is missing as if it had been torn.
#[test]
fn a_byte_flipped_in_any_file_of_a_log_changes_nothing_in_silence() -> TestResult {
    let original = tempdir()?;
    // Small memtables, so that there are tables and blob files too.
    let options = || EmbeddedOptions { memtable_bytes: 64 << 10, ..small() };
    let log = EmbeddedLog::open(original.path(), options())?;
    let mut next = 0;
    for number in 0..60_i64 {
        let rows = if number % 3 == 0 { 4000 } else { 2 };
        let mut transaction = append_to(Topic::Incidents, 0, next..next + rows);
        transaction.positions.push(("source/a".to_owned(), number.to_string().into_bytes()));
        log.append(transaction)?;
        next += rows;
    }
    log.close()?;
    drop(log);
    let log = EmbeddedLog::open(original.path(), options())?;
    let whole = read_all(&log, Topic::Incidents, 0, Offset(0))?;
    log.close()?;
    drop(log);
    let last_rows = 2;
    let mut dice = Dice(12);
    let (mut refused, mut same, mut torn) = (0, 0, 0);
    for path in files(original.path())? {
        let relative = path.strip_prefix(original.path())?;
        let bytes = fs::read(&path)?;
        if bytes.is_empty() || relative == Path::new("lock") {
            continue;
        }
        for _ in 0..12 {
            let at = dice.below(bytes.len() as u64) as usize;
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << dice.below(8);
            let directory = tempdir()?;
            copy(original.path(), directory.path())?;
            fs::write(directory.path().join(relative), &flipped)?;
            let context = || format!("byte {at} of {} in {}", bytes.len(), relative.display());
            let read = EmbeddedLog::open(directory.path(), options()).and_then(|log| {
                let position = log.position("source/a")?;
                Ok((read_all(&log, Topic::Incidents, 0, Offset(0))?, position))
            });
            match read {
                Ok((records, position)) if records == whole => {
                    assert_eq!(position.as_deref(), Some(b"59".as_slice()), "{}", context());
                    same += 1;
                }
                Ok((records, position)) => {
                    assert_eq!(records, whole[..whole.len() - last_rows], "{}", context());
                    assert_eq!(position.as_deref(), Some(b"58".as_slice()), "{}", context());
                    torn += 1;
                }
                Err(LogError::Damaged { .. } | LogError::Corrupt { .. } | LogError::File { .. }) => refused += 1,
                Err(error) => panic!("{}: {error}", context()),
            }
        }
    }
    eprintln!("{refused} refused, {same} as they were, {torn} without the last write");
    assert!(refused > 20, "most bytes matter: {refused} refused, {same} as they were");
    Ok(())
}
