//! Log lines on standard error: for people, or as JSON for machines.

use crate::cli::LogFormat;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// `BLOTTER_TRACE` chooses what is logged, in the usual `target=level` form.
const FILTER: &str = "BLOTTER_TRACE";
/// The Delta library says there what it returns as well, and then the role says it once, with what is done about it.
const DEFAULT: &str = "warn,blotter=info,deltalake_core::logstore=off";
/// What would show the addresses that it asks, of which some are secret: it says no details, whatever is chosen.
const RETICENT: [&str; 2] = ["ureq=info", "ureq_proto=info"];

pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let filter = RETICENT.iter().filter_map(|one| one.parse().ok()).fold(filter, EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    match format {
        LogFormat::Json => lines.json().with_target(true).init(),
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).compact().init(),
    }
}
