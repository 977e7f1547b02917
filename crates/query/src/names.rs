//! The values of enumerations in answers, as types of the API's document: made from the enumerations themselves.

use crate::parameters::allowed::STEP;
use blotter_health::{Condition, NoticeKind};
use blotter_hotspot::{Class, Confidence, Kind, Method, Pattern};
use serde::Serializer;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// A schema of some values, and what they mean: doc comments do not reach it.
fn values<V: Into<Value>>(all: impl IntoIterator<Item = V>, description: &str) -> RefOr<Schema> {
    let all: Vec<Value> = all.into_iter().map(Into::into).collect();
    let schema_type = if all.iter().all(Value::is_number) { Type::Integer } else { Type::String };
    let schema = ObjectBuilder::new().schema_type(schema_type).enum_values(Some(all)).description(Some(description));
    RefOr::T(Schema::from(schema.build()))
}

macro_rules! names {
    ($($(#[$documentation:meta])* $name:ident: $all:expr, $description:expr;)*) => {$(
        $(#[$documentation])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                values($all, $description)
            }
        }

        impl ToSchema for $name {}
    )*};
}

names! {
    /// Of [`Class`].
    CellClass: classes().map(Class::name),
        "`hot_99`: more incidents than the city, q ≤ 0.01; `hot_95`: q ≤ 0.05; `hot_90`: q ≤ 0.10. `cold_…`: fewer. `not_significant`: \
         all others, and cells whose z is null.";
    /// Of [`Confidence`].
    ConfidenceLevel: Confidence::ALL.map(Confidence::percent),
        "Confidence, in percent: 90 is q ≤ 0.10, 95 is q ≤ 0.05, 99 is q ≤ 0.01.";
    /// Of [`Pattern`].
    CellPattern: patterns().map(Pattern::name),
        "How the cell changed. Cold patterns: exchange hot and cold, rises and falls. The first that holds counts. \
         `intensifying`/`diminishing`/`persistent`: hot at the last step and at 90 % of the steps; z rises / falls / has no trend. \
         `new`: hot at the last step only. `consecutive`: hot in an unbroken run of at least two last steps, never before. \
         `oscillating`: hot at the last step, cold at an earlier one. `sporadic`: hot at the last step and on and off before, never \
         cold. `historical`: hot at 90 % of the steps, but neither hot nor cold at the last. `not_detected`: none of these.";
    /// Of a step of a space-time cube.
    StepName: STEP.names(), "Length of a step. Weeks begin on Monday.";
    /// Of [`Method`].
    MethodName: Method::ALL.map(Method::name),
        "`gi_star`: z of Gi*. `density`: kernel density. `count`: past incidents in the cell.";
    /// Of [`Condition`].
    SourceStateName: Condition::ALL.map(Condition::word),
        "`loading`: has more to deliver. `following`: delivered everything and is asked for changes. `failing`: cannot be read; earlier \
         records stay. `held`: part of what it has waits for a confirmation. `ended`: delivered everything; no changes follow.";
    /// Of [`NoticeKind`].
    NoticeKindName: NoticeKind::ALL.map(NoticeKind::word),
        "`missing_columns`: columns of the profile are absent. `shared_ids`: different incidents have one id. `outside_city`: most \
         points lie outside the city. `held_deletions`: so many rows vanished that deletion must be confirmed. `vanished_rows`: a \
         replaced file lacks earlier incidents.";
}

fn classes() -> impl Iterator<Item = Class> {
    let hot = Confidence::ALL.into_iter().rev().map(Class::Hot);
    hot.chain([Class::NotSignificant]).chain(Confidence::ALL.into_iter().map(Class::Cold))
}

fn patterns() -> impl Iterator<Item = Pattern> {
    Kind::ALL
        .into_iter()
        .map(Pattern::Hot)
        .chain(Kind::ALL.into_iter().map(Pattern::Cold))
        .chain([Pattern::NotDetected])
}

/// A class as answers have it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn class_name<S: Serializer>(class: &Class, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&class.name())
}

/// A pattern as answers have it.
#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(crate) fn pattern_name<S: Serializer>(pattern: &Option<Pattern>, serializer: S) -> Result<S::Ok, S::Error> {
    match pattern {
        Some(pattern) => serializer.serialize_some(&pattern.name()),
        None => serializer.serialize_none(),
    }
}
