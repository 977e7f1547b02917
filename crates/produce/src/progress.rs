//! How far a producer is, for a progress bar and for metrics.

use blotter_health::Reports;
use blotter_source::Progress;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Figures of one producer since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProduceFigures {
    /// Accepted and appended.
    pub incidents: u64,
    /// Of these, those that were given the code of an area that their source did not say.
    pub filled: u64,
    /// Rejected and kept.
    pub rejected: u64,
    /// How far the source is, in its own units.
    pub source: Progress,
    /// All that the source holds is appended.
    pub caught_up: bool,
}

/// Figures that one thread writes and others read.
#[derive(Debug, Default)]
pub struct ProduceProgress {
    figures: Mutex<ProduceFigures>,
    caught_up: Arc<AtomicBool>,
    reports: Mutex<Reports>,
}

impl ProduceProgress {
    /// The states of the source's parts, by name.
    pub fn reports(&self) -> Reports {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn report(&self, reports: Reports) {
        *self.reports.lock().unwrap_or_else(PoisonError::into_inner) = reports;
    }

    /// The figures now.
    pub fn figures(&self) -> ProduceFigures {
        *self.lock()
    }

    /// Whether all that the source holds is appended, for roles that need not wait for more then.
    pub fn caught_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.caught_up)
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut ProduceFigures)) {
        let mut figures = self.lock();
        change(&mut figures);
        self.caught_up.store(figures.caught_up, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, ProduceFigures> {
        // The figures are plain numbers: whatever a panicking writer left is still readable.
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
