//! `/metrics`, `/healthz` and `/readyz` of a role that serves no map.

use crate::{
    Hosts, Lane, Problem,
    http::{self, Connections, Limits},
};
use axum::{
    Router,
    extract::State as Shared,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::watch;

/// A role as those who run it see it.
pub trait RoleStatus: Send + Sync {
    /// Whether it has its parts and is at work.
    fn is_ready(&self) -> bool;

    /// Its figures in Prometheus' text format; may take its time.
    fn metrics(&self) -> String;
}

/// Scrapers and probes hold few connections; a role has other uses for its files.
const CONNECTIONS: usize = 64;
/// Scrapes at once, and those that wait.
const SCRAPES: usize = 2;
const WAITING_SCRAPES: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Context {
    role: Arc<dyn RoleStatus>,
    scrapes: Arc<Lane>,
}

/// A server of its own; it ends when it is dropped.
pub struct OpsServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl OpsServer {
    /// Serves on a thread of its own.
    pub fn start(listener: TcpListener, role: Arc<dyn RoleStatus>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let hosts = Hosts::new(address, &[]);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(SCRAPES).build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = watch::channel(false);
        let scrapes = Arc::new(Lane::new("operations", SCRAPES, WAITING_SCRAPES, PATIENCE));
        let app = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(readyz))
            .with_state(Context { role, scrapes });
        let app = hosts.guard(app);
        let serving = http::serve(
            listener,
            app,
            Limits::of_connections(CONNECTIONS),
            Connections::new(CONNECTIONS),
            stopped.clone(),
        );
        let thread = std::thread::Builder::new().name("ops".into()).spawn(move || {
            runtime.block_on(async {
                let mut stopped = stopped;
                tokio::select! {
                    // A scrape that is under way is nothing to wait for.
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                    () = serving => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl OpsServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for OpsServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn metrics(Shared(context): Shared<Context>) -> Result<Response, Problem> {
    let role = Arc::clone(&context.role);
    let text = context.scrapes.run(move || Ok(role.metrics())).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn readyz(Shared(context): Shared<Context>) -> Result<&'static str, Problem> {
    if context.role.is_ready() {
        Ok("ready\n")
    } else {
        Err(Problem::unavailable("a part does not answer, or is being opened"))
    }
}
