//! Ctrl-C and SIGTERM: the first asks every role to close, the second does not wait, and neither does the deadline.

use crate::Shutdown;
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A role that has not closed by then is left as it is, which is as safe as being killed. Below the half minute that
/// Kubernetes gives.
const DEADLINE: Duration = Duration::from_secs(25);

/// The exit code after a second signal.
const INTERRUPTED: i32 = 130;

/// A shutdown that the signals trigger.
pub fn shutdown() -> Result<Shutdown> {
    let shutdown = Shutdown::new();
    watch(&shutdown)?;
    Ok(shutdown)
}

/// Triggers `shutdown` at the first SIGINT or SIGTERM; a second one, or the deadline, ends the process at once.
pub fn watch(shutdown: &Shutdown) -> Result<()> {
    let shutdown = shutdown.clone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime for signals")?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("closing; once more to leave at once (nothing is lost either way)");
            shutdown.trigger();
            let code = tokio::select! {
                _ = interrupt.recv() => INTERRUPTED,
                _ = terminate.recv() => INTERRUPTED,
                () = tokio::time::sleep(DEADLINE) => {
                    tracing::warn!("not closed within {} s: leaving at once (nothing is lost)", DEADLINE.as_secs());
                    1
                }
            };
            // What the log acknowledged is durable, so leaving now is as safe as being killed.
            leave(code);
        });
    })?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the roles were asked to close and have not: there is nothing to return from"
)]
fn leave(code: i32) -> ! {
    std::process::exit(code)
}
