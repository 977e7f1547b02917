//! JSON rows to the parser: field names are the header, and what is no plain value is left out.

use crate::{SourceError, csv::table::KEPT_BYTES};
use blotter_city::{Profile, UtcMicros, parse_instant};
use blotter_incident::{Header, Observation, Parser, Rejected, Row};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// One row of an answer.
pub(super) type Fields = Map<String, Value>;

/// The portal's own id of a row.
pub(super) const ROW_ID: &str = ":id";
/// The portal's own time of change.
pub(super) const UPDATED_AT: &str = ":updated_at";

/// When the source said so.
#[derive(Clone, Copy, Debug)]
pub(super) enum Evidence {
    /// With the row's own time of change.
    WithUpdate,
    /// It was found to have vanished.
    Gone(UtcMicros),
    /// It was found to be there again.
    Back(UtcMicros),
}

impl Evidence {
    /// The time of observation. What was found out holds from then on, and later than the row that was there before.
    pub(super) fn observed_at(self, updated_at: Option<UtcMicros>, now: UtcMicros) -> UtcMicros {
        match (self, updated_at) {
            (Self::Gone(at) | Self::Back(at), updated) => at.max(UtcMicros(updated.unwrap_or_default().0 + 1)),
            (Self::WithUpdate, Some(updated)) => updated,
            (Self::WithUpdate, None) => now,
        }
    }
}

/// A row's own time of change.
pub(super) fn updated_at(row: &Fields) -> Option<UtcMicros> {
    row.get(UPDATED_AT).and_then(Value::as_str).and_then(parse_instant)
}

/// The names of all fields seen so far, and the header that they make.
#[derive(Default)]
pub(super) struct Columns {
    names: Vec<String>,
    index: HashMap<String, usize>,
    id: Option<usize>,
    key: Vec<usize>,
    occurred_at: usize,
    known: bool,
    /// Rows have their point in a field of its own (GeoJSON, or `latitude` and `longitude` inside a field).
    has_point: bool,
    /// The columns that the point goes to, where the profile's have no field.
    point_at: Option<(usize, usize)>,
    bytes: Vec<u8>,
    spans: Vec<(u32, u32)>,
}

impl Columns {
    /// Learns the names of a page; a row leaves out the fields that it has no value for.
    pub(super) fn learn(&mut self, page: &[Fields], parser: &mut Parser, what: &str) -> Result<(), SourceError> {
        let mut new = false;
        for (name, value) in page.iter().flatten() {
            if !self.has_point && point_of(value).is_some() {
                self.has_point = true;
                new = true;
            }
            let plain = !name.starts_with(':') && !value.is_object() && !value.is_array();
            if plain && !self.index.contains_key(name) {
                self.index.insert(name.clone(), self.names.len());
                self.names.push(name.clone());
                new = true;
            }
        }
        if new { self.resolve(parser, what) } else { Ok(()) }
    }

    /// Takes up the names that were learnt before.
    pub(super) fn restore(&mut self, names: &[String], parser: &mut Parser, what: &str) -> Result<(), SourceError> {
        if names.is_empty() {
            return Ok(());
        }
        names.clone_into(&mut self.names);
        self.index = names.iter().cloned().zip(0..).collect();
        self.resolve(parser, what)
    }

    /// Whether rows have their point in a field of its own.
    pub(super) fn has_point(&self) -> bool {
        self.has_point
    }

    /// The names of all fields seen so far.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    fn resolve(&mut self, parser: &mut Parser, what: &str) -> Result<(), SourceError> {
        let profile = parser.profile();
        let header = Header::resolve(profile, &self.names)
            .map_err(|error| SourceError::Refused { what: what.into(), why: error.to_string() })?;
        let columns = &profile.columns;
        let named = !(columns.latitude.is_empty() || columns.longitude.is_empty()) || !columns.location.is_empty();
        let is_needed = self.has_point && named && !header.has_point();
        self.point_at = is_needed.then(|| (self.names.len(), self.names.len() + 1));
        let header = if is_needed { header.with_point() } else { header };
        self.id = self.id_column(profile);
        self.key = header.key_columns().to_vec();
        self.occurred_at = header.occurred_columns().0;
        self.known = true;
        parser.set_header(header);
        Ok(())
    }

    fn id_column(&self, profile: &Profile) -> Option<usize> {
        let plain = |name: &str| -> String {
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        (profile.columns.id.iter()).find_map(|wanted| self.names.iter().position(|name| plain(name) == plain(wanted)))
    }

    /// The API's name of the city's id; none where rows have only the portal's.
    pub(super) fn id_name(&self) -> Option<&str> {
        self.id.map(|index| self.names[index].as_str())
    }

    /// Whether a page was seen, so that a row's id can be told.
    pub(super) fn id_known(&self) -> bool {
        self.known
    }

    /// A row's id: the city's, or the portal's where the city has none.
    pub(super) fn id_of(&self, row: &Fields) -> Option<String> {
        text_of(row.get(self.id_name().unwrap_or(ROW_ID))?)
    }

    /// The key of a row in a city without ids: the values of its key columns, joined by hyphens; empty where all are.
    pub(super) fn key_of(&self, row: &Fields) -> String {
        let parts: Vec<String> = self
            .key
            .iter()
            .map(|column| row.get(&self.names[*column]).and_then(text_of).unwrap_or_default().trim().to_owned())
            .collect();
        if parts.iter().all(String::is_empty) { String::new() } else { parts.join("-") }
    }

    /// The month in which it occurred, `2017-07`.
    pub(super) fn month_of(&self, row: &Fields) -> Option<String> {
        if !self.known {
            return None;
        }
        let month = text_of(row.get(&self.names[self.occurred_at])?)?.get(..7)?.to_owned();
        let plain = |(index, byte): (usize, u8)| if index == 4 { byte == b'-' } else { byte.is_ascii_digit() };
        month.bytes().enumerate().all(plain).then_some(month)
    }

    /// Gives a row to the parser, or says why it is rejected. `id`: where the city has none of its own.
    pub(super) fn push(
        &mut self,
        parser: &mut Parser,
        row: &Fields,
        said: Evidence,
        id: Option<&str>,
        now: UtcMicros,
        name: &str,
    ) -> Option<Rejected> {
        self.spans.clear();
        self.spans.resize(self.names.len() + 2 * usize::from(self.point_at.is_some()), (0, 0));
        self.bytes.clear();
        if let Some((latitude_column, longitude_column)) = self.point_at
            && let Some((latitude, longitude)) = row.values().find_map(point_of)
        {
            for (column, degrees) in [(latitude_column, latitude), (longitude_column, longitude)] {
                let start = self.bytes.len() as u32;
                self.bytes.extend_from_slice(degrees.as_bytes());
                self.spans[column] = (start, self.bytes.len() as u32);
            }
        }
        for (field, value) in row {
            if let Some(index) = self.index.get(field)
                && let Some(text) = text_of(value)
            {
                let start = self.bytes.len() as u32;
                self.bytes.extend_from_slice(text.as_bytes());
                self.spans[*index] = (start, self.bytes.len() as u32);
            }
        }
        let text = |field: &str| row.get(field).and_then(Value::as_str).unwrap_or_default();
        let updated_at = updated_at(row);
        let observed_at = said.observed_at(updated_at, now);
        let observation = Observation { observed_at, deleted: matches!(said, Evidence::Gone(_)), id };
        let reason = if self.bytes.contains(&0) {
            "a NUL byte".to_owned()
        } else if updated_at.is_none() {
            format!(
                "`{UPDATED_AT}` is not an RFC 3339 time: `{}`",
                text(UPDATED_AT).chars().take(80).collect::<String>()
            )
        } else {
            parser.push(&Row::spanned(&self.bytes, &self.spans), &observation, now).err()?.to_string()
        };
        let mut bytes = serde_json::to_vec(row).unwrap_or_default();
        bytes.truncate(KEPT_BYTES);
        let key = format!("{name}:{}@{}", text(ROW_ID), text(UPDATED_AT));
        Some(Rejected { key, reason, bytes, observed_at })
    }
}

/// Latitude and longitude of a GeoJSON point, or of an object that has both.
fn point_of(value: &Value) -> Option<(String, String)> {
    let Value::Object(object) = value else { return None };
    if object.get("type").and_then(Value::as_str) == Some("Point") {
        let [longitude, latitude, ..] = object.get("coordinates")?.as_array()?.as_slice() else { return None };
        return Some((text_of(latitude)?, text_of(longitude)?));
    }
    Some((text_of(object.get("latitude")?)?, text_of(object.get("longitude")?)?))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
