//! Ctrl-C and SIGTERM: the first asks every role to close, the second does not wait.

use anyhow::{Context, Result};
use blotter_store::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

/// Triggers `shutdown` at the first SIGINT or SIGTERM; a second one ends the process at once.
pub(crate) fn watch(shutdown: &Shutdown) -> Result<()> {
    let shutdown = shutdown.clone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime for signals")?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            for first in [true, false] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if first {
                    tracing::info!("closing; once more to leave at once (nothing is lost either way)");
                    shutdown.trigger();
                }
            }
            // What the log acknowledged is durable, so leaving now is as safe as being killed.
            std::process::abort();
        });
    })?;
    Ok(())
}
