//! A role that a part has failed is run again: from what is durable, after a pause.

use crate::{Operations, Shutdown, sentence};
use anyhow::{Error, Result};
use std::time::{Duration, Instant};

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same may succeed later without anyone's doing.
    Passing,
    /// Somebody must act; then the same succeeds.
    Refused,
    /// The role was stopped.
    Cancelled,
    /// Waiting does not mend it.
    Lasting,
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A run that lasted this long was none of a row of failures.
const STEADY: Duration = Duration::from_mins(1);

/// Runs a role until it ends by itself, is stopped, or fails in a way that waiting does not mend.
pub fn supervise(
    operations: &Operations,
    shutdown: &Shutdown,
    judge: impl Fn(&Error) -> Failure,
    mut run: impl FnMut() -> Result<()>,
) -> Result<()> {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let Err(error) = run() else { return Ok(()) };
        if started.elapsed() >= STEADY {
            pause = FIRST_PAUSE;
        }
        match judge(&error) {
            // Before the line is logged: its reader may ask at once whether the role is ready.
            Failure::Passing => {
                operations.stumbled();
                tracing::warn!(
                    "{}: {}; going on from what is durable in {} ms",
                    operations.role,
                    sentence(&error),
                    pause.as_millis()
                );
            }
            Failure::Refused if operations.waits_for_people() => {
                operations.stumbled();
                tracing::error!(
                    "{}: {}; it waits, and tries again in {} s",
                    operations.role,
                    sentence(&error),
                    LONGEST_PAUSE.as_secs()
                );
                pause = LONGEST_PAUSE;
            }
            Failure::Cancelled if shutdown.is_triggered() => return Ok(()),
            Failure::Cancelled | Failure::Refused | Failure::Lasting => return Err(error),
        }
        if shutdown.wait_timeout(pause) {
            return Ok(());
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
