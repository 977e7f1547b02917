//! A feed for each sink, on a thread of its own.

use super::feed::{Feed, FeedProgress};
use crate::{
    count::CountError,
    sinks::{Sink, SinkError},
};
use blotter_log::{Log, LogError};
use blotter_store::Shutdown;
use std::sync::Arc;

/// Why detecting cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What `counts` holds.
    #[error(transparent)]
    Counts(#[from] CountError),
    /// A sink refuses for good.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A feed's thread.
    #[error("no thread can be started: {0}")]
    Thread(std::io::Error),
}

impl DetectError {
    /// Whether running the role again may succeed without anyone's doing.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Counts(error) => error.is_retryable(),
            Self::Sink(error) => error.is_retryable(),
            Self::Thread(_) => true,
        }
    }
}

/// How to detect.
#[derive(Clone, Debug, Default)]
pub struct DetectConfig {
    /// Stop when every sink has all that the log holds.
    pub until_caught_up: bool,
}

/// What it works with.
pub struct DetectParts {
    /// Reads `counts`.
    pub log: Arc<dyn Log>,
    /// Each with what it has been given.
    pub sinks: Vec<(Box<dyn Sink>, Arc<FeedProgress>)>,
}

/// The consumer group of a sink.
pub fn group(sink: &str) -> String {
    format!("detect/{sink}")
}

/// Feeds the sinks until told to stop, or until each is caught up. A sink that is down or refuses keeps no other from
/// its data; what fails the log fails all.
pub fn run(config: &DetectConfig, parts: &mut DetectParts, shutdown: &Shutdown) -> Result<(), DetectError> {
    let DetectParts { log, sinks } = parts;
    let failed = Shutdown::new();
    std::thread::scope(|scope| {
        let mut feeds = Vec::new();
        for (sink, progress) in sinks {
            let (log, failed) = (&*log, &failed);
            let thread = std::thread::Builder::new().name(super::group(sink.name()));
            let feed = thread.spawn_scoped(scope, move || {
                let ended =
                    Feed::open(log, sink.as_mut(), progress).and_then(|feed| feed.run(config.until_caught_up, failed));
                if ended.is_err() {
                    failed.trigger();
                }
                ended
            });
            feeds.push(feed.map_err(|error| {
                failed.trigger();
                DetectError::Thread(error)
            })?);
        }
        while !shutdown.is_triggered() && feeds.iter().any(|feed| !feed.is_finished()) {
            shutdown.wait_timeout(std::time::Duration::from_millis(100));
        }
        failed.trigger();
        let mut ended = Ok(());
        for feed in feeds {
            let one = feed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ended = ended.and(one);
        }
        ended
    })
}
