//! The names that answers have for kinds of things, as types of the API's document: made from the kinds themselves.

use crate::parameters::allowed::STEP;
use blotter_health::{Condition, NoticeKind};
use blotter_hotspot::{Class, Confidence, Kind, Method, Pattern};

use serde::Serializer;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

macro_rules! names {
    ($($(#[$documentation:meta])* $name:ident: $all:expr;)*) => {$(
        $(#[$documentation])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let all: Vec<String> = $all;
                let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(all));
                RefOr::T(Schema::from(names.build()))
            }
        }

        impl ToSchema for $name {}
    )*};
}

names! {
    /// Of [`Class`].
    CellClass: classes().map(Class::name).collect();
    /// Of [`Pattern`].
    CellPattern: patterns().map(Pattern::name).collect();
    /// Of a step of a space-time cube.
    StepName: STEP.names();
    /// Of [`Method`].
    MethodName: Method::ALL.map(|method| method.name().to_owned()).to_vec();
    /// Of [`Condition`].
    SourceStateName: Condition::ALL.map(|condition| condition.word().to_owned()).to_vec();
    /// Of [`NoticeKind`].
    NoticeKindName: NoticeKind::ALL.map(|kind| kind.word().to_owned()).to_vec();
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
