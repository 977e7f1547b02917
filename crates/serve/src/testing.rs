//! For tests by the routes themselves: what a city answers.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use crate::api;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use blotter_query::LoadedCity;
use blotter_runtime::http::Limits;
use serde_json::Value;
use std::sync::Arc;

pub(crate) use blotter_query::testing::{
    CHICAGO, MOST_READS, MemoryLog, Record, apply, batches, chicago, forget_texts, in_force, load_afresh, write,
};

/// The status and body of an answer.
pub(crate) fn ask(city: &Arc<LoadedCity>, question: &str) -> (u16, String) {
    let (status, _, body) = ask_with(city, question, &[]);
    (status, body)
}

/// An answer with its headers, to a client that says these headers.
pub(crate) fn ask_with(city: &Arc<LoadedCity>, question: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    let (_, stopped) = tokio::sync::watch::channel(false);
    let mut request = Request::get(question);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut router = api::router(Arc::clone(city), Arc::default(), stopped, Limits::default(), None);
        let (head, body) = tower_service::Service::call(&mut router, request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
    })
}

/// An answer that there is.
pub(crate) fn json(city: &Arc<LoadedCity>, question: &str) -> Value {
    let (status, body) = ask(city, question);
    assert_eq!(status, 200, "{question}: {body}");
    serde_json::from_str(&body).unwrap()
}
