//! What may be given for each parameter. Reading and the API's document use the same words and bounds.

use super::Parameters;
use crate::QueryError;
use blotter_cube::{Bucket, COARSEST, FINEST};
use blotter_hotspot::Confidence;
use serde_json::Value;
use std::{fmt::Display, str::FromStr};
use utoipa::{
    Number, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, Object, ObjectBuilder, Schema, Type},
    },
};

/// Characters that name every hour of the week by itself, with room to spare.
pub(super) const MOST_OF_HOURS: usize = 700;
/// Characters of a category or an area.
const MOST_OF_A_NAME: usize = 200;

pub(crate) const RESOLUTION: Between<u8> =
    Between { what: "an H3 resolution", least: COARSEST, most: FINEST, otherwise: 9 };
pub(crate) const BANDWIDTH_M: Between<f64> = Between { what: "a number", least: 50.0, most: 5000.0, otherwise: 400.0 };
pub(crate) const GRID_M: Between<f64> = Between { what: "a number", least: 50.0, most: 2000.0, otherwise: 100.0 };
pub(crate) const SHARE: Between<f64> = Between { what: "a number", least: 0.0001, most: 1.0, otherwise: 0.05 };
pub(crate) const WEEKS: Between<usize> = Between { what: "a whole number", least: 1, most: 520, otherwise: 12 };
pub(crate) const TRAINING_WEEKS: Between<usize> = Between { otherwise: 52, ..WEEKS };
pub(crate) const PAGE: Between<usize> = Between { what: "a whole number", least: 1, most: 1000, otherwise: 100 };
/// Everything that a large city has at a tick.
pub(crate) const PEAKS: Between<usize> = Between { most: 10_000, ..PAGE };

/// Steps of a peak's course.
pub(crate) const COURSE: Between<usize> = Between { what: "a whole number", least: 0, most: 60, otherwise: 0 };

/// Finds of each kind.
pub(crate) const FIND: Between<usize> = Between { what: "a whole number", least: 1, most: 50, otherwise: 8 };

/// Days of published ticks: a month of hours is read in one answer.
pub(crate) const EPISODE_DAYS: Between<u16> = Between { what: "a whole number", least: 1, most: 31, otherwise: 7 };

pub(crate) const WINDOW: Words<u16> = Words { words: &[("1", 1), ("6", 6), ("24", 24), ("168", 168)], otherwise: "24" };
pub(crate) const BUCKET: Words<Bucket> = Words {
    words: &[
        ("hour", Bucket::Hour),
        ("day", Bucket::Day),
        ("week", Bucket::Week),
        ("month", Bucket::Month),
        ("year", Bucket::Year),
    ],
    otherwise: "month",
};
pub(crate) const STEP: Words<Bucket> =
    Words { words: &[("month", Bucket::Month), ("week", Bucket::Week)], otherwise: "month" };
pub(crate) const CONFIDENCE: Words<Confidence> = Words {
    words: &[("90", Confidence::Ninety), ("95", Confidence::NinetyFive), ("99", Confidence::NinetyNine)],
    otherwise: "90",
};
/// Whether an answer is to be what was published then, not what is known of then today.
pub(crate) const AS: Words<bool> = Words { words: &[("known", false), ("said", true)], otherwise: "known" };

/// A number between two others.
pub(crate) struct Between<T> {
    /// In an error: `a number`.
    what: &'static str,
    least: T,
    most: T,
    /// Where none is given.
    otherwise: T,
}

impl<T: FromStr + PartialOrd + Display + Copy> Between<T> {
    /// The number that is given by this name.
    pub(crate) fn read(&self, parameters: &Parameters, name: &str) -> Result<T, QueryError> {
        let expected = format!("{} from {} to {}", self.what, self.least, self.most);
        let number = parameters.parsed(name, &expected)?.unwrap_or(self.otherwise);
        if (self.least..=self.most).contains(&number) {
            Ok(number)
        } else {
            Err(QueryError::parameter(name, format!("`{name}={number}`: give {expected}")))
        }
    }
}

impl<T: Copy> Between<T>
where
    Number: From<T>,
    Value: From<T>,
{
    fn schema(&self, schema_type: Type) -> Object {
        ObjectBuilder::new()
            .schema_type(schema_type)
            .minimum(Some(Number::from(self.least)))
            .maximum(Some(Number::from(self.most)))
            .default(Some(Value::from(self.otherwise)))
            .build()
    }
}

/// One of some words.
pub(crate) struct Words<T: 'static> {
    words: &'static [(&'static str, T)],
    /// The word where none is given.
    otherwise: &'static str,
}

impl<T: Copy> Words<T> {
    /// What is given by this name.
    pub(crate) fn read(&self, parameters: &Parameters, name: &str) -> Result<T, QueryError> {
        let given = parameters.one(name).unwrap_or(self.otherwise);
        self.words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = self.words.iter().map(|(word, _)| *word).collect();
            QueryError::parameter(name, format!("`{name}={given}`: give {}", listed(&words)))
        })
    }

    /// The words.
    pub(crate) fn names(&self) -> Vec<String> {
        self.words.iter().map(|(word, _)| (*word).to_owned()).collect()
    }

    fn schema(&self) -> Object {
        // Percents are numbers in JSON.
        let value = |word: &str| word.parse::<u8>().map_or_else(|_| Value::from(word), Value::from);
        let schema_type = if value(self.otherwise).is_number() { Type::Integer } else { Type::String };
        ObjectBuilder::new()
            .schema_type(schema_type)
            .enum_values(Some(self.words.iter().map(|(word, _)| value(word))))
            .default(Some(value(self.otherwise)))
            .build()
    }
}

/// Words as a sentence has them: `hour, day or week`.
pub(crate) fn listed(words: &[&str]) -> String {
    match words {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        words => words.join(""),
    }
}

/// Types that stand for what may be given, in the API's document.
macro_rules! documented {
    ($($name:ident: $schema:expr;)*) => {$(
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::from($schema))
            }
        }

        impl ToSchema for $name {}
    )*};
}

documented! {
    Resolution: RESOLUTION.schema(Type::Integer);
    BandwidthM: BANDWIDTH_M.schema(Type::Number);
    GridM: GRID_M.schema(Type::Number);
    Share: SHARE.schema(Type::Number);
    Weeks: WEEKS.schema(Type::Integer);
    TrainingWeeks: TRAINING_WEEKS.schema(Type::Integer);
    CourseSteps: COURSE.schema(Type::Integer);
    FindLimit: FIND.schema(Type::Integer);
    FindText: ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"\S")).min_length(Some(1)).max_length(Some(100)).build();
    EpisodeDays: EPISODE_DAYS.schema(Type::Integer);
    WindowHours: WINDOW.schema();
    PageLimit: PAGE.schema(Type::Integer);
    PeaksLimit: PEAKS.schema(Type::Integer);
    BucketWord: BUCKET.schema();
    StepWord: STEP.schema();
    ConfidencePercent: CONFIDENCE.schema();
    AsWord: AS.schema();
    LogOffset: ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    PageCursor: text(r"^\d{1,9}\.[1-5]?\d\..+$", 300, None);
    By: ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(100))
        .default(Some("none".into()))
        .build();
    Moment: text(MOMENT, 40, Some("2016-07-19T13:45"));
    BoundingBoxText: text(&bounding_box(), 120, Some("-87.70,41.85,-87.60,41.95"));
    HoursText: text(&hours(), MOST_OF_HOURS, Some("20-23,44-47"));
    Categories: ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MOST_OF_A_NAME)))
        .build();
    Category: ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MOST_OF_A_NAME)).build();
    Area: text("^[^:]+:.+$", MOST_OF_A_NAME, Some("community_area:32"));
    Areas: ArrayBuilder::new()
        .items(text("^[^:]+:.+$", MOST_OF_A_NAME, None))
        .examples([Value::from(vec!["community_area:32"])])
        .build();
}

/// A civil time of the city, or a moment with its offset, of the years 0000 to 9899.
const MOMENT: &str = r"^([0-8]\d|9[0-8])\d{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?)?)?$";

fn bounding_box() -> String {
    let number = r"-?\d{1,3}(\.\d{1,20})?(e-\d{1,2})?";
    format!("^{number},{number},{number},{number}$")
}

fn hours() -> String {
    let hour = r"(1[0-5]\d|16[0-7]|[1-9]?\d)";
    format!("^{hour}(-{hour})?(,{hour}(-{hour})?)*$")
}

fn text(pattern: &str, most: usize, example: Option<&str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .max_length(Some(most))
        .examples(example)
        .build()
}
