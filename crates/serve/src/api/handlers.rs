//! The handlers: one for every question, and one a route for the rest.

use super::{
    Context,
    answer::{Exchange, Timing, form},
    exposition::render,
    problem,
    refusals::{Refusals, RequestRefusals},
    written,
};
use crate::web as files;
use axum::{
    extract::{Path, State as Shared, rejection::PathRejection},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use blotter_query::{
    Caller, Cost, Edition, FromParameters, Parameters, Question, Reply,
    encode::{Answer, EncodedAnswer, Form},
};
use blotter_runtime::{Demand, Problem, ProblemDetails};
use bytes::Bytes;
use std::sync::Arc;
use utoipa::ToSchema;

/// Answers a question in its lane, off the threads that answer everybody. `known`: the names of its parameters.
pub(super) async fn ask<Q>(
    Shared(context): Shared<Context>,
    headers: HeaderMap,
    uri: Uri,
    known: Arc<[String]>,
) -> Result<Response, Problem>
where
    Q: Question + FromParameters + Send + 'static,
{
    let offered = <Q::Answer as Answer>::FORMS;
    let parameters = Parameters::read(uri.query(), &known).map_err(problem)?;
    let form = form(&headers, parameters.format(), offered)?;
    let question = Q::from_parameters(&parameters).map_err(problem)?;
    let lanes = Arc::clone(&context.lanes);
    let lane = match question.cost() {
        Cost::Quick => &lanes.quick,
        Cost::Records => &lanes.records,
        Cost::Heavy => {
            return lanes
                .heavy
                .run_while_wanted(move |wanted| answer(&context, &headers, &uri, form, &question, Some(wanted)))
                .await;
        }
    };
    lane.run(move || answer(&context, &headers, &uri, form, &question, None)).await
}

fn answer<Q: Question>(
    context: &Context,
    headers: &HeaderMap,
    uri: &Uri,
    form: Form,
    question: &Q,
    wanted: Option<&Demand>,
) -> Result<Response, Problem> {
    let mut timing = Timing::start();
    let asked = Exchange { city: &context.city, uri, headers, form };
    let (answer, edition) = match question.ask(&context.city, &Client { asked: &asked, wanted }).map_err(problem)? {
        Reply::Known(edition) => return Ok(asked.not_modified(&edition)),
        Reply::Answer(answer, edition) => (answer, edition),
    };
    timing.cube_done();
    let EncodedAnswer { held_bytes, next_page, write, .. } = EncodedAnswer::new(answer, form).map_err(problem)?;
    let body = written::body(&context.lanes.sending, held_bytes, write)?;
    Ok(asked.answered(body, edition.as_ref(), next_page, &timing))
}

/// A client of HTTP.
struct Client<'a> {
    asked: &'a Exchange<'a>,
    /// None where the answer takes milliseconds.
    wanted: Option<&'a Demand>,
}

impl Caller for Client<'_> {
    fn has(&self, edition: &Edition) -> bool {
        self.asked.is_seen(edition)
    }

    fn is_over(&self) -> bool {
        self.wanted.is_some_and(Demand::is_over)
    }

    fn long_work_begins(&self) {
        if let Some(wanted) = self.wanted {
            wanted.yield_to_others();
        }
    }
}

/// Outlines of a layer's areas, as the city publishes them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its fields are for the document")]
struct Boundaries {
    /// Type of the GeoJSON object (RFC 7946).
    #[schema(rename = "type")]
    kind: CollectionType,
    /// One feature per area.
    features: Vec<Boundary>,
}

/// Always `FeatureCollection`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is for the document")]
enum CollectionType {
    FeatureCollection,
}

/// Always `Feature`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is for the document")]
enum FeatureType {
    Feature,
}

/// An area.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its fields are for the document")]
struct Boundary {
    /// Type of the GeoJSON object (RFC 7946).
    #[schema(rename = "type")]
    kind: FeatureType,
    /// Code and name of the area.
    properties: BoundaryName,
    /// Outline of the area: a GeoJSON geometry, in degrees, longitude first. Null if the city publishes none.
    #[schema(required)]
    geometry: Option<serde_json::Map<String, serde_json::Value>>,
}

/// The name of an area.
#[derive(ToSchema)]
#[expect(dead_code, reason = "its fields are for the document")]
struct BoundaryName {
    /// Code, as in incidents.
    code: String,
    /// Name to show.
    name: String,
}

/// Outlines of a layer's areas
///
/// Returns the outlines that the city publishes, each with the code that incidents have.
#[utoipa::path(
    get,
    path = "/api/v1/boundaries/{layer}",
    params(("layer" = String, Path, description = "Name of the layer (see `/api/v1/meta`).", min_length = 1, max_length = 100)),
    responses(
        (
            status = 200,
            description = "Feature collection (RFC 7946), one feature per area.",
            body = Boundaries,
            content_type = "application/geo+json"
        ),
        (
            status = 404,
            description = "The layer does not exist, or the server has no outlines for it (`blotter boundaries` fetches them).",
            body = ProblemDetails,
            content_type = "application/problem+json"
        ),
        Refusals,
    )
)]
pub(super) async fn boundaries(
    Shared(context): Shared<Context>,
    layer: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Parameters::read(uri.query(), &[]).map_err(problem)?;
    let city = &context.city;
    let Ok(Path(layer)) = layer else {
        return Err(Problem::not_found("the layer's name is not UTF-8; /api/v1/meta lists the layers"));
    };
    match city.profile.layer(&layer).and_then(|layer| city.boundaries.of(layer)) {
        Some(outlines) => {
            let headers = [(header::CONTENT_TYPE, "application/geo+json"), (header::CACHE_CONTROL, "no-cache")];
            Ok((headers, Bytes::from_owner(outlines.geojson())).into_response())
        }
        None => Err(Problem::not_found(format!(
            "the outlines of `{layer}` are not known: `blotter boundaries` fetches what the portal has, and --boundaries {layer}=FILE gives them"
        ))),
    }
}

/// Metrics for Prometheus
///
/// Returns the metrics of this process.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "Metrics in the text format of Prometheus.", body = String, content_type = "text/plain"),
        Refusals,
    )
)]
pub(super) async fn metrics(Shared(context): Shared<Context>) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    lanes
        .operations
        .run(move || {
            let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            Ok((headers, render(&context)).into_response())
        })
        .await
}

/// Check that the process runs
///
/// Answers even while the data are loading: it takes no lock and waits for nothing.
#[utoipa::path(
    get,
    path = "/healthz",
    responses((status = 200, description = "The process runs.", body = String, content_type = "text/plain"), RequestRefusals)
)]
pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

/// Check that the snapshot is loaded and the log was read to its end
///
/// Answers 503 until then.
#[utoipa::path(
    get,
    path = "/readyz",
    responses((status = 200, description = "Ready.", body = String, content_type = "text/plain"), Refusals)
)]
pub(super) async fn readyz(Shared(context): Shared<Context>) -> Result<&'static str, Problem> {
    if context.city.is_ready() {
        Ok("ready\n")
    } else {
        Err(Problem::unavailable("the snapshot is being loaded, or the log followed to its end"))
    }
}

pub(super) async fn web(uri: Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with("/api/") {
        return Problem::not_found(format!("there is no {}; /openapi.json lists what there is", uri.path()))
            .into_response();
    }
    files::file(&uri, &headers)
}
