//! `blotter archive`: from the log to the Delta table.

use crate::{
    failure::supervise,
    flags::LogToStore,
    operations::{self, lag, lags, offsets},
    parts, profiles,
    say::say,
};
use anyhow::Result;
use blotter_log::{Offset, Topic};
use blotter_offline::archive::{self, ArchiveConfig, ArchiveParts};
use blotter_runtime::{Operations, signals};
use std::sync::Arc;

/// Runs the role until a signal stops it, or until it has caught up (`--until-caught-up`).
pub(crate) fn run(arguments: &LogToStore) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let config = ArchiveConfig { until_caught_up: arguments.until_caught_up, ..ArchiveConfig::default() };
    let shutdown = signals::shutdown()?;
    let operations = Operations::new("archive");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    supervise(&operations, &shutdown, || {
        let store = parts::open_store(&arguments.store.store)?;
        let opened = parts::open_existing_log(&arguments.log.log, &profile)?;
        let parts = ArchiveParts::new(opened.log(), store, Arc::clone(&profile));
        let progress = Arc::clone(&parts.progress);
        operations.at_work({
            let (log, progress) = (opened.log(), Arc::clone(&progress));
            move |text| {
                lag(lags(text), log.as_ref(), Topic::Incidents, &[("role", "archive")], &progress.next_offsets());
                text.family("blotter_table_version", "gauge", "The newest version of the Delta table.")
                    .sample(&[], progress.table_version());
                text.family("blotter_archived_rows_total", "counter", "Rows committed to the Delta table.")
                    .sample(&[], progress.rows());
                text.family("blotter_archive_rejected_total", "counter", "Messages of the topic that were rejected.")
                    .sample(&[], progress.rejected());
            }
        });
        archive::run(&config, parts, &shutdown)?;
        let next: Vec<Offset> = progress.next_offsets().into_iter().map(Offset).collect();
        say!("archived to {}", offsets(&next));
        opened.close()
    })
}
