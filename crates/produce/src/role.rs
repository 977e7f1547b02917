//! The loop of the role `produce`: one thread reads and parses, one encodes and appends.

use crate::{error::ProduceError, progress::ProduceProgress, tombstones::tombstones};
use blotter_health::Reports;
use blotter_incident::{Boundaries, rejected_batch};
use blotter_log::{Append, Log, LogError, Offset, SourceState, StoredPosition, Topic, Transaction, Writer};
use blotter_runtime::Shutdown;
use blotter_source::{Chunk, Source, SourceError, Step, WallClock};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

/// Chunks that may wait between the two threads.
const QUEUE: usize = 2;

/// Retries of a source that fails and may recover, before the role gives up waiting longer each time.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The time of a source's last success is kept in the log no more often than this; any other change of its state at once.
const SUCCESS_KEPT_EVERY: Duration = Duration::from_mins(1);

/// What it works with.
pub struct ProduceParts {
    /// What it reads of its position.
    pub log: Arc<dyn Log>,
    /// Where it appends: the writer of the source's name, see [`writer_of`].
    pub writer: Box<dyn Writer>,
    /// What it reads, opened at the position that was stored once the writer was open.
    pub source: Box<dyn Source>,
    /// Where an incident's areas come from that the source does not say.
    pub boundaries: Arc<Boundaries>,
    /// For others to see.
    pub progress: Arc<ProduceProgress>,
}

/// The name of the one writer of a source.
pub fn writer_of(source: &str) -> String {
    format!("produce/{source}")
}

enum Update {
    Chunk(Chunk),
    CaughtUp,
    Reports(Reports),
}

/// Produces until the source ends or says that it is caught up (`until_caught_up`), or until stopped.
pub fn run(until_caught_up: bool, parts: ProduceParts, shutdown: &Shutdown) -> Result<(), ProduceError> {
    let ProduceParts { log, writer, mut source, boundaries, progress } = parts;
    let name = source.name();
    let (position, before) =
        StoredPosition::of(log.as_ref(), &name)?.map_or_else(Default::default, |stored| (stored.source, stored.state));
    source.recall(&before.reports);
    let state = SourceState {
        simulated: source.simulated() || before.simulated,
        paced: source.is_paced(),
        describe: source.describe(),
        retired: false,
        reports: source.reports(),
        ..before
    };
    progress.report(state.reports.clone());
    let (sender, receiver) = sync_channel(QUEUE);
    std::thread::scope(|scope| {
        // The reader ends when the appender has gone: sending fails then.
        let reader = std::thread::Builder::new()
            .name("produce: read".into())
            .spawn_scoped(scope, move || read(source.as_mut(), until_caught_up, &sender, shutdown))
            .map_err(|error| SourceError::Refused {
                what: "the source".into(),
                why: format!("no thread can be started: {error}"),
            })?;
        let mut appender = Appender { log, writer, name, state, position, boundaries, progress };
        let mut appended = Ok(());
        while let (Ok(()), Ok(said)) = (&appended, receiver.recv()) {
            appended = match said {
                Update::Chunk(chunk) => appender.append(chunk),
                Update::CaughtUp => appender.say_caught_up(),
                Update::Reports(reports) => appender.report(reports),
            };
        }
        drop(receiver);
        let ended = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        appended?;
        Ok(ended?)
    })
}

fn read(
    source: &mut dyn Source,
    until_caught_up: bool,
    sender: &SyncSender<Update>,
    shutdown: &Shutdown,
) -> Result<(), SourceError> {
    let mut failures = 0_u32;
    let mut reported = LastReports { reports: Reports::new(), at: None };
    while !shutdown.is_triggered() {
        let step = source.next();
        let is_chunk = matches!(step, Ok(Step::Chunk(_)));
        let reports = |source: &dyn Source, reported: &mut LastReports| match reported.news(source.reports()) {
            Some(reports) => sender.send(Update::Reports(reports)).is_ok(),
            None => true,
        };
        // What a chunk brought is said behind it.
        if !is_chunk && !reports(source, &mut reported) {
            return Ok(());
        }
        match step {
            Ok(Step::Chunk(chunk)) => {
                failures = 0;
                if sender.send(Update::Chunk(chunk)).is_err() || !reports(source, &mut reported) {
                    return Ok(());
                }
            }
            Ok(Step::Wait { pause, caught_up }) => {
                failures = 0;
                if caught_up && sender.send(Update::CaughtUp).is_err() {
                    return Ok(());
                }
                if caught_up && until_caught_up {
                    return Ok(());
                }
                shutdown.wait_timeout(pause);
            }
            Ok(Step::End) => {
                // The appender may have gone; then nobody is left to tell.
                let _gone = sender.send(Update::CaughtUp);
                return Ok(());
            }
            Err(error) if error.is_retryable() => {
                let pause = LONGEST_PAUSE.min(Duration::from_secs(1 << failures.min(6)));
                failures += 1;
                tracing::warn!(%error, retry_in_s = pause.as_secs(), "the source failed; retrying");
                shutdown.wait_timeout(pause);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What was last said of the source's state.
struct LastReports {
    reports: Reports,
    at: Option<Instant>,
}

impl LastReports {
    /// The reports, where they are worth saying.
    fn news(&mut self, reports: Reports) -> Option<Reports> {
        let same = reports.len() == self.reports.len()
            && reports
                .iter()
                .all(|(name, now)| self.reports.get(name).is_some_and(|before| before.same_but_for_success(now)));
        let recent = self.at.is_some_and(|at| at.elapsed() < SUCCESS_KEPT_EVERY);
        if same && (recent || reports == self.reports) {
            return None;
        }
        self.reports.clone_from(&reports);
        self.at = Some(Instant::now());
        Some(reports)
    }
}

struct Appender {
    log: Arc<dyn Log>,
    writer: Box<dyn Writer>,
    name: String,
    state: SourceState,
    /// The source's own words, as they were last committed.
    position: Option<String>,
    boundaries: Arc<Boundaries>,
    progress: Arc<ProduceProgress>,
}

impl Appender {
    /// Keeps the state of the source. Nothing else changes.
    fn report(&mut self, reports: Reports) -> Result<(), ProduceError> {
        self.state.reports.clone_from(&reports);
        self.commit(Transaction::default(), self.position.clone(), self.state.caught_up)?;
        self.progress.report(reports);
        Ok(())
    }

    fn append(&mut self, chunk: Chunk) -> Result<(), ProduceError> {
        let (incidents, rejected) = (chunk.rows() as u64, chunk.rejected.len() as u64);
        let mut transaction = Transaction::default();
        let mut filled = 0;
        for (partition, records) in chunk.incidents {
            let (records, given) = self.boundaries.fill(records)?;
            filled += given;
            transaction.appends.push(Append { topic: Topic::Incidents, partition, records });
        }
        if !chunk.vanished.is_empty() {
            let now = WallClock::system().now();
            transaction.appends.extend(tombstones(self.log.as_ref(), &chunk.vanished, now)?);
        }
        if rejected > 0 {
            let records = rejected_batch(&chunk.rejected)?;
            transaction.appends.push(Append { topic: Topic::Rejected, partition: 0, records });
        }
        self.commit(transaction, Some(String::from_utf8_lossy(&chunk.position).into_owned()), chunk.caught_up)?;
        self.progress.update(|figures| {
            figures.incidents += incidents;
            figures.filled += filled;
            figures.rejected += rejected;
            figures.source = chunk.progress;
            figures.caught_up = chunk.caught_up;
        });
        Ok(())
    }

    fn say_caught_up(&mut self) -> Result<(), ProduceError> {
        if !self.state.caught_up {
            self.commit(Transaction::default(), self.position.clone(), true)?;
        }
        self.progress.update(|figures| figures.caught_up = true);
        Ok(())
    }

    fn commit(
        &mut self,
        mut transaction: Transaction,
        source: Option<String>,
        caught_up: bool,
    ) -> Result<(), ProduceError> {
        if caught_up && !self.state.caught_up {
            // Where others append too, the ends lie behind some of theirs: who waits for them waits a little longer.
            let mut ends: BTreeMap<u32, Offset> = (0..self.log.partitions(Topic::Incidents))
                .map(|partition| Ok((partition, self.log.bounds(Topic::Incidents, partition)?.next)))
                .collect::<Result<_, LogError>>()?;
            for append in transaction.appends.iter().filter(|append| append.topic == Topic::Incidents) {
                if let Some(end) = ends.get_mut(&append.partition) {
                    end.0 += append.records.num_rows() as u64;
                }
            }
            self.state.held = ends;
        }
        self.state.caught_up = caught_up;
        self.position.clone_from(&source);
        let stored = StoredPosition { source, state: self.state.clone() };
        transaction.positions.push(stored.entry(&self.name)?);
        self.writer.append(transaction)?;
        Ok(())
    }
}
