//! What `detect` says of peaks on the embedded log, and whom it tells.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::Profile;
use blotter_log::{Append, EmbeddedLog, EmbeddedOptions, GroupOffset, Log, Offset, Topic, Transaction};
use blotter_online::{
    AlertProgress, DetectConfig, DetectError, DetectParts, FeedProgress, Hook, Rule, TickProgress,
    count::{GROUP, counts_batch},
    run_detect,
    sinks::{MemoryPeaks, MemorySink, PeakPoint, Point, Sink, SinkError, Webhook},
};
use blotter_peak::{City, History, Names, Numbers, PublishedTick, ReportedWindow, begin_of, said_rows};
use blotter_runtime::Shutdown;
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

const AREAS: [&str; 4] = ["", "8", "25", "10"];
const CATEGORIES: [&str; 2] = ["THEFT", "ROBBERY"];
/// A Monday 00:00 UTC.
const BEGIN: i32 = 412_200;
const WEEK: i32 = 168;

/// One total: part, hour, area, category, count.
type Total = (u32, i32, usize, usize, u32);

fn open(directory: &Path) -> Arc<dyn Log> {
    let options = EmbeddedOptions { partitions: Some(2), ..EmbeddedOptions::default() };
    Arc::new(EmbeddedLog::open(directory, options).unwrap())
}

fn chicago() -> Arc<Profile> {
    Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap())
}

/// Says totals, and that each part is counted up to an offset.
fn say(log: &Arc<dyn Log>, totals: &[Total], counted: u64) {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut transaction = Transaction::default();
    for part in 0..2 {
        let of_part: Vec<&Total> = totals.iter().filter(|total| total.0 == part).collect();
        let records = counts_batch(
            of_part.iter().map(|total| total.1).collect(),
            (of_part.iter().map(|total| total.2 as u16).collect(), &words(&AREAS)),
            (of_part.iter().map(|total| total.3 as u16).collect(), &words(&CATEGORIES)),
            of_part.iter().map(|total| total.4).collect(),
        );
        transaction.appends.push(Append { topic: Topic::Counts, partition: part, records: records.unwrap() });
        let next = Offset(counted + u64::from(part));
        transaction.commits.push(GroupOffset { group: GROUP.into(), topic: Topic::Incidents, partition: part, next });
    }
    Arc::clone(log).writer("test").unwrap().append(transaction).unwrap();
}

/// Twelve weeks in which every area has something of everything every day, and then some.
fn weeks() -> Vec<Total> {
    let days = (0..12 * 7).map(|day| BEGIN + day * 24 + 18);
    days.flat_map(|hour| (0..8).map(move |pair| ((pair % 2) as u32, hour, pair / 2, pair % 2, 1 + (hour % 3) as u32)))
        .collect()
}

fn parts(log: &Arc<dyn Log>, rules: Vec<Rule>, hooks: Vec<Hook>) -> DetectParts {
    let ticks = Arc::new(TickProgress::new(2));
    DetectParts { log: Arc::clone(log), profile: chicago(), rules, hooks, ticks, sinks: Vec::new() }
}

/// Runs to the end of what there is; how many ticks it said.
fn catch_up(log: &Arc<dyn Log>, rules: Vec<Rule>, hooks: Vec<Hook>) -> u64 {
    let mut parts = parts(log, rules, hooks);
    run_detect(&DetectConfig { until_caught_up: true }, &mut parts, &Shutdown::new()).unwrap();
    parts.ticks.ticks()
}

fn said(log: &Arc<dyn Log>) -> Vec<PublishedTick> {
    let (mut next, mut all) = (Offset(0), Vec::new());
    loop {
        let fetched = log.read(Topic::Peaks, 0, next, 1 << 20).unwrap();
        let Some(last) = fetched.last() else { return all };
        next = last.next;
        let rows = fetched.iter().flat_map(|fetched| said_rows(&fetched.records).unwrap());
        all.extend(rows.map(|row| serde_json::from_str::<PublishedTick>(&row.json).unwrap()));
    }
}

/// What a fresh load of the newest totals says.
fn fresh(totals: &[Total], at: Option<i32>) -> (Option<String>, Vec<ReportedWindow>) {
    let profile = chicago();
    let clock = profile.clock();
    let newest: BTreeMap<_, u32> = totals.iter().map(|total| ((total.0, total.1, total.2, total.3), total.4)).collect();
    let mut sums: BTreeMap<(i32, usize, usize), u32> = BTreeMap::new();
    for ((_, hour, area, category), count) in newest {
        *sums.entry((hour, area, category)).or_default() += count;
    }
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (names, numbers): (Names, Numbers) = Names::ordered(&words(&AREAS), &words(&CATEGORIES));
    let mut history = History::new();
    for ((hour, area, category), count) in sums {
        numbers.set(&mut history, area as u16, category as u16, hour, count);
    }
    let Some(at) = at.or(history.end()) else { return (None, Vec::new()) };
    let tick = City::new(&profile, &clock).tick(&history, at);
    let windows = tick.windows.iter().map(|window| ReportedWindow::new(window, &names, window.peaks.iter()));
    (Some(clock.format(begin_of(at))), windows.collect())
}

#[test]
fn a_tick_is_published_when_something_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    assert_eq!(catch_up(&log, Vec::new(), Vec::new()), 0, "there is nothing");
    let mut totals = weeks();
    say(&log, &totals, 70);
    assert_eq!(catch_up(&log, Vec::new(), Vec::new()), 1);
    assert_eq!(catch_up(&log, Vec::new(), Vec::new()), 0, "nothing has changed");
    let first = said(&log).remove(0).report;
    assert_eq!(first.next_offsets, [("0".to_owned(), 70), ("1".to_owned(), 71)].into());
    assert_eq!((first.at, first.windows), fresh(&totals, None));
    // A late change of the same hour, the next hour, and the newest hours taken back.
    let last = totals.last().copied().unwrap();
    let changes = [(last.0, last.1, last.2, last.3, 30), (0, last.1 + 1, 2, 0, 1)];
    for (number, change) in (0..).zip(changes) {
        totals.push(change);
        say(&log, &[change], 80 + number);
        assert_eq!(catch_up(&log, Vec::new(), Vec::new()), 1);
        let newest = said(&log).pop().unwrap().report;
        assert_eq!((newest.at, newest.windows), fresh(&totals, None));
    }
    say(&log, &[(0, last.1 + 1, 2, 0, 0)], 90);
    totals.pop();
    assert_eq!(catch_up(&log, Vec::new(), Vec::new()), 1, "one wrong time must not silence what comes after");
    let newest = said(&log).pop().unwrap().report;
    assert_eq!((newest.at, newest.windows), fresh(&totals, None));
}

#[test]
fn nothing_is_published_while_a_source_has_more() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    say(&log, &weeks(), 0);
    let stand = |caught_up: bool, paced: bool| {
        let state = format!(
            r#"{{"source":null,"state":{{"caught_up":{caught_up},"simulated":false,"paced":{paced},"describe":"x","held":{{}}}}}}"#
        );
        let positions = vec![("source/x".to_owned(), state.into_bytes())];
        log.append(Transaction { positions, ..Transaction::default() }).unwrap();
        catch_up(&log, Vec::new(), Vec::new())
    };
    assert_eq!(stand(false, false), 0);
    assert_eq!(stand(true, false), 1);
    say(&log, &[(0, BEGIN + 13 * WEEK, 1, 1, 9)], 7);
    assert_eq!(stand(false, false), 0);
    assert_eq!(stand(false, true), 1, "a replay is looked at as it goes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the order in which totals come and however often they are replaced, and wherever the role is stopped and run
    /// again, it says what a fresh load of the last of them says.
    #[test]
    fn published_ticks_equal_those_of_a_fresh_load(
        begun in prop::collection::vec((0_u32..2, 0_i32..13 * WEEK, 0_usize..4, 0_usize..2, 0_u32..6), 0..120),
        later in prop::collection::vec((0_u32..2, 0_i32..13 * WEEK, 0_usize..4, 0_usize..2, 0_u32..6), 0..40),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let hours = |totals: Vec<Total>| totals.into_iter().map(|(part, hour, area, category, count)| (part, BEGIN + hour, area, category, count)).collect::<Vec<_>>();
        let (begun, later) = (hours(begun), hours(later));
        let mut all = Vec::new();
        for totals in [begun, later] {
            say(&log, &totals, 0);
            all.extend(totals);
            if catch_up(&log, Vec::new(), Vec::new()) == 0 {
                continue;
            }
            let newest = said(&log).pop().unwrap().report;
            let (at, windows) = fresh(&all, None);
            prop_assert_eq!(&newest.at, &at);
            prop_assert_eq!(newest.windows, windows);
        }
    }
}

/// A receiver that answers as it is told, and says what it was sent: idempotency key and body.
fn receiver(answers: Vec<&'static str>) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/secret-path", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let mut connection = BufReader::new(listener.accept().unwrap().0);
            let (mut key, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                connection.read_line(&mut line).unwrap();
                let line = line.trim();
                if line.is_empty() {
                    break;
                }
                if let Some((name, value)) = line.split_once(": ") {
                    match name.to_ascii_lowercase().as_str() {
                        "idempotency-key" => value.clone_into(&mut key),
                        "content-length" => length = value.parse().unwrap(),
                        _ => {}
                    }
                }
            }
            let mut body = vec![0; length];
            connection.read_exact(&mut body).unwrap();
            sender.send((key, String::from_utf8(body).unwrap())).unwrap();
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            connection.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, received)
}

fn rule() -> Rule {
    Rule {
        name: "robberies".into(),
        areas: vec!["25".into()],
        categories: vec!["ROBBERY".into()],
        hours: Vec::new(),
        q: 0.05,
        minimum: 5,
        quiet_hours: 24,
    }
}

fn hook(address: &str) -> Hook {
    let webhook = Webhook::new("robberies", address).unwrap();
    Hook { rule: "robberies".into(), webhook, progress: Arc::new(AlertProgress::default()) }
}

#[test]
fn a_webhook_gets_each_episode_once_and_is_retried_until_it_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let (address, received) = receiver(vec!["503 Service Unavailable", "200 OK", "204 No Content"]);
    let catch_up = || catch_up(&log, vec![rule()], vec![hook(&address)]);
    say(&log, &weeks(), 0);
    assert_eq!(catch_up(), 1);
    assert!(received.try_recv().is_err(), "nothing is peaking yet");
    // Forty robberies in Austin within an hour, and more of the same in the next ones.
    let end = BEGIN + 12 * WEEK;
    for hour in 0..3 {
        say(&log, &[(1, end + hour, 2, 1, 40)], 1);
        assert_eq!(catch_up(), 1);
    }
    let sent: Vec<(String, String)> = received.try_iter().collect();
    assert_eq!(sent.len(), 2, "the first try and the one that was taken");
    assert_eq!(sent[0], sent[1]);
    let alert: serde_json::Value = serde_json::from_str(&sent[1].1).unwrap();
    assert_eq!(sent[1].0, alert["id"].as_str().unwrap());
    assert_eq!(
        (&alert["area"], &alert["area_name"], &alert["category"]),
        (&"25".into(), &"Austin".into(), &"ROBBERY".into())
    );
    assert_eq!(alert["observed"], 40);
    assert!(alert["text"].as_str().unwrap().contains("ROBBERY in Austin"), "{alert}");
    assert_eq!(said(&log).pop().unwrap().episodes.len(), 1);
    // Three weeks later it is another episode.
    say(&log, &[(1, end + 4 * WEEK, 2, 1, 90)], 2);
    assert_eq!(catch_up(), 1);
    assert_eq!(received.try_iter().count(), 1);
}

#[test]
fn a_webhook_that_refuses_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let (address, received) = receiver(vec!["404 Not Found", "200 OK"]);
    let run = || {
        let mut parts = parts(&log, vec![rule()], vec![hook(&address)]);
        run_detect(&DetectConfig { until_caught_up: true }, &mut parts, &Shutdown::new())
    };
    say(&log, &weeks(), 0);
    run().unwrap();
    say(&log, &[(1, BEGIN + 12 * WEEK, 2, 1, 40)], 1);
    let error = run().unwrap_err().to_string();
    assert!(error.contains("404") && !error.contains("secret"), "{error}");
    run().unwrap();
    let sent: Vec<(String, String)> = received.try_iter().collect();
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
}

/// A memory that may refuse peaks.
#[derive(Clone, Default)]
struct Picky {
    memory: MemorySink,
    refuses: Arc<AtomicBool>,
}

impl Sink for Picky {
    fn name(&self) -> &'static str {
        "picky"
    }

    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError> {
        self.memory.write(points)
    }

    fn write_peaks(&mut self, points: &[PeakPoint<'_>]) -> Result<(), SinkError> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(SinkError::Refused { sink: "picky".into(), status: 400, reason: "no".into() });
        }
        self.memory.write_peaks(points)
    }
}

/// Runs to the end with a sink; how many points it was given.
fn feed(log: &Arc<dyn Log>, sink: &Picky) -> Result<u64, DetectError> {
    let mut parts = parts(log, Vec::new(), Vec::new());
    let progress = Arc::new(FeedProgress::new(2));
    parts.sinks.push((Box::new(sink.clone()), Arc::clone(&progress)));
    run_detect(&DetectConfig { until_caught_up: true }, &mut parts, &Shutdown::new())?;
    assert_eq!(progress.next_peak(), log.bounds(Topic::Peaks, 0).unwrap().next.0);
    Ok(progress.points())
}

/// What the ticks of the topic listed, the last word of each hour.
fn listed(log: &Arc<dyn Log>) -> MemoryPeaks {
    let mut all = BTreeMap::new();
    for fetched in log.read(Topic::Peaks, 0, Offset(0), 1 << 30).unwrap() {
        for row in said_rows(&fetched.records).unwrap() {
            let said: PublishedTick = serde_json::from_str(&row.json).unwrap();
            for window in said.report.windows.into_iter().chain(said.unlisted) {
                for peak in window.peaks {
                    let key = (begin_of(row.at).0 / 1_000_000, window.hours, peak.area, peak.category);
                    all.insert(key, (peak.observed, peak.expected, peak.q));
                }
            }
        }
    }
    all
}

#[test]
fn a_sink_gets_what_each_tick_lists_and_a_later_tick_of_the_hour_overwrites_it() {
    let directory = tempfile::tempdir().unwrap();
    let (log, sink) = (open(directory.path()), Picky::default());
    say(&log, &weeks(), 0);
    let first = feed(&log, &sink).unwrap();
    assert_eq!(sink.memory.peaks(), listed(&log));
    assert_eq!(first, (sink.memory.points().len() + sink.memory.peaks().len()) as u64);
    assert_eq!(feed(&log, &sink).unwrap(), 0, "what a sink has is not sent again");
    let last = *weeks().last().unwrap();
    let before = sink.memory.peaks();
    for change in [(last.0, last.1, last.2, last.3, 30), (0, last.1 + 1, 2, 0, 1)] {
        say(&log, &[change], 1);
        feed(&log, &sink).unwrap();
        assert_eq!(sink.memory.peaks(), listed(&log));
    }
    let after = sink.memory.peaks();
    assert!(before.keys().all(|key| after.contains_key(key)) && before.iter().any(|(key, peak)| after[key] != *peak));
    assert_eq!(after.len(), 2 * before.len(), "the next hour has points of its own");
    // One that is new gets every hour that the topic has.
    let other = MemorySink::default();
    let mut parts = parts(&log, Vec::new(), Vec::new());
    parts.sinks.push((Box::new(other.clone()), Arc::new(FeedProgress::new(2))));
    run_detect(&DetectConfig { until_caught_up: true }, &mut parts, &Shutdown::new()).unwrap();
    assert_eq!(other.peaks(), after);
}

#[test]
fn a_sink_that_refuses_peaks_gets_them_once_it_takes_them() {
    let directory = tempfile::tempdir().unwrap();
    let (log, sink) = (open(directory.path()), Picky::default());
    say(&log, &weeks(), 0);
    sink.refuses.store(true, Ordering::SeqCst);
    assert!(feed(&log, &sink).unwrap_err().to_string().contains("400"));
    assert!(!sink.memory.points().is_empty() && sink.memory.peaks().is_empty());
    sink.refuses.store(false, Ordering::SeqCst);
    assert_eq!(feed(&log, &sink).unwrap(), sink.memory.peaks().len() as u64, "the totals are there already");
    assert_eq!(sink.memory.peaks(), listed(&log));
}
