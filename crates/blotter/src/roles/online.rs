//! `blotter online`: `count` and `detect` in one process.

use crate::{
    failure::supervise,
    flags::{LogToStore, Sinks},
    operations::{self, lags, offsets},
    parts, profiles,
    roles::{
        count::{count_lag, count_parts},
        detect::{DetectFigures, Outlets},
    },
    rules::RuleConfig,
    say::say,
};
use anyhow::Result;
use blotter_online::{CountConfig, DetectConfig};
use blotter_runtime::{Crew, Operations, Shutdown, signals};
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct Online {
    #[command(flatten)]
    pub(crate) count: LogToStore,
    #[command(flatten)]
    pub(crate) sinks: Sinks,
}

/// Runs the role until a signal stops it, or until it has caught up (`--until-caught-up`).
pub(crate) fn run(arguments: &Online, rules: &[RuleConfig]) -> Result<()> {
    let Online { count: arguments, sinks } = arguments;
    let profile = profiles::profile(&arguments.city.city)?;
    let sinks = parts::open_sinks(&sinks.urls, &profile)?;
    let outlets = Outlets::new(sinks, rules, &profile)?;
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
    let mut outlets = outlets.with(&opened, &profile);
    let figures = DetectFigures::of(&outlets);
    operations.at_work({
        let (log, figures) = (opened.log(), figures.clone());
        move |text| {
            count_lag(lags(text), log.as_ref());
            figures.lag(text, log.as_ref());
            figures.write(text);
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
        supervise(&operations, shutdown, || Ok(blotter_online::run_detect(&detect_config, &mut outlets, shutdown)?))
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
    say!("counted to {}", offsets(&counted.next_offsets()));
    figures.print();
    opened.close()
}
