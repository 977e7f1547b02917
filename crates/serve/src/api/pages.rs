//! Pages that the server writes itself: documents, which need no script. They are not of the API, and not in its document.

use super::{Context, problem};
use axum::{
    extract::State as Shared,
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use blotter_query::{
    FromParameters, Parameters, Patient, Question, Reply,
    questions::{Brief, BriefHead, brief_page, refusal_page},
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
        let parameters = Parameters::read(uri.query(), &Brief::names()).map_err(problem)?;
        let question = Brief::from_parameters(&parameters).map_err(problem)?;
        match question.ask(&context.city, &Patient).map_err(problem)? {
            Reply::Answer(answer, _) => Ok(page(brief_page(&answer, &BriefHead::of(&context.city, true)))),
            Reply::Known(_) => Err(Problem::internal(&"a caller that has no answer was told that it has it")),
        }
    });
    answered.await.unwrap_or_else(|refused: Problem| {
        let mut response = page(refusal_page(refused.detail()));
        *response.status_mut() = refused.status();
        response
    })
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
