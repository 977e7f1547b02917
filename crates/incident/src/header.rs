//! Where each field of an incident stands in a source's rows.

use crate::{clean, profile::Profile};

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
            areas: profile.layers.iter().map(|layer| find(&layer.columns)).collect(),
        })
    }

    /// The names of the incident's fields and layers for which there is no column.
    pub fn missing(&self, profile: &Profile) -> Vec<String> {
        let [description, place, code] = self.words;
        let fields = [
            ("id", self.id),
            ("updated_at", self.updated_at),
            ("case_number", self.case_number),
            ("category", self.category),
            ("description", description),
            ("place", place),
            ("code", code),
            ("block", self.block),
            ("arrest", self.arrest),
            ("domestic", self.domestic),
            ("latitude", self.latitude),
            ("longitude", self.longitude),
        ];
        let layers = profile.layers.iter().map(|layer| layer.name.as_str()).zip(self.areas.iter().copied());
        fields
            .into_iter()
            .chain(layers)
            .filter(|(_, column)| column.is_none())
            .map(|(name, _)| name.to_owned())
            .collect()
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

    /// The columns of the date of occurrence: date, and time where it stands apart.
    pub fn occurred_columns(&self) -> (usize, Option<usize>) {
        (self.occurred_at, self.occurred_time)
    }
}
