//! Answers that say why there is none, in the OpenAPI document.

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

/// An answer that says why there is none.
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
        description: "A parameter is wrong, and the problem says which and what is allowed; or the request has no `Host` header, or two.",
        has_retry: false,
    },
    Refusal {
        status: "406",
        name: "NotAcceptable",
        description: "`Accept` excludes every media type that the answer has.",
        has_retry: false,
    },
    Refusal {
        status: "421",
        name: "Misdirected",
        description: "The `Host` is not a name of this server: see `--allow-host`.",
        has_retry: false,
    },
    Refusal {
        status: "500",
        name: "Internal",
        description: "The server failed. The problem has a request id, by which the server's log says more.",
        has_retry: false,
    },
    Refusal {
        status: "503",
        name: "Unavailable",
        description: "What is asked for cannot be answered now: it is not loaded yet, the log does not answer or is not read, too many such \
                      questions are waiting, too many large answers are being sent, or the answer takes too long.",
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
        response.header("Retry-After", described(seconds.build(), "Ask again after so many seconds.")).build()
    }

    pub(super) fn reference(&self) -> (String, RefOr<Response>) {
        (self.status.to_owned(), RefOr::Ref(Ref::from_response_name(self.name)))
    }
}

/// Every refusal that does not come from content negotiation.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        REFUSALS.iter().filter(|refusal| refusal.status != "406").map(Refusal::reference).collect()
    }
}

/// Those of a route that takes no lock and waits for nothing.
pub(super) struct RequestRefusals;

impl IntoResponses for RequestRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        REFUSALS.iter().filter(|refusal| matches!(refusal.status, "400" | "421")).map(Refusal::reference).collect()
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
