//! One sink, fed from the log at its own pace.

use super::{delivery::Delivery, error::DetectError, peak_points::PeakPoints, totals::Totals};
use crate::{
    count::{CountError, counts_rows},
    sinks::Sink,
};
use blotter_log::{GroupOffset, Log, Offset, Topic, Transaction, Writer};
use blotter_runtime::Shutdown;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The consumer group of a sink.
pub fn group(sink: &str) -> String {
    format!("detect/{sink}")
}

/// Bytes of log read from a partition at a time.
const READ_BYTES: usize = 1 << 20;
/// Changed totals that are sent at once while there is more to read.
const MOST_POINTS: usize = 50_000;
/// How often it looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(500);
/// At the live edge totals are sent at most this often.
const INTERVAL: Duration = Duration::from_millis(200);
/// Points that a sink is given at a time: between two it looks whether it was stopped.
const BATCH: usize = 10_000;
/// Before the second try of a sink that is down.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Before a later one.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What a sink has been given, for others to see.
#[derive(Debug, Default)]
pub struct FeedProgress {
    points: AtomicU64,
    failures: AtomicU64,
    next: Vec<AtomicU64>,
    next_peak: AtomicU64,
}

impl FeedProgress {
    /// For a log of that many partitions.
    pub fn new(partitions: u32) -> Self {
        Self { next: (0..partitions).map(|_| AtomicU64::new(0)).collect(), ..Self::default() }
    }

    /// Points that the sink has acknowledged.
    pub fn points(&self) -> u64 {
        self.points.load(Ordering::Relaxed)
    }

    /// Times that the sink has failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// By partition of `counts`, what the sink has not been given yet.
    pub fn next_offsets(&self) -> Vec<u64> {
        self.next.iter().map(|next| next.load(Ordering::Relaxed)).collect()
    }

    /// Of topic `peaks`, what the sink has not been given yet.
    pub fn next_peak(&self) -> u64 {
        self.next_peak.load(Ordering::Relaxed)
    }
}

pub(super) struct Feed<'a> {
    log: &'a Arc<dyn Log>,
    sink: &'a mut dyn Sink,
    group: String,
    writer: Box<dyn Writer>,
    totals: Totals,
    /// Next offset to read, by partition of `counts`.
    next: Vec<Offset>,
    /// What the sink has acknowledged.
    sent: Vec<Offset>,
    peaks: PeakPoints,
    progress: &'a FeedProgress,
}

impl<'a> Feed<'a> {
    /// Opens it where it was. The totals that lead there are learnt from the log's beginning, in silence.
    pub(super) fn open(
        log: &'a Arc<dyn Log>,
        sink: &'a mut dyn Sink,
        progress: &'a FeedProgress,
    ) -> Result<Self, DetectError> {
        let group = super::group(sink.name());
        let writer = Arc::clone(log).writer(&group)?;
        let partitions = log.partitions(Topic::Counts);
        let mut sent = vec![Offset(0); partitions as usize];
        for (partition, next) in log.committed(&group, Topic::Counts)? {
            if let Some(slot) = sent.get_mut(partition as usize) {
                *slot = next;
            }
        }
        let next = (0..partitions)
            .map(|partition| Ok(log.bounds(Topic::Counts, partition)?.earliest))
            .collect::<Result<_, DetectError>>()?;
        let peaks = PeakPoints::open(log.as_ref(), &group)?;
        let feed = Self { log, sink, group, writer, totals: Totals::new(partitions), next, sent, peaks, progress };
        feed.note();
        Ok(feed)
    }

    /// Until stopped; with `until_caught_up` until `ended`, when no more ticks come, and everything there was is sent.
    pub(super) fn run(
        mut self,
        ended: &Shutdown,
        until_caught_up: bool,
        shutdown: &Shutdown,
    ) -> Result<(), DetectError> {
        while !shutdown.is_triggered() {
            let is_last = ended.is_triggered();
            let mut read = false;
            for partition in 0..self.next.len() as u32 {
                read |= self.read(partition)?;
            }
            let has_more = self.has_more();
            // A sum is true once every part was read to where it was known before.
            let is_sum = !has_more || self.next.iter().zip(&self.sent).all(|(next, sent)| next >= sent);
            let is_full = self.totals.changed() >= MOST_POINTS || !has_more;
            let is_ahead = self.next.iter().zip(&self.sent).any(|(next, sent)| next > sent);
            if is_sum && is_full && is_ahead && !self.send(until_caught_up, shutdown)? {
                return Ok(());
            }
            if has_more {
                continue;
            }
            if !self.send_peaks(until_caught_up, shutdown)? {
                return Ok(());
            }
            if until_caught_up && !read {
                if is_last {
                    return Ok(());
                }
                ended.wait_timeout(LOOK);
            } else if read {
                shutdown.wait_timeout(INTERVAL);
            } else {
                let mut watched = self.watched();
                watched.push((Topic::Peaks, 0, self.peaks.next));
                self.log.wait_any(&watched, LOOK);
            }
        }
        Ok(())
    }

    fn watched(&self) -> Vec<blotter_log::WatchedPartition> {
        (0..).zip(&self.next).map(|(partition, next)| (Topic::Counts, partition, *next)).collect()
    }

    fn has_more(&self) -> bool {
        self.log.wait_any(&self.watched(), Duration::ZERO)
    }

    /// Reads on in one partition; whether there was something.
    fn read(&mut self, partition: u32) -> Result<bool, DetectError> {
        let next = &mut self.next[partition as usize];
        let fetched = self.log.read(Topic::Counts, partition, *next, READ_BYTES)?;
        for fetched in &fetched {
            for invalid in &fetched.invalid {
                tracing::warn!(partition, offset = invalid.offset.0, why = invalid.reason, "not a count; skipping it");
            }
            for (offset, said) in (fetched.base.0..).zip(counts_rows(&fetched.records).map_err(CountError::from)?) {
                let is_new = offset >= self.sent[partition as usize].0;
                self.totals.set(partition, &said, is_new)?;
            }
            *next = fetched.next;
        }
        Ok(!fetched.is_empty())
    }

    /// Sends what has changed until the sink has it, and commits. False where it was stopped before.
    fn send(&mut self, must_accept: bool, shutdown: &Shutdown) -> Result<bool, DetectError> {
        let pauses = (FIRST_PAUSE, LONGEST_PAUSE);
        let delivery = Delivery { what: "sink", pauses, must_accept, failures: &self.progress.failures };
        for points in self.totals.points().chunks(BATCH) {
            if !delivery.run(shutdown, || self.sink.write(points))? {
                return Ok(false);
            }
            self.progress.points.fetch_add(points.len() as u64, Ordering::Relaxed);
        }
        self.totals.discard();
        let commits = (0..)
            .zip(self.next.iter().zip(&self.sent))
            .filter(|(_, (next, sent))| next > sent)
            .map(|(partition, (next, _))| GroupOffset {
                group: self.group.clone(),
                topic: Topic::Counts,
                partition,
                next: *next,
            })
            .collect();
        self.writer.append(Transaction { commits, ..Transaction::default() })?;
        for (sent, next) in self.sent.iter_mut().zip(&self.next) {
            *sent = (*sent).max(*next);
        }
        self.note();
        Ok(true)
    }

    /// Sends what the ticks have said until the sink has it, and commits. False where it was stopped before.
    fn send_peaks(&mut self, must_accept: bool, shutdown: &Shutdown) -> Result<bool, DetectError> {
        let pauses = (FIRST_PAUSE, LONGEST_PAUSE);
        let delivery = Delivery { what: "sink", pauses, must_accept, failures: &self.progress.failures };
        while self.peaks.read(self.log.as_ref())? {
            for points in self.peaks.points().chunks(BATCH) {
                if !delivery.run(shutdown, || self.sink.write_peaks(points))? {
                    return Ok(false);
                }
                self.progress.points.fetch_add(points.len() as u64, Ordering::Relaxed);
            }
            self.peaks.discard();
            let (group, next) = (self.group.clone(), self.peaks.next);
            let commits = vec![GroupOffset { group, topic: Topic::Peaks, partition: 0, next }];
            self.writer.append(Transaction { commits, ..Transaction::default() })?;
            self.note();
        }
        Ok(true)
    }

    fn note(&self) {
        self.progress.next_peak.store(self.peaks.next.0, Ordering::Relaxed);
        for (slot, sent) in self.progress.next.iter().zip(&self.sent) {
            slot.store(sent.0, Ordering::Relaxed);
        }
    }
}
