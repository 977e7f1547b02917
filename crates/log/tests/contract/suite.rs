//! What every log must do. An implementation joins with one line in `main.rs`.

use crate::support::{Open, TestResult, append_to, batch, numbers, read_all};
use blotter_log::{Append, GroupOffset, Log, LogBatch, LogError, Offset, Topic, Transaction};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// Every case as a test of its own, on what `$open` opens.
#[macro_export]
macro_rules! contract_suite {
    ($name:ident, $open:path) => {
        mod $name {
            $crate::contract_suite!(@ $open: an_empty_log_says_so, offsets_follow_each_other, a_read_may_begin_anywhere,
                a_read_is_bounded, a_range_is_read_beside_a_follower, a_transaction_says_everything_at_once, an_empty_append_changes_nothing,
                partitions_and_topics_are_apart, the_last_commit_counts, positions_are_found_by_prefix,
                everything_survives_a_reopening, a_refused_transaction_changes_nothing, offsets_out_of_range_are_errors,
                waiting_ends_with_a_record, waiting_ends_with_a_wake, waiting_ends_with_its_time, a_member_has_every_partition, a_writer_appends,
                appenders_in_many_threads_get_their_own_offsets);
        }
    };
    (@ $open:path: $($case:ident),*) => {
        $(#[test]
        fn $case() -> $crate::support::TestResult {
            if $crate::support::is_here(stringify!($open)) { $crate::suite::$case($open) } else { Ok(()) }
        })*
    };
}

const MANY: usize = 1 << 30;

pub(crate) fn an_empty_log_says_so(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    for topic in Topic::ALL {
        assert!(log.partitions(topic) >= 1);
        assert_eq!(log.partitions(topic) == 1, !topic.is_partitioned());
        for partition in 0..log.partitions(topic) {
            let bounds = log.bounds(topic, partition)?;
            assert_eq!((bounds.earliest, bounds.next), (Offset(0), Offset(0)));
            assert!(log.read(topic, partition, Offset(0), MANY)?.is_empty());
        }
        assert!(log.committed("count", topic)?.is_empty());
    }
    assert_eq!(log.position("source/a")?, None);
    assert!(log.positions("")?.is_empty());
    Ok(())
}

pub(crate) fn offsets_follow_each_other(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let mut next = 0;
    for rows in [1, 5, 300, 2] {
        let appended = log.append(append_to(Topic::Incidents, 1, next..next + rows))?;
        next += rows;
        let [(Topic::Incidents, 1, end)] = appended[..] else { panic!("{appended:?}") };
        assert!(log.bounds(Topic::Incidents, 1)?.next >= end, "a log may use up an offset for a mark");
    }
    assert_eq!(read_all(log.as_ref(), Topic::Incidents, 1, Offset(0))?, (0..next).collect::<Vec<_>>());
    Ok(())
}

pub(crate) fn a_read_may_begin_anywhere(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    for first in (0..50).step_by(10) {
        log.append(append_to(Topic::Incidents, 0, first..first + 10))?;
    }
    let all = log.read(Topic::Incidents, 0, Offset(0), MANY)?;
    let lies = |batch: &blotter_log::LogBatch| {
        let numbers = numbers(batch.base, std::slice::from_ref(batch));
        (batch.base.0..).zip(numbers).collect::<Vec<_>>()
    };
    let places: Vec<(u64, i64)> = all.iter().flat_map(lies).collect();
    assert_eq!(places.iter().map(|(_, number)| *number).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
    for from in 0..=log.bounds(Topic::Incidents, 0)?.next.0 {
        let expected: Vec<i64> =
            places.iter().filter(|(offset, _)| *offset >= from).map(|(_, number)| *number).collect();
        assert_eq!(read_all(log.as_ref(), Topic::Incidents, 0, Offset(from))?, expected);
    }
    Ok(())
}

pub(crate) fn a_read_is_bounded(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    for first in (0..1000).step_by(100) {
        log.append(append_to(Topic::Incidents, 0, first..first + 100))?;
    }
    let one = log.read(Topic::Incidents, 0, Offset(0), 1)?;
    assert!(!one.is_empty() && numbers(Offset(0), &one).len() <= 100, "at least one batch and not much more");
    Ok(())
}

pub(crate) fn a_range_is_read_beside_a_follower(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let mut next = 0;
    for rows in [1, 5, 300, 2, 40] {
        log.append(append_to(Topic::Incidents, 1, next..next + rows))?;
        next += rows;
    }
    let end = log.bounds(Topic::Incidents, 1)?.next;
    // Where each record lies: a log may use up offsets for marks of its own.
    let mut all: Vec<(u64, i64)> = Vec::new();
    let mut at = Offset(0);
    while at < end {
        let fetched = log.read(Topic::Incidents, 1, at, MANY)?;
        let Some(last) = fetched.last() else { break };
        at = last.next;
        all.extend(placed(&fetched));
    }
    assert_eq!(all.len(), next as usize);
    // A follower waits at the end meanwhile.
    for (from, to) in [(0, 1), (3, 5), (4, 200), (150, 151), (0, end.0), (300, end.0 + 7), (2, 2)] {
        let fetched = log.read_range(Topic::Incidents, 1, Offset(from), Offset(to))?;
        let found = placed(&fetched);
        let expect: Vec<(u64, i64)> = all.iter().filter(|(at, _)| (from..to).contains(at)).copied().collect();
        // The last batch may reach beyond.
        assert_eq!(found.get(..expect.len()), Some(expect.as_slice()), "{from}..{to}: {found:?}");
        assert!(!log.wait(Topic::Incidents, &follower_at(&*log, end), Duration::ZERO), "{from}..{to}");
    }
    let none = log.read_range(Topic::Incidents, log.partitions(Topic::Incidents), Offset(0), Offset(1));
    assert!(matches!(none, Err(LogError::NoSuchPartition { .. })), "{none:?}");
    Ok(())
}

/// The number of each record, and where it lies.
fn placed(fetched: &[LogBatch]) -> Vec<(u64, i64)> {
    let of = |one: &LogBatch| (one.base.0..).zip(numbers(one.base, std::slice::from_ref(one))).collect::<Vec<_>>();
    fetched.iter().flat_map(of).collect()
}

/// Behind everything in partition 1, and at the beginning of the others, which are empty.
fn follower_at(log: &dyn Log, end: Offset) -> Vec<Offset> {
    (0..log.partitions(Topic::Incidents)).map(|partition| if partition == 1 { end } else { Offset(0) }).collect()
}

pub(crate) fn a_transaction_says_everything_at_once(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let transaction = Transaction {
        appends: vec![
            Append { topic: Topic::Incidents, partition: 0, records: batch(0..3) },
            Append { topic: Topic::Rejected, partition: 0, records: batch(7..8) },
            Append { topic: Topic::Incidents, partition: 0, records: batch(3..5) },
        ],
        positions: vec![("source/a".to_owned(), b"{\"line\":5}".to_vec())],
        commits: vec![GroupOffset {
            group: "count".to_owned(),
            topic: Topic::Incidents,
            partition: 0,
            next: Offset(3),
        }],
    };
    let appended = log.append(transaction)?;
    assert_eq!(
        appended.iter().map(|(topic, partition, _)| (*topic, *partition)).collect::<Vec<_>>(),
        [(Topic::Incidents, 0), (Topic::Rejected, 0), (Topic::Incidents, 0)]
    );
    assert!(appended[0].2 < appended[2].2);
    assert_eq!(read_all(log.as_ref(), Topic::Incidents, 0, Offset(0))?, [0, 1, 2, 3, 4]);
    assert_eq!(read_all(log.as_ref(), Topic::Rejected, 0, Offset(0))?, [7]);
    assert_eq!(log.position("source/a")?.as_deref(), Some(&b"{\"line\":5}"[..]));
    assert_eq!(log.committed("count", Topic::Incidents)?, [(0, Offset(3))]);
    Ok(())
}

pub(crate) fn an_empty_append_changes_nothing(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    log.append(append_to(Topic::Incidents, 0, 0..2))?;
    let appended = log.append(append_to(Topic::Incidents, 0, 0..0))?;
    let [(Topic::Incidents, 0, end)] = appended[..] else { panic!("{appended:?}") };
    assert!(end >= Offset(2), "{end}");
    assert_eq!(log.append(Transaction::default())?, []);
    assert_eq!(read_all(log.as_ref(), Topic::Incidents, 0, Offset(0))?, [0, 1]);
    Ok(())
}

pub(crate) fn partitions_and_topics_are_apart(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let places =
        || Topic::ALL.into_iter().flat_map(|topic| (0..log.partitions(topic)).map(move |partition| (topic, partition)));
    for (place, (topic, partition)) in (0..).zip(places()) {
        log.append(append_to(topic, partition, place * 10..place * 10 + 3))?;
    }
    for (place, (topic, partition)) in (0..).zip(places()) {
        let expected: Vec<i64> = (place * 10..place * 10 + 3).collect();
        assert_eq!(read_all(log.as_ref(), topic, partition, Offset(0))?, expected, "{topic}/{partition}");
    }
    Ok(())
}

pub(crate) fn the_last_commit_counts(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    log.append(append_to(Topic::Incidents, 0, 0..10))?;
    log.append(append_to(Topic::Incidents, 1, 0..10))?;
    let commit = |group: &str, partition, next| GroupOffset {
        group: group.to_owned(),
        topic: Topic::Incidents,
        partition,
        next: Offset(next),
    };
    let said = |commits| Transaction { commits, ..Transaction::default() };
    log.append(said(vec![commit("count", 1, 4), commit("count", 1, 6), commit("archive", 0, 1)]))?;
    log.append(said(vec![commit("count", 0, 9)]))?;
    log.append(said(vec![commit("count", 0, 2), commit("coun", 1, 10)]))?;
    assert_eq!(log.committed("count", Topic::Incidents)?, [(0, Offset(2)), (1, Offset(6))]);
    assert_eq!(log.committed("archive", Topic::Incidents)?, [(0, Offset(1))]);
    assert_eq!(log.committed("count", Topic::Counts)?, []);
    Ok(())
}

pub(crate) fn positions_are_found_by_prefix(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let said = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let positions = vec![said("source/b", "1"), said("source/a", "2"), said("source/b", "3"), said("sourcerer", "4")];
    log.append(Transaction { positions, ..Transaction::default() })?;
    assert_eq!(log.positions("source/")?, [said("source/a", "2"), said("source/b", "3")]);
    assert_eq!(log.positions("")?.len(), 3);
    assert_eq!(log.position("source/")?, None);
    Ok(())
}

pub(crate) fn everything_survives_a_reopening(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let (id, partitions) = (log.id().clone(), log.partitions(Topic::Incidents));
    for first in (0..300).step_by(3) {
        let mut transaction = append_to(Topic::Incidents, 0, first..first + 3);
        transaction.positions.push(("source/a".to_owned(), first.to_string().into_bytes()));
        transaction.commits.push(GroupOffset {
            group: "count".to_owned(),
            topic: Topic::Incidents,
            partition: 0,
            next: Offset(first as u64),
        });
        log.append(transaction)?;
    }
    let before = log.read(Topic::Incidents, 0, Offset(0), MANY)?;
    drop(log);
    let log = open(directory.path())?;
    assert_eq!((log.id(), log.partitions(Topic::Incidents)), (&id, partitions));
    assert_eq!(read_all(log.as_ref(), Topic::Incidents, 0, Offset(0))?, (0..300).collect::<Vec<_>>());
    assert_eq!(log.read(Topic::Incidents, 0, Offset(0), MANY)?[0].appended_at_ms, before[0].appended_at_ms);
    assert_eq!(log.position("source/a")?.as_deref(), Some(&b"297"[..]));
    assert_eq!(log.committed("count", Topic::Incidents)?, [(0, Offset(297))]);
    log.append(append_to(Topic::Incidents, 0, 300..301))?;
    assert_eq!(read_all(log.as_ref(), Topic::Incidents, 0, Offset(0))?, (0..301).collect::<Vec<_>>());
    Ok(())
}

pub(crate) fn a_refused_transaction_changes_nothing(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let mut transaction = append_to(Topic::Incidents, 0, 0..5);
    transaction.appends.push(Append { topic: Topic::Peaks, partition: 1, records: batch(0..1) });
    transaction.positions.push(("source/a".to_owned(), b"1".to_vec()));
    assert!(matches!(
        log.append(transaction),
        Err(LogError::NoSuchPartition { topic: Topic::Peaks, partition: 1, partitions: 1 })
    ));
    assert_eq!(log.bounds(Topic::Incidents, 0)?.next, Offset(0));
    assert_eq!(log.position("source/a")?, None);
    Ok(())
}

pub(crate) fn offsets_out_of_range_are_errors(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    log.append(append_to(Topic::Incidents, 0, 0..5))?;
    let next = log.bounds(Topic::Incidents, 0)?.next;
    assert!(read_all(log.as_ref(), Topic::Incidents, 0, next)?.is_empty());
    // The mark of a transaction may become visible after it.
    let ahead = log.read(Topic::Incidents, 0, Offset(next.0 + 2), MANY);
    assert!(matches!(ahead, Err(LogError::OffsetAhead { next: end, .. }) if end.0 - next.0 < 2), "{ahead:?}");
    let nowhere = log.partitions(Topic::Incidents);
    assert!(matches!(log.read(Topic::Incidents, nowhere, Offset(0), MANY), Err(LogError::NoSuchPartition { .. })));
    assert!(matches!(log.bounds(Topic::Rejected, 1), Err(LogError::NoSuchPartition { .. })));
    Ok(())
}

pub(crate) fn waiting_ends_with_a_record(open: Open) -> TestResult {
    const LONG: Duration = Duration::from_mins(1);
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let ends = vec![Offset(0); log.partitions(Topic::Incidents) as usize];
    thread::scope(|scope| {
        let one = scope.spawn(|| log.wait(Topic::Incidents, &ends, LONG));
        let several =
            scope.spawn(|| log.wait_any(&[(Topic::Peaks, 0, Offset(0)), (Topic::Incidents, 1, Offset(0))], LONG));
        log.append(append_to(Topic::Incidents, 1, 0..1))?;
        assert!(one.join().is_ok_and(|something| something) && several.join().is_ok_and(|something| something));
        TestResult::Ok(())
    })?;
    assert!(log.wait(Topic::Incidents, &ends, LONG), "what is there already needs no waiting");
    Ok(())
}

pub(crate) fn waiting_ends_with_a_wake(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    thread::scope(|scope| {
        let waiter = scope.spawn(|| log.wait(Topic::Peaks, &[Offset(0)], Duration::from_mins(1)));
        // A wake ends the waits that are under way, and nobody can see from outside when this one is.
        while !waiter.is_finished() {
            log.wake();
            thread::yield_now();
        }
        assert!(waiter.join().is_ok_and(|something| !something));
    });
    Ok(())
}

pub(crate) fn waiting_ends_with_its_time(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let start = Instant::now();
    assert!(!log.wait(Topic::Rejected, &[Offset(0)], Duration::from_millis(30)));
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(!log.wait(Topic::Rejected, &[Offset(0)], Duration::ZERO));
    Ok(())
}

pub(crate) fn a_member_has_every_partition(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let mut member = log.join("count", Topic::Incidents)?;
    let all: Vec<u32> = (0..log.partitions(Topic::Incidents)).collect();
    while member.partitions()? != all {
        log.wait(Topic::Peaks, &[Offset(0)], Duration::from_millis(20));
    }
    Ok(())
}

pub(crate) fn a_writer_appends(open: Open) -> TestResult {
    let directory = tempdir()?;
    let log = open(directory.path())?;
    for round in 0..3 {
        let mut writer = Arc::clone(&log).writer("count/0")?;
        writer.append(append_to(Topic::Counts, 0, round * 5..round * 5 + 5))?;
    }
    assert_eq!(read_all(log.as_ref(), Topic::Counts, 0, Offset(0))?, (0..15).collect::<Vec<_>>());
    Ok(())
}

pub(crate) fn appenders_in_many_threads_get_their_own_offsets(open: Open) -> TestResult {
    const THREADS: i64 = 8;
    const APPENDS: i64 = 40;
    let directory = tempdir()?;
    let log = open(directory.path())?;
    let mut ends = thread::scope(|scope| {
        let appenders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || {
                    let one = |number: i64| {
                        log.append(append_to(Topic::Incidents, 0, number..number + 3))
                            .map(|appended| (number, appended[0].2))
                    };
                    (0..APPENDS)
                        .map(|append| one((thread * APPENDS + append) * 3))
                        .collect::<Result<Vec<_>, LogError>>()
                })
            })
            .collect();
        let mut ends = Vec::new();
        for appender in appenders {
            ends.extend(appender.join().map_err(|_| "an appender panicked")??);
        }
        Ok::<_, Box<dyn std::error::Error>>(ends)
    })?;
    ends.sort_unstable_by_key(|(_, end)| *end);
    let expected: Vec<i64> = ends.iter().flat_map(|(number, _)| *number..number + 3).collect();
    assert_eq!(expected.len() as i64, THREADS * APPENDS * 3);
    assert_eq!(
        read_all(log.as_ref(), Topic::Incidents, 0, Offset(0))?,
        expected,
        "each append lies before the end that it was told"
    );
    Ok(())
}
