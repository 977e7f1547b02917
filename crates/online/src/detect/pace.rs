//! How long a tick waits after the one before, so that ticks cost the same small share of a machine in a small city and in a
//! large one.

use std::time::{Duration, Instant};

/// At most this share of a core is spent on ticks
const SHARE_OF_CORE: u32 = 400;
/// and so many bytes of the log a second, uncompressed.
const BYTES_PER_SECOND: f64 = 4_096.0;
/// Unspent budget of this long is kept: after a quiet stretch, `detect` publishes the first changes without delay.
const SAVED: Duration = Duration::from_mins(1);

/// A budget in seconds: each second adds one, and a tick costs as many as pay for it at its share of the machine.
#[derive(Debug)]
pub(super) struct Pace {
    /// What may be spent without waiting; below zero, how long to wait.
    saved: f64,
    last: Instant,
}

impl Pace {
    /// The least time between two ticks, and the longest that a change waits for its tick.
    pub(super) const LEAST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(15);

    pub(super) fn new(now: Instant) -> Self {
        Self { saved: SAVED.as_secs_f64(), last: now }
    }

    /// The delay of the next tick, after a tick that is published `now`, `took` this long to compute and has so many `bytes`.
    pub(super) fn pause(&mut self, now: Instant, took: Duration, bytes: usize) -> Duration {
        let by_bytes = Duration::from_secs_f64(bytes as f64 / BYTES_PER_SECOND);
        let cost = took.saturating_mul(SHARE_OF_CORE).max(by_bytes).clamp(Self::LEAST, Self::LONGEST);
        let earned = (now - self.last).as_secs_f64();
        self.saved = (self.saved + earned).min(SAVED.as_secs_f64()) - cost.as_secs_f64();
        self.last = now;
        Duration::from_secs_f64((-self.saved).max(0.0)).max(Self::LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Delays of ticks that cost 10 s each.
    fn ticks(pace: &mut Pace, now: &mut Instant, count: usize) -> Vec<u64> {
        let tick = |_| {
            let pause = pace.pause(*now, Duration::from_millis(25), 0);
            *now += pause;
            pause.as_secs()
        };
        (0..count).map(tick).collect()
    }

    #[test]
    fn a_change_after_a_quiet_stretch_is_published_at_once_and_many_are_throttled() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(ticks(&mut pace, &mut now, 10), [1, 1, 1, 1, 1, 1, 4, 10, 10, 10]);
        // What is saved has a bound.
        now += Duration::from_hours(24);
        assert_eq!(ticks(&mut pace, &mut now, 9), [1, 1, 1, 1, 1, 1, 4, 10, 10]);
        // However dear a tick is, the next waits no longer than this.
        assert_eq!(pace.pause(now, Duration::from_secs(1), 1 << 20), Duration::from_secs(15));
        now += Duration::from_secs(15);
        assert_eq!(pace.pause(now, Duration::ZERO, 10), Duration::from_secs(1));
    }
}
