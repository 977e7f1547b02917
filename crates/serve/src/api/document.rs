//! The OpenAPI document of the routes. Questions and answers describe themselves; this adds what all of them have in common.

use super::{
    Context, handlers,
    refusals::{REFUSALS, described, problem},
};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    routing::get,
};
use blotter_query::{
    FromParameters, Question,
    encode::{Answer, Form},
};
use blotter_runtime::ProblemDetails;
use std::sync::Arc;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, Header, HttpMethod, Info, License, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, Paths,
        PathsBuilder, Ref, RefOr, Required, ResponseBuilder,
        path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        response::Response,
        schema::{Components, ComponentsBuilder, KnownFormat, Schema, SchemaFormat, Type},
    },
};
use utoipa_axum::router::UtoipaMethodRouter;

/// A document without routes, with the answers that many of them have.
pub(super) fn head() -> OpenApi {
    let info = Info::builder()
        .title("Blotter")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Reported crime of one city: counts, maps, statistics and live changes. Answers computed from incidents name the log offsets \
             that they reflect: in `next_offsets`, or in the header `Blotter-Next-Offsets`. Only GET and HEAD are answered; other \
             methods get 405.",
        ))
        .license(Some(License::builder().name("Apache-2.0").identifier(Some("Apache-2.0")).build()));
    OpenApiBuilder::new().info(info.build()).paths(Paths::new()).components(Some(components())).build()
}

fn components() -> Components {
    let refusals = REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), refusal.response()));
    ComponentsBuilder::new()
        .schema(ProblemDetails::name(), ProblemDetails::schema())
        .responses_from_iter(refusals)
        .build()
}

fn text_header(description: &str) -> Header {
    described(ObjectBuilder::new().schema_type(Type::String).build(), description)
}

/// A question's route.
pub(super) fn question<Q>(path: &str) -> UtoipaMethodRouter<Context>
where
    Q: Question + FromParameters + Send + 'static,
{
    let offered = <Q::Answer as Answer>::FORMS;
    let parameters: Vec<Parameter> = Q::documented().into_iter().chain(format_parameter(offered)).collect();
    let known: Arc<[String]> = parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let mut operation = OperationBuilder::new()
        .operation_id(path.rsplit('/').next())
        .summary(Some(Q::SUMMARY))
        .description(Some(Q::DESCRIPTION))
        .parameters(Some(parameters))
        .response("200", answer::<Q>(offered));
    if Q::HAS_EDITION {
        operation = operation.response("304", not_modified());
    }
    if let Some(description) = Q::NOT_FOUND {
        operation = operation.response("404", problem(description));
    }
    for refusal in REFUSALS {
        let (status, response) = refusal.reference();
        operation = operation.response(status, response);
    }
    let mut schemas = vec![(Q::Answer::name().into_owned(), Q::Answer::schema())];
    <Q::Answer as ToSchema>::schemas(&mut schemas);
    let paths = PathsBuilder::new().path(path, PathItem::new(HttpMethod::Get, operation)).build();
    let handler = move |context: Shared<Context>, headers: HeaderMap, uri: Uri| {
        handlers::ask::<Q>(context, headers, uri, Arc::clone(&known))
    };
    (schemas, paths, get(handler))
}

/// `format`, where there is more than one.
fn format_parameter(offered: &[Form]) -> Option<Parameter> {
    let names = offered.iter().map(|form| form.name());
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build();
    let bound = if offered.contains(&Form::GeoJson) { " GeoJSON has at most 200,000 features." } else { "" };
    let description = format!(
        "Format of the answer; overrides `Accept`. Default: the format that `Accept` prefers, else JSON.{bound}"
    );
    let parameter = ParameterBuilder::new()
        .name("format")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema));
    (offered.len() > 1).then(|| parameter.build())
}

fn answer<Q: Question>(offered: &[Form]) -> Response {
    let json = || RefOr::Ref(Ref::from_schema_name(Q::Answer::name()));
    let mut response = ResponseBuilder::new().description("The answer.").header(
        "Server-Timing",
        text_header("Milliseconds until the body starts: `cube` (query), `serialize`, `total`."),
    );
    for form in offered {
        let schema: RefOr<Schema> = match form {
            Form::Json => json(),
            Form::Arrow => bytes(),
            Form::GeoJson => features(),
            Form::Csv => ObjectBuilder::new().schema_type(Type::String).into(),
        };
        response = response.content(form.media_type(), Content::new(Some(schema)));
    }
    if Q::HAS_EDITION {
        response = edition_headers(response);
    }
    if <Q::Answer as Answer>::PAGE_PARAMETER.is_some() {
        let link = "Address of the next page, if there is one: `<address>; rel=\"next\"` (RFC 8288).";
        response = response.header("Link", text_header(link));
    }
    response.build()
}

fn not_modified() -> Response {
    edition_headers(
        ResponseBuilder::new().description("The client has the answer: `If-None-Match` has its ETag, or is `*`."),
    )
    .build()
}

fn edition_headers(response: ResponseBuilder) -> ResponseBuilder {
    let tag = "Weak. Two answers with the same ETag differ at most in `next_offsets`. Absent if an answer can change while the data do \
               not.";
    let offsets = "Next offsets that the answer reflects: `partition:offset`, comma separated (`0:12,1:7`). A 304 has the newest at which \
                   the old answer is still valid. Absent where `ETag` is.";
    response.header("ETag", text_header(tag)).header("Blotter-Next-Offsets", text_header(offsets))
}

/// An Arrow IPC stream.
fn bytes() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).into()
}

fn features() -> RefOr<Schema> {
    let word = |word: &str| ObjectBuilder::new().schema_type(Type::String).enum_values(Some([word])).build();
    let object = |description: &str| ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    let geometry = ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some("Coordinates in degrees, longitude first. Null if the row has no place."));
    let feature = ObjectBuilder::new()
        .property("type", word("Feature"))
        .property("properties", object("The row: values by column."))
        .property("geometry", geometry)
        .required("type")
        .required("properties")
        .required("geometry");
    ObjectBuilder::new()
        .description(Some(
            "Feature collection (RFC 7946), one feature per row. Other JSON members are members of the collection.",
        ))
        .property("type", word("FeatureCollection"))
        .property("features", utoipa::openapi::Array::new(feature))
        .required("type")
        .required("features")
        .into()
}
