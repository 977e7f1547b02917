//! What every store must do. An implementation joins with one line in `main.rs`.

use crate::support::Open;
use blotter_store::{Checkpoints, Store, StoreError};
use bytes::Bytes;
use parquet::file::reader::{ChunkReader, Length};
use std::{io::Read, sync::Barrier, thread};

/// Every case as a test of its own, on what `$open` opens.
#[macro_export]
macro_rules! contract_suite {
    ($name:ident, $open:path) => {
        mod $name {
            $crate::contract_suite!(@ $open, suite: objects_come_and_go, an_object_is_replaced_as_a_whole,
                folders_are_apart, a_listing_is_whole_and_in_order, names_are_what_they_were, wrong_names_are_refused,
                of_two_conditional_puts_one_wins, of_many_creators_one_wins,
                conditional_puts_of_many_threads_lose_no_increment, a_large_object_is_what_it_was,
                a_reader_reads_any_range, what_is_not_there_is_no_accident, checkpoints_of_roles_are_apart,
                another_process_sees_the_same);
            $crate::contract_suite!(@ $open, archive: an_archive_is_made_once, a_commit_carries_files_and_offsets,
                many_makers_make_one_archive, of_two_archivers_one_wins, an_append_said_twice_is_made_once,
                a_file_without_a_commit_is_no_part, an_archive_of_many_commits_is_read_from_its_checkpoint,
                compaction_changes_no_row);
        }
    };
    (@ $open:path, $module:ident: $($case:ident),*) => {
        $(#[test]
        fn $case() {
            if $crate::support::is_here(stringify!($open)) {
                $crate::$module::$case($open);
            }
        })*
    };
}

fn paths(store: &Store, folder: &str) -> Vec<String> {
    store.list(folder).unwrap().into_iter().map(|object| object.path).collect()
}

pub(crate) fn objects_come_and_go(open: Open) {
    let store = open();
    assert_eq!(store.get("a/b").unwrap(), None);
    assert_eq!(store.list("a").unwrap(), []);
    store.put("a/b", "one").unwrap();
    assert_eq!(store.get("a/b").unwrap().unwrap(), "one");
    let listed = store.list("a").unwrap();
    assert_eq!((listed.len(), listed[0].path.as_str(), listed[0].bytes), (1, "a/b", 3));
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
    assert!((now_ms - listed[0].modified_ms).abs() < 60_000, "{listed:?}");
    store.delete("a/b").unwrap();
    store.delete("a/b").unwrap();
    assert_eq!(store.get("a/b").unwrap(), None);
    assert_eq!(store.list("a").unwrap(), []);
}

pub(crate) fn an_object_is_replaced_as_a_whole(open: Open) {
    let store = open();
    for text in ["short", "much longer than it was", "", "x"] {
        store.put("a", text).unwrap();
        assert_eq!(store.get("a").unwrap().unwrap(), text);
        assert_eq!(store.list("").unwrap().iter().find(|object| object.path == "a").unwrap().bytes, text.len() as u64);
    }
}

pub(crate) fn folders_are_apart(open: Open) {
    let store = open();
    for path in ["a/b", "a/c/d", "a/c/e/f", "ab", "b/a/b"] {
        store.put(path, path.to_owned()).unwrap();
    }
    assert_eq!(paths(&store, "a"), ["a/b", "a/c/d", "a/c/e/f"]);
    assert_eq!(paths(&store, "a/c"), ["a/c/d", "a/c/e/f"]);
    store.delete_folder("a/c").unwrap();
    store.delete_folder("a/c").unwrap();
    store.delete_folder("nothing").unwrap();
    assert_eq!(paths(&store, "a"), ["a/b"]);
    store.delete_folder("a").unwrap();
    assert_eq!(paths(&store, "a"), [""; 0]);
    assert_eq!(store.get("ab").unwrap().unwrap(), "ab");
    assert_eq!(paths(&store, "b"), ["b/a/b"]);
    store.put("a/c/d", "again").unwrap();
    assert_eq!(paths(&store, "a"), ["a/c/d"]);
}

/// More than S3 lists, or deletes, in one answer.
pub(crate) fn a_listing_is_whole_and_in_order(open: Open) {
    const THREADS: usize = 8;
    const EACH: usize = 130;
    let store = open();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                for number in 0..EACH {
                    store.put(&format!("many/{number}/{thread}"), "x").unwrap();
                }
            });
        }
    });
    let mut expected: Vec<String> =
        (0..EACH).flat_map(|number| (0..THREADS).map(move |thread| format!("many/{number}/{thread}"))).collect();
    expected.sort();
    assert_eq!(paths(&store, "many"), expected);
    store.delete_folder("many").unwrap();
    assert_eq!(paths(&store, "many"), [""; 0]);
}

pub(crate) fn names_are_what_they_were(open: Open) {
    let store = open();
    let names = [
        "year=2024/part-0.zstd.parquet",
        "a b",
        "a+b&c=d;e,f",
        "50%",
        "%41",
        "a%2Fb",
        "é/日本",
        "~tilde",
        "(x)'\"!$@:*?",
        "#frag?query",
        "[1]{2}<3>|`^",
        "back\\slash",
        ".hidden",
        "trailing.",
    ];
    for name in names {
        store.put(&format!("names/{name}"), name.to_owned()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let long = format!("names/{}", "n".repeat(200));
    store.put(&long, "long").unwrap();
    assert_eq!(paths(&store, "names").len(), names.len() + 1);
    for path in paths(&store, "names") {
        let bytes = store.get(&path).unwrap().unwrap_or_else(|| panic!("{path} is listed and not there"));
        assert!(bytes == path.as_bytes()["names/".len()..] || path == long, "{path}");
        let mut text = Vec::new();
        store.reader(&path).unwrap().get_read(0).unwrap().read_to_end(&mut text).unwrap();
        assert_eq!(text, bytes, "{path}");
        store.delete(&path).unwrap();
        assert_eq!(store.get(&path).unwrap(), None, "{path}");
    }
}

pub(crate) fn wrong_names_are_refused(open: Open) {
    let store = open();
    for name in ["a//b", "a/../b", "./a", ".."] {
        let error = store.put(name, "x").unwrap_err();
        assert!(!error.is_retryable(), "{name}: {error}");
        store.get(name).unwrap_err();
        store.list(name).unwrap_err();
    }
}

pub(crate) fn of_two_conditional_puts_one_wins(open: Open) {
    let store = open();
    let (none, first) = store.get_versioned("p").unwrap();
    assert_eq!(none, None);
    store.replace("p", "1", first.clone()).unwrap();
    assert!(matches!(store.replace("p", "other", first.clone()), Err(StoreError::Changed { .. })));
    assert!(matches!(store.replace("p", "1", first), Err(StoreError::Changed { .. })), "whatever the bytes");
    let (_, read) = store.get_versioned("p").unwrap();
    let second = store.replace("p", "2", read.clone()).unwrap();
    let error = store.replace("p", "3", read.clone()).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(store.get("p").unwrap().unwrap(), "2");
    let third = store.replace("p", "3", second).unwrap();
    let (_, last) = store.get_versioned("p").unwrap();
    assert_eq!(last, third);
    store.delete("p").unwrap();
    assert!(matches!(store.replace("p", "4", last), Err(StoreError::Changed { .. })), "what is gone has changed");
    assert_eq!(store.get("p").unwrap(), None);
}

pub(crate) fn of_many_creators_one_wins(open: Open) {
    const THREADS: usize = 8;
    let store = open();
    for round in 0..12 {
        let path = format!("race/{round}");
        let (_, absent) = store.get_versioned(&path).unwrap();
        let together = Barrier::new(THREADS);
        let winners: Vec<usize> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (store, path, absent, together) = (&store, &path, absent.clone(), &together);
                    scope.spawn(move || {
                        together.wait();
                        match store.replace(path, format!("{thread}"), absent) {
                            Ok(_) => Some(thread),
                            Err(StoreError::Changed { .. }) => None,
                            Err(error) => panic!("{error}"),
                        }
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert_eq!(store.get(&path).unwrap().unwrap(), winners[0].to_string());
    }
}

pub(crate) fn conditional_puts_of_many_threads_lose_no_increment(open: Open) {
    let store = open();
    store.put("n", "0").unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    loop {
                        let (bytes, version) = store.get_versioned("n").unwrap();
                        let number: u32 = std::str::from_utf8(&bytes.unwrap()).unwrap().parse().unwrap();
                        match store.replace("n", (number + 1).to_string(), version) {
                            Ok(_) => break,
                            Err(StoreError::Changed { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(store.get("n").unwrap().unwrap(), "80");
}

/// Bytes that are not the same anywhere near each other.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(length.div_ceil(8)).flatten().take(length).collect()
}

pub(crate) fn a_large_object_is_what_it_was(open: Open) {
    let store = open();
    let bytes = noise((130 << 20) + 7);
    store.put("large", bytes.clone()).unwrap();
    assert!(store.get("large").unwrap().unwrap() == bytes);
    let reader = store.reader("large").unwrap();
    assert_eq!(reader.len(), bytes.len() as u64);
    let at = 97 << 20;
    assert!(reader.get_bytes(at as u64, 20 << 20).unwrap() == bytes.slice(at..at + (20 << 20)));
}

pub(crate) fn a_reader_reads_any_range(open: Open) {
    let store = open();
    let bytes = noise(3_000_017);
    store.put("f/x", bytes.clone()).unwrap();
    let reader = store.reader("f/x").unwrap();
    for (start, length) in [(0, 1), (0, bytes.len()), (2_999_990, 27), (1_000_000, 1_234_567), (5, 0)] {
        assert_eq!(reader.get_bytes(start as u64, length).unwrap(), bytes.slice(start..start + length));
    }
    let mut rest = Vec::new();
    reader.get_read(1_048_575).unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, bytes[1_048_575..]);
    reader.get_bytes(2_999_990, 28).unwrap_err();
}

pub(crate) fn what_is_not_there_is_no_accident(open: Open) {
    let store = open();
    let error = store.reader("nothing").unwrap_err();
    assert!(!error.is_retryable(), "{error}");
}

pub(crate) fn checkpoints_of_roles_are_apart(open: Open) {
    let store = open();
    let count = Checkpoints::new(store.clone(), "count");
    let detect = Checkpoints::new(store.clone(), "detect");
    count.put("3/base-7", vec![1, 2]).unwrap();
    count.put("3/delta-8", vec![3]).unwrap();
    count.put("10/base-1", vec![4]).unwrap();
    detect.put("state", vec![5]).unwrap();
    assert_eq!(count.list("").unwrap(), ["10/base-1", "3/base-7", "3/delta-8"]);
    assert_eq!(count.list("3/").unwrap(), ["3/base-7", "3/delta-8"]);
    assert_eq!(count.get("3/base-7").unwrap().unwrap().as_ref(), [1, 2]);
    assert_eq!(count.get("state").unwrap(), None);
    let (_, read) = count.get_versioned("3/base-7").unwrap();
    count.replace("3/base-7", vec![6], read.clone()).unwrap();
    assert!(matches!(count.replace("3/base-7", vec![7], read), Err(StoreError::Changed { .. })));
    assert_eq!(count.get("3/base-7").unwrap().unwrap().as_ref(), [6]);
    count.delete("3/base-7").unwrap();
    count.delete("3/base-7").unwrap();
    assert_eq!(count.list("3/").unwrap(), ["3/delta-8"]);
    assert_eq!(detect.list("").unwrap(), ["state"]);
}

pub(crate) fn another_process_sees_the_same(open: Open) {
    let store = open();
    store.put("a/b", "one").unwrap();
    let (_, read) = store.get_versioned("a/b").unwrap();
    let other = store.again();
    assert_eq!(other.url(), store.url());
    assert_eq!(other.get("a/b").unwrap().unwrap(), "one");
    other.replace("a/b", "two", read.clone()).unwrap();
    assert!(matches!(store.replace("a/b", "three", read), Err(StoreError::Changed { .. })));
    assert_eq!(store.get("a/b").unwrap().unwrap(), "two");
}
