//! The embedded web app. Each file was compressed when the app was built, so that no request does it again.

use crate::{
    coding::{Coding, accepted},
    conditional::is_seen,
};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

/// What `make ui` built; empty where it was not built.
#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Files;

/// One origin for everything, and nothing from elsewhere.
const POLICY: &str = "default-src 'self'; worker-src 'self' blob:; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; \
                      connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors ";

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Blotter</title><p>The web app is not part of this build: \
                         run <code>make ui</code>, then build again. The API is at <a href=/openapi.json>/openapi.json</a>.";

/// Who may show the page in a frame: with `embed=1`, which draws the map alone, anybody. Nothing can be changed through it.
fn frames(uri: &Uri) -> &'static str {
    let is_embedded = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "embed=1"));
    if is_embedded { "*" } else { "'self'" }
}

/// A file of the web app.
pub(crate) fn file(uri: &Uri, headers: &HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(plain) = Files::get(path) else {
        if path == "index.html" {
            return page(Body::from(NOT_BUILT), frames(uri));
        }
        return blotter_runtime::Problem::not_found(format!("there is no /{path}")).into_response();
    };
    // What the build compressed lies beside the file; there is nothing where that saves nothing.
    let compressed = |coding: Coding| Some((coding, Files::get(&format!("{path}.{}", coding.suffix()))?));
    let (coding, file) = match accepted(headers).into_iter().find_map(compressed) {
        Some((coding, file)) => (Some(coding), file),
        None => (None, plain),
    };
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..12]));
    // Files below `assets` have a hash of their content in their names.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if is_seen(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = page(Body::from(file.data), frames(uri));
        // By the name: a compressed file's own is another.
        let media_type = mime_guess::from_path(path).first_or_octet_stream();
        let charset = if media_type.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
        if let Ok(media_type) = format!("{media_type}{charset}").parse() {
            response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        }
        if let Some(coding) = coding {
            response.headers_mut().insert(header::CONTENT_ENCODING, coding.header());
        }
        response
    };
    let headers = response.headers_mut();
    for (name, value) in
        [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, caching), (header::VARY, "accept-encoding")]
    {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}

fn page(body: Body, frames: &str) -> Response {
    let policy = format!("{POLICY}{frames}");
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, body).into_response()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_alone_may_be_framed_by_anybody() {
        let policy = |address: &'static str| {
            let response = file(&Uri::from_static(address), &HeaderMap::new());
            let policy = response.headers().get(header::CONTENT_SECURITY_POLICY);
            policy.and_then(|policy| policy.to_str().ok()).unwrap_or_default().to_owned()
        };
        for (address, frames) in [
            ("/", "frame-ancestors 'self'"),
            ("/?category=THEFT", "frame-ancestors 'self'"),
            ("/?category=THEFT&embed=1", "frame-ancestors *"),
            ("/?note=embed=1", "frame-ancestors 'self'"),
        ] {
            assert!(policy(address).ends_with(frames), "{address}: {}", policy(address));
        }
    }
}
