//! Requests to a sink: bounded in time, compressed, and without secrets in errors.

use super::SinkError;
use flate2::{Compression, write::GzEncoder};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use std::{io::Write, time::Duration};
use ureq::{Agent, Body, http::Response, http::StatusCode};

const CONNECT: Duration = Duration::from_secs(5);
/// As long may a request take, and so the end of a role that was stopped.
const REQUEST: Duration = Duration::from_secs(15);
/// Of a refusal's text this much is shown.
const SHOWN: usize = 300;

/// A server, and who asks.
pub(super) struct Client {
    agent: Agent,
    /// Name of the sink.
    pub(super) sink: String,
    /// `http://host:port`.
    pub(super) base: String,
    /// The whole header, where there is one.
    authorization: Option<String>,
    /// What must never be shown, even where a server repeats it.
    secrets: Vec<String>,
}

impl Client {
    pub(super) fn new(sink: String, base: String, authorization: Option<String>, secrets: Vec<String>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(REQUEST))
            // A redirected POST becomes a GET without its body, elsewhere: its 200 would count as delivered.
            .max_redirects(0)
            .build()
            .into();
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        Self { agent, sink, base, authorization, secrets }
    }

    /// Posts a body, compressed.
    pub(super) fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<(), SinkError> {
        let packed = packed(body).map_err(|error| self.away(&error.to_string(), None))?;
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("Content-Type", kind)
            .header("Content-Encoding", "gzip");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.outcome(request.send(packed.as_slice())).map(drop)
    }

    /// Posts a JSON object that is not compressed: not everybody who takes one can unpack it.
    pub(super) fn post_json(&self, path: &str, body: &[u8], key: &str) -> Result<(), SinkError> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.header("Content-Type", "application/json").header("Idempotency-Key", header(key));
        self.outcome(request.send(body)).map(drop)
    }

    /// Posts a form that is not compressed; the answer's text.
    pub(super) fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Result<String, SinkError> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut answer = self.outcome(request.send_form(form.iter().copied()))?;
        Ok(text_of(&mut answer))
    }

    /// Gets a header of a path's answer, whatever the status; none where the server answers without it.
    ///
    /// # Errors
    /// Where something else answers in the server's place: it is away, or redirects.
    pub(super) fn header_of(&self, path: &str, header: &str) -> Result<Option<String>, SinkError> {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        let answer = answer.map_err(|error| self.away(&error.to_string(), None))?;
        let found = answer.headers().get(header).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = answer.status();
        if found.is_none() && (status.is_redirection() || is_for_later(status)) {
            self.outcome(Ok(answer))?;
        }
        Ok(found)
    }

    fn outcome(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, SinkError> {
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.away(&error.to_string(), None)),
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(Duration::from_secs);
        let said = self.shown(&text_of(&mut answer));
        if is_for_later(status) {
            return Err(self.away(&format!("{} {said}", status.as_u16()), retry_after));
        }
        let hint = match status.as_u16() {
            300..=399 => "it redirects, and Blotter does not follow redirects: use the target's address; it answers: ",
            401 | 403 => "check user, password or token in the environment; it answers: ",
            404 => "check database, organisation and API version in the URL; it answers: ",
            _ => "",
        };
        Err(SinkError::Refused { sink: self.sink.clone(), status: status.as_u16(), reason: format!("{hint}{said}") })
    }

    pub(super) fn away(&self, reason: &str, retry_after: Option<Duration>) -> SinkError {
        SinkError::Away { sink: self.sink.clone(), reason: self.shown(reason), retry_after }
    }

    /// One line of a text, without what must not be shown.
    fn shown(&self, text: &str) -> String {
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "…");
        }
        text.chars().take(SHOWN).collect()
    }
}

/// What an answer says, of which nobody needs much.
fn text_of(answer: &mut Response<Body>) -> String {
    answer.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default()
}

/// Whether a server that answers so may take the same later.
fn is_for_later(status: StatusCode) -> bool {
    status.is_server_error() || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
}

/// A text as it may stand in a header.
fn header(text: &str) -> String {
    utf8_percent_encode(text, CONTROLS).to_string()
}

fn packed(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}
