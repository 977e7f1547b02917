//! What a client sees of an error: RFC 9457, a safe sentence and a request id.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A client that was sent away may ask again after so many seconds.
pub const RETRY_AFTER_S: u32 = 5;

/// Why there is no answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDetails<'a> {
    /// Always `about:blank`.
    #[serde(rename = "type")]
    kind: &'a str,
    /// Kind of problem.
    title: &'a str,
    /// HTTP status code.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, and what to do about it.
    detail: &'a str,
    /// Name of the wrong parameter. Absent otherwise.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}

/// An answer that explains itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    parameter: Option<String>,
}

impl Problem {
    /// A wrong parameter, by name.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "a parameter is wrong",
            detail: detail.into(),
            parameter: Some(name.to_owned()),
        }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, and what to do about it.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// A request that is not as HTTP wants it.
    pub fn request(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, title: "bad request", detail: detail.into(), parameter: None }
    }

    /// A request for another server.
    pub fn misdirected(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::MISDIRECTED_REQUEST,
            title: "misdirected request",
            detail: detail.into(),
            parameter: None,
        }
    }

    /// An answer has none of the forms that the client accepts.
    pub fn not_acceptable(offered: &[&str]) -> Self {
        Self {
            status: StatusCode::NOT_ACCEPTABLE,
            title: "not acceptable",
            detail: format!("this answer has none of the accepted media types: accept {}", offered.join(", ")),
            parameter: None,
        }
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, title: "not found", detail: detail.into(), parameter: None }
    }

    /// The path has no such method.
    pub fn method() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            title: "method not allowed",
            detail: "this API only answers GET and HEAD".into(),
            parameter: None,
        }
    }

    /// It cannot answer now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, title: "not ready", detail: detail.into(), parameter: None }
    }

    /// There is too much to do at the moment, and the client should ask again.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self { title: "too busy", ..Self::unavailable(detail) }
    }

    /// Something of ours failed: logged with an id, which is all that the client is told.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        let request = uuid::Uuid::new_v4();
        tracing::error!(%request, %error, "a request failed");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "internal error",
            detail: format!("request {request} failed; the server's log has more under that id"),
            parameter: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let details = ProblemDetails {
            kind: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            parameter: self.parameter.as_deref(),
        };
        // Texts and a number: they can be written.
        let body = serde_json::to_string(&details).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            // The same address has an answer for those who accept another form.
            StatusCode::NOT_ACCEPTABLE => {
                response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
            }
            _ => {}
        }
        response
    }
}
