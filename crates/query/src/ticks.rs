//! Ticks of one state of the data: each is computed once, however many ask for it at the same time.

use blotter_peak::{Hour, Tick};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Ticks that are kept: that of now, and those of a page that looks back.
const MOST: usize = 16;

/// The ticks of one history, by their hour. Bounded; the one that was asked for longest ago goes first.
#[derive(Debug, Default)]
pub(crate) struct Ticks(Mutex<Vec<(Hour, Once)>>);

type Once = Arc<OnceLock<Arc<Tick>>>;

impl Ticks {
    /// The tick that ends at an hour. Whoever asks first computes it; others wait for that.
    pub(crate) fn at(&self, at: Hour, compute: impl FnOnce() -> Tick) -> Arc<Tick> {
        let once = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let place = kept.iter().position(|(hour, _)| *hour == at);
            let (hour, once) = place.map_or_else(|| (at, Once::default()), |place| kept.remove(place));
            if kept.len() == MOST {
                kept.remove(0);
            }
            kept.push((hour, Arc::clone(&once)));
            once
        };
        Arc::clone(once.get_or_init(|| Arc::new(compute())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

    fn tick(at: Hour) -> Tick {
        Tick { at, windows: Vec::new() }
    }

    #[test]
    fn a_tick_is_computed_once_for_all_who_ask_together() {
        let (ticks, computed, together) = (Ticks::default(), AtomicUsize::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    let found = ticks.at(7, || {
                        computed.fetch_add(1, Ordering::Relaxed);
                        tick(7)
                    });
                    assert_eq!(found.at, 7);
                });
            }
        });
        assert_eq!(computed.into_inner(), 1);
    }

    #[test]
    fn the_least_recently_used_tick_is_evicted_first() {
        let ticks = Ticks::default();
        let computed = AtomicUsize::new(0);
        let ask = |at: Hour| {
            ticks.at(at, || {
                computed.fetch_add(1, Ordering::Relaxed);
                tick(at)
            })
        };
        for at in 0..MOST as Hour {
            ask(at);
        }
        ask(0);
        ask(MOST as Hour);
        assert_eq!(computed.load(Ordering::Relaxed), MOST + 1);
        // The first was asked for again and stays; the second made room.
        ask(0);
        assert_eq!(computed.load(Ordering::Relaxed), MOST + 1);
        ask(1);
        assert_eq!(computed.load(Ordering::Relaxed), MOST + 2);
    }
}
