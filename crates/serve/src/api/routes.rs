//! Every route. The router and the OpenAPI document are made from one list, so that neither lacks a route of the other.

use super::{
    Context,
    document::{head, question},
    handlers,
    refusals::RequestRefusals,
    stream,
};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use blotter_query::questions::{
    Backtest, Brief, Cells, Density, Emerging, Episodes, Explain, Find, Hotspots, Hours, Incidents, Meta, Peaks,
    PeriodChange, RejectedRecords, Series,
};
use std::sync::LazyLock;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Checks that the process runs. It is not even counted: it answers whatever the others do, and takes no lock.
pub(super) fn alive() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(handlers::healthz))
}

/// All others, but for the files of the web app.
pub(super) fn routes() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(head())
        .routes(question::<Meta>("/api/v1/meta"))
        .routes(question::<Series>("/api/v1/series"))
        .routes(question::<Hours>("/api/v1/hours"))
        .routes(question::<Cells>("/api/v1/cells"))
        .routes(question::<Hotspots>("/api/v1/hotspots"))
        .routes(question::<PeriodChange>("/api/v1/change"))
        .routes(question::<Density>("/api/v1/density"))
        .routes(question::<Emerging>("/api/v1/emerging"))
        .routes(question::<Backtest>("/api/v1/backtest"))
        .routes(question::<Peaks>("/api/v1/peaks"))
        .routes(question::<Episodes>("/api/v1/episodes"))
        .routes(question::<Explain>("/api/v1/explain"))
        .routes(question::<Brief>("/api/v1/brief"))
        .routes(question::<Find>("/api/v1/find"))
        .routes(question::<Incidents>("/api/v1/incidents"))
        .routes(question::<RejectedRecords>("/api/v1/rejected"))
        .routes(routes!(handlers::boundaries))
        .routes(routes!(stream::live))
        .routes(routes!(openapi))
        .routes(routes!(handlers::metrics))
        .routes(routes!(handlers::readyz))
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = routes().merge(alive()).into_openapi();
    document.to_pretty_json().unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
});

/// This document
///
/// Returns the description of this API.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses(
        (status = 200, description = "The document, in OpenAPI 3.1.", body = Object, content_type = "application/json"),
        RequestRefusals,
    )
)]
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

/// The OpenAPI 3.1 document of the HTTP API, as JSON.
pub fn openapi_json() -> &'static str {
    &DOCUMENT
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::{env, fs, path::Path};

    /// The types of the web app are made from this file.
    const FILE: &str = "../../docs/openapi.json";

    #[test]
    fn the_document_in_the_docs_is_that_of_the_routes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let document = format!("{}\n", openapi_json());
        if env::var_os("BLOTTER_WRITE_DOCS").is_some() {
            fs::write(&path, &document).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == document, "docs/openapi.json is not what the routes are: run `make docs`");
    }

    /// Each object of the document, with where it is.
    fn each(value: &Value, at: &str, look: &mut impl FnMut(&str, &serde_json::Map<String, Value>)) {
        match value {
            Value::Object(map) => {
                look(at, map);
                map.iter().for_each(|(name, value)| each(value, &format!("{at}/{name}"), look));
            }
            Value::Array(list) => list.iter().for_each(|value| each(value, at, look)),
            _ => {}
        }
    }

    #[test]
    fn everything_is_described_and_every_reference_leads_somewhere() {
        let document: Value = serde_json::from_str(openapi_json()).unwrap();
        assert_eq!(
            (&document["openapi"], &document["info"]["version"]),
            (&"3.1.0".into(), &env!("CARGO_PKG_VERSION").into())
        );
        let mut lacking = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            let get = &item["get"];
            let is_described = get["summary"].is_string() && get["description"].is_string();
            if !is_described || !get["responses"]["200"].is_object() || !get["responses"]["503"].is_object() {
                lacking.push(path.clone());
            }
            for parameter in get["parameters"].as_array().into_iter().flatten() {
                if !parameter["description"].is_string() {
                    lacking.push(format!("{path}: {}", parameter["name"]));
                }
            }
        }
        each(&document, "#", &mut |at, object| {
            if let Some(Value::String(reference)) = object.get("$ref")
                && document.pointer(reference.trim_start_matches('#')).is_none()
            {
                lacking.push(format!("{at}: {reference}"));
            }
            // Members of an object, unless the object lists members itself: one of them may be called so.
            let is_schema = at.starts_with("#/components/schemas") && !at.ends_with("/properties");
            let members = object.get("properties").and_then(Value::as_object).filter(|_| is_schema);
            for (name, member) in members.into_iter().flatten() {
                // Of a reference that may be null, the reference has it.
                if !member["description"].is_string() && !member["oneOf"][0]["description"].is_string() {
                    lacking.push(format!("{at}/{name}"));
                }
            }
        });
        assert_eq!(lacking, Vec::<String>::new());
    }
}
