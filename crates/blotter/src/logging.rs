//! Log lines on standard error: for people, or as JSON for machines.

use crate::{cli::LogFormat, say};
use std::io::{IsTerminal, stderr};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// `BLOTTER_TRACE` chooses what is logged, in the usual `target=level` form.
const FILTER: &str = "BLOTTER_TRACE";
/// What is logged unless it is chosen.
const DEFAULT: &str = "warn,blotter=info";
/// What would show the addresses that it asks, of which some are secret: it says no details, whatever is chosen.
const RETICENT: [&str; 2] = ["ureq=info", "ureq_proto=info"];
/// Libraries that log each error that they return. A role says it once, with what is done about it.
const REPEATED: [&str; 3] = ["buoyant_kernel", "deltalake_core::kernel::transaction", "deltalake_core::logstore"];

pub(crate) fn start(format: LogFormat) {
    let chosen = EnvFilter::try_from_env(FILTER).ok();
    let is_chosen = chosen.is_some();
    let filter = chosen.unwrap_or_else(|| EnvFilter::new(DEFAULT));
    let filter = RETICENT.iter().filter_map(|one| one.parse().ok()).fold(filter, EnvFilter::add_directive);
    let filter = filter.and(filter_fn(move |metadata| is_chosen || !is_repeated(metadata)));
    let lines = fmt::layer().with_writer(stderr).with_target(false);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Json => {
            say::as_json();
            registry.with(lines.json().with_target(true).with_filter(filter)).init();
        }
        LogFormat::Text => registry.with(lines.with_ansi(stderr().is_terminal()).compact().with_filter(filter)).init(),
    }
}

fn is_repeated(metadata: &Metadata<'_>) -> bool {
    let is_theirs = || REPEATED.iter().any(|target| metadata.target().starts_with(target));
    metadata.is_event() && *metadata.level() == Level::ERROR && is_theirs()
}
