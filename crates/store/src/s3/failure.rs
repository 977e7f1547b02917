//! What S3 or the way to it has failed with: a sentence that shows no secret, and whether it passes.
//!
//! A server's answer may repeat the request, its session token included; of an answer only the S3 error code
//! is kept, and its message where the code says too little.

use object_store::client::{HttpError, HttpErrorKind};
use std::{error::Error, fmt};

/// The longest message of a server that is repeated.
const MESSAGE_CHARS: usize = 200;

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    kind: Kind,
    text: String,
}

/// What may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request has not reached the server: nothing was done.
    Unsent,
    /// It passes by itself, and the request may have been carried out.
    Unsure,
    /// These credentials may not do that.
    Denied,
    /// It stays until somebody changes something.
    Final,
}

impl Failure {
    /// An answer that is no success; none where its status says all (404, 412, 304).
    pub(crate) fn of_answer(host: &str, status: u16, body: &str) -> Option<Self> {
        let code = element(body, "Code").unwrap_or_default();
        let (kind, text) = match (status, code) {
            (404, "NoSuchBucket") => {
                (Kind::Final, "the bucket does not exist; create it, or correct the store's URL".to_owned())
            }
            (_, "RequestTimeTooSkewed") => {
                (Kind::Unsure, "this machine's clock and the server's are too far apart".to_owned())
            }
            (
                _,
                "SignatureDoesNotMatch"
                | "InvalidAccessKeyId"
                | "InvalidToken"
                | "ExpiredToken"
                | "TokenRefreshRequired"
                // An unknown access key, to versitygw.
                | "XAdminUserNotFound",
            ) => (
                Kind::Denied,
                format!(
                    "the credentials are refused ({code}); check `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, their \
                     files, or the pod's identity"
                ),
            ),
            // Any other 404 must not look like an object that is not there.
            (404, "" | "NoSuchKey" | "NoSuchVersion" | "NoSuchUpload" | "NotFound") | (304 | 412, _) => return None,
            (401 | 403, _) => (
                Kind::Denied,
                format!(
                    "access denied{}; the credentials need to list the bucket and to get, put and delete its objects",
                    in_brackets(code)
                ),
            ),
            (300..=399, _)
            | (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => (
                Kind::Final,
                format!(
                    "the bucket is elsewhere{}; set `AWS_REGION` and `AWS_ENDPOINT_URL_S3` to its",
                    in_brackets(code)
                ),
            ),
            (501 | 505, _) => (
                Kind::Final,
                format!("the server does not know this request{}; give another server", in_brackets(code)),
            ),
            (408 | 409 | 429 | 500.., _) | (_, "RequestTimeout" | "SlowDown" | "Throttling") => {
                (Kind::Unsure, format!("the server cannot answer now: status {status}{}", in_brackets(code)))
            }
            _ => {
                let message: String =
                    element(body, "Message").unwrap_or_default().chars().take(MESSAGE_CHARS).collect();
                (Kind::Final, format!("the request was refused: status {status}{} {message}", in_brackets(code)))
            }
        };
        Some(Self { kind, text: format!("{host}: {}", text.trim_end()) })
    }

    /// No answer.
    pub(crate) fn of_transport(host: &str, kind: HttpErrorKind, error: &dyn Error) -> Self {
        let kind = if kind == HttpErrorKind::Connect { Kind::Unsent } else { Kind::Unsure };
        let mut cause = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let what = if kind == Kind::Unsent { "the server cannot be reached" } else { "no answer" };
        Self { kind, text: format!("{host}: {what}: {cause}") }
    }

    /// Whether the same request may succeed later without anyone's doing.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Unsent | Kind::Unsure)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// As the client's loop of retries wants it: a passing failure is asked again, whatever the request.
    pub(crate) fn into_http(self) -> HttpError {
        let kind = match self.kind {
            Kind::Unsent => HttpErrorKind::Connect,
            Kind::Unsure => HttpErrorKind::Request,
            Kind::Denied | Kind::Final => HttpErrorKind::Unknown,
        };
        HttpError::new(kind, self)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {}

/// The failure below an error.
pub(crate) fn of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Failure> {
    below(error)
}

/// The first error of a type below an error, itself included.
pub(crate) fn below<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut error = Some(error);
    while let Some(here) = error {
        if let Some(found) = here.downcast_ref() {
            return Some(found);
        }
        error = here.source();
    }
    None
}

fn in_brackets(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" ({code})") }
}

fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0.trim())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_to_do_and_keeps_no_secret() {
        let check = |status: u16, code: &str, kind: Kind, expect: &str| {
            let body = format!(
                "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message>\
                 <CanonicalRequest>x-amz-security-token:hunter2</CanonicalRequest></Error>"
            );
            let failure = Failure::of_answer("http://host", status, &body).unwrap();
            assert_eq!(failure.kind(), kind, "{status} {code}");
            assert!(failure.to_string().contains(expect), "{failure}");
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        };
        check(403, "AccessDenied", Kind::Denied, "access denied (AccessDenied)");
        check(403, "SignatureDoesNotMatch", Kind::Denied, "AWS_SECRET_ACCESS_KEY");
        check(404, "NoSuchBucket", Kind::Final, "the bucket does not exist; create it");
        check(301, "PermanentRedirect", Kind::Final, "AWS_REGION");
        check(400, "AuthorizationHeaderMalformed", Kind::Final, "AWS_REGION");
        check(400, "EntityTooLarge", Kind::Final, "(EntityTooLarge) m");
        check(400, "RequestTimeout", Kind::Unsure, "now");
        check(409, "ConditionalRequestConflict", Kind::Unsure, "status 409");
        check(500, "InternalError", Kind::Unsure, "status 500 (InternalError)");
        check(404, "NoSuchUser", Kind::Final, "status 404 (NoSuchUser) m");
        check(501, "NotImplemented", Kind::Final, "another server");
        check(503, "SlowDown", Kind::Unsure, "SlowDown");
        check(507, "XMinioStorageFull", Kind::Unsure, "XMinioStorageFull");
        assert_eq!(Failure::of_answer("h", 404, "<Error><Code>NoSuchKey</Code></Error>"), None);
        assert_eq!(Failure::of_answer("h", 412, ""), None);
        assert_eq!(Failure::of_answer("h", 304, ""), None);
    }
}
