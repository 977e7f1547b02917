//! Compression of answers as `Accept-Encoding` asks, while they are written.
//!
//! A compressed answer has other bytes than a plain one, so its validator is weak: it says that the content is the same.

use axum::{
    http::{HeaderValue, header},
    response::Response,
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{And, DefaultPredicate, Predicate, SizeAbove},
    },
};

/// Below this a packet is not saved.
const LEAST_BYTES: u64 = 1024;

/// gzip, br or zstd, as fast as each can be: answers change with every incident, and are made for one client. Live streams and
/// what is compressed already stay as they are.
pub(super) fn compress() -> CompressionLayer<And<DefaultPredicate, SizeAbove>> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(DefaultPredicate::new().and(SizeAbove::new(LEAST_BYTES)))
}

/// Makes the validator of a compressed answer weak.
pub(super) async fn weaken(mut response: Response) -> Response {
    if !response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let weak = response.headers().get(header::ETAG).and_then(|tag| {
        let tag = tag.to_str().ok().filter(|tag| !tag.starts_with("W/"))?;
        HeaderValue::from_str(&format!("W/{tag}")).ok()
    });
    if let Some(weak) = weak {
        response.headers_mut().insert(header::ETAG, weak);
    }
    response
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use axum::body::Body;

    #[tokio::test]
    async fn a_compressed_answer_has_a_weak_validator() {
        let tag = async |coding: Option<&str>, tag: &str| {
            let mut response = Response::builder().header(header::ETAG, tag);
            if let Some(coding) = coding {
                response = response.header(header::CONTENT_ENCODING, coding);
            }
            let response = weaken(response.body(Body::empty()).unwrap()).await;
            response.headers()[header::ETAG].to_str().unwrap().to_owned()
        };
        assert_eq!(tag(None, "\"a\"").await, "\"a\"");
        assert_eq!(tag(Some("gzip"), "\"a\"").await, "W/\"a\"");
        assert_eq!(tag(Some("br"), "W/\"a\"").await, "W/\"a\"");
    }
}
