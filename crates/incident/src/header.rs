//! Where each field of an incident stands in a source's rows.

use crate::row::Row;
use blotter_city::{Profile, clean};

/// Where each field of an incident stands in a source's rows.
#[derive(Clone, Debug)]
pub struct Header {
    pub(crate) width: usize,
    pub(crate) id: Option<usize>,
    pub(crate) key: Vec<usize>,
    pub(crate) occurred_at: usize,
    pub(crate) occurred_time: Option<usize>,
    pub(crate) updated_at: Option<usize>,
    pub(crate) case_number: Option<usize>,
    pub(crate) category: Option<usize>,
    pub(crate) words: [Option<usize>; 3],
    pub(crate) block: Option<usize>,
    pub(crate) arrest: Option<usize>,
    pub(crate) domestic: Option<usize>,
    pub(crate) latitude: Option<usize>,
    pub(crate) longitude: Option<usize>,
    pub(crate) location: Option<usize>,
    /// Columns of x and y.
    pub(crate) plane: Option<(usize, usize)>,
    pub(crate) areas: Vec<Option<usize>>,
}

/// Why rows with such a header cannot be a city's incidents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no column for `{field}` (looked for {}); found: {}. This is not an incident file of city `{city}`, or its profile needs another name", looked_for.join(", "), found.join(", "))]
pub struct HeaderError {
    /// The field without a column.
    pub field: &'static str,
    /// The names that the profile knows.
    pub looked_for: Vec<String>,
    /// The names that the source has.
    pub found: Vec<String>,
    /// The profile.
    pub city: String,
}

/// Whether two names of columns are the same but for case, spaces and punctuation.
pub fn same_column(one: &str, other: &str) -> bool {
    clean::header(one) == clean::header(other)
}

impl Header {
    /// Finds the profile's columns among a source's names, whatever their order and case.
    pub fn resolve<S: AsRef<str>>(profile: &Profile, names: &[S]) -> Result<Self, HeaderError> {
        let found: Vec<String> = names.iter().map(|name| clean::header(name.as_ref())).collect();
        let find = |wanted: &[String]| {
            wanted.iter().find_map(|name| {
                let name = clean::header(name);
                found.iter().position(|candidate| *candidate == name)
            })
        };
        let missing = |field: &'static str, wanted: &[String]| HeaderError {
            field,
            looked_for: wanted.to_vec(),
            found: names.iter().take(30).map(|name| name.as_ref().chars().take(40).collect()).collect(),
            city: profile.slug.clone(),
        };
        let columns = &profile.columns;
        let id = find(&columns.id);
        if id.is_none() && columns.key.is_empty() {
            return Err(missing("id", &columns.id));
        }
        let mut key = Vec::new();
        for name in &columns.key {
            let wanted = std::slice::from_ref(name);
            key.push(find(wanted).ok_or_else(|| missing("key", wanted))?);
        }
        let category = find(&columns.category);
        if category.is_none() && profile.category.constant.is_none() {
            return Err(missing("category", &columns.category));
        }
        Ok(Self {
            width: names.len(),
            id,
            key,
            occurred_at: find(&columns.occurred_at).ok_or_else(|| missing("occurred_at", &columns.occurred_at))?,
            occurred_time: find(&columns.occurred_time),
            updated_at: find(&columns.updated_at),
            case_number: find(&columns.case_number),
            category,
            words: [find(&columns.description), find(&columns.place), find(&columns.code)],
            block: find(&columns.block),
            arrest: find(&columns.arrest),
            domestic: find(&columns.domestic),
            latitude: find(&columns.latitude),
            longitude: find(&columns.longitude),
            location: find(&columns.location),
            plane: find(&columns.x).zip(find(&columns.y)),
            areas: profile.layers.iter().map(|layer| find(&layer.columns)).collect(),
        })
    }

    /// The fields and layers for which the profile names columns and the source has none, each with those names.
    pub fn missing<S: AsRef<str>>(profile: &Profile, names: &[S]) -> Vec<(String, Vec<String>)> {
        let has = |wanted: &[String]| names.iter().any(|name| wanted.iter().any(|one| same_column(name.as_ref(), one)));
        let columns = &profile.columns;
        let has_both = |one: &[String], other: &[String]| has(one) && has(other);
        let has_point = has(&columns.location)
            || has_both(&columns.latitude, &columns.longitude)
            || has_both(&columns.x, &columns.y);
        let is_needed =
            |field: &str| !(has_point && matches!(field, "latitude" | "longitude" | "location" | "x" | "y"));
        let named = profile.named_columns().into_iter().filter(|(field, wanted)| is_needed(field) && !has(wanted));
        named.map(|(field, wanted)| (field, wanted.to_vec())).collect()
    }

    /// With the point in two columns of its own behind the others, where the source has no columns for it.
    #[must_use]
    pub fn with_point(self) -> Self {
        let at = self.width;
        match (self.latitude, self.longitude) {
            (None, _) | (_, None) => Self { width: at + 2, latitude: Some(at), longitude: Some(at + 1), ..self },
            _ => self,
        }
    }

    /// Whether it has columns for the point.
    pub fn has_point(&self) -> bool {
        (self.latitude.is_some() && self.longitude.is_some()) || self.location.is_some() || self.plane.is_some()
    }

    /// The columns of the layers' codes, in the profile's order.
    pub fn area_columns(&self) -> &[Option<usize>] {
        &self.areas
    }

    /// Fields of a complete row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The columns that identify an event in a source without unique ids; empty where there are ids.
    pub fn key_columns(&self) -> &[usize] {
        &self.key
    }

    /// The column of the source's own id.
    pub fn id_column(&self) -> Option<usize> {
        self.id
    }

    /// A row's own id, as an incident has it; empty where it has none.
    pub fn id_of<'r>(&self, row: &Row<'r>) -> std::borrow::Cow<'r, str> {
        let field = self.id.filter(|column| *column < row.len()).map_or(&[][..], |column| row.field(column));
        let text = std::str::from_utf8(field).unwrap_or_default();
        clean::trimmed(text.strip_suffix(".0").unwrap_or(text))
    }

    /// The column of the case number.
    pub fn case_number_column(&self) -> Option<usize> {
        self.case_number
    }

    /// The column of the portal's time of change.
    pub fn updated_at_column(&self) -> Option<usize> {
        self.updated_at
    }

    /// The columns of the date of occurrence: date, and time where it stands apart.
    pub fn occurred_columns(&self) -> (usize, Option<usize>) {
        (self.occurred_at, self.occurred_time)
    }
}
