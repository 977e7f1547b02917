//! The commands of the online path: `count`, `detect`, and `online`, which is both in one process.

use crate::{
    cli,
    failure::supervise,
    operations::{self, lag, lags},
    parts::{self, OpenLog},
    profiles,
    rules::{self, Ruled},
};
use anyhow::Result;
use blotter_city::Profile;
use blotter_log::{Log, Offset, Topic};
use blotter_online::{
    AlertProgress, CountConfig, CountParts, CountProgress, DetectConfig, DetectParts, FeedProgress, Hook, Rule,
    TickProgress, sinks::Sink,
};
use blotter_runtime::{Crew, Exposition, Operations, Shutdown, signals};
use blotter_store::{Checkpoints, Store};
use std::{fmt::Display, sync::Arc};

pub(crate) fn count(arguments: &cli::Count) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let config = CountConfig { until_caught_up: arguments.until_caught_up, ..CountConfig::default() };
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("count");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
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

pub(crate) fn detect(arguments: &cli::Detect, rules: &[Ruled]) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let config = DetectConfig { until_caught_up: arguments.until_caught_up };
    let sinks = parts::open_sinks(&arguments.sinks.urls, &profile)?;
    let mut detecting = Some(Detecting::new(sinks, rules, &profile)?);
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("detect");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    supervise(&operations, &shutdown, || {
        let opened = parts::open_existing_log(&arguments.log.log, &profile)?;
        let Some(parts) = detecting.take() else { return Ok(()) };
        let mut parts = parts.with(&opened, &profile);
        let fed = Fed::of(&parts);
        operations.at_work({
            let (log, fed) = (opened.log(), fed.clone());
            move |text| {
                fed.lag(lags(text), log.as_ref());
                fed.figures(text);
            }
        });
        let ended = blotter_online::run_detect(&config, &mut parts, &shutdown);
        detecting = Some(Detecting::again(parts));
        ended?;
        fed.print();
        opened.close()
    })
}

pub(crate) fn online(arguments: &cli::Online, rules: &[Ruled]) -> Result<()> {
    let cli::Online { count: arguments, sinks } = arguments;
    let profile = profiles::profile(&arguments.city.city)?;
    let sinks = parts::open_sinks(&sinks.urls, &profile)?;
    let detecting = Detecting::new(sinks, rules, &profile)?;
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("online");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
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
    let mut detecting = detecting.with(&opened, &profile);
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
        crew.spawn("detect", detect)?;
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

/// What `detect` takes from one log to the next.
pub(crate) struct Detecting {
    sinks: Vec<Box<dyn Sink>>,
    rules: Vec<Rule>,
    hooks: Vec<Hook>,
}

impl Detecting {
    pub(crate) fn new(sinks: Vec<Box<dyn Sink>>, rules: &[Ruled], profile: &Profile) -> Result<Self> {
        let (rules, hooks) = rules::of_city(rules, profile)?;
        Ok(Self { sinks, rules, hooks })
    }

    fn again(parts: DetectParts) -> Self {
        let sinks = parts.sinks.into_iter().map(|(sink, _)| sink).collect();
        Self { sinks, rules: parts.rules, hooks: parts.hooks }
    }

    /// The parts of `detect`, with figures of each.
    pub(crate) fn with(self, opened: &OpenLog, profile: &Arc<Profile>) -> DetectParts {
        let log = opened.log();
        let partitions = log.partitions(Topic::Counts);
        let with_progress = |sink| (sink, Arc::new(FeedProgress::new(partitions)));
        DetectParts {
            log,
            profile: Arc::clone(profile),
            rules: self.rules,
            hooks: self.hooks,
            ticks: Arc::new(TickProgress::new(partitions)),
            sinks: self.sinks.into_iter().map(with_progress).collect(),
        }
    }
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

/// What `detect` has said and given away, by name.
#[derive(Clone)]
pub(crate) struct Fed {
    ticks: Arc<TickProgress>,
    sinks: Vec<(String, Arc<FeedProgress>)>,
    webhooks: Vec<(String, Arc<AlertProgress>)>,
}

impl Fed {
    pub(crate) fn of(parts: &DetectParts) -> Self {
        Self {
            ticks: Arc::clone(&parts.ticks),
            sinks: parts.sinks.iter().map(|(sink, progress)| (sink.name().to_owned(), Arc::clone(progress))).collect(),
            webhooks: parts.hooks.iter().map(|hook| (hook.rule.clone(), Arc::clone(&hook.progress))).collect(),
        }
    }

    /// By partition of `incidents`, what no tick reflects yet.
    pub(crate) fn reflected(&self) -> Vec<u64> {
        self.ticks.reflected()
    }

    /// Whether every sink has all that topic `counts` holds now.
    pub(crate) fn has_all(&self, log: &dyn Log) -> Result<bool> {
        for partition in 0..log.partitions(Topic::Counts) {
            let end = log.bounds(Topic::Counts, partition)?.next.0;
            if self.sinks.iter().any(|(_, progress)| progress.next_offsets()[partition as usize] < end) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn lag(&self, text: &mut Exposition, log: &dyn Log) {
        lag(text, log, Topic::Counts, &[("role", "detect"), ("sink", "peaks")], &self.ticks.next_offsets());
        for (name, progress) in &self.sinks {
            lag(text, log, Topic::Counts, &[("role", "detect"), ("sink", name)], &progress.next_offsets());
        }
    }

    fn figures(&self, text: &mut Exposition) {
        text.family("blotter_ticks_total", "counter", "Ticks published to topic peaks.")
            .sample(&[], self.ticks.ticks());
        let all = |text: &mut Exposition, figure: fn(&FeedProgress) -> u64| {
            for (name, progress) in &self.sinks {
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
        let all = |text: &mut Exposition, figure: fn(&AlertProgress) -> u64| {
            for (rule, progress) in &self.webhooks {
                text.sample(&[("rule", rule as &dyn Display)], figure(progress));
            }
        };
        all(text.family("blotter_alerts_total", "counter", "Alerts that a webhook has taken."), AlertProgress::sent);
        all(
            text.family("blotter_alert_failures_total", "counter", "Times that a webhook has not taken an alert."),
            AlertProgress::failures,
        );
    }

    fn print(&self) {
        println!("{} ticks to topic peaks", self.ticks.ticks());
        for (name, progress) in &self.sinks {
            println!("{} points to {name}", progress.points());
        }
        for (rule, progress) in &self.webhooks {
            println!("{} alerts of rule {rule} to its webhook", progress.sent());
        }
    }
}

/// Offsets by partition, for people.
pub(crate) fn offsets(next: &[Offset]) -> String {
    let parts: Vec<String> =
        next.iter().enumerate().map(|(partition, next)| format!("{partition}:{}", next.0)).collect();
    parts.join(",")
}
