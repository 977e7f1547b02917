//! A question by names and values, as a person writes it: each name is known, given once unless it may be repeated, and its value
//! right, or the answer says which is not.

pub(crate) mod allowed;
mod selection;

pub use selection::Selection;
pub(crate) use selection::{by, moment};

use crate::QueryError;
use allowed::MOST_OF_HOURS;
use blotter_city::BoundingBox;
use blotter_cube::{Cursor, HoursOfWeek};
use std::str::FromStr;
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

const REPEATABLE: [&str; 2] = ["category", "area"];

/// A question that can be read from names and values.
pub trait FromParameters: IntoParams + Sized {
    /// Whether it has those of a [`Selection`], too.
    const HAS_FILTER: bool;

    /// Reads it.
    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError>;

    /// All its parameters, as the API's document has them.
    fn documented() -> Vec<Parameter> {
        let place = || Some(ParameterIn::Query);
        let mut all = Self::into_params(place);
        if Self::HAS_FILTER {
            all.extend(Selection::into_params(place));
        }
        all
    }

    /// Their names.
    fn names() -> Vec<String> {
        Self::documented().into_iter().map(|parameter| parameter.name).collect()
    }
}

/// Names and values.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query string; any name that is none of `known`, or given twice, is refused.
    pub fn read(query: Option<&str>, known: &[String]) -> Result<Self, QueryError> {
        Self::new(url::form_urlencoded::parse(query.unwrap_or("").as_bytes()).into_owned().collect(), known)
    }

    /// Names and values; any name that is none of `known`, or given twice, is refused.
    pub fn new(pairs: Vec<(String, String)>, known: &[String]) -> Result<Self, QueryError> {
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(name) {
                let detail = if known.is_empty() {
                    "this address has no parameters".to_owned()
                } else {
                    format!("there are: {}", known.join(", "))
                };
                return Err(QueryError::parameter(name, format!("this address has no parameter `{name}`; {detail}")));
            }
            if !REPEATABLE.contains(&name.as_str()) && pairs[..index].iter().any(|(before, _)| before == name) {
                return Err(QueryError::parameter(name, format!("`{name}` is given twice")));
            }
        }
        Ok(Self(pairs))
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, QueryError> {
        self.one(name)
            .map(|text| {
                text.parse().map_err(|_| QueryError::parameter(name, format!("`{name}={text}`: give {expected}")))
            })
            .transpose()
    }

    /// All values of a name that may be repeated.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// A text that the question cannot do without.
    pub fn required(&self, name: &str, expected: &str) -> Result<String, QueryError> {
        match self.texts(name).as_slice() {
            [text] => Ok(text.clone()),
            [] => Err(QueryError::parameter(name, format!("`{name}` is missing: give {expected}"))),
            _ => Err(QueryError::parameter(name, format!("`{name}` is given more than once: give {expected}"))),
        }
    }

    /// Which incidents.
    pub fn selection(&self) -> Result<Selection, QueryError> {
        Ok(Selection {
            from: self.text("from"),
            to: self.text("to"),
            category: self.texts("category"),
            area: self.texts("area"),
            arrest: self.parsed("arrest", "true or false")?,
            domestic: self.parsed("domestic", "true or false")?,
            bbox: self.bbox()?,
            hour_of_week: self.hours_of_week()?,
        })
    }

    fn hours_of_week(&self) -> Result<Option<HoursOfWeek>, QueryError> {
        if self.one("hour_of_week").is_some_and(|text| text.len() > MOST_OF_HOURS) {
            let detail = format!("`hour_of_week` has more than {MOST_OF_HOURS} characters: give ranges, such as 20-23");
            return Err(QueryError::parameter("hour_of_week", detail));
        }
        let expected = "hours from 0 (Monday at midnight) to 167, and ranges of them, such as 20-23,44-47";
        self.parsed("hour_of_week", expected)
    }

    /// A text as it stands.
    pub fn text(&self, name: &str) -> Option<String> {
        self.one(name).map(ToOwned::to_owned)
    }

    fn bbox(&self) -> Result<Option<BoundingBox>, QueryError> {
        let Some(text) = self.one("bbox") else { return Ok(None) };
        let numbers: Vec<f64> = text
            .split(',')
            .filter_map(|number| number.trim().parse().ok())
            .filter(|number: &f64| number.is_finite())
            .collect();
        match numbers.as_slice() {
            [west, south, east, north] if west <= east && south <= north && text.split(',').count() == 4 => {
                Ok(Some(BoundingBox { west: *west, south: *south, east: *east, north: *north }))
            }
            _ => Err(QueryError::parameter(
                "bbox",
                format!("`bbox={text}`: give west,south,east,north in degrees, west ≤ east and south ≤ north"),
            )),
        }
    }

    /// In which form the answer is wanted, where the question says so.
    pub fn format(&self) -> Option<&str> {
        self.one("format")
    }

    /// An offset of the log.
    pub fn offset(&self, name: &str) -> Result<Option<u64>, QueryError> {
        self.parsed(name, "an offset, as `next_before` of the page before has it")
    }

    /// Where the page before ended.
    pub fn cursor(&self) -> Result<Option<Cursor>, QueryError> {
        self.one("cursor")
            .map(|text| {
                Cursor::parse(text)
                    .ok_or_else(|| QueryError::parameter("cursor", "give the `next_cursor` of the page before"))
            })
            .transpose()
    }
}
