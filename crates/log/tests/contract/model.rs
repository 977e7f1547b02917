//! Any sequence of appends, reads, retention, packing and reopenings, against lists in memory.

use crate::support::{KEYS, append_to, batch, formats, read_all, small};
use blotter_log::{Append, EmbeddedLog, GroupOffset, Log, LogError, Offset, PackWhen, Retention, Topic, Transaction};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tempfile::tempdir;

const PLACES: [(Topic, u32); 4] =
    [(Topic::Incidents, 0), (Topic::Incidents, 3), (Topic::Counts, 1), (Topic::Rejected, 0)];

#[derive(Clone, Debug)]
enum Step {
    /// Rows for places, and whether a position and a commit go with them.
    Append(Vec<(usize, i64)>, bool),
    Read(usize, prop::sample::Index, usize),
    Retain(usize, u64),
    Pack(u64, u64),
    EmptyJournal,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..PLACES.len();
    prop_oneof![
        6 => (prop::collection::vec((place.clone(), prop_oneof![0_i64..4, 50_i64..400]), 0..4), any::<bool>()).prop_map(|(appends, more)| Step::Append(appends, more)),
        4 => (place.clone(), any::<prop::sample::Index>(), 0_usize..20_000).prop_map(|(place, from, bytes)| Step::Read(place, from, bytes)),
        1 => (place, 0_u64..20_000).prop_map(|(place, bytes)| Step::Retain(place, bytes)),
        2 => (1_u64..6, 0_u64..4000).prop_map(|(batches, dirty_bytes)| Step::Pack(batches, dirty_bytes)),
        1 => Just(Step::EmptyJournal),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    records: BTreeMap<(Topic, u32), Vec<i64>>,
    position: Option<Vec<u8>>,
    committed: Option<Offset>,
    said: i64,
}

fn read_one(
    log: &dyn Log,
    model: &Model,
    place: (Topic, u32),
    from: usize,
    max_bytes: usize,
) -> Result<(), TestCaseError> {
    let empty = Vec::new();
    let records = model.records.get(&place).unwrap_or(&empty);
    let bounds = log.bounds(place.0, place.1).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(bounds.next, Offset(records.len() as u64));
    match log.read(place.0, place.1, Offset(from as u64), max_bytes) {
        Ok(fetched) => {
            let numbers = crate::support::numbers(Offset(from as u64), &fetched);
            prop_assert!(Offset(from as u64) >= bounds.earliest);
            prop_assert_eq!(fetched.is_empty(), from == records.len());
            if place.0.is_compacted() {
                return Ok(());
            }
            prop_assert_eq!(&numbers[..], &records[from..from + numbers.len()]);
            prop_assert_eq!(numbers.is_empty(), from == records.len());
        }
        Err(LogError::OffsetGone { earliest, .. }) => {
            prop_assert_eq!(earliest, bounds.earliest);
            prop_assert!(Offset(from as u64) < earliest);
        }
        Err(LogError::OffsetAhead { .. }) => prop_assert!(from > records.len()),
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    }
    Ok(())
}

/// From an offset on: the latest value of every key that lies there, and nothing that was not appended, in order.
fn latest_values(log: &dyn Log, place: (Topic, u32), records: &[i64], from: u64) -> Result<(), TestCaseError> {
    let read = read_all(log, place.0, place.1, Offset(from)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let last = |numbers: &[i64], key: i64| numbers.iter().rev().find(|number| **number % KEYS == key).copied();
    for key in 0..KEYS {
        if let Some(latest) = last(&records[from as usize..], key) {
            prop_assert_eq!(last(&read, key), Some(latest), "key {}", key);
        }
    }
    prop_assert!(read.is_sorted() && read.iter().all(|number| records.contains(number)), "{:?}", read);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_a_list(steps in prop::collection::vec(step(), 1..60)) {
        let fail = |error: LogError| TestCaseError::fail(error.to_string());
        let directory = tempdir()?;
        let mut log = EmbeddedLog::open(directory.path(), small()).map_err(fail)?;
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append(appends, more) => {
                    let mut transaction = Transaction::default();
                    let mut ends = Vec::new();
                    for (place, rows) in appends {
                        let (topic, partition) = PLACES[place];
                        transaction.appends.push(Append { topic, partition, records: batch(model.said..model.said + rows) });
                        let records = model.records.entry((topic, partition)).or_default();
                        records.extend(model.said..model.said + rows);
                        ends.push((topic, partition, Offset(records.len() as u64)));
                        model.said += rows;
                    }
                    if more {
                        model.position = Some(model.said.to_string().into_bytes());
                        model.committed = Some(Offset(model.said as u64));
                        transaction.positions.extend(model.position.clone().map(|value| ("source/a".to_owned(), value)));
                        transaction.commits.push(GroupOffset { group: "count".to_owned(), topic: Topic::Incidents, partition: 3, next: Offset(model.said as u64) });
                    }
                    prop_assert_eq!(log.append(transaction).map_err(fail)?, ends);
                }
                Step::Read(place, from, max_bytes) => {
                    let length = model.records.get(&PLACES[place]).map_or(0, Vec::len);
                    read_one(&log, &model, PLACES[place], from.index(length + 2), max_bytes)?;
                }
                Step::Retain(place, max_bytes) => {
                    log.retain(PLACES[place].0, Retention { max_bytes: Some(max_bytes), max_age: None }).map_err(fail)?;
                }
                Step::Pack(batches, dirty_bytes) => {
                    log.pack(&formats(), &PackWhen { batches, dirty_bytes, ..PackWhen::ALWAYS }).map_err(fail)?;
                }
                Step::EmptyJournal => {
                    log.empty_journal().map_err(fail)?;
                }
                Step::Reopen => {
                    drop(log);
                    log = EmbeddedLog::open(directory.path(), small()).map_err(fail)?;
                }
            }
        }
        for (place, records) in &model.records {
            let earliest = log.bounds(place.0, place.1).map_err(fail)?.earliest;
            if place.0.is_compacted() {
                for from in [earliest.0, earliest.0.midpoint(records.len() as u64), records.len().saturating_sub(3).max(earliest.0 as usize) as u64] {
                    latest_values(&log, *place, records, from)?;
                }
                continue;
            }
            let left = read_all(&log, place.0, place.1, earliest).map_err(fail)?;
            prop_assert_eq!(&left[..], &records[earliest.0 as usize..]);
        }
        prop_assert_eq!(log.position("source/a").map_err(fail)?, model.position);
        prop_assert_eq!(log.committed("count", Topic::Incidents).map_err(fail)?, model.committed.map(|next| (3, next)).into_iter().collect::<Vec<_>>());
        // Offsets go on where they ended, also for partitions that retention has emptied but for one batch.
        let next = log.bounds(Topic::Incidents, 0).map_err(fail)?.next;
        prop_assert_eq!(log.append(append_to(Topic::Incidents, 0, 0..1)).map_err(fail)?, [(Topic::Incidents, 0, Offset(next.0 + 1))]);
    }
}
