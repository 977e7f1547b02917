//! The HTTP API: routes, and what all answers have in common.

mod accept;
mod answer;
mod backtest;
mod compression;
mod density;
mod emerging;
mod handlers;
mod hotspots;
mod openapi;
mod parameters;
mod peaks;
mod places;
mod rejected;
mod statistic;
mod stream;
mod written;

pub use openapi::openapi_json;

use crate::{lanes::Lanes, state::State};
use axum::{
    Router,
    extract::{Request, State as Shared},
    http::Method,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use blotter_runtime::{Problem, http::Limits};
use std::{sync::Arc, time::Instant};
use tokio::sync::{Semaphore, watch};

/// Every route of the API; all are in the OpenAPI document.
pub(crate) const ROUTES: [&str; 16] = [
    "/api/v1/meta",
    "/api/v1/series",
    "/api/v1/cells",
    "/api/v1/hotspots",
    "/api/v1/density",
    "/api/v1/emerging",
    "/api/v1/backtest",
    "/api/v1/peaks",
    "/api/v1/incidents",
    "/api/v1/boundaries/{layer}",
    "/api/v1/rejected",
    "/api/v1/live",
    "/openapi.json",
    "/metrics",
    "/healthz",
    "/readyz",
];

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) state: Arc<State>,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) lanes: Arc<Lanes>,
    /// Places for live streams.
    pub(crate) live_streams: Arc<Semaphore>,
}

pub(crate) fn router(state: Arc<State>, stopped: watch::Receiver<bool>, limits: Limits) -> Router {
    let live_streams = Arc::new(Semaphore::new(limits.live_streams));
    let context = Context { state, stopped, lanes: Arc::default(), live_streams };
    Router::new()
        .route("/api/v1/meta", get(handlers::meta))
        .route("/api/v1/series", get(handlers::series))
        .route("/api/v1/cells", get(handlers::cells))
        .route("/api/v1/hotspots", get(hotspots::hotspots))
        .route("/api/v1/density", get(density::density))
        .route("/api/v1/emerging", get(emerging::emerging))
        .route("/api/v1/backtest", get(backtest::backtest))
        .route("/api/v1/peaks", get(peaks::peaks))
        .route("/api/v1/incidents", get(handlers::incidents))
        .route("/api/v1/boundaries/{layer}", get(handlers::boundaries))
        .route("/api/v1/rejected", get(rejected::rejected))
        .route("/api/v1/live", get(stream::live))
        .route("/openapi.json", get(handlers::openapi))
        .route("/metrics", get(handlers::metrics))
        .route("/readyz", get(handlers::readyz))
        .fallback(handlers::web)
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(compression::compress())
        .layer(middleware::map_response(compression::weaken))
        .layer(middleware::from_fn_with_state(context.clone(), observe))
        // Not even counted: it answers whatever the others do, and takes no lock.
        .route("/healthz", get(handlers::healthz))
        .with_state(context)
}

/// Counts and times each request; refuses what is neither GET nor HEAD.
async fn observe(Shared(context): Shared<Context>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path();
    let route = ROUTES
        .into_iter()
        .find(|route| *route == path || route.strip_suffix("{layer}").is_some_and(|prefix| path.starts_with(prefix)))
        .unwrap_or("web");
    let response = if matches!(*request.method(), Method::GET | Method::HEAD) {
        next.run(request).await
    } else {
        Problem::method().into_response()
    };
    context.state.metrics.request(route, response.status().as_u16(), started.elapsed());
    response
}

#[cfg(test)]
mod tests;
