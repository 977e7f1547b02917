//! The HTTP API: routes, and what all answers have in common.

mod accept;
mod answer;
mod compression;
mod document;
mod exposition;
mod handlers;
mod pages;
mod refusals;
mod routes;
mod stream;
mod written;

pub use routes::openapi_json;

use crate::{
    basemap::{self, Basemap},
    lanes::Lanes,
    metrics::Metrics,
};
use axum::{
    Router,
    extract::{MatchedPath, Request, State as Shared},
    http::Method,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use blotter_query::{LoadedCity, QueryError};
use blotter_runtime::{Problem, http::Limits};
use std::{sync::Arc, time::Instant};
use tokio::sync::{Semaphore, watch};

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
    basemap: Option<Basemap>,
) -> Router {
    let live_streams = Arc::new(Semaphore::new(limits.live_streams));
    let context = Context { city, metrics, stopped, lanes: Arc::default(), live_streams };
    let router: Router<Context> = routes::routes().into();
    router
        .route("/brief", get(pages::brief))
        .route("/feeds/peaks.atom", get(pages::feed))
        .fallback(handlers::web)
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(compression::compress())
        .layer(middleware::map_response(compression::weaken))
        // Outside of the compression: tiles are compressed already, and a range means bytes of the file itself.
        .route(
            basemap::PATH,
            get(|request: Request| async move {
                match basemap {
                    Some(basemap) => basemap.answer(request).await,
                    None => {
                        Problem::not_found("no base map was given: start with `--basemap FILE.pmtiles`").into_response()
                    }
                }
            }),
        )
        .layer(middleware::from_fn_with_state(context.clone(), observe))
        .merge(routes::alive())
        .with_state(context)
}

/// Counts and times each request; refuses what is neither GET nor HEAD.
async fn observe(Shared(context): Shared<Context>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    // The web app's files are one.
    let route = request.extensions().get::<MatchedPath>().map_or("web".into(), |path| path.as_str().to_owned());
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
