//! A role that works once, or every so many seconds.

use crate::failure::{is_cancelled, judge};
use crate::say::say;
use anyhow::Result;
use blotter_runtime::{Failure, Operations, Shutdown};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a round has done.
pub(super) struct Round {
    /// In words for people.
    pub(super) said: String,
    /// The newest snapshot.
    pub(super) version: Option<u64>,
}

/// Once, or every so many seconds until stopped; then a part that fails is waited for. `serves_on` says whether what was
/// made before is of use while a part is away. A round that has nothing else to say than the one before says nothing.
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
            ended => ended.map(|round| say!("{}", round.said)),
        };
    };
    let mut said = String::new();
    while !shutdown.is_triggered() {
        match once() {
            Ok(Round { said: words, version }) => {
                if words != said {
                    say!("{words}");
                    said = words;
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
                // What went well after it is said again.
                said.clear();
                let failure = judge(&error);
                if matches!(failure, Failure::Cancelled) {
                    return Ok(());
                }
                // Before it is said: whoever reads it may ask whether the role is ready.
                if serves_on() {
                    operations.stumbled_at_work();
                } else {
                    operations.stumbled();
                }
                match failure {
                    Failure::Passing => tracing::warn!("{}: {error:#}; trying again in {seconds} s", operations.role),
                    Failure::Refused if operations.waits_for_people() => {
                        tracing::error!("{}: {error:#}; it waits, and tries again in {seconds} s", operations.role);
                    }
                    _ => return Err(error),
                }
            }
        }
        shutdown.wait_timeout(Duration::from_secs(seconds));
    }
    Ok(())
}
