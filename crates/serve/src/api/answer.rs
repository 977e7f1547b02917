//! What all answers have in common: their form, the state of the data that they reflect, and how long they took.

use super::accept::preferred;
use crate::{conditional, state::State};
use arrow::{array::RecordBatch, ipc::writer::StreamWriter};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use blotter_runtime::Problem;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

pub(crate) const JSON: &str = "application/json";
pub(crate) const ARROW: &str = "application/vnd.apache.arrow.stream";
pub(crate) const GEOJSON: &str = "application/geo+json";
pub(crate) const CSV: &str = "text/csv";

/// In which form the client wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Arrow,
    /// Of answers about places, as [`Form::of_places`].
    GeoJson,
    Csv,
}

/// The forms of answers that have no places, of those that have, and of tables without places.
const PLAIN: [(&str, Form); 2] = [(JSON, Form::Json), (ARROW, Form::Arrow)];
const PLACES: [(&str, Form); 4] =
    [(JSON, Form::Json), (ARROW, Form::Arrow), (GEOJSON, Form::GeoJson), (CSV, Form::Csv)];
const TABLE: [(&str, Form); 3] = [(JSON, Form::Json), (ARROW, Form::Arrow), (CSV, Form::Csv)];

impl Form {
    /// JSON or Arrow.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        Self::accepted(headers, &PLAIN)
    }

    /// For answers that are JSON.
    pub(crate) fn of_json(headers: &HeaderMap) -> Result<Self, Problem> {
        Self::accepted(headers, &PLAIN[..1])
    }

    /// For answers about places, which also go into a map or a sheet: the parameter `format`, else what is accepted.
    pub(crate) fn of_places(headers: &HeaderMap, format: Option<&str>) -> Result<Self, Problem> {
        match format {
            None => Self::accepted(headers, &PLACES),
            Some("json") => Ok(Self::Json),
            Some("arrow") => Ok(Self::Arrow),
            Some("geojson") => Ok(Self::GeoJson),
            Some("csv") => Ok(Self::Csv),
            Some(other) => {
                Err(Problem::parameter("format", format!("`format={other}`: give json, arrow, geojson or csv")))
            }
        }
    }

    /// For answers that are a table without places.
    pub(crate) fn of_table(headers: &HeaderMap, format: Option<&str>) -> Result<Self, Problem> {
        match format {
            None => Self::accepted(headers, &TABLE),
            Some("geojson") => Err(Problem::parameter("format", "`format=geojson`: give json, arrow or csv")),
            Some(format) => Self::of_places(headers, Some(format))
                .map_err(|_| Problem::parameter("format", format!("`format={format}`: give json, arrow or csv"))),
        }
    }

    fn accepted(headers: &HeaderMap, offered: &[(&str, Self)]) -> Result<Self, Problem> {
        preferred(headers, offered)
            .ok_or_else(|| Problem::not_acceptable(&offered.iter().map(|(media, _)| *media).collect::<Vec<_>>()))
    }
}

/// The next offsets that an answer reflects, also of those that were not sent again.
const OFFSETS: HeaderName = HeaderName::from_static("blotter-next-offsets");

/// Which state of the data an answer reflects.
///
/// Its ETag stands for what the question is about (the slices of the data that it reaches, the question itself and the form),
/// not for the next offsets, which move with every record. So it is weak: of two answers with one tag all is equal but the
/// next offsets. An answer that a client has already is right at the newer offsets, too, which the 304 says in a header.
#[derive(Clone, Debug)]
pub(crate) struct Edition {
    tag: String,
    offsets: String,
}

impl Edition {
    /// `content`: a fingerprint of what the answer is made from.
    pub(crate) fn new(state: &State, content: &[u64], offsets: String, uri: &Uri, form: Form) -> Self {
        let city = state.fingerprint;
        let question = uri.path_and_query().map_or("", |path| path.as_str());
        let text = format!("{city:x} {content:x?} {question} {form:?} {}", env!("CARGO_PKG_VERSION"));
        Self { tag: format!("W/\"{:016x}\"", xxh3_64(text.as_bytes())), offsets }
    }

    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        Self { tag: "W/\"test\"".to_owned(), offsets: "0:0".to_owned() }
    }

    /// Whether the client has the answer already.
    pub(crate) fn is_seen(&self, headers: &HeaderMap) -> bool {
        conditional::is_seen(headers, &self.tag)
    }

    /// The answer to a client that has it already.
    pub(crate) fn not_modified(&self) -> Response {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        self.name(headers);
        response
    }

    fn name(&self, headers: &mut HeaderMap) {
        for (name, value) in [(header::ETAG, &self.tag), (OFFSETS, &self.offsets)] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
    }
}

/// A fingerprint of a list of numbers.
pub(crate) fn fingerprint(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut hash = Xxh3::new();
    numbers.for_each(|number| hash.update(&number.to_le_bytes()));
    hash.digest()
}

/// How long the parts of an answer took, for the header `Server-Timing`.
pub(crate) struct Timing {
    started: Instant,
    cube: Option<Duration>,
}

impl Timing {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), cube: None }
    }

    /// The cube has answered; what follows is serialisation.
    pub(crate) fn cube_done(&mut self) {
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

pub(crate) fn json(body: String, edition: Option<&Edition>, timing: &Timing) -> Response {
    finish(JSON, Body::from(body), edition, timing)
}

pub(crate) fn arrow(batch: &RecordBatch, edition: Option<&Edition>, timing: &Timing) -> Response {
    let mut bytes = Vec::new();
    let written = StreamWriter::try_new(&mut bytes, batch.schema_ref()).and_then(|mut writer| {
        writer.write(batch)?;
        writer.finish()
    });
    match written {
        Ok(()) => finish(ARROW, Body::from(bytes), edition, timing),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// A body that is written as its client reads.
pub(crate) fn streamed(media: &'static str, body: Body, edition: Option<&Edition>, timing: &Timing) -> Response {
    finish(media, body, edition, timing)
}

fn finish(media: &'static str, body: Body, edition: Option<&Edition>, timing: &Timing) -> Response {
    let mut response = (
        [
            (header::CONTENT_TYPE, media),
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
    if let Some(edition) = edition {
        edition.name(headers);
    }
    response
}
