//! The threads of the roles. One that fails closes all.

use crate::{Shutdown, sentence};
use anyhow::{Context, Result, anyhow};
use std::thread::JoinHandle;

/// The roles of one process.
pub struct Crew {
    shutdown: Shutdown,
    threads: Vec<(&'static str, JoinHandle<Result<()>>)>,
}

impl Crew {
    /// Nobody yet; `shutdown` is what closes all.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, threads: Vec::new() }
    }

    /// Starts a role that runs until stopped: its end closes the others.
    pub fn spawn(
        &mut self,
        role: &'static str,
        run: impl FnOnce(&Shutdown) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.start(role, true, run)
    }

    /// Starts a role that may come to an end by itself; only its failure closes the others.
    pub fn spawn_finite(
        &mut self,
        role: &'static str,
        run: impl FnOnce(&Shutdown) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.start(role, false, run)
    }

    fn start(
        &mut self,
        role: &'static str,
        closes: bool,
        run: impl FnOnce(&Shutdown) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let shutdown = self.shutdown.clone();
        let thread = std::thread::Builder::new().name(role.into()).spawn(move || {
            // A panicking role must not leave the others running as if nothing had happened.
            let guard = CloseOnDrop { shutdown: shutdown.clone(), armed: true };
            let ended = run(&shutdown);
            let mut guard = guard;
            guard.armed = closes || ended.is_err();
            ended
        });
        self.threads.push((role, thread.with_context(|| format!("cannot start {role}"))?));
        Ok(())
    }

    /// Waits for all; the first failure is the answer.
    pub fn join(self) -> Result<()> {
        let mut first = Ok(());
        for (role, thread) in self.threads {
            let ended = thread.join().unwrap_or_else(|_| Err(anyhow!("it panicked; please report the lines above")));
            let ended = ended.with_context(|| format!("the role {role} failed"));
            if first.is_ok() {
                first = ended;
            } else if let Err(error) = ended {
                tracing::error!("{}", sentence(&error));
            }
        }
        first
    }
}

struct CloseOnDrop {
    shutdown: Shutdown,
    armed: bool,
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if self.armed {
            self.shutdown.trigger();
        }
    }
}
