//! `blotter count`: hourly counts of the log's incidents.

use crate::{
    failure::supervise,
    flags::LogToStore,
    operations::{self, lag, lags, offsets},
    parts::{self, OpenLog},
    profiles,
    say::say,
};
use anyhow::Result;
use blotter_city::Profile;
use blotter_log::{Log, Topic};
#[cfg(feature = "spark")]
use blotter_online::count::SparkCount;
use blotter_online::{CountConfig, CountParts, CountProgress};
use blotter_runtime::{Exposition, Operations, signals};
use blotter_spark::Engine;
use blotter_store::{Checkpoints, Store};
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct Count {
    #[command(flatten)]
    pub(crate) common: LogToStore,
    /// Who counts: this process, or a Spark Connect server, `spark://HOST:15002` (token from SPARK_CONNECT_TOKEN)
    #[arg(long, env = "BLOTTER_COUNT_ENGINE", value_name = "embedded|URL", default_value_t)]
    pub(crate) engine: Engine,
}

/// Runs the role until a signal stops it, or until it has caught up (`--until-caught-up`).
pub(crate) fn run(Count { common: arguments, engine }: &Count) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let config = CountConfig { until_caught_up: arguments.until_caught_up, ..CountConfig::default() };
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("count");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    supervise(&operations, &shutdown, || {
        let store = parts::open_store(&arguments.store.store)?;
        let opened = parts::open_existing_log(&arguments.log.log, &profile)?;
        let parts = count_parts(&opened, store.clone(), &profile);
        let log = opened.log();
        operations.at_work(move |text| count_lag(lags(text), log.as_ref()));
        match parts::with_token(engine)? {
            Engine::Embedded => blotter_online::run_count(&config, &parts, &shutdown)?,
            #[cfg(feature = "spark")]
            Engine::Spark(address) => {
                blotter_online::count::run_on_spark(&SparkCount { address, store }, &config, &parts, &shutdown)?;
            }
        }
        say!("counted to {}", offsets(&parts.progress.next_offsets()));
        opened.close()
    })
}

/// The parts of `count`, with its figures.
pub(crate) fn count_parts(opened: &OpenLog, store: Store, profile: &Arc<Profile>) -> CountParts {
    let log = opened.log();
    let progress = Arc::new(CountProgress::new(log.partitions(Topic::Incidents)));
    CountParts { log, checkpoints: Checkpoints::new(store, "count"), profile: Arc::clone(profile), progress }
}

/// Writes the lag of all `count` processes together, from the group's committed offsets.
pub(super) fn count_lag(text: &mut Exposition, log: &dyn Log) {
    let Ok(committed) = log.committed(blotter_online::count::GROUP, Topic::Incidents) else { return };
    let mut next = vec![0; log.partitions(Topic::Incidents) as usize];
    for (partition, offset) in committed {
        next[partition as usize] = offset.0;
    }
    lag(text, log, Topic::Incidents, &[("role", "count")], &next);
}
