//! Several appenders and followers at once: each follower sees every record of its partition once, in order, whether it
//! comes from memory or from the disk.

use crate::support::{TestResult, append_to, numbers, small};
use arrow::{array::AsArray, datatypes::Int64Type};
use blotter_log::{EmbeddedLog, EmbeddedOptions, Log, LogError, Offset, Topic};
use std::thread;
use std::time::Duration;
use tempfile::tempdir;

const APPENDERS: i64 = 4;
const APPENDS: i64 = 60;

fn follow(log: &EmbeddedLog, partition: u32, total: u64, max_bytes: usize) -> Result<Vec<i64>, LogError> {
    let (mut next, mut seen) = (Offset(0), Vec::new());
    while next < Offset(total) {
        let fetched = log.read(Topic::Incidents, partition, next, max_bytes)?;
        let Some(last) = fetched.last() else {
            log.wait_any(&[(Topic::Incidents, partition, next)], Duration::from_secs(10));
            continue;
        };
        seen.extend(numbers(next, &fetched));
        next = last.next;
    }
    Ok(seen)
}

#[test]
fn followers_see_every_record_once_and_in_order() -> TestResult {
    for tail_cache_bytes in [0, 20_000, 64 << 20] {
        let directory = tempdir()?;
        let log =
            &EmbeddedLog::open(directory.path(), EmbeddedOptions { partitions: Some(2), tail_cache_bytes, ..small() })?;
        let total = (APPENDERS * APPENDS * 5) as u64 / 2;
        thread::scope(|scope| {
            for appender in 0..APPENDERS {
                scope.spawn(move || {
                    for append in 0..APPENDS {
                        let first = (appender * APPENDS + append) * 5;
                        log.append(append_to(Topic::Incidents, (append % 2) as u32, first..first + 5))
                            .expect("appended");
                    }
                });
            }
            let followers: Vec<_> = [(0, 1), (0, 1 << 20), (1, 5_000), (1, 1 << 20)]
                .map(|(partition, max_bytes)| {
                    (partition, scope.spawn(move || follow(log, partition, total, max_bytes)))
                })
                .into_iter()
                .collect();
            let mut by_partition: [Vec<Vec<i64>>; 2] = [Vec::new(), Vec::new()];
            for (partition, follower) in followers {
                by_partition[partition as usize].push(follower.join().map_err(|_| "a follower panicked")??);
            }
            for (partition, views) in by_partition.iter().enumerate() {
                assert_eq!(views[0], views[1], "all followers see the same");
                let mut appended: Vec<i64> = (0..APPENDERS * APPENDS)
                    .filter(|append| append % APPENDS % 2 == partition as i64)
                    .flat_map(|append| append * 5..append * 5 + 5)
                    .collect();
                let mut seen = views[0].clone();
                for appender in 0..APPENDERS {
                    let its = |number: &&i64| **number / (APPENDS * 5) == appender;
                    assert!(seen.iter().filter(its).is_sorted(), "one appender's records stay in order");
                }
                seen.sort_unstable();
                appended.sort_unstable();
                assert_eq!(seen, appended, "every record once");
            }
            TestResult::Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_follower_shares_the_appended_batch() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), EmbeddedOptions::default())?;
    let transaction = append_to(Topic::Incidents, 0, 0..1000);
    let appended = transaction.appends[0].records.column(0).as_primitive::<Int64Type>().values().as_ptr();
    log.append(transaction)?;
    let fetched = log.read(Topic::Incidents, 0, Offset(0), 1)?;
    assert_eq!(
        fetched[0].records.column(0).as_primitive::<Int64Type>().values().as_ptr(),
        appended,
        "nothing was decoded"
    );
    Ok(())
}
