//! The commands of the online path: `count`, `detect`, and `online`, which is both in one process.

use crate::{
    cli,
    crew::Crew,
    operations::{Operations, lag, lags},
    parts::{self, OpenLog},
    profiles, signals,
    supervise::supervise,
};
use anyhow::{Result, bail};
use blotter_incident::Profile;
use blotter_log::{Log, Offset, Topic};
use blotter_online::{CountConfig, CountParts, CountProgress, DetectConfig, DetectParts, FeedProgress, sinks::Sink};
use blotter_serve::Exposition;
use blotter_store::{Checkpoints, Shutdown, Store};
use std::{fmt::Display, sync::Arc};

pub(crate) fn count(arguments: &cli::Count) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let config = CountConfig { until_caught_up: arguments.until_caught_up, ..CountConfig::default() };
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("count");
    let _served = operations.serve(arguments.ops.listen)?;
    supervise(&operations, &shutdown, || {
        let store = parts::open_store(&arguments.store.store)?;
        let opened = parts::open_existing_log(&arguments.log.log, &profile)?;
        let parts = count_parts(&opened, store, &profile);
        let log = opened.log();
        operations.at_work(move |text| count_lag(lags(text), log.as_ref()));
        blotter_online::run_count(&config, &parts, &shutdown)?;
        println!("counted to {}", offsets(&parts.progress.next_offsets()));
        opened.close()
    })
}

pub(crate) fn detect(arguments: &cli::Detect) -> Result<()> {
    if arguments.sinks.urls.is_empty() {
        bail!("nothing is to be fed: give `--sink influxdb://HOST:8086/DATABASE` or `--sink kairosdb://HOST:8080`");
    }
    let profile = profiles::profile(&arguments.city.city)?;
    let config = DetectConfig { until_caught_up: arguments.until_caught_up };
    let mut sinks = parts::open_sinks(&arguments.sinks.urls, &profile)?;
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("detect");
    let _served = operations.serve(arguments.ops.listen)?;
    supervise(&operations, &shutdown, || {
        let opened = parts::open_existing_log(&arguments.log.log, &profile)?;
        let mut parts = detect_parts(&opened, std::mem::take(&mut sinks));
        let fed = Fed::of(&parts);
        operations.at_work({
            let (log, fed) = (opened.log(), fed.clone());
            move |text| {
                fed.lag(lags(text), log.as_ref());
                fed.figures(text);
            }
        });
        let ended = blotter_online::run_detect(&config, &mut parts, &shutdown);
        sinks = parts.sinks.into_iter().map(|(sink, _)| sink).collect();
        ended?;
        fed.print();
        opened.close()
    })
}

pub(crate) fn online(arguments: &cli::Online) -> Result<()> {
    let cli::Online { count: arguments, sinks } = arguments;
    let profile = profiles::profile(&arguments.city.city)?;
    let sinks = parts::open_sinks(&sinks.urls, &profile)?;
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("online");
    let _served = operations.serve(arguments.ops.listen)?;
    let mut opened = None;
    let mut counting = None;
    supervise(&operations, &shutdown, || {
        let store = parts::open_store(&arguments.store.store)?;
        let log = match &opened {
            Some(log) => log,
            None => opened.insert(parts::open_existing_log(&arguments.log.log, &profile)?),
        };
        counting = Some(count_parts(log, store, &profile));
        Ok(())
    })?;
    // Told to stop before the parts were there.
    let (Some(opened), Some(counting)) = (opened, counting) else { return Ok(()) };
    let mut detecting = detect_parts(&opened, sinks);
    let fed = Fed::of(&detecting);
    operations.at_work({
        let (log, fed) = (opened.log(), fed.clone());
        move |text| {
            count_lag(lags(text), log.as_ref());
            fed.lag(text, log.as_ref());
            fed.figures(text);
        }
    });
    let counted = Arc::clone(&counting.progress);
    let count_config = CountConfig { until_caught_up: arguments.until_caught_up, ..CountConfig::default() };
    let detect_config = DetectConfig { until_caught_up: arguments.until_caught_up };
    let count = {
        let operations = Arc::clone(&operations);
        move |shutdown: &Shutdown| {
            supervise(&operations, shutdown, || Ok(blotter_online::run_count(&count_config, &counting, shutdown)?))
        }
    };
    let mut detect = move |shutdown: &Shutdown| {
        supervise(&operations, shutdown, || Ok(blotter_online::run_detect(&detect_config, &mut detecting, shutdown)?))
    };
    if arguments.until_caught_up {
        // What is counted is what is there to feed.
        count(&shutdown)?;
        detect(&shutdown)?;
    } else {
        let mut crew = Crew::new(shutdown);
        crew.spawn("count", count)?;
        if !fed.0.is_empty() {
            crew.spawn("detect", detect)?;
        }
        crew.join()?;
    }
    println!("counted to {}", offsets(&counted.next_offsets()));
    fed.print();
    opened.close()
}

fn count_parts(opened: &OpenLog, store: Store, profile: &Arc<Profile>) -> CountParts {
    let log = opened.log();
    let progress = Arc::new(CountProgress::new(log.partitions(Topic::Incidents)));
    CountParts { log, checkpoints: Checkpoints::new(store, "count"), profile: Arc::clone(profile), progress }
}

/// The parts of `detect`, with figures of each sink.
pub(crate) fn detect_parts(opened: &OpenLog, sinks: Vec<Box<dyn Sink>>) -> DetectParts {
    let log = opened.log();
    let partitions = log.partitions(Topic::Counts);
    let sinks = sinks.into_iter().map(|sink| (sink, Arc::new(FeedProgress::new(partitions)))).collect();
    DetectParts { log, sinks }
}

/// The whole group's lag: what another member counts is no longer waited for.
fn count_lag(text: &mut Exposition, log: &dyn Log) {
    let Ok(committed) = log.committed(blotter_online::count::GROUP, Topic::Incidents) else { return };
    let mut next = vec![0; log.partitions(Topic::Incidents) as usize];
    for (partition, offset) in committed {
        next[partition as usize] = offset.0;
    }
    lag(text, log, Topic::Incidents, &[("role", "count")], &next);
}

/// The sinks by name, and what each was given.
#[derive(Clone)]
pub(crate) struct Fed(Vec<(String, Arc<FeedProgress>)>);

impl Fed {
    pub(crate) fn of(parts: &DetectParts) -> Self {
        Self(parts.sinks.iter().map(|(sink, progress)| (sink.name().to_owned(), Arc::clone(progress))).collect())
    }

    /// Whether every sink has all that topic `counts` holds now.
    pub(crate) fn has_all(&self, log: &dyn Log) -> Result<bool> {
        for partition in 0..log.partitions(Topic::Counts) {
            let end = log.bounds(Topic::Counts, partition)?.next.0;
            if self.0.iter().any(|(_, progress)| progress.next_offsets()[partition as usize] < end) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn lag(&self, text: &mut Exposition, log: &dyn Log) {
        for (name, progress) in &self.0 {
            lag(text, log, Topic::Counts, &[("role", "detect"), ("sink", name)], &progress.next_offsets());
        }
    }

    fn figures(&self, text: &mut Exposition) {
        let all = |text: &mut Exposition, figure: fn(&FeedProgress) -> u64| {
            for (name, progress) in &self.0 {
                text.sample(&[("sink", name as &dyn Display)], figure(progress));
            }
        };
        all(
            text.family("blotter_sink_points_total", "counter", "Points that a sink has acknowledged."),
            FeedProgress::points,
        );
        all(
            text.family("blotter_sink_failures_total", "counter", "Times that a sink has failed."),
            FeedProgress::failures,
        );
    }

    fn print(&self) {
        for (name, progress) in &self.0 {
            println!("{} points to {name}", progress.points());
        }
    }
}

/// Offsets by partition, for people.
pub(crate) fn offsets(next: &[Offset]) -> String {
    let parts: Vec<String> =
        next.iter().enumerate().map(|(partition, next)| format!("{partition}:{}", next.0)).collect();
    parts.join(",")
}
