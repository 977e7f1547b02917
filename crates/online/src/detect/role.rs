//! Ticks, a feed for each sink and one for each webhook, each on a thread of its own.

use super::{
    alerts::{AlertProgress, Alerts},
    error::DetectError,
    feed::{Feed, FeedProgress, group},
    rules::Rule,
    ticks::{TickProgress, Ticks},
};
use crate::sinks::{Sink, Webhook};
use blotter_city::Profile;
use blotter_log::Log;
use blotter_runtime::Shutdown;
use std::{sync::Arc, thread::Builder, time::Duration};

/// How often it looks whether a thread has ended.
const LOOK: Duration = Duration::from_millis(100);

/// What one thread does.
type Task<'a> = Box<dyn FnOnce() -> Result<(), DetectError> + Send + 'a>;

/// How to detect.
#[derive(Clone, Debug, Default)]
pub struct DetectConfig {
    /// Stop when a tick reflects all that the log holds, and every sink and webhook has it.
    pub until_caught_up: bool,
}

/// Where the alerts of a rule go.
pub struct Hook {
    /// The rule's name.
    pub rule: String,
    /// The address.
    pub webhook: Webhook,
    /// What it has taken.
    pub progress: Arc<AlertProgress>,
}

/// What it works with.
pub struct DetectParts {
    /// Reads `counts`, writes `peaks`.
    pub log: Arc<dyn Log>,
    /// The city.
    pub profile: Arc<Profile>,
    /// Which peaks are alerts.
    pub rules: Vec<Rule>,
    /// Where alerts go; a rule may have none.
    pub hooks: Vec<Hook>,
    /// What was said.
    pub ticks: Arc<TickProgress>,
    /// Each with what it has been given.
    pub sinks: Vec<(Box<dyn Sink>, Arc<FeedProgress>)>,
}

/// Says ticks and feeds sinks and webhooks until stopped, or until each is caught up. A sink or webhook that is down or
/// refuses keeps no other from its data; what fails the log fails all.
pub fn run(config: &DetectConfig, parts: &mut DetectParts, shutdown: &Shutdown) -> Result<(), DetectError> {
    let DetectParts { log, profile, rules, hooks, ticks, sinks } = parts;
    let (log, profile, rules, ticks) = (&*log, &**profile, &**rules, &**ticks);
    // What all stop at, and what tells sinks and webhooks that no more will be said.
    let (failed, all_said) = (&Shutdown::new(), &Shutdown::new());
    let until_caught_up = config.until_caught_up;
    let mut tasks: Vec<(String, Task<'_>)> = Vec::new();
    tasks.push((
        super::ticks::GROUP.to_owned(),
        Box::new(move || {
            let ended = Ticks::open(log, profile, rules, ticks).and_then(|ticks| ticks.run(until_caught_up, failed));
            all_said.trigger();
            ended
        }),
    ));
    for hook in &*hooks {
        // Its group stands before the first tick is said: none of its alerts can be missed.
        let alerts = Alerts::open(log, &hook.rule, &hook.webhook, &hook.progress)?;
        let run = Box::new(move || alerts.run(all_said, until_caught_up, failed));
        tasks.push((format!("detect/alerts/{}", hook.rule), run));
    }
    for (sink, progress) in sinks {
        let name = group(sink.name());
        let run = move || Feed::open(log, sink.as_mut(), progress)?.run(all_said, until_caught_up, failed);
        tasks.push((name, Box::new(run)));
    }
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut ended = Ok(());
        for (name, task) in tasks {
            let thread = Builder::new().name(name).spawn_scoped(scope, move || {
                let ended = task();
                if ended.is_err() {
                    failed.trigger();
                }
                ended
            });
            match thread {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    failed.trigger();
                    ended = ended.and(Err(DetectError::Thread(error)));
                }
            }
        }
        while !shutdown.is_triggered() && threads.iter().any(|thread| !thread.is_finished()) {
            shutdown.wait_timeout(LOOK);
        }
        failed.trigger();
        for thread in threads {
            let one = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            ended = ended.and(one);
        }
        ended
    })
}
