//! `/metrics`, `/healthz` and `/readyz` of a role that serves no map.

use crate::{ServeError, hosts::Hosts, problem::Problem};
use axum::{
    Router,
    extract::State as Shared,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use std::{net::TcpListener, sync::Arc, thread::JoinHandle};
use tokio::sync::oneshot;

/// A role as those who run it see it.
pub trait Operated: Send + Sync {
    /// Whether it has its parts and is at work.
    fn is_ready(&self) -> bool;

    /// Its figures in Prometheus' text format; may take its time.
    fn metrics(&self) -> String;
}

/// A server of its own; it ends when it is dropped.
pub struct OpsServer {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OpsServer {
    /// Serves on a thread of its own.
    pub fn start(listener: TcpListener, role: Arc<dyn Operated>) -> Result<Self, ServeError> {
        listener.set_nonblocking(true)?;
        let hosts = Hosts::new(listener.local_addr()?, &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let app = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(readyz))
            .with_state(role);
        let app = hosts.guard(app);
        let thread = std::thread::Builder::new().name("ops".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // A scrape that is under way is nothing to wait for.
                    _ = stopped => {}
                    ended = axum::serve(listener, app) => {
                        if let Err(error) = ended {
                            tracing::warn!(%error, "metrics are no longer served");
                        }
                    }
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for OpsServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _gone = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn metrics(Shared(role): Shared<Arc<dyn Operated>>) -> Result<Response, Problem> {
    let text = tokio::task::spawn_blocking(move || role.metrics()).await.map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn readyz(Shared(role): Shared<Arc<dyn Operated>>) -> Result<&'static str, Problem> {
    if role.is_ready() {
        Ok("ready\n")
    } else {
        Err(Problem::unavailable("a part does not answer, or is being opened"))
    }
}
