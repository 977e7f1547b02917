//! What the terminal shows while the demo loads: a bar with rate and time left, then one line.

use super::snapshots::SnapshotProgress;
use crate::{failure::is_retryable, roles::detect::DetectFigures};
use anyhow::Result;
use blotter_log::{Log, held, source_states};
use blotter_offline::archive::ArchiveProgress;
use blotter_online::CountProgress;
use blotter_produce::{ProduceFigures, ProduceProgress};
use blotter_runtime::Shutdown;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::{
    collections::HashSet,
    fmt::{self, Display},
    io::{IsTerminal, stdout},
    sync::Arc,
    time::{Duration, Instant},
};

const TICK: Duration = Duration::from_millis(50);
/// Without a terminal, a line this often.
const LINE: Duration = Duration::from_secs(5);

pub(super) struct RoleProgress {
    pub(super) log: Arc<dyn Log>,
    pub(super) produced: Arc<ProduceProgress>,
    pub(super) counted: Arc<CountProgress>,
    pub(super) archived: Arc<ArchiveProgress>,
    pub(super) snapshotted: Arc<SnapshotProgress>,
    pub(super) figures: DetectFigures,
    /// The command that lists rejected records.
    pub(super) rejected: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Something has not reached count and archive.
    Loading,
    /// Durably counted and archived.
    Archived,
    /// … and in a tick, in the sinks, and in a snapshot that was fetched.
    CaughtUp,
}

impl RoleProgress {
    /// How far what the sources held has come.
    fn stage(&self) -> Result<Stage> {
        let Some(held) = held(&source_states(self.log.as_ref())?) else { return Ok(Stage::Loading) };
        let reached = |next: Vec<u64>| {
            next.len() == held.len() && next.iter().zip(held.values()).all(|(next, end)| *next >= end.0)
        };
        if held.values().all(|end| end.0 == 0) {
            return Ok(Stage::CaughtUp);
        }
        let counted = self.counted.next_offsets().into_iter().map(|next| next.0).collect();
        if !reached(counted) || !reached(self.archived.next_offsets()) {
            return Ok(Stage::Loading);
        }
        let everywhere = reached(self.snapshotted.next_offsets())
            && reached(self.figures.reflected())
            && self.figures.has_all(self.log.as_ref())?;
        Ok(if everywhere { Stage::CaughtUp } else { Stage::Archived })
    }
}

/// Shows progress until stopped; with `until_caught_up` it is the one to say stop.
pub(super) fn run(watched: &RoleProgress, until_caught_up: bool, shutdown: &Shutdown) -> Result<()> {
    let started = Instant::now();
    let bar = stdout().is_terminal().then(ProgressBar::no_length);
    let mut last_line = Instant::now();
    let (mut loading, mut archived) = (true, false);
    let mut load = Load { advice: watched.rejected.clone(), ..Load::default() };
    let mut notices = Notices::default();
    while !shutdown.is_triggered() {
        let figures = watched.produced.figures();
        load.note(&figures, started);
        for notice in notices.not_yet_said(&watched.produced) {
            match &bar {
                Some(bar) => bar.println(notice),
                None => println!("{notice}"),
            }
        }
        if loading {
            match &bar {
                Some(bar) => draw(bar, &figures, &load),
                None if last_line.elapsed() >= LINE => {
                    println!("{load}");
                    last_line = Instant::now();
                }
                None => {}
            }
            let stage = match watched.stage() {
                Err(error) if is_retryable(&error) => Stage::Loading,
                stage => stage?,
            };
            if stage >= Stage::Archived && !archived {
                archived = true;
                let text = format!("counted and archived after {:.2} s", started.elapsed().as_secs_f64());
                match &bar {
                    Some(bar) => bar.println(text),
                    None => println!("{text}"),
                }
            }
            if stage == Stage::CaughtUp {
                loading = false;
                if let Some(bar) = &bar {
                    bar.finish_and_clear();
                }
                // Revisions and copies of an incident are loaded too; on the map it is one.
                let known = HumanCount(watched.snapshotted.incidents());
                println!("caught up after {:.2} s: {load}; {known} incidents in all", started.elapsed().as_secs_f64());
                if until_caught_up {
                    shutdown.trigger();
                }
            }
        }
        shutdown.wait_timeout(TICK);
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(())
}

/// What people were told of the source's rows already.
#[derive(Default)]
struct Notices(HashSet<String>);

impl Notices {
    fn not_yet_said(&mut self, produced: &ProduceProgress) -> Vec<String> {
        let reports = produced.reports();
        let texts = reports.values().flat_map(|report| &report.notices).map(|notice| &notice.text);
        texts.filter(|text| self.0.insert((*text).clone())).map(|text| format!("note: {text}")).collect()
    }
}

/// What was loaded so far, and until when something came.
#[derive(Default)]
struct Load {
    /// The command that lists rejected records.
    advice: String,
    incidents: u64,
    rejected: u64,
    filled: u64,
    took: Duration,
}

impl Load {
    fn note(&mut self, figures: &ProduceFigures, started: Instant) {
        if (figures.incidents, figures.rejected) != (self.incidents, self.rejected) {
            let ProduceFigures { incidents, rejected, filled, .. } = *figures;
            let advice = std::mem::take(&mut self.advice);
            *self = Self { incidents, rejected, filled, took: started.elapsed(), advice };
        }
    }
}

impl Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.incidents + self.rejected == 0 {
            return f.write_str("nothing new");
        }
        let seconds = self.took.as_secs_f64();
        let rate = HumanCount((self.incidents as f64 / seconds.max(0.001)) as u64);
        write!(f, "{} records loaded in {seconds:.1} s ({rate}/s)", HumanCount(self.incidents))?;
        if self.filled > 0 {
            write!(f, ", {} given an area by their point", HumanCount(self.filled))?;
        }
        if self.rejected > 0 {
            write!(f, ", {} rejected (see `{}`)", HumanCount(self.rejected), self.advice)?;
        }
        Ok(())
    }
}

fn draw(bar: &ProgressBar, figures: &ProduceFigures, load: &Load) {
    let template =
        if figures.source.total.is_some() { "{bar:30} {percent}% {msg} · {eta} left" } else { "{spinner} {msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if let Some(total) = figures.source.total {
        bar.set_length(total);
        bar.set_position(figures.source.done);
    }
    bar.set_message(load.to_string());
    bar.tick();
}
