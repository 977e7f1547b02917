//! What the archive's table must do on every store.

use crate::support::{Open, append, archived, files, open_archive, profile, rows_up_to};
use blotter_city::Profile;
use blotter_store::{ArchiveTable, CompactionOptions, StoreError, UploadedFile};
use std::{sync::Barrier, thread, time::Duration};

pub(crate) fn an_archive_is_made_once(open: Open) {
    let store = open();
    assert!(ArchiveTable::open_existing(&store, &profile()).unwrap().is_none());
    assert_eq!(open_archive(&store).version(), 0);
    assert_eq!(open_archive(&store.again()).version(), 0);
    let error = ArchiveTable::open(&store, &profile(), "log-2", 2).err().unwrap();
    assert!(matches!(error, StoreError::OtherLog { .. }), "{error}");
    let elsewhere = include_str!("../../../../cities/new-york-shootings.toml");
    let error = ArchiveTable::open_existing(&store, &Profile::from_toml(elsewhere).unwrap()).err().unwrap();
    assert!(matches!(error, StoreError::OtherCity { .. }) && !error.is_retryable(), "{error}");
}

pub(crate) fn a_commit_carries_files_and_offsets(open: Open) {
    let store = open();
    let mut table = open_archive(&store);
    assert_eq!(append(&mut table, 0..40).unwrap(), 1);
    assert_eq!(append(&mut table, 40..41).unwrap(), 2);
    assert_eq!(table.append(&[], &[41, 7]).unwrap(), 3);
    for table in [table, open_archive(&store.again())] {
        assert_eq!((table.version(), table.next_offsets()), (3, &[41, 7][..]));
        assert_eq!(table.files().iter().map(|file| (file.year, file.rows)).collect::<Vec<_>>().len(), 3);
        assert_eq!(table.files().iter().map(|file| file.rows).sum::<u64>(), 41);
    }
    assert_eq!(archived(&store), rows_up_to(41));
}

pub(crate) fn many_makers_make_one_archive(open: Open) {
    let store = open();
    let together = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                together.wait();
                assert_eq!(open_archive(&store).version(), 0);
            });
        }
    });
}

pub(crate) fn of_two_archivers_one_wins(open: Open) {
    let store = open();
    let mut end = 0;
    for round in 0..6 {
        let together = Barrier::new(2);
        // The second reads on to another offset: nobody may believe that the other's commit is its own.
        let outcomes: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = [end + 3, end + 3 + round % 2]
                .map(|to| {
                    let (store, together) = (store.clone(), &together);
                    scope.spawn(move || {
                        let mut table = open_archive(&store);
                        let uploaded: Vec<UploadedFile> =
                            files(end..to).iter().map(|file| table.upload(file).unwrap()).collect();
                        together.wait();
                        let outcome = table.append(&uploaded, &[to, 0]);
                        (to, table.next_offsets().to_vec(), outcome)
                    })
                })
                .into();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(_, _, outcome)| outcome.is_ok());
        assert_eq!((won.len(), lost.len()), (1, 1), "{outcomes:?}");
        let error = lost[0].2.as_ref().unwrap_err();
        assert!(matches!(error, StoreError::Moved { partition: 0, held, found } if *held == end && *found == won[0].0));
        assert!(error.is_retryable(), "from what the winner has committed");
        assert_eq!(lost[0].1, won[0].1, "the loser has read how far the winner came");
        end = won[0].0;
        assert_eq!(archived(&store), rows_up_to(end));
    }
}

/// A writer whose first call has committed without knowing it.
pub(crate) fn an_append_said_twice_is_made_once(open: Open) {
    let store = open();
    let mut first = open_archive(&store);
    append(&mut first, 0..5).unwrap();
    let mut unaware = open_archive(&store);
    let uploaded: Vec<UploadedFile> = files(5..9).iter().map(|file| first.upload(file).unwrap()).collect();
    let version = first.append(&uploaded, &[9, 0]).unwrap();
    assert_eq!(unaware.append(&uploaded, &[9, 0]).unwrap(), version);
    assert_eq!(unaware.next_offsets(), [9, 0]);
    assert_eq!(archived(&store), rows_up_to(9));
    append(&mut unaware, 9..10).unwrap();
    assert_eq!(archived(&store), rows_up_to(10));
}

pub(crate) fn a_file_without_a_commit_is_no_part(open: Open) {
    let store = open();
    let mut table = open_archive(&store);
    append(&mut table, 0..4).unwrap();
    for file in files(4..6) {
        table.upload(&file).unwrap();
    }
    assert_eq!(archived(&store), rows_up_to(4));
    assert_eq!(table.vacuum(Duration::from_hours(1)).unwrap(), 0);
    assert_eq!(table.vacuum(Duration::ZERO).unwrap(), 2);
    assert_eq!(archived(&store), rows_up_to(4));
}

pub(crate) fn an_archive_of_many_commits_is_read_from_its_checkpoint(open: Open) {
    let store = open();
    let mut table = open_archive(&store);
    for number in 0..25 {
        append(&mut table, number..number + 1).unwrap();
    }
    let log: Vec<String> = store.list("incidents/_delta_log").unwrap().into_iter().map(|object| object.path).collect();
    assert!(log.iter().any(|path| path.ends_with(".checkpoint.parquet")), "{log:?}");
    assert!(log.iter().any(|path| path.ends_with("_last_checkpoint")), "{log:?}");
    assert_eq!(archived(&store.again()), rows_up_to(25));
    assert_eq!(open_archive(&store.again()).next_offsets(), [25, 0]);
}

pub(crate) fn compaction_changes_no_row(open: Open) {
    let store = open();
    let mut table = open_archive(&store);
    for number in 0..8 {
        append(&mut table, number * 2..number * 2 + 2).unwrap();
    }
    let options = CompactionOptions { files: 4, ..CompactionOptions::default() };
    let compacted = table.compact(&options).unwrap().unwrap();
    assert_eq!((compacted.files, compacted.rows), (8, 8));
    assert_eq!(table.files().len(), 9);
    assert_eq!(archived(&store.again()), rows_up_to(16));
    assert_eq!(open_archive(&store).next_offsets(), [16, 0]);
    assert_eq!(table.vacuum(Duration::ZERO).unwrap(), 8);
    append(&mut table, 16..18).unwrap();
    assert_eq!(archived(&store.again()), rows_up_to(18));
}
