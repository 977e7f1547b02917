//! A role as those who run it see it: whether it is at work, how often it began anew, and its figures.

use crate::{Exposition, OpsServer, RoleStatus};
use anyhow::{Context, Result};
use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

type Report = Box<dyn Fn(&mut Exposition) + Send + Sync>;

/// Of one role.
pub struct Operations {
    /// Its name.
    pub role: &'static str,
    ready: AtomicBool,
    /// Somebody looks at its readiness, or it was at work.
    is_service: AtomicBool,
    restarts: AtomicU64,
    report: Mutex<Option<Report>>,
}

impl Operations {
    /// Nothing is ready yet.
    pub fn new(role: &'static str) -> Arc<Self> {
        Arc::new(Self {
            role,
            ready: AtomicBool::new(false),
            is_service: AtomicBool::new(false),
            restarts: AtomicU64::new(0),
            report: Mutex::default(),
        })
    }

    /// Serves `/metrics`, `/healthz` and `/readyz` where an address was given.
    pub fn serve(self: &Arc<Self>, listen: Option<SocketAddr>) -> Result<Option<OpsServer>> {
        let Some(address) = listen else { return Ok(None) };
        let listener = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address}: choose another with --ops-listen"))?;
        self.is_service.store(true, Ordering::Release);
        Ok(Some(OpsServer::start(listener, Arc::clone(self) as Arc<dyn RoleStatus>)?))
    }

    /// The role has its parts; `report` says its figures.
    pub fn at_work(&self, report: impl Fn(&mut Exposition) + Send + Sync + 'static) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(report));
        self.ready.store(true, Ordering::Release);
        self.is_service.store(true, Ordering::Release);
    }

    /// A part has failed it.
    pub fn stumbled(&self) {
        self.ready.store(false, Ordering::Release);
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// A part has failed it, and what it made before serves on: it is ready.
    pub fn stumbled_at_work(&self) {
        self.ready.store(true, Ordering::Release);
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it waits for somebody to mend what refuses it: as a service, or once it was at work. A command that somebody has just typed
    /// ends with the reason instead.
    pub fn waits_for_people(&self) -> bool {
        self.is_service.load(Ordering::Acquire)
    }
}

impl RoleStatus for Operations {
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
