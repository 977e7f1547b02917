//! A role that works once, or every so many seconds.

use crate::failure::{is_cancelled, judge};
use crate::say::say;
use anyhow::Result;
use blotter_runtime::{Failure, Operations, Shutdown, sentence};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A round that went well.
pub(super) struct Round {
    /// What it did, as a line for the terminal.
    pub(super) line: String,
    /// The newest snapshot's version.
    pub(super) version: Option<u64>,
}

/// Once, or every so many seconds until stopped; then a part that fails is waited for. `serves_on` says whether what was
/// made before is of use while a part is away. A round prints its line only if the round before printed another.
pub(super) fn repeat(
    operations: &Operations,
    every: Option<u64>,
    shutdown: &Shutdown,
    serves_on: impl Fn() -> bool,
    mut once: impl FnMut() -> Result<Round>,
) -> Result<()> {
    let Some(seconds) = every else {
        return match once() {
            Err(error) if is_cancelled(&error) => {
                say!("{}: stopped before it was done; nothing half done is in use", operations.role);
                Ok(())
            }
            ended => ended.map(|round| say!("{}", round.line)),
        };
    };
    let mut printed = String::new();
    while !shutdown.is_triggered() {
        match once() {
            Ok(Round { line, version }) => {
                if line != printed {
                    say!("{line}");
                    printed = line;
                }
                let done = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                operations.at_work(move |text| {
                    text.family("blotter_last_success_timestamp_seconds", "gauge", "When the last round went well.")
                        .sample(&[], done);
                    if let Some(version) = version {
                        text.family("blotter_snapshot_version", "gauge", "The newest snapshot.").sample(&[], version);
                    }
                });
            }
            Err(error) => {
                // After a failure the next success is printed, even in the words of the last.
                printed.clear();
                // Called before the line is logged: its reader may ask at once whether the role is ready.
                let stumbled = || {
                    if serves_on() {
                        operations.stumbled_at_work();
                    } else {
                        operations.stumbled();
                    }
                };
                match judge(&error) {
                    Failure::Cancelled => return Ok(()),
                    Failure::Passing => {
                        stumbled();
                        tracing::warn!("{}: {}; trying again in {seconds} s", operations.role, sentence(&error));
                    }
                    Failure::Refused if operations.waits_for_people() => {
                        stumbled();
                        tracing::error!(
                            "{}: {}; it waits, and tries again in {seconds} s",
                            operations.role,
                            sentence(&error)
                        );
                    }
                    Failure::Refused | Failure::Lasting => return Err(error),
                }
            }
        }
        shutdown.wait_timeout(Duration::from_secs(seconds));
    }
    Ok(())
}
