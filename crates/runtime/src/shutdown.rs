//! The token by which a process asks its roles to close.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Cloned into every role; triggered once, for good.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    triggered: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Shutdown {
    /// A token that nobody has triggered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every holder of a clone to close. Asking twice changes nothing.
    pub fn trigger(&self) {
        let _held = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.triggered.store(true, Ordering::Release);
        self.0.changed.notify_all();
    }

    /// Whether it was triggered; cheap enough for an inner loop.
    pub fn is_triggered(&self) -> bool {
        self.0.triggered.load(Ordering::Acquire)
    }

    /// Sleeps for `duration`, or until it is triggered; whether it was.
    pub fn wait_timeout(&self, duration: Duration) -> bool {
        let Some(end) = Instant::now().checked_add(duration) else {
            return self.wait();
        };
        let mut held = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_triggered() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            held = self.0.changed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn wait(&self) -> bool {
        let mut held = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_triggered() {
            held = self.0.changed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_out_while_nobody_triggers() {
        let shutdown = Shutdown::new();
        let started = Instant::now();
        assert!(!shutdown.wait_timeout(Duration::from_millis(20)));
        assert!(started.elapsed() >= Duration::from_millis(20));
        assert!(!shutdown.is_triggered());
    }

    #[test]
    fn wakes_every_clone_at_once() {
        let shutdown = Shutdown::new();
        let started = Instant::now();
        let waiters: Vec<_> = [Duration::from_mins(1), Duration::MAX]
            .into_iter()
            .map(|duration| {
                let shutdown = shutdown.clone();
                std::thread::spawn(move || shutdown.wait_timeout(duration))
            })
            .collect();
        shutdown.trigger();
        shutdown.trigger();
        for waiter in waiters {
            assert!(waiter.join().expect("the waiter ends"));
        }
        assert!(started.elapsed() < Duration::from_secs(30));
        assert!(shutdown.wait_timeout(Duration::from_mins(1)), "stays triggered");
    }
}
