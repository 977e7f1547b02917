//! Points in memory.

use super::{PeakPoint, Point, Sink, SinkError};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// By hour, area and category, the count.
type Points = BTreeMap<(i64, String, String), u64>;

/// By tick, window, area and category: observed, expected and q.
pub type MemoryPeaks = BTreeMap<(i64, u16, String, String), (u64, f64, f64)>;

/// Keeps points in memory; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemorySink(Arc<Mutex<Points>>, Arc<Mutex<MemoryPeaks>>);

impl MemorySink {
    /// What it has: hour, area, category and count, by hour.
    pub fn points(&self) -> BTreeMap<(i64, String, String), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it has of peaks.
    pub fn peaks(&self) -> MemoryPeaks {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn write(&mut self, points: &[Point<'_>]) -> Result<(), SinkError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for point in points {
            all.insert((point.bucket, point.area.to_owned(), point.category.to_owned()), point.count);
        }
        Ok(())
    }

    fn write_peaks(&mut self, points: &[PeakPoint<'_>]) -> Result<(), SinkError> {
        let mut all = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        for point in points {
            let key = (point.at, point.window, point.area.to_owned(), point.category.to_owned());
            all.insert(key, (point.observed, point.expected, point.q));
        }
        Ok(())
    }
}
