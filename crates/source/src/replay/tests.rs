//! Replays by a clock that only the test moves.

#![expect(clippy::type_complexity, clippy::unused_self, reason = "the test's world reads as its subject")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::{
    CsvOptions, CsvSource, WallClock,
    testing::{HEADER, city, row, rows_of},
};
use blotter_city::parse_instant;
use blotter_incident::Incident;
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
};

struct World {
    folder: tempfile::TempDir,
    now: Arc<AtomicI64>,
}

fn world() -> World {
    let now = parse_instant("2024-01-01T00:00:00Z").unwrap().0;
    World { folder: tempfile::tempdir().unwrap(), now: Arc::new(AtomicI64::new(now)) }
}

impl World {
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn options(&self, speed: f64) -> ReplayOptions {
        let now = Arc::clone(&self.now);
        let clock = WallClock::new(move || UtcMicros(now.load(Ordering::SeqCst)));
        ReplayOptions { clock, chunk_rows: 7, ..ReplayOptions::new(speed, self.folder.path().join("spool")) }
    }

    fn open(&self, paths: &[&Path], speed: f64, position: Option<&[u8]>) -> Replay {
        let locations = paths.iter().map(|path| Location::Path(path.to_path_buf())).collect();
        Replay::open(locations, city("chicago"), 1, position, self.options(speed)).unwrap()
    }

    fn pass(&self, time: Duration) {
        self.now.fetch_add(time.as_micros() as i64, Ordering::SeqCst);
    }

    /// What is released without time passing.
    fn now(&self, replay: &mut Replay) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        loop {
            match replay.next().unwrap() {
                Step::Chunk(chunk) => chunks.push(chunk),
                Step::Wait { pause: Duration::ZERO, .. } => {}
                _ => return chunks,
            }
        }
    }

    /// Everything, whatever time it takes.
    fn all(&self, mut replay: Replay) -> (Vec<Incident>, Vec<Rejected>, Vec<(usize, Vec<u8>)>) {
        let (mut incidents, mut rejected, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            match replay.next().unwrap() {
                Step::Chunk(chunk) => {
                    incidents.extend(rows_of(&chunk));
                    rejected.extend(chunk.rejected);
                    positions.push((incidents.len(), chunk.position));
                }
                Step::Wait { pause, .. } => self.pass(pause),
                Step::End => return (incidents, rejected, positions),
            }
        }
    }
}

fn at(id: u64, time: &str) -> String {
    row(id).replace("12/31/2017 11:58:00 PM", time) + "\n"
}

fn ids(chunks: &[Chunk]) -> Vec<String> {
    chunks.iter().flat_map(rows_of).map(|incident| incident.id).collect()
}

#[test]
fn rows_are_released_when_they_are_due_and_not_before() {
    let world = world();
    let path = world.file(
        "x.csv",
        format!(
            "{HEADER}\n{}bad\n{}{}",
            at(3, "01/01/2017 02:00:00 AM"),
            at(1, "01/01/2017 12:00:00 AM"),
            at(2, "01/01/2017 01:00:00 AM")
        ),
    );
    let mut replay = world.open(&[&path], 3600.0, None);
    let first = world.now(&mut replay);
    assert_eq!(ids(&first), ["1"]);
    assert_eq!(first[0].rejected.len(), 1);
    world.pass(Duration::from_millis(999));
    assert_eq!(ids(&world.now(&mut replay)), [""; 0]);
    assert!(
        matches!(replay.next().unwrap(), Step::Wait { pause, caught_up: false } if pause <= Duration::from_millis(2))
    );
    world.pass(Duration::from_millis(1));
    assert_eq!(ids(&world.now(&mut replay)), ["2"]);
    world.pass(Duration::from_secs(5));
    assert_eq!(ids(&world.now(&mut replay)), ["3"]);
    assert!(matches!(replay.next().unwrap(), Step::End));
}

#[test]
fn a_replay_resumes_at_every_position_and_gives_the_rows_of_the_plain_files() {
    let world = world();
    let text = |ids: std::ops::Range<u64>| {
        let rows: String = ids
            .map(|id| match id % 10 {
                3 => "no,row\n".to_owned(),
                4 => at(id, "01/01/2017 01:00:00 AM").replace("BURGLARY", "\"BURG\n\"\"LARY\""),
                5 => at(id, "01/01/2017 01:00:00 AM").replace("046XX", "\"046XX"),
                _ => at(id, &format!("01/{:02}/2017 {:02}:00:00 AM", 1 + id * 7 % 28, 1 + id % 12)),
            })
            .collect();
        format!("{HEADER}\n{rows}")
    };
    let plain = world.file("a.csv", text(0..60));
    let packed = world.file("b.csv.zst", zstd::encode_all(text(60..120).as_bytes(), 1).unwrap());
    let files = [plain.as_path(), packed.as_path()];
    let (incidents, rejected, positions) = world.all(world.open(&files, 1e6, None));
    assert!(incidents.is_sorted_by_key(|incident| incident.occurred_at_utc));
    let mut expect = Vec::new();
    let mut expect_rejected = Vec::new();
    for path in files {
        let location = Location::Path(path.to_owned());
        let mut source = CsvSource::open(location, city("chicago"), 1, None, CsvOptions::default()).unwrap();
        while let Step::Chunk(chunk) = source.next().unwrap() {
            expect.extend(rows_of(&chunk));
            expect_rejected.extend(chunk.rejected);
        }
    }
    let sorted = |incidents: &[Incident]| {
        let mut rows: Vec<String> = incidents.iter().map(|incident| format!("{incident:?}")).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(&incidents), sorted(&expect));
    assert_eq!(rejected, expect_rejected);
    for (seen, position) in positions {
        let (rest, rejected, _) = world.all(world.open(&files, 1e6, Some(&position)));
        assert_eq!(rest, incidents[seen..]);
        assert!(rejected.is_empty());
    }
}

#[test]
fn time_stands_still_while_it_is_stopped() {
    let world = world();
    let rows: String = (1..10).map(|hour| at(hour, &format!("01/01/2017 {hour:02}:00:00 AM"))).collect();
    let path = world.file("x.csv", format!("{HEADER}\n{rows}"));
    let mut replay = world.open(&[&path], 3600.0, None);
    let position = world.now(&mut replay).pop().unwrap().position;
    world.pass(Duration::from_hours(1));
    let mut replay = world.open(&[&path], 3600.0, Some(&position));
    assert_eq!(ids(&world.now(&mut replay)), ["2"]);
}

#[test]
fn a_feed_is_replayed_in_the_order_in_which_it_was_observed() {
    let world = world();
    let line = |time: &str, op: &str, row: String| format!("{time},{op},{row}");
    let path = world.file(
        "feed.csv",
        format!(
            "feed_time,op,{HEADER}\n{}{}",
            line("2022-02-02T00:00:00Z", "delete", at(1, "01/01/2017 01:00:00 AM")),
            line("2022-02-01T00:00:00Z", "insert", at(1, "01/01/2017 01:00:00 AM")),
        ),
    );
    let (incidents, ..) = world.all(world.open(&[&path], 1e6, None));
    assert_eq!(incidents.iter().map(|incident| incident.deleted).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn empty_files_and_cut_ones_say_so() {
    let world = world();
    let rows: String = (0..20_000_u64).map(|id| at(id.wrapping_mul(0x9e37_79b9), "01/01/2017 01:00:00 AM")).collect();
    let packed = zstd::encode_all(format!("{HEADER}\n{rows}").as_bytes(), 1).unwrap();
    let cut = world.file("cut.csv.zst", &packed[..packed.len() / 2]);
    let empty = world.file("empty.csv", "");
    let (incidents, rejected, _) = world.all(world.open(&[&empty, &cut], 1e6, None));
    assert!(incidents.len() > 1000);
    let reasons: Vec<&str> = rejected.iter().map(|record| record.reason.as_str()).collect();
    assert!(
        reasons[0].contains("empty") && reasons.last().unwrap().contains("inside a compressed frame"),
        "{reasons:?}"
    );
}

#[test]
fn a_speed_that_is_none_is_refused() {
    let world = world();
    let path = world.file("x.csv", HEADER);
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let location = vec![Location::Path(path.clone())];
        let error = Replay::open(location, city("chicago"), 1, None, world.options(speed)).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("speed"), "{error}");
    }
}

/// Issue 12, 4.2: a copy that was damaged between two starts was replayed as it was.
#[test]
fn a_decompressed_copy_that_is_damaged_is_made_again() {
    let world = world();
    let rows: String = (1..40).map(|id| at(id, &format!("01/01/2017 {:02}:00:00 AM", 1 + id % 12))).collect();
    let packed = zstd::encode_all(format!("{HEADER}\n{rows}").as_bytes(), 1).unwrap();
    let path = world.file("x.csv.zst", packed);
    let (expect, ..) = world.all(world.open(&[&path], 1e6, None));
    let copies = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(world.folder.path().join("spool")).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "copy"))
            .collect()
    };
    let kept = copies();
    assert_eq!(kept.len(), 1);
    let sound = std::fs::read(&kept[0]).unwrap();
    for at in (0..sound.len()).step_by(97) {
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        std::fs::write(&kept[0], flipped).unwrap();
        let (incidents, ..) = world.all(world.open(&[&path], 1e6, None));
        assert_eq!(incidents, expect, "byte {at}");
        assert_eq!(copies(), kept);
        assert_eq!(std::fs::read(&kept[0]).unwrap(), sound);
    }
}
