//! Files behind `http` and `https`: conditional requests, ranges, and errors that tell whether asking again may help.

use super::location::redacted;
use crate::SourceError;
use blotter_city::UtcMicros;
use std::time::Duration;
use ureq::{
    Agent, Body,
    config::AutoHeaderValue,
    http::{HeaderMap, Response, header},
};
use url::Url;

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_mins(1);
const SILENCE: Duration = Duration::from_secs(30);

/// The client of every request. A status is not an error: the caller looks at it.
pub(crate) fn agent() -> Agent {
    Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_per_read(Some(SILENCE))
        .http_status_as_error(false)
        .user_agent(concat!("blotter/", env!("CARGO_PKG_VERSION")))
        // A range is one of the bytes as stored.
        .accept_encoding(AutoHeaderValue::Provided("identity".to_owned().into()))
        .build()
        .new_agent()
}

/// A request that failed before there was an answer, or an answer that broke off.
pub(crate) fn http_error(url: &str, error: &ureq::Error) -> SourceError {
    let (why, retryable) = match error {
        ureq::Error::HostNotFound => ("the host name is not known; is the network up?".into(), true),
        ureq::Error::Timeout(what) => (format!("no answer in time ({what})"), true),
        ureq::Error::Io(error) => (format!("the connection failed: {error}"), true),
        ureq::Error::ConnectionFailed => ("the connection failed".into(), true),
        ureq::Error::Protocol(error) => (format!("not proper HTTP: {error}"), true),
        // The texts of the other errors can repeat the address, query and all.
        ureq::Error::BadUri(_) => ("not a valid address".into(), false),
        ureq::Error::TooManyRedirects => ("too many redirects".into(), false),
        ureq::Error::StatusCode(status) => return status_error(url, *status, None),
        other => (format!("the request failed: {}", without_secrets(&other.to_string(), url)), false),
    };
    SourceError::Http { url: redacted(url), why, retryable, retry_after: None }
}

fn without_secrets(text: &str, url: &str) -> String {
    text.replace(url, &redacted(url))
}

/// An answer that is not the one asked for.
pub(crate) fn status_error(url: &str, status: u16, retry_after: Option<Duration>) -> SourceError {
    let why = match status {
        202 => "HTTP status 202: the portal prepares the answer; retry later".into(),
        401 | 403 => format!("HTTP status {status}: not allowed; is a token needed?"),
        404 | 410 => format!("HTTP status {status}: nothing there; check the address"),
        429 => "HTTP status 429: too many requests".into(),
        500.. => format!("HTTP status {status}: the server failed"),
        _ => format!("HTTP status {status}"),
    };
    let retryable = matches!(status, 202 | 408 | 425 | 429 | 500..);
    SourceError::Http { url: redacted(url), why, retryable, retry_after }
}

/// What an answer says about the file.
pub(crate) struct Answer {
    pub(crate) body: Body,
    /// The range asked for, and not the whole.
    pub(crate) partial: bool,
    /// Of the whole.
    pub(crate) size: Option<u64>,
    pub(crate) etag: Option<String>,
    pub(crate) modified: Option<UtcMicros>,
}

/// Asks for a file, from `offset` on if it is still the one that `validator` (a strong tag or a date) names.
pub(crate) fn ask(agent: &Agent, url: &Url, range: Option<(u64, &str)>) -> Result<Answer, SourceError> {
    let mut request = agent.get(url.as_str());
    if let Some((offset, validator)) = range {
        request = request.header(header::RANGE, format!("bytes={offset}-")).header(header::IF_RANGE, validator);
    }
    let response = request.call().map_err(|error| http_error(url.as_str(), &error))?;
    let status = response.status().as_u16();
    let text = |name| text(response.headers(), name);
    let partial = status == 206;
    if status != 200 && !partial {
        return Err(status_error(url.as_str(), status, retry_after(response.headers())));
    }
    let content_range = text(header::CONTENT_RANGE);
    let size = if partial {
        let offset = range.map_or(0, |(offset, _)| offset);
        let rest = content_range.and_then(|range| range.strip_prefix(&format!("bytes {offset}-")));
        let Some(rest) = rest else {
            return Err(SourceError::Http {
                url: redacted(url.as_str()),
                why: "the server sent a different range than requested".into(),
                retryable: true,
                retry_after: None,
            });
        };
        rest.split_once('/').and_then(|(_, size)| size.parse().ok())
    } else {
        text(header::CONTENT_LENGTH).and_then(|size| size.parse().ok())
    };
    Ok(Answer {
        partial,
        size,
        etag: text(header::ETAG).map(ToOwned::to_owned),
        modified: text(header::LAST_MODIFIED).and_then(http_date),
        body: Response::into_body(response),
    })
}

/// `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = jiff::Timestamp::now().as_microsecond();
    Some(Duration::from_micros(u64::try_from(http_date(text)?.0 - now).unwrap_or(0)))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(text: &str) -> Option<UtcMicros> {
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(UtcMicros(at.timestamp().as_microsecond()))
}

/// As [`http_date`] writes it.
pub(crate) fn to_http_date(at: UtcMicros) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(at.0).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let at = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(blotter_city::format_utc(at), "1994-11-06T08:49:37Z");
        assert_eq!(to_http_date(at).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(http_date("yesterday"), None);
    }
}
