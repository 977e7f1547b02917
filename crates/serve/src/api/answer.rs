//! What all answers have in common: their form, a strong ETag with the data's version, and how long it took.

use crate::{problem::Problem, state::State};
use arrow::{array::RecordBatch, ipc::writer::StreamWriter};
use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_64;

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

impl Form {
    /// JSON or Arrow.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match Self::accepted(headers) {
            Self::Arrow => Self::Arrow,
            _ => Self::Json,
        }
    }

    /// For answers about places, which also go into a map or a sheet: the parameter `format`, else what is accepted.
    pub(crate) fn of_places(headers: &HeaderMap, format: Option<&str>) -> Result<Self, Problem> {
        match format {
            None => Ok(Self::accepted(headers)),
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
        match (Self::of_places(headers, format), format) {
            (Ok(Self::GeoJson), None) => Ok(Self::Json),
            (Ok(Self::GeoJson) | Err(_), Some(format)) => {
                Err(Problem::parameter("format", format!("`format={format}`: give json, arrow or csv")))
            }
            (form, _) => form,
        }
    }

    /// The first of these that is accepted, and JSON where none is.
    fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
        accept
            .split(',')
            .find_map(|one| match one.split(';').next().unwrap_or("").trim() {
                ARROW => Some(Self::Arrow),
                GEOJSON => Some(Self::GeoJson),
                CSV => Some(Self::Csv),
                "application/json" => Some(Self::Json),
                _ => None,
            })
            .unwrap_or(Self::Json)
    }
}

/// A strong ETag: the same city, the same offsets, the same question and the same form give the same bytes.
pub(crate) fn etag(state: &State, offsets: &str, version: Option<u64>, uri: &Uri, form: Form) -> String {
    let city = state.fingerprint;
    let question = uri.path_and_query().map_or("", |path| path.as_str());
    let text = format!("{city:x} {offsets} {version:?} {question} {form:?} {}", env!("CARGO_PKG_VERSION"));
    format!("\"{:016x}\"", xxh3_64(text.as_bytes()))
}

pub(crate) fn is_seen(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|seen| seen.split(',').any(|one| one.trim() == tag))
}

pub(crate) fn not_modified(tag: String) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response()
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

pub(crate) fn json(body: String, tag: Option<String>, timing: &Timing) -> Response {
    finish(JSON, Body::from(body), tag, timing)
}

pub(crate) fn arrow(batch: &RecordBatch, tag: Option<String>, timing: &Timing) -> Response {
    let mut bytes = Vec::new();
    let written = StreamWriter::try_new(&mut bytes, batch.schema_ref()).and_then(|mut writer| {
        writer.write(batch)?;
        writer.finish()
    });
    match written {
        Ok(()) => finish(ARROW, Body::from(bytes), tag, timing),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// A body that is written as its client reads.
pub(crate) fn streamed(media: &'static str, body: Body, tag: Option<String>, timing: &Timing) -> Response {
    finish(media, body, tag, timing)
}

fn finish(media: &'static str, body: Body, tag: Option<String>, timing: &Timing) -> Response {
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
    if let Some(Ok(value)) = tag.map(|tag| tag.parse()) {
        headers.insert(header::ETAG, value);
    }
    response
}
