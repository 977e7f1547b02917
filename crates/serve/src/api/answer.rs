//! What all answers have in common: their form, the state of the data that they reflect, and how long they took.

use super::accept::preferred;
use crate::conditional;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use blotter_query::{Edition, LoadedCity, encode::Form, offsets_text};
use blotter_runtime::Problem;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_64;

/// The form that is wanted, of those that an answer has: the parameter `format`, else what the client accepts.
pub(super) fn form(headers: &HeaderMap, format: Option<&str>, offered: &'static [Form]) -> Result<Form, Problem> {
    if let Some(format) = format {
        return Form::named(format, offered).map_err(super::problem);
    }
    let types: Vec<(&str, Form)> = offered.iter().map(|form| (form.media_type(), *form)).collect();
    preferred(headers, &types)
        .ok_or_else(|| Problem::not_acceptable(&types.iter().map(|(media, _)| *media).collect::<Vec<_>>()))
}

/// The next offsets that an answer reflects, also of those that were not sent again.
const OFFSETS: HeaderName = HeaderName::from_static("blotter-next-offsets");

/// The question that an answer is to, as the answer's tag needs it.
///
/// The tag stands for what the question is about (the slices of the data that it reaches, the question itself and the form),
/// not for the next offsets, which move with every record. So it is weak: of two answers with one tag all is equal but the
/// next offsets. An answer that a client has already is right at the newer offsets, too, which the 304 says in a header.
pub(super) struct Exchange<'a> {
    pub(super) city: &'a LoadedCity,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) form: Form,
}

impl Exchange<'_> {
    fn tag(&self, edition: &Edition) -> String {
        let (city, content) = (self.city.fingerprint, &edition.content);
        let question = self.uri.path_and_query().map_or("", |path| path.as_str());
        let text = format!("{city:x} {content:x?} {question} {:?} {}", self.form, env!("CARGO_PKG_VERSION"));
        format!("W/\"{:016x}\"", xxh3_64(text.as_bytes()))
    }

    /// Whether the client has the answer already.
    pub(super) fn is_seen(&self, edition: &Edition) -> bool {
        conditional::is_seen(self.headers, &self.tag(edition))
    }

    /// The answer to a client that has it already.
    pub(super) fn not_modified(&self, edition: &Edition) -> Response {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        self.name(edition, headers);
        response
    }

    /// The answer.
    pub(super) fn answered(
        &self,
        body: Body,
        edition: Option<&Edition>,
        next_page: Option<(&str, String)>,
        timing: &Timing,
    ) -> Response {
        let mut response = (
            [
                (header::CONTENT_TYPE, self.form.media_type()),
                (header::CACHE_CONTROL, "no-cache"),
                (header::VARY, "accept"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            body,
        )
            .into_response();
        let headers = response.headers_mut();
        if let Ok(value) = timing.header().parse() {
            headers.insert("server-timing", value);
        }
        if let Some(Ok(value)) = next_page.map(|(name, value)| self.link(name, &value).parse()) {
            headers.insert(header::LINK, value);
        }
        if let Some(edition) = edition {
            self.name(edition, headers);
        }
        response
    }

    fn name(&self, edition: &Edition, headers: &mut HeaderMap) {
        for (name, value) in [(header::ETAG, self.tag(edition)), (OFFSETS, offsets_text(&edition.next_offsets))] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
    }

    /// The next page by its address (RFC 8288): a sheet has no room for it.
    fn link(&self, parameter: &str, value: &str) -> String {
        let pairs = url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs.filter(|(name, _)| name != parameter)).append_pair(parameter, value);
        format!("<{}?{}>; rel=\"next\"", self.uri.path(), query.finish())
    }
}

/// How long the parts of an answer took, for the header `Server-Timing`.
pub(super) struct Timing {
    started: Instant,
    cube: Option<Duration>,
}

impl Timing {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), cube: None }
    }

    /// The cube has answered; what follows is serialisation.
    pub(super) fn cube_done(&mut self) {
        self.cube = Some(self.started.elapsed());
    }

    fn header(&self) -> String {
        let total = self.started.elapsed();
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let cube = self.cube.unwrap_or(total);
        let serialize = total.saturating_sub(cube);
        format!("cube;dur={:.3}, serialize;dur={:.3}, total;dur={:.3}", ms(cube), ms(serialize), ms(total))
    }
}
