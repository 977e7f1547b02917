//! A lost log, made again from copies of its records.

use crate::support::{TestResult, append_to, batch, numbers, small};
use blotter_log::{EmbeddedLog, Log, LogBatch, LogError, LogId, Offset, Rebuild, RecordPlace, Topic};
use tempfile::tempdir;

fn places(offsets: impl IntoIterator<Item = (u64, i64)>) -> Vec<RecordPlace> {
    offsets.into_iter().map(|(offset, appended_at_ms)| RecordPlace { offset, appended_at_ms }).collect()
}

#[test]
fn records_are_where_they_were_and_go_on_from_there() -> TestResult {
    let directory = tempdir()?;
    let lost = EmbeddedLog::open(directory.path(), small())?;
    lost.append(append_to(Topic::Incidents, 1, 0..3))?;
    let id = LogId("the-lost-one".into());
    drop(lost);

    let mut rebuild = Rebuild::begin(directory.path(), id.clone(), 2, &small())?;
    // Another process cannot have the directory meanwhile.
    assert!(matches!(EmbeddedLog::open(directory.path(), small()), Err(LogError::Held { .. })));
    rebuild.put(Topic::Incidents, 0, &batch(0..5), &places([(0, 10), (1, 10), (2, 20), (5, 30), (6, 30)]))?;
    rebuild.put(Topic::Incidents, 0, &batch(5..6), &places([(9, 40)]))?;
    let again = rebuild.put(Topic::Incidents, 0, &batch(5..6), &places([(9, 40)]));
    assert!(again.is_err_and(|error| error.to_string().contains("was put before")));
    // The last offsets of the partition held nothing that was kept.
    rebuild.end_at(Topic::Incidents, 0, 12)?;
    rebuild.end_at(Topic::Incidents, 1, 0)?;
    assert!(rebuild.end_at(Topic::Incidents, 1, 1).is_err(), "there is no record to end with");
    let aside = rebuild.finish([("source".to_owned(), b"at row 6".to_vec())])?.ok_or("nothing was there")?;
    assert!(aside.join("log.json").is_file(), "{}", aside.display());

    let log = EmbeddedLog::open(directory.path(), small())?;
    assert_eq!((log.id(), log.partitions(Topic::Incidents)), (&id, 2));
    assert_eq!(log.position("source")?.as_deref(), Some(&b"at row 6"[..]));
    assert_eq!(log.bounds(Topic::Incidents, 0)?.next, Offset(12));
    let fetched = log.read(Topic::Incidents, 0, Offset(0), usize::MAX)?;
    assert_eq!(numbers(Offset(0), &fetched), [0, 1, 2, 3, 4, 5, 5]);
    assert_eq!(numbers(Offset(6), &log.read(Topic::Incidents, 0, Offset(6), 1)?), [4]);
    let offsets = |fetched: &[LogBatch]| -> Vec<u64> {
        fetched.iter().flat_map(|one| one.base.0..one.base.0 + one.records.num_rows() as u64).collect()
    };
    assert_eq!(offsets(&fetched), [0, 1, 2, 5, 6, 9, 11]);
    let times: Vec<(u32, i64)> =
        fetched.iter().flat_map(|one| one.appended().map(|rows| (rows.rows, rows.at_ms))).collect();
    // What is put again at the end keeps its time.
    assert_eq!(times, [(2, 10), (1, 20), (2, 30), (1, 40), (1, 40)]);
    log.append(append_to(Topic::Incidents, 0, 7..9))?;
    assert_eq!(numbers(Offset(12), &log.read(Topic::Incidents, 0, Offset(12), usize::MAX)?), [7, 8]);
    Ok(())
}

#[test]
fn what_was_not_finished_is_not_there() -> TestResult {
    let directory = tempdir()?;
    let mut rebuild = Rebuild::begin(directory.path(), LogId("the-lost-one".into()), 2, &small())?;
    rebuild.put(Topic::Incidents, 0, &batch(0..2), &places([(0, 1), (1, 1)]))?;
    drop(rebuild);
    let log = EmbeddedLog::open(directory.path(), small())?;
    assert_eq!(log.bounds(Topic::Incidents, 0)?.next, Offset(0));
    assert_ne!(log.id().0, "the-lost-one");
    Ok(())
}
