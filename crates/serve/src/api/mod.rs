//! The HTTP API: routes, and what all answers have in common.

mod accept;
mod answer;
mod compression;
mod exposition;
mod handlers;
mod openapi;
mod stream;
mod written;

pub use openapi::openapi_json;

use crate::{lanes::Lanes, metrics::Metrics};
use axum::{
    Router,
    extract::{Request, State as Shared},
    http::Method,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use blotter_query::{
    LoadedCity, QueryError,
    questions::{Backtest, Cells, Density, Emerging, Hotspots, Incidents, Meta, Peaks, RejectedRecords, Series},
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
    pub(crate) city: Arc<LoadedCity>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) lanes: Arc<Lanes>,
    /// Places for live streams.
    pub(crate) live_streams: Arc<Semaphore>,
}

pub(crate) fn router(
    city: Arc<LoadedCity>,
    metrics: Arc<Metrics>,
    stopped: watch::Receiver<bool>,
    limits: Limits,
) -> Router {
    let live_streams = Arc::new(Semaphore::new(limits.live_streams));
    let context = Context { city, metrics, stopped, lanes: Arc::default(), live_streams };
    Router::new()
        .route("/api/v1/meta", get(handlers::ask::<Meta>))
        .route("/api/v1/series", get(handlers::ask::<Series>))
        .route("/api/v1/cells", get(handlers::ask::<Cells>))
        .route("/api/v1/hotspots", get(handlers::ask::<Hotspots>))
        .route("/api/v1/density", get(handlers::ask::<Density>))
        .route("/api/v1/emerging", get(handlers::ask::<Emerging>))
        .route("/api/v1/backtest", get(handlers::ask::<Backtest>))
        .route("/api/v1/peaks", get(handlers::ask::<Peaks>))
        .route("/api/v1/incidents", get(handlers::ask::<Incidents>))
        .route("/api/v1/boundaries/{layer}", get(handlers::boundaries))
        .route("/api/v1/rejected", get(handlers::ask::<RejectedRecords>))
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
    context.metrics.request(route, response.status().as_u16(), started.elapsed());
    response
}

/// What a client sees of a question that has no answer.
fn problem(error: QueryError) -> Problem {
    match error {
        QueryError::Parameter { name, detail } => Problem::parameter(&name, detail),
        QueryError::NotFound(detail) => Problem::not_found(detail),
        QueryError::Unavailable(detail) => Problem::unavailable(detail),
        QueryError::Busy(detail) => Problem::busy(detail),
        QueryError::Internal(error) => Problem::internal(&error),
    }
}
