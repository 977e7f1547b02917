//! What is peaking, said to topic `peaks`: at every hour of the data's clock, and when what was counted of it changes later.
//!
//! While a source, or `count`, has more to bring than it has brought, nothing is read and nothing said. A tick and how far it had
//! read are one transaction; the newest tick holds all that the next one needs to know of those before.

use super::{
    error::DetectError,
    pace::Pace,
    rules::{AlertContext, Rule, follow},
};
use crate::count::{CountError, GROUP as COUNT, Vocabulary, counts_rows};
use blotter_city::{CityClock, Profile};
use blotter_log::{Append, GroupOffset, Log, Offset, Topic, Transaction, Writer, source_states};
use blotter_peak::{
    City, Episode, History, Hour, Names, Numbers, Peak, PublishedTick, Report, ReportedPeak, ReportedWindow, Tick,
    TickRecord, Window, begin_of, hour_of, said_batch, said_rows,
};
use blotter_runtime::Shutdown;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The consumer group, and the writer's name.
pub(super) const GROUP: &str = "detect/peaks";

/// Bytes of log read from a partition at a time.
const READ_BYTES: usize = 1 << 20;
/// Between two looks whether everybody has caught up.
const QUIET: Duration = Duration::from_millis(250);
/// How often it looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(500);
/// Of each window so many peaks are said, however surprising.
const LEAST_SAID: usize = 25;
/// Beyond those, the ones up to this false discovery rate,
const SAID_Q: f64 = 0.1;
/// and so many at most.
const MOST_SAID: usize = 100;

/// What was said, for others to see.
#[derive(Debug, Default)]
pub struct TickProgress {
    ticks: AtomicU64,
    next: Vec<AtomicU64>,
    reflected: Vec<AtomicU64>,
}

impl TickProgress {
    /// For a log of that many partitions.
    pub fn new(partitions: u32) -> Self {
        let zeros = || (0..partitions).map(|_| AtomicU64::new(0)).collect();
        Self { next: zeros(), reflected: zeros(), ..Self::default() }
    }

    /// Ticks that were said.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// By partition of `counts`, what no tick reflects yet.
    pub fn next_offsets(&self) -> Vec<u64> {
        self.next.iter().map(|next| next.load(Ordering::Relaxed)).collect()
    }

    /// By partition of `incidents`, what no tick reflects yet, or would if there were something to say.
    pub fn reflected(&self) -> Vec<u64> {
        self.reflected.iter().map(|next| next.load(Ordering::Relaxed)).collect()
    }
}

/// The hourly totals as the counters have said them so far.
#[derive(Default)]
struct HourlyTotals {
    /// By partition; areas and categories by their places of arrival.
    parts: Vec<History>,
    areas: Vocabulary,
    categories: Vocabulary,
    /// Their sum, by numbers that do not depend on arrival.
    history: History,
    names: Names,
    numbers: Numbers,
}

impl HourlyTotals {
    fn set(&mut self, part: usize, hour: Hour, area: &str, category: &str, count: u32) -> Result<(), CountError> {
        let (area, category) = (self.areas.code(area, "areas")?, self.categories.code(category, "categories")?);
        let (a, c) = (u32::from(area), u32::from(category));
        // Else all are added up once when they are numbered, which takes less.
        if self.has_numbers()
            && let Some((area, category)) = self.numbers.of(area, category)
        {
            let before = self.parts[part].count(a, c, hour);
            let sum = self.history.count(area, category, hour).saturating_sub(before).saturating_add(count);
            self.history.set(area, category, hour, sum);
        }
        self.parts[part].set(a, c, hour, count);
        Ok(())
    }

    fn has_numbers(&self) -> bool {
        self.numbers.are_of(self.areas.words().len(), self.categories.words().len())
    }

    /// Numbers what has arrived since, and adds up its parts.
    fn number(&mut self) {
        if self.has_numbers() {
            return;
        }
        (self.names, self.numbers) = Names::ordered(self.areas.words(), self.categories.words());
        // Both codes were 16 bits wide.
        self.history = History::sum(&self.parts, |area, category| self.numbers.of(area as u16, category as u16));
    }
}

/// What a tick listed, or one of the same hour before it: by the window's hours, area and category.
type Listed = BTreeMap<(u16, String, String), ReportedPeak>;

/// All that the next tick needs to know of those before.
struct LastTick {
    at: Hour,
    episodes: Vec<Episode>,
    listed: Listed,
}

impl LastTick {
    fn new(at: Hour, said: PublishedTick) -> Self {
        let mut listed = Listed::new();
        for ReportedWindow { hours, peaks, .. } in said.report.windows.into_iter().chain(said.unlisted) {
            listed.extend(peaks.into_iter().map(|peak| ((hours, peak.area.clone(), peak.category.clone()), peak)));
        }
        Self { at, episodes: said.episodes, listed }
    }
}

pub(super) struct Ticks<'a> {
    log: &'a Arc<dyn Log>,
    profile: &'a Profile,
    rules: &'a [Rule],
    clock: CityClock,
    city: City,
    writer: Box<dyn Writer>,
    totals: HourlyTotals,
    /// By partition of `counts`: the next offset to read, what a tick reflects, and how far it was counted.
    next: Vec<Offset>,
    said: Vec<Offset>,
    marked: Vec<Option<Offset>>,
    /// Where the ends of `incidents` were at the last look.
    looked: Option<Vec<Offset>>,
    last: Option<LastTick>,
    pace: Pace,
    /// How long the next tick waits after the last.
    pause: Duration,
    progress: &'a TickProgress,
}

impl<'a> Ticks<'a> {
    /// Opens it where it was.
    pub(super) fn open(
        log: &'a Arc<dyn Log>,
        profile: &'a Profile,
        rules: &'a [Rule],
        progress: &'a TickProgress,
    ) -> Result<Self, DetectError> {
        let writer = Arc::clone(log).writer(GROUP)?;
        let partitions = log.partitions(Topic::Counts);
        let mut said = vec![Offset(0); partitions as usize];
        for (partition, next) in log.committed(GROUP, Topic::Counts)? {
            if let Some(slot) = said.get_mut(partition as usize) {
                *slot = next;
            }
        }
        let next = (0..partitions)
            .map(|partition| Ok(log.bounds(Topic::Counts, partition)?.earliest))
            .collect::<Result<_, DetectError>>()?;
        let clock = profile.clock();
        let ticks = Self {
            log,
            profile,
            rules,
            city: City::new(profile, &clock),
            clock,
            writer,
            totals: HourlyTotals { parts: vec![History::new(); partitions as usize], ..HourlyTotals::default() },
            next,
            said,
            marked: vec![None; partitions as usize],
            looked: None,
            last: newest(log.as_ref())?,
            pace: Pace::new(Instant::now()),
            pause: Pace::LEAST,
            progress,
        };
        ticks.note();
        Ok(ticks)
    }

    pub(super) fn run(mut self, until_caught_up: bool, shutdown: &Shutdown) -> Result<(), DetectError> {
        let mut is_quiet = false;
        while !shutdown.is_triggered() {
            if self.is_caught_up()? {
                is_quiet = false;
                if let Some(reflected) = self.read_to_end(shutdown)? {
                    self.say(&reflected)?;
                    for (slot, reflected) in self.progress.reflected.iter().zip(reflected) {
                        slot.store(reflected, Ordering::Relaxed);
                    }
                }
                if until_caught_up {
                    return Ok(());
                }
            } else if until_caught_up {
                tracing::info!("no tick of peaks: a source or `count` has a backlog");
                return Ok(());
            } else if !is_quiet {
                is_quiet = true;
                tracing::debug!("no tick of peaks while a source or `count` has a backlog");
            }
            shutdown.wait_timeout(if is_quiet { QUIET } else { self.pause });
            while !is_quiet && !shutdown.is_triggered() && !self.log.wait_any(&self.watched(), LOOK) {
                // Where the ends were before nothing moved says nothing of what comes next.
                self.looked = None;
            }
        }
        Ok(())
    }

    fn watched(&self) -> Vec<blotter_log::WatchedPartition> {
        (0..).zip(&self.next).map(|(partition, next)| (Topic::Counts, partition, *next)).collect()
    }

    /// Whether all that the sources held, and all that the log had at the last look, is counted.
    fn is_caught_up(&mut self) -> Result<bool, DetectError> {
        if source_states(self.log.as_ref())?.values().any(|source| source.is_pending() && !source.paced) {
            self.looked = None;
            return Ok(false);
        }
        let mut counted = vec![Offset(0); self.next.len()];
        for (partition, next) in self.log.committed(COUNT, Topic::Incidents)? {
            if let Some(slot) = counted.get_mut(partition as usize) {
                *slot = next;
            }
        }
        let now =
            (0..).zip(counted).map(|(partition, counted)| Ok((counted, self.log.bounds(Topic::Incidents, partition)?)));
        let now = now.collect::<Result<Vec<_>, DetectError>>()?;
        // What comes in all the time is always a little ahead of what is counted: how it stood a moment ago decides. Between
        // what is counted and the end there may be nothing but marks of the log's own.
        let before = self.looked.replace(now.iter().map(|(_, bounds)| bounds.next).collect()).unwrap_or_default();
        for (part, (counted, bounds)) in (0..).zip(now) {
            let counted = counted.max(bounds.earliest);
            let goal = before.get(part as usize).copied().unwrap_or(bounds.next);
            if counted < goal && !self.log.read(Topic::Incidents, part, counted, 1)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads what there is. The next offsets of `incidents` that it reflects; none where it was stopped.
    fn read_to_end(&mut self, shutdown: &Shutdown) -> Result<Option<Vec<u64>>, DetectError> {
        let mut reflected = Vec::with_capacity(self.next.len());
        for part in 0..self.next.len() {
            loop {
                if shutdown.is_triggered() {
                    return Ok(None);
                }
                // Asked before there is found to be no more to read: that is then all that was counted by now.
                let counted = self.counted(part)?;
                if !self.read(part)? {
                    reflected.push(self.marked[part].unwrap_or(counted).0);
                    break;
                }
            }
        }
        Ok(Some(reflected))
    }

    /// How far a partition is counted. Of a shared log its own marks say it, which come together with the totals.
    fn counted(&self, part: usize) -> Result<Offset, DetectError> {
        if self.log.is_shared() {
            return Ok(Offset(0));
        }
        let committed = self.log.committed(COUNT, Topic::Incidents)?;
        Ok(committed.iter().find(|(partition, _)| *partition as usize == part).map_or(Offset(0), |(_, next)| *next))
    }

    /// Reads on in one partition; whether there was something.
    fn read(&mut self, part: usize) -> Result<bool, DetectError> {
        let fetched = self.log.read(Topic::Counts, part as u32, self.next[part], READ_BYTES)?;
        for fetched in &fetched {
            for said in counts_rows(&fetched.records).map_err(CountError::from)? {
                self.totals.set(part, hour_of(said.bucket), &said.area, &said.category, said.count)?;
            }
            self.next[part] = fetched.next;
            self.marked[part] = fetched.marked.or(self.marked[part]);
        }
        Ok(!fetched.is_empty())
    }

    /// Says a tick, if anything has changed since the last.
    fn say(&mut self, reflected: &[u64]) -> Result<(), DetectError> {
        if self.next.iter().zip(&self.said).all(|(next, said)| next <= said) {
            return Ok(());
        }
        let started = Instant::now();
        self.totals.number();
        let mut transaction = Transaction::default();
        let at = self.totals.history.end();
        if let Some(at) = at {
            if let Some(last) = &self.last
                && at < last.at
            {
                let (at, last) = (begin_of(at), begin_of(last.at));
                tracing::info!(
                    "the newest incidents were corrected: the data end at {}, earlier than the last tick at {}",
                    self.clock.format(at),
                    self.clock.format(last)
                );
            }
            let said = self.tick(at, reflected);
            let json = serde_json::to_string(&said).map_err(DetectError::Json)?;
            let now = Instant::now();
            self.pause = self.pace.pause(now, now - started, json.len());
            let records = said_batch(&[TickRecord { at, json }]).map_err(CountError::from)?;
            transaction.appends.push(Append { topic: Topic::Peaks, partition: 0, records });
            for alert in &said.alerts {
                tracing::info!(rule = alert.rule, "{}", alert.text);
            }
            self.last = Some(LastTick::new(at, said));
        }
        transaction.commits = (0..)
            .zip(&self.next)
            .map(|(partition, next)| GroupOffset { group: GROUP.into(), topic: Topic::Counts, partition, next: *next })
            .collect();
        self.writer.append(transaction)?;
        self.said.clone_from(&self.next);
        self.progress.ticks.fetch_add(u64::from(at.is_some()), Ordering::Relaxed);
        self.note();
        Ok(())
    }

    fn tick(&self, end: Hour, reflected: &[u64]) -> PublishedTick {
        let HourlyTotals { history, names, .. } = &self.totals;
        let tick: Tick = self.city.tick(history, end);
        let next_offsets: BTreeMap<String, u64> =
            reflected.iter().enumerate().map(|(partition, next)| (partition.to_string(), *next)).collect();
        let at = self.clock.format(begin_of(end));
        let told = AlertContext { profile: self.profile, at: at.clone(), next_offsets: &next_offsets };
        let before = self.last.as_ref().map(|last| (last.at, last.episodes.as_slice()));
        let (episodes, alerts) = follow(self.rules, before, &tick, names, &told);
        let window = |window: &Window| {
            let peaks = window.peaks.iter().enumerate().take(MOST_SAID);
            let peaks = peaks.take_while(|(rank, peak)| *rank < LEAST_SAID || peak.q <= SAID_Q).map(|(_, peak)| peak);
            ReportedWindow::new(window, names, peaks)
        };
        let windows: Vec<ReportedWindow> = tick.windows.iter().map(window).collect();
        let before = self.last.as_ref().filter(|last| last.at == end).map(|last| &last.listed);
        let unlisted = before.map_or_else(Vec::new, |listed| unlisted(listed, &tick, &windows, names));
        let report = Report {
            at: Some(at),
            layer: self.profile.layers[self.profile.primary_layer()].name.clone(),
            tests: tick.tests(),
            reporting_lag: self.city.reporting_lag().to_owned(),
            next_offsets,
            windows,
        };
        PublishedTick { report, episodes, unlisted, alerts }
    }

    fn note(&self) {
        for (slot, said) in self.progress.next.iter().zip(&self.said) {
            slot.store(said.0, Ordering::Relaxed);
        }
    }
}

/// What was listed of the hour before and is not among the `reported`, as it stands now. A pair that is not tested any more keeps its
/// numbers, with a q of 1.
fn unlisted(listed: &Listed, tick: &Tick, reported: &[ReportedWindow], names: &Names) -> Vec<ReportedWindow> {
    let mut all = Vec::new();
    for (window, reported) in tick.windows.iter().zip(reported) {
        let mut missing: BTreeMap<(&str, &str), &ReportedPeak> = listed
            .iter()
            .filter(|((hours, _, _), _)| *hours == window.hours)
            .map(|((_, area, category), peak)| ((area.as_str(), category.as_str()), peak))
            .collect();
        for peak in &reported.peaks {
            missing.remove(&(peak.area.as_str(), peak.category.as_str()));
        }
        if missing.is_empty() {
            continue;
        }
        let pair =
            |peak: &Peak| (names.areas[peak.area as usize].as_str(), names.categories[peak.category as usize].as_str());
        let known = window.peaks.iter().filter(|peak| missing.remove(&pair(peak)).is_some());
        let mut found = ReportedWindow::new(window, names, known);
        found.peaks.extend(missing.into_values().map(|peak| ReportedPeak { p: 1.0, q: 1.0, ..peak.clone() }));
        all.push(found);
    }
    all
}

/// The tick that was said last.
fn newest(log: &dyn Log) -> Result<Option<LastTick>, DetectError> {
    let bounds = log.bounds(Topic::Peaks, 0)?;
    let mut back = 2;
    loop {
        // A log may have marks of its own behind the last record.
        let from = Offset(bounds.next.0.saturating_sub(back).max(bounds.earliest.0));
        let mut next = from;
        let mut last = None;
        loop {
            let fetched = log.read(Topic::Peaks, 0, next, READ_BYTES)?;
            let Some(end) = fetched.last().map(|fetched| fetched.next) else { break };
            next = end;
            for fetched in fetched {
                last = said_rows(&fetched.records).map_err(CountError::from)?.pop().or(last);
            }
        }
        if let Some(last) = last {
            return Ok(Some(match serde_json::from_str(&last.json) {
                Ok(said) => LastTick::new(last.at, said),
                Err(error) => {
                    tracing::warn!(%error, "the newest tick of topic peaks cannot be read: episodes that last are found anew");
                    LastTick { at: last.at, episodes: Vec::new(), listed: Listed::new() }
                }
            }));
        }
        if from <= bounds.earliest {
            return Ok(None);
        }
        back *= 2;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_peak::WindowState;

    fn peak(area: u32, observed: u64, q: f64) -> Peak {
        Peak { area, category: 0, observed, expected: 2.0, dispersion: 1.0, p: q / 2.0, q, surge_evidence: None }
    }

    /// A tick that tested these pairs and lists the first of them, so many.
    fn tick(names: &Names, peaks: Vec<Peak>, listed: usize) -> (Tick, Vec<ReportedWindow>) {
        let window = Window { hours: 24, standing: WindowState::Ranked, reported_share: 1.0, peaks };
        let reported = ReportedWindow::new(&window, names, window.peaks.iter().take(listed));
        (Tick { at: 7, windows: vec![window] }, vec![reported])
    }

    fn last(windows: Vec<ReportedWindow>, unlisted: Vec<ReportedWindow>) -> LastTick {
        let report = Report {
            at: None,
            layer: "area".into(),
            tests: 0,
            reporting_lag: "none".into(),
            next_offsets: BTreeMap::new(),
            windows,
        };
        LastTick::new(7, PublishedTick { report, episodes: Vec::new(), unlisted, alerts: Vec::new() })
    }

    #[test]
    fn a_pair_that_is_no_longer_listed_is_published_as_it_stands_now() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (names, _) = Names::ordered(&words(&["1", "2", "3"]), &words(&["THEFT"]));
        let (_, first) = tick(&names, vec![peak(0, 9, 0.01), peak(1, 5, 0.2), peak(2, 1, 0.9)], 2);
        // The same hour again: the third is in front, the first behind, and the second is not tested any more.
        let (now, reported) = tick(&names, vec![peak(2, 12, 0.001), peak(0, 3, 0.6)], 1);
        let found = unlisted(&last(first, Vec::new()).listed, &now, &reported, &names);
        let shown = |windows: &[ReportedWindow]| {
            let peaks = windows.iter().flat_map(|window| &window.peaks);
            peaks.map(|peak| (peak.area.clone(), peak.observed, peak.q)).collect::<Vec<_>>()
        };
        let named = |area: usize| names.areas[area].clone();
        assert_eq!(shown(&found), [(named(0), 3, 0.6), (named(1), 5, 1.0)]);
        // A tick after it still knows all three, whoever reads it.
        let json = serde_json::to_string(&found).unwrap();
        let known = last(reported, serde_json::from_str(&json).unwrap()).listed;
        assert_eq!(known.len(), 3);
        let (again, reported) = tick(&names, vec![peak(0, 9, 0.01), peak(1, 5, 0.2), peak(2, 1, 0.9)], 2);
        assert_eq!(shown(&unlisted(&known, &again, &reported, &names)), [(named(2), 1, 0.9)]);
        assert!(unlisted(&Listed::new(), &again, &reported, &names).is_empty());
    }
}
