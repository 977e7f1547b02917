//! Figures of the server.

use blotter_runtime::http::Connections;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicI64},
    time::Duration,
};

/// Upper bounds of the request histogram, in seconds.
pub(crate) const BOUNDS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) requests: Mutex<BTreeMap<(String, u16), Requests>>,
    pub(crate) live_clients: AtomicI64,
    /// Of the listener; none where there is none.
    pub(crate) connections: OnceLock<Arc<Connections>>,
}

/// Those of one route and status.
#[derive(Default)]
pub(crate) struct Requests {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    pub(crate) buckets: [u64; BOUNDS.len()],
}

impl Metrics {
    pub(crate) fn request(&self, route: String, status: u16, took: Duration) {
        let mut all = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = all.entry((route, status)).or_default();
        let seconds = took.as_secs_f64();
        requests.count += 1;
        requests.seconds += seconds;
        for (bucket, bound) in requests.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
    }
}
