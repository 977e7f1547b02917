//! The role `detect` on the embedded log, with sinks in memory.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::Profile;
use blotter_log::{Append, EmbeddedLog, EmbeddedOptions, Log, Topic, Transaction};
use blotter_online::{
    DetectConfig, DetectError, DetectParts, FeedProgress, TickProgress,
    count::counts_batch,
    detect::group,
    run_detect,
    sinks::{MemorySink, PeakPoint, Point, Sink, SinkError},
};
use blotter_runtime::Shutdown;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

fn open(directory: &Path) -> Arc<dyn Log> {
    let options = EmbeddedOptions { partitions: Some(3), ..EmbeddedOptions::default() };
    Arc::new(EmbeddedLog::open(directory, options).unwrap())
}

/// Says a partition's totals.
fn say(log: &Arc<dyn Log>, partition: u32, said: &[(i64, &str, &str, u32)]) {
    let codes = |words: Vec<&str>| {
        let (mut codes, mut all) = (Vec::new(), Vec::<String>::new());
        for word in words {
            let known = all.iter().position(|one| one == word).unwrap_or_else(|| {
                all.push(word.to_owned());
                all.len() - 1
            });
            codes.push(known as u16);
        }
        (codes, all)
    };
    let areas = codes(said.iter().map(|said| said.1).collect());
    let categories = codes(said.iter().map(|said| said.2).collect());
    let records = counts_batch(
        said.iter().map(|said| said.0 as i32).collect(),
        (areas.0, &areas.1),
        (categories.0, &categories.1),
        said.iter().map(|said| said.3).collect(),
    )
    .unwrap();
    let appends = vec![Append { topic: Topic::Counts, partition, records }];
    let mut writer = Arc::clone(log).writer("test").unwrap();
    writer.append(Transaction { appends, ..Transaction::default() }).unwrap();
}

/// A memory that remembers in which order it was told, and may be away or refuse.
#[derive(Clone, Default)]
struct Moody {
    name: &'static str,
    memory: MemorySink,
    told: Arc<Mutex<Vec<(i64, u64)>>>,
    away: Arc<AtomicBool>,
    refuses: Arc<AtomicBool>,
}

impl Moody {
    fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    fn points(&self) -> BTreeMap<(i64, String, String), u64> {
        self.memory.points()
    }
}

impl Sink for Moody {
    fn name(&self) -> &str {
        self.name
    }

    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(SinkError::Away { sink: self.name.into(), reason: "out".into(), retry_after: None });
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(SinkError::Refused { sink: self.name.into(), status: 401, reason: "no".into() });
        }
        self.told.lock().unwrap().extend(points.iter().map(|point| (point.bucket / 3600, point.count)));
        self.memory.write(points)
    }

    fn write_peaks(&mut self, points: &[PeakPoint<'_>]) -> Result<(), SinkError> {
        self.memory.write_peaks(points)
    }
}

fn chicago() -> Arc<Profile> {
    Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap())
}

fn parts(log: &Arc<dyn Log>, sinks: &[&Moody]) -> DetectParts {
    let sinks = sinks.iter().map(|sink| {
        let sink: Box<dyn Sink> = Box::new((*sink).clone());
        (sink, Arc::new(FeedProgress::new(3)))
    });
    DetectParts {
        log: Arc::clone(log),
        profile: chicago(),
        rules: Vec::new(),
        hooks: Vec::new(),
        ticks: Arc::new(TickProgress::new(3)),
        sinks: sinks.collect(),
    }
}

fn catch_up(log: &Arc<dyn Log>, sinks: &[&Moody]) -> Result<DetectParts, DetectError> {
    let mut parts = parts(log, sinks);
    run_detect(&DetectConfig { until_caught_up: true }, &mut parts, &Shutdown::new())?;
    Ok(parts)
}

fn expected(points: &[(i64, &str, &str, u64)]) -> BTreeMap<(i64, String, String), u64> {
    points
        .iter()
        .map(|(hour, area, category, count)| ((hour * 3600, (*area).to_owned(), (*category).to_owned()), *count))
        .collect()
}

#[test]
fn a_point_is_the_sum_of_all_parts_and_follows_it() {
    let directory = tempfile::tempdir().unwrap();
    let (log, sink) = (open(directory.path()), Moody::named("one"));
    say(&log, 0, &[(7, "25", "THEFT", 2), (8, "", "ARSON", 1)]);
    say(&log, 2, &[(7, "25", "THEFT", 5)]);
    catch_up(&log, &[&sink]).unwrap();
    assert_eq!(sink.points(), expected(&[(7, "25", "THEFT", 7), (8, "", "ARSON", 1)]));
    say(&log, 0, &[(7, "25", "THEFT", 0)]);
    say(&log, 1, &[(-9, "1", "THEFT", 4)]);
    let parts = catch_up(&log, &[&sink]).unwrap();
    assert_eq!(sink.points(), expected(&[(7, "25", "THEFT", 5), (8, "", "ARSON", 1), (-9, "1", "THEFT", 4)]));
    assert_eq!(parts.sinks[0].1.points(), 2, "what is not new is not sent again");
    assert_eq!(log.committed(&group("one"), Topic::Counts).unwrap().len(), 3);
}

/// However the log is cut into reads: before all parts were read to where they were known no sum is true.
#[test]
fn a_restart_never_sends_a_sum_of_some_parts_only() {
    let directory = tempfile::tempdir().unwrap();
    let (log, sink) = (open(directory.path()), Moody::named("one"));
    // More than one read of the last part, whose one total of hour 7 is at the very end.
    let long: Vec<_> = (0..120_000).map(|hour| (hour + 100, "25", "THEFT", 1)).collect();
    say(&log, 0, &[(7, "25", "THEFT", 2)]);
    say(&log, 2, &long);
    say(&log, 2, &[(7, "25", "THEFT", 40)]);
    catch_up(&log, &[&sink]).unwrap();
    sink.told.lock().unwrap().clear();
    say(&log, 0, &[(7, "25", "THEFT", 3)]);
    catch_up(&log, &[&sink]).unwrap();
    assert_eq!(*sink.told.lock().unwrap(), [(7, 43)]);
    assert_eq!(sink.points().len(), 120_001);
}

#[test]
fn one_that_is_down_or_refuses_delays_itself_only() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let [well, away, refusing] = ["well", "away", "refusing"].map(Moody::named);
    away.away.store(true, Ordering::SeqCst);
    refusing.refuses.store(true, Ordering::SeqCst);
    let mut parts = parts(&log, &[&well, &away, &refusing]);
    let progress: Vec<_> = parts.sinks.iter().map(|(_, progress)| Arc::clone(progress)).collect();
    let shutdown = Shutdown::new();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run_detect(&DetectConfig::default(), &mut parts, &shutdown));
        let wait = |condition: &dyn Fn() -> bool| {
            while !condition() {
                assert!(!running.is_finished(), "it goes on");
                shutdown.wait_timeout(std::time::Duration::from_millis(5));
            }
        };
        say(&log, 0, &[(1, "25", "THEFT", 1)]);
        wait(&|| progress[0].points() == 1 && progress[1].failures() > 0 && progress[2].failures() > 0);
        say(&log, 1, &[(1, "25", "THEFT", 1)]);
        wait(&|| well.points() == expected(&[(1, "25", "THEFT", 2)]));
        assert_eq!((away.points().len(), refusing.points().len()), (0, 0));
        away.away.store(false, Ordering::SeqCst);
        wait(&|| away.points() == expected(&[(1, "25", "THEFT", 2)]));
        shutdown.trigger();
        running.join().unwrap().unwrap();
    });
    assert_eq!(refusing.points().len(), 0);
    refusing.refuses.store(false, Ordering::SeqCst);
    catch_up(&log, &[&refusing]).unwrap();
    assert_eq!(refusing.points(), expected(&[(1, "25", "THEFT", 2)]));
}

#[test]
fn a_refusal_is_reported_to_a_run_that_ends_when_caught_up() {
    let directory = tempfile::tempdir().unwrap();
    let (log, sink) = (open(directory.path()), Moody::named("one"));
    say(&log, 0, &[(1, "25", "THEFT", 1)]);
    sink.refuses.store(true, Ordering::SeqCst);
    let error = catch_up(&log, &[&sink]).err().unwrap();
    assert!(!error.is_retryable() && error.to_string().contains("401"), "{error}");
}
