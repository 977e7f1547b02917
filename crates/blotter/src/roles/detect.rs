//! `blotter detect`: what is peaking, and both for time-series sinks.

use crate::{
    failure::supervise,
    flags::{City, LogUrl, Ops, Sinks},
    operations::{self, lag, lags},
    parts::{self, OpenLog},
    profiles,
    rules::{self, RuleConfig},
    say::say,
};
use anyhow::Result;
use blotter_city::Profile;
use blotter_log::{Log, Topic};
use blotter_online::{AlertProgress, DetectConfig, DetectParts, FeedProgress, Hook, Rule, TickProgress, sinks::Sink};
use blotter_runtime::{Exposition, Operations, signals};
use clap::Args;
use std::{fmt::Display, sync::Arc};

#[derive(Debug, Args)]
pub(crate) struct Detect {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) log: LogUrl,
    #[command(flatten)]
    pub(crate) sinks: Sinks,
    /// Exit when all counts are published, written to every sink and sent to every webhook
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

/// Runs the role until a signal stops it, or until it has caught up (`--until-caught-up`).
pub(crate) fn run(arguments: &Detect, rules: &[RuleConfig]) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let config = DetectConfig { until_caught_up: arguments.until_caught_up };
    let sinks = parts::open_sinks(&arguments.sinks.urls, &profile)?;
    let mut outlets = Some(Outlets::new(sinks, rules, &profile)?);
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("detect");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    supervise(&operations, &shutdown, || {
        let opened = parts::open_existing_log(&arguments.log.log, &profile)?;
        let Some(parts) = outlets.take() else { return Ok(()) };
        let mut parts = parts.with(&opened, &profile);
        let figures = DetectFigures::of(&parts);
        operations.at_work({
            let (log, figures) = (opened.log(), figures.clone());
            move |text| {
                figures.lag(lags(text), log.as_ref());
                figures.write(text);
            }
        });
        let ended = blotter_online::run_detect(&config, &mut parts, &shutdown);
        outlets = Some(Outlets::again(parts));
        ended?;
        figures.print();
        opened.close()
    })
}

/// What `detect` takes from one log to the next.
pub(crate) struct Outlets {
    sinks: Vec<Box<dyn Sink>>,
    rules: Vec<Rule>,
    hooks: Vec<Hook>,
}

impl Outlets {
    pub(crate) fn new(sinks: Vec<Box<dyn Sink>>, rules: &[RuleConfig], profile: &Profile) -> Result<Self> {
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

/// What `detect` has said and given away, by name.
#[derive(Clone)]
pub(crate) struct DetectFigures {
    ticks: Arc<TickProgress>,
    sinks: Vec<(String, Arc<FeedProgress>)>,
    webhooks: Vec<(String, Arc<AlertProgress>)>,
}

impl DetectFigures {
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

    /// Whether every sink has all that topics `counts` and `peaks` hold now.
    pub(crate) fn has_all(&self, log: &dyn Log) -> Result<bool> {
        let ticks = log.bounds(Topic::Peaks, 0)?.next.0;
        if self.sinks.iter().any(|(_, progress)| progress.next_peak() < ticks) {
            return Ok(false);
        }
        for partition in 0..log.partitions(Topic::Counts) {
            let end = log.bounds(Topic::Counts, partition)?.next.0;
            if self.sinks.iter().any(|(_, progress)| progress.next_offsets()[partition as usize] < end) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn lag(&self, text: &mut Exposition, log: &dyn Log) {
        lag(text, log, Topic::Counts, &[("role", "detect"), ("sink", "peaks")], &self.ticks.next_offsets());
        for (name, progress) in &self.sinks {
            lag(text, log, Topic::Counts, &[("role", "detect"), ("sink", name)], &progress.next_offsets());
            let ticks = format!("{name}/peaks");
            lag(text, log, Topic::Peaks, &[("role", "detect"), ("sink", &ticks)], &[progress.next_peak()]);
        }
    }

    pub(super) fn write(&self, text: &mut Exposition) {
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

    pub(super) fn print(&self) {
        say!("{} ticks to topic peaks", self.ticks.ticks());
        for (name, progress) in &self.sinks {
            say!("{} points to {name}", progress.points());
        }
        for (rule, progress) in &self.webhooks {
            say!("{} alerts of rule {rule} to its webhook", progress.sent());
        }
    }
}
