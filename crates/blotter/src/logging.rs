//! Log lines on standard error: for people, or as JSON for machines.

use crate::cli::LogFormat;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// `BLOTTER_TRACE` chooses what is logged, in the usual `target=level` form.
const FILTER: &str = "BLOTTER_TRACE";

pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new("warn,blotter=info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    match format {
        LogFormat::Json => lines.json().with_target(true).init(),
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).compact().init(),
    }
}
