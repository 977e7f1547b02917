//! `blotter produce`: from a source to the log.

use crate::{
    boundaries,
    failure::supervise,
    flags::{City, Input, LogUrl, Ops},
    operations, parts, profiles,
    sources::{self, Before},
};
use anyhow::Result;
use blotter_produce::{ProduceParts, ProduceProgress};
use blotter_runtime::{Operations, signals};
use blotter_source::RetryPolicy;
use clap::Args;
use std::{num::NonZeroU32, sync::Arc};

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
    /// Partitions of a new log; the number never changes. Default: 4
    #[arg(long)]
    pub(crate) partitions: Option<NonZeroU32>,
    /// Read the outlines of an area layer from this GeoJSON file (plain or zst), and assign an area to incidents that have only a
    /// point; may be repeated
    #[arg(long = "boundaries", value_name = "LAYER=PATH")]
    pub(crate) boundaries: Vec<String>,
    /// Exit at the end of the source
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

/// Runs the role until it is told to stop, or until it has caught up (`--until-caught-up`).
pub(crate) fn run(arguments: &Produce) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let boundaries = boundaries::load(&arguments.boundaries, None, &profile)?;
    let spool = parts::spool(&arguments.log.log, &profile);
    let store = arguments.store.as_deref().map(parts::open_store).transpose()?;
    let keeping = sources::SourceStorage { spool, store };
    let shutdown = signals::shutdown()?;
    let progress = Arc::new(ProduceProgress::default());
    let operations = Operations::new("produce");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    let mut chosen = None;
    let mut watching = RetryPolicy { patient: !arguments.until_caught_up, ..RetryPolicy::new() };
    supervise(&operations, &shutdown, || {
        let opened = parts::open_log(&arguments.log.log, &profile, arguments.partitions)?;
        let log = opened.log();
        let choice = match &chosen {
            Some(choice) => choice,
            None => chosen.insert(sources::choose(&arguments.input, &profile, Before::of(log.as_ref())?)?),
        };
        let (source, writer) = choice.clone().open(&profile, &log, &keeping, &watching)?;
        watching.begun = true;
        let (boundaries, progress) = (Arc::clone(&boundaries), Arc::clone(&progress));
        let parts = ProduceParts { log, writer, source, boundaries, progress: Arc::clone(&progress) };
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
        blotter_produce::run(arguments.until_caught_up, parts, &shutdown)?;
        opened.close()
    })?;
    let figures = progress.figures();
    let filled = match figures.filled {
        0 => String::new(),
        filled => format!(", {filled} given an area by their point"),
    };
    println!("{} incidents appended, {} rejected{filled}", figures.incidents, figures.rejected);
    Ok(())
}
