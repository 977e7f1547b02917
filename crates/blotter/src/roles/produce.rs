//! `blotter produce`: from a source to the log.

use crate::{
    boundaries,
    failure::supervise,
    flags::{City, Input, LogUrl, NewLog, Ops},
    operations, parts, profiles,
    say::say,
    sources::{self, Before, Choice, SourceStorage},
};
use anyhow::Result;
use blotter_city::Profile;
use blotter_incident::Boundaries;
use blotter_log::{Log, Writer};
use blotter_produce::{ProduceParts, ProduceProgress};
use blotter_runtime::{Operations, Shutdown, signals};
use blotter_source::{RetryPolicy, Source};
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct Produce {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) input: Input,
    #[command(flatten)]
    pub(crate) log: LogUrl,
    /// Keep the list of known portal rows in this object store: `file:///DIR`, or `s3://BUCKET[/PREFIX]`. Default: beside an
    /// embedded log. With Kafka, set it: without the list, a pod with an empty disk misses deletions
    #[arg(long = "store", env = "BLOTTER_STORE", value_name = "URL")]
    pub(crate) store: Option<String>,
    #[command(flatten)]
    pub(crate) new_log: NewLog,
    /// Read the outlines of an area layer from this GeoJSON file (plain or zst), and assign an area to incidents that have only a
    /// point; may be repeated
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Exit at the end of the source
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

/// A source that feeds a log, and what it takes to begin again: the role's, and the demo's.
pub(crate) struct Producer {
    pub(crate) choice: Choice,
    pub(crate) profile: Arc<Profile>,
    pub(crate) storage: SourceStorage,
    pub(crate) retry: RetryPolicy,
    pub(crate) boundaries: Arc<Boundaries>,
    pub(crate) progress: Arc<ProduceProgress>,
}

/// An open source, and the writer of what comes from it.
pub(crate) type Feed = (Box<dyn Source>, Box<dyn Writer>);

impl Producer {
    /// Opens the source. Once it has been open, nothing that is wrong with it ends the role.
    pub(crate) fn open(&mut self, log: &Arc<dyn Log>) -> Result<Feed> {
        let feed = self.choice.clone().open(&self.profile, log, &self.storage, &self.retry)?;
        self.retry.begun = true;
        Ok(feed)
    }

    /// Appends what the source has, until it ends or the role is stopped.
    pub(crate) fn run(&self, log: Arc<dyn Log>, feed: Feed, until_caught_up: bool, shutdown: &Shutdown) -> Result<()> {
        let (source, writer) = feed;
        let (boundaries, progress) = (Arc::clone(&self.boundaries), Arc::clone(&self.progress));
        let parts = ProduceParts { log, writer, source, boundaries, progress };
        Ok(blotter_produce::run(until_caught_up, parts, shutdown)?)
    }
}

/// Runs the role until a signal stops it, or until it has caught up (`--until-caught-up`).
pub(crate) fn run(arguments: &Produce) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let boundaries = boundaries::load(&arguments.boundaries, None, &profile)?;
    let spool = parts::spool(&arguments.log.log, &profile);
    let store = arguments.store.as_deref().map(parts::open_store).transpose()?;
    let storage = SourceStorage { spool, store };
    let shutdown = signals::shutdown()?;
    let progress = Arc::new(ProduceProgress::default());
    let operations = Operations::new("produce");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    let mut chosen = None;
    supervise(&operations, &shutdown, || {
        let opened = parts::open_log(&arguments.log.log, &profile, arguments.new_log.partitions)?;
        let log = opened.log();
        let producer = match &mut chosen {
            Some(producer) => producer,
            None => chosen.insert(Producer {
                choice: sources::choose(&arguments.input, &profile, Before::of(log.as_ref())?)?,
                profile: Arc::clone(&profile),
                storage: storage.clone(),
                retry: RetryPolicy { patient: !arguments.until_caught_up, ..RetryPolicy::new() },
                boundaries: Arc::clone(&boundaries),
                progress: Arc::clone(&progress),
            }),
        };
        let feed = producer.open(&log)?;
        let progress = Arc::clone(&progress);
        operations.at_work(move |text| {
            let figures = progress.figures();
            text.family("blotter_produced_total", "counter", "Records of the source that were appended.")
                .sample(&[("topic", &"incidents")], figures.incidents)
                .sample(&[("topic", &"rejected")], figures.rejected);
            text.family("blotter_areas_filled_total", "counter", "Incidents that were given an area by their point.")
                .sample(&[], figures.filled);
            text.family("blotter_source_caught_up", "gauge", "Whether all that the source holds is appended.")
                .sample(&[], u8::from(figures.caught_up));
        });
        producer.run(log, feed, arguments.until_caught_up, &shutdown)?;
        opened.close()
    })?;
    let figures = progress.figures();
    let filled = match figures.filled {
        0 => String::new(),
        filled => format!(", {filled} given an area by their point"),
    };
    say!("{} incidents appended, {} rejected{filled}", figures.incidents, figures.rejected);
    Ok(())
}
