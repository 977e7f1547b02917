//! Errors, in the OpenAPI document.

use blotter_runtime::ProblemDetails;
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        Content, Header, ObjectBuilder, Ref, RefOr, ResponseBuilder,
        response::Response,
        schema::{Schema, Type},
    },
};

/// An error.
pub(super) struct Refusal {
    pub(super) status: &'static str,
    pub(super) name: &'static str,
    description: &'static str,
    has_retry: bool,
}

/// Those that many routes have.
pub(super) const REFUSALS: [Refusal; 5] = [
    Refusal {
        status: "400",
        name: "BadRequest",
        description: "A parameter is wrong: the problem names it and says what is allowed. Or the `Host` header is missing, repeated or \
                      malformed.",
        has_retry: false,
    },
    Refusal {
        status: "406",
        name: "NotAcceptable",
        description: "`Accept` excludes every format of this answer. Use `format`, or accept one that the problem lists.",
        has_retry: false,
    },
    Refusal {
        status: "421",
        name: "Misdirected",
        description: "The `Host` is not a name of this server. Start it with `--allow-host NAME`.",
        has_retry: false,
    },
    Refusal {
        status: "500",
        name: "Internal",
        description: "Internal error. `detail` has a request id; the server's log has the cause under that id.",
        has_retry: false,
    },
    Refusal {
        status: "503",
        name: "Unavailable",
        description: "The server cannot answer now: it is still loading, the log does not answer or is not read, too many requests or \
                      connections are open, or the answer took too long. Ask again after `Retry-After` seconds.",
        has_retry: true,
    },
];

impl Refusal {
    pub(super) fn response(&self) -> Response {
        let response = problem(self.description);
        if !self.has_retry {
            return response.build();
        }
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        response.header("Retry-After", described(seconds.build(), "Seconds to wait before asking again.")).build()
    }

    pub(super) fn reference(&self) -> (String, RefOr<Response>) {
        (self.status.to_owned(), RefOr::Ref(Ref::from_response_name(self.name)))
    }
}

/// All errors but that of content negotiation.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        REFUSALS.iter().filter(|refusal| refusal.status != "406").map(Refusal::reference).collect()
    }
}

/// Errors of a route that takes no lock and waits for nothing: of the request, and of connections that run out.
pub(super) struct RequestRefusals;

impl IntoResponses for RequestRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        REFUSALS
            .iter()
            .filter(|refusal| matches!(refusal.status, "400" | "421" | "503"))
            .map(Refusal::reference)
            .collect()
    }
}

pub(super) fn problem(description: &str) -> ResponseBuilder {
    let body = Content::new(Some(Ref::from_schema_name(ProblemDetails::name())));
    ResponseBuilder::new().description(description).content("application/problem+json", body)
}

/// A header of an answer.
pub(super) fn described(schema: impl Into<Schema>, description: &str) -> Header {
    Header::builder().schema(Some(schema.into())).description(Some(description)).build()
}
