//! Pages and feeds that the server writes itself: documents, which need no script. They are not of the API, and not in its document.

use super::{Context, problem};
use crate::conditional::is_seen;
use axum::{
    extract::State as Shared,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use blotter_query::{
    FeedHead, FromParameters, LoadedCity, Parameters, Patient, Question, Reply, peaks_feed,
    questions::{Brief, BriefHead, Episodes, brief_page, refusal_page},
};
use blotter_runtime::Problem;
use std::sync::Arc;

/// Nothing but what the page itself holds.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

/// The weekly brief.
pub(super) async fn brief(Shared(context): Shared<Context>, uri: Uri) -> Response {
    let lanes = Arc::clone(&context.lanes);
    let answered = lanes.records.run(move || {
        let answer = answer::<Brief>(&context.city, &uri)?;
        Ok(page(brief_page(&answer, &BriefHead::of(&context.city, true))))
    });
    answered.await.unwrap_or_else(|refused: Problem| {
        let mut response = page(refusal_page(refused.detail()));
        *response.status_mut() = refused.status();
        response
    })
}

/// The episodes as a feed. Its parameters are those of `/api/v1/episodes`.
pub(super) async fn feed(Shared(context): Shared<Context>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let lanes = Arc::clone(&context.lanes);
    let written = lanes.records.run(move || {
        let city = &context.city;
        let answer = answer::<Episodes>(city, &uri)?;
        let head = FeedHead {
            slug: &city.profile.slug,
            city: &city.profile.name,
            simulated: city.is_simulated(),
            query: uri.query().unwrap_or_default(),
            base: &base(&headers),
        };
        let feed = peaks_feed(&answer, &head);
        let tag = format!("\"{:x}\"", xxhash_rust::xxh3::xxh3_64(feed.as_bytes()));
        let described = [
            (header::CONTENT_TYPE, "application/atom+xml; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::ETAG, tag.as_str()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Ok(if is_seen(&headers, &tag) {
            (StatusCode::NOT_MODIFIED, described).into_response()
        } else {
            (described, feed).into_response()
        })
    });
    written.await
}

/// Where the client asks this server: feeds have whole addresses, because readers do not know where they came from.
fn base(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    format!("{scheme}://{}", text("host").unwrap_or("localhost"))
}

fn answer<Q: Question + FromParameters>(city: &LoadedCity, uri: &Uri) -> Result<Q::Answer, Problem> {
    let parameters = Parameters::read(uri.query(), &Q::names()).map_err(problem)?;
    let question = Q::from_parameters(&parameters).map_err(problem)?;
    match question.ask(city, &Patient).map_err(problem)? {
        Reply::Answer(answer, _) => Ok(answer),
        Reply::Known(_) => Err(Problem::internal(&"a caller that has no answer was told that it has it")),
    }
}

fn page(text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}
