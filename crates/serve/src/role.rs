//! The role: a follower on a thread of its own, and the HTTP server.

use crate::{Basemap, ServeError, api, lanes::Lanes, metrics::Metrics};
use blotter_query::{Follower, LoadParts, LoadedCity};
use blotter_runtime::{
    Hosts, Shutdown,
    http::{self, Connections, Limits},
};
use std::{net::TcpListener, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Stop when the snapshot is loaded and the log was followed to the end seen at start.
    pub until_caught_up: bool,
    /// The least time between two live events.
    pub coalesce: Duration,
    /// Requests under way at a shutdown may take this long.
    pub deadline: Duration,
    /// Names that it answers to beside those of the loopback, where it listens there; where it listens elsewhere, the only
    /// ones if there are any.
    pub allow_hosts: Vec<String>,
    /// What clients may hold.
    pub limits: Limits,
    /// Streets and names below the data.
    pub basemap: Option<Basemap>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            until_caught_up: false,
            coalesce: Duration::from_millis(5),
            deadline: Duration::from_secs(3),
            allow_hosts: Vec::new(),
            limits: Limits::default(),
            basemap: None,
        }
    }
}

/// What it works with.
pub struct ServeParts {
    /// What is served.
    pub load: LoadParts,
    /// Where to listen.
    pub listener: TcpListener,
}

/// Serves until stopped.
pub fn run(config: &ServeConfig, parts: ServeParts, shutdown: &Shutdown) -> Result<(), ServeError> {
    let LoadParts { log, snapshots, profile, boundaries } = parts.load;
    let mut city = LoadedCity::new(profile, log, boundaries);
    city.basemap = config.basemap.as_ref().map(|basemap| basemap.facts().clone());
    let city = Arc::new(city);
    let metrics = Arc::new(Metrics::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(Lanes::BLOCKING_THREADS)
        .thread_name("http")
        .enable_all()
        .build()?;
    let (stop, stopped) = watch::channel(false);
    parts.listener.set_nonblocking(true)?;
    let hosts = Hosts::new(parts.listener.local_addr()?, &config.allow_hosts);
    let server = {
        let _inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(parts.listener)?;
        let connections = Connections::new(config.limits.connections);
        // Before anybody asks.
        let _first = metrics.connections.set(Arc::clone(&connections));
        let router = api::router(Arc::clone(&city), metrics, stopped.clone(), config.limits, config.basemap.clone());
        let app = hosts.guard(router);
        runtime.spawn(http::serve(listener, app, config.limits, connections, stopped))
    };
    let follower = Follower { city, snapshots, coalesce: config.coalesce, until_caught_up: config.until_caught_up };
    let ended = follower.run(shutdown);
    stop.send_replace(true);
    let closed = runtime.block_on(async { tokio::time::timeout(config.deadline, server).await });
    if closed.is_err() {
        tracing::info!("requests that were still under way are broken off");
    }
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(ended?)
}
