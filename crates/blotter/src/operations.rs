//! A role as those who run it see it: whether it is at work, how often it began anew, and its figures.

use anyhow::{Context, Result};
use blotter_log::{Log, Topic};
use blotter_serve::{Exposition, Operated, OpsServer};
use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

type Report = Box<dyn Fn(&mut Exposition) + Send + Sync>;

/// Of one role.
pub(crate) struct Operations {
    pub(crate) role: &'static str,
    ready: AtomicBool,
    restarts: AtomicU64,
    report: Mutex<Option<Report>>,
}

impl Operations {
    /// Nothing is ready yet.
    pub(crate) fn new(role: &'static str) -> Arc<Self> {
        Arc::new(Self { role, ready: AtomicBool::new(false), restarts: AtomicU64::new(0), report: Mutex::default() })
    }

    /// Serves `/metrics`, `/healthz` and `/readyz` where an address was given.
    pub(crate) fn serve(self: &Arc<Self>, listen: Option<SocketAddr>) -> Result<Option<OpsServer>> {
        let Some(address) = listen else { return Ok(None) };
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address}: choose another with --ops-listen"))?;
        println!("metrics at http://{}/metrics", listener.local_addr()?);
        Ok(Some(OpsServer::start(listener, Arc::clone(self) as Arc<dyn Operated>)?))
    }

    /// The role has its parts; `report` says its figures.
    pub(crate) fn at_work(&self, report: impl Fn(&mut Exposition) + Send + Sync + 'static) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(report));
        self.ready.store(true, Ordering::Release);
    }

    /// A part has failed it.
    pub(crate) fn stumbled(&self) {
        self.ready.store(false, Ordering::Release);
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

impl Operated for Operations {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    fn metrics(&self) -> String {
        let mut text = Exposition::default();
        text.family("blotter_info", "gauge", "The version and the role.")
            .sample(&[("version", &env!("CARGO_PKG_VERSION")), ("role", &self.role)], 1);
        text.family("blotter_ready", "gauge", "Whether the role has its parts and is at work.")
            .sample(&[], u8::from(self.is_ready()));
        text.family("blotter_restarts_total", "counter", "Times that the role began anew because a part had failed.")
            .sample(&[], self.restarts.load(Ordering::Relaxed));
        if let Some(report) = &*self.report.lock().unwrap_or_else(PoisonError::into_inner) {
            report(&mut text);
        }
        text.into_text()
    }
}

/// Says how far a role is behind the ends of a topic; what cannot be asked now is left out.
pub(crate) fn lag(text: &mut Exposition, log: &dyn Log, topic: Topic, labels: &[(&str, &str)], next: &[u64]) {
    for (partition, next) in (0_u32..).zip(next) {
        let Ok(bounds) = log.bounds(topic, partition) else { return };
        let mut all: Vec<(&str, &dyn std::fmt::Display)> =
            labels.iter().map(|(name, value)| (*name, value as &dyn std::fmt::Display)).collect();
        all.push(("partition", &partition));
        text.sample(&all, bounds.next.0.saturating_sub(*next));
    }
}

/// Begins the family of lags.
pub(crate) fn lags(text: &mut Exposition) -> &mut Exposition {
    text.family("blotter_lag_records", "gauge", "Records of the log that a role has not reached.")
}
