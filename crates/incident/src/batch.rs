//! Incidents as columns: what the log stores, the archive writes and every other role reads.
//!
//! One Arrow schema per city: eighteen fixed columns, then one per area layer, named `areas.<layer>`.
//! Texts of few distinct values are dictionaries of 16-bit keys, so a batch has at most 65,535 rows.

use crate::revision::Revision;
use arrow::{
    array::{
        Array, AsArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, PrimitiveArray, RecordBatch,
        StringArray, TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, UInt16Type},
    error::ArrowError,
};
use blotter_city::{CivilMicros, Profile, UtcMicros};
use std::{collections::BTreeMap, sync::Arc};

/// Columns before those of the areas.
pub(crate) const FIXED: usize = 18;

/// One incident record, as a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Unique in its city.
    pub id: String,
    /// Not unique: homicides have one row per victim.
    pub case_number: Option<String>,
    /// Exactly as published.
    pub occurred_at: CivilMicros,
    /// Derived by the city's clock.
    pub occurred_at_utc: UtcMicros,
    /// The portal's time of change.
    pub updated_at: Option<CivilMicros>,
    /// When the source said so.
    pub observed_at: UtcMicros,
    /// The incident has vanished from the source; the other fields are its last known ones.
    pub deleted: bool,
    /// After the profile's clean-ups.
    pub category: String,
    /// Before them.
    pub category_published: String,
    /// What happened.
    pub description: Option<String>,
    /// Kind of place.
    pub place: Option<String>,
    /// Offence code.
    pub code: Option<String>,
    /// Address, coarsened by the city.
    pub block: Option<String>,
    /// Whether someone was arrested.
    pub arrest: Option<bool>,
    /// Whether it was domestic.
    pub domestic: Option<bool>,
    /// Degrees north and east, both or neither.
    pub position: Option<(f64, f64)>,
    /// Code by layer.
    pub areas: BTreeMap<String, String>,
    /// See [`Revision`].
    pub content_hash: i64,
}

impl Incident {
    /// Its rank among the records of the same incident.
    pub fn revision(&self) -> Revision {
        Revision { updated_at: self.updated_at, observed_at: self.observed_at, content_hash: self.content_hash }
    }
}

/// The schema of a city's incident batches.
pub fn incident_schema(profile: &Profile) -> SchemaRef {
    let dictionary = || DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    let civil = || DataType::Timestamp(TimeUnit::Microsecond, None);
    let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("case_number", DataType::Utf8, true),
        Field::new("occurred_at", civil(), false),
        Field::new("occurred_at_utc", utc(), false),
        Field::new("updated_at", civil(), true),
        Field::new("observed_at", utc(), false),
        Field::new("deleted", DataType::Boolean, false),
        Field::new("category", dictionary(), false),
        Field::new("category_published", dictionary(), false),
        Field::new("description", dictionary(), true),
        Field::new("place", dictionary(), true),
        Field::new("code", dictionary(), true),
        Field::new("block", DataType::Utf8, true),
        Field::new("arrest", DataType::Boolean, true),
        Field::new("domestic", DataType::Boolean, true),
        Field::new("latitude", DataType::Float64, true),
        Field::new("longitude", DataType::Float64, true),
        Field::new("content_hash", DataType::Int64, false),
    ];
    debug_assert_eq!(fields.len(), FIXED);
    fields.extend(profile.layers.iter().map(|layer| Field::new(format!("areas.{}", layer.name), dictionary(), true)));
    Arc::new(Schema::new(fields))
}

/// A dictionary column: per row a key into a few texts.
#[derive(Clone, Copy, Debug)]
pub struct DictionaryColumn<'a> {
    keys: &'a PrimitiveArray<UInt16Type>,
    texts: &'a StringArray,
}

impl<'a> DictionaryColumn<'a> {
    /// Views a column; none if it is not a dictionary of texts with 16-bit keys.
    pub fn try_new(column: &'a dyn Array) -> Option<Self> {
        let column = column.as_any().downcast_ref::<DictionaryArray<UInt16Type>>()?;
        Some(Self { keys: column.keys(), texts: column.values().as_string_opt::<i32>()? })
    }

    /// The key of a row; none where the value is missing.
    pub fn key(&self, row: usize) -> Option<u16> {
        self.keys.is_valid(row).then(|| self.keys.value(row))
    }

    /// The text of a key.
    pub fn text(&self, key: u16) -> &'a str {
        self.texts.value(usize::from(key))
    }

    /// The text of a row.
    pub fn value(&self, row: usize) -> Option<&'a str> {
        self.key(row).map(|key| self.text(key))
    }

    /// All texts, in key order.
    pub fn texts(&self) -> impl Iterator<Item = &'a str> {
        (0..self.texts.len()).map(|key| self.texts.value(key))
    }
}

/// Typed views of one batch's columns.
#[derive(Clone, Debug)]
pub struct IncidentBatch<'a> {
    /// Rows.
    pub len: usize,
    /// Unique id.
    pub id: &'a StringArray,
    /// Case number.
    pub case_number: &'a StringArray,
    /// Civil microseconds.
    pub occurred_at: &'a [i64],
    /// UTC microseconds.
    pub occurred_at_utc: &'a [i64],
    /// Civil microseconds, may be missing.
    pub updated_at: &'a TimestampMicrosecondArray,
    /// UTC microseconds.
    pub observed_at: &'a [i64],
    /// Whether the record is a deletion.
    pub deleted: &'a BooleanArray,
    /// Cleaned category.
    pub category: DictionaryColumn<'a>,
    /// Published category.
    pub category_published: DictionaryColumn<'a>,
    /// Description.
    pub description: DictionaryColumn<'a>,
    /// Kind of place.
    pub place: DictionaryColumn<'a>,
    /// Offence code.
    pub code: DictionaryColumn<'a>,
    /// Block.
    pub block: &'a StringArray,
    /// Arrest.
    pub arrest: &'a BooleanArray,
    /// Domestic.
    pub domestic: &'a BooleanArray,
    /// Degrees north.
    pub latitude: &'a Float64Array,
    /// Degrees east.
    pub longitude: &'a Float64Array,
    /// Content hashes.
    pub content_hash: &'a [i64],
    /// Area codes, one column per layer of the profile, in its order.
    pub areas: Vec<DictionaryColumn<'a>>,
    layer_names: Vec<&'a str>,
}

impl<'a> IncidentBatch<'a> {
    /// Views a batch of [`incident_schema`].
    pub fn try_new(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let schema = batch.schema_ref();
        let wrong = |what: &str| ArrowError::SchemaError(format!("not a batch of incidents: {what}"));
        if batch.num_columns() < FIXED {
            return Err(wrong("columns are missing"));
        }
        let text =
            |index: usize| batch.column(index).as_string_opt::<i32>().ok_or_else(|| wrong(schema.field(index).name()));
        let time = |index: usize| {
            batch
                .column(index)
                .as_any()
                .downcast_ref::<TimestampMicrosecondArray>()
                .ok_or_else(|| wrong(schema.field(index).name()))
        };
        let flag = |index: usize| batch.column(index).as_boolean_opt().ok_or_else(|| wrong(schema.field(index).name()));
        let number = |index: usize| {
            batch.column(index).as_any().downcast_ref::<Float64Array>().ok_or_else(|| wrong(schema.field(index).name()))
        };
        let dictionary = |index: usize| {
            DictionaryColumn::try_new(batch.column(index)).ok_or_else(|| wrong(schema.field(index).name()))
        };
        let hashes = batch.column(17).as_any().downcast_ref::<Int64Array>().ok_or_else(|| wrong("content_hash"))?;
        let mut areas = Vec::new();
        let mut layer_names = Vec::new();
        for index in FIXED..batch.num_columns() {
            let name = schema.field(index).name();
            layer_names.push(name.strip_prefix("areas.").ok_or_else(|| wrong(name))?);
            areas.push(dictionary(index)?);
        }
        Ok(Self {
            len: batch.num_rows(),
            id: text(0)?,
            case_number: text(1)?,
            occurred_at: time(2)?.values(),
            occurred_at_utc: time(3)?.values(),
            updated_at: time(4)?,
            observed_at: time(5)?.values(),
            deleted: flag(6)?,
            category: dictionary(7)?,
            category_published: dictionary(8)?,
            description: dictionary(9)?,
            place: dictionary(10)?,
            code: dictionary(11)?,
            block: text(12)?,
            arrest: flag(13)?,
            domestic: flag(14)?,
            latitude: number(15)?,
            longitude: number(16)?,
            content_hash: hashes.values(),
            areas,
            layer_names,
        })
    }

    /// The rank of a row.
    pub fn revision(&self, row: usize) -> Revision {
        Revision {
            updated_at: self.updated_at.is_valid(row).then(|| CivilMicros(self.updated_at.value(row))),
            observed_at: UtcMicros(self.observed_at[row]),
            content_hash: self.content_hash[row],
        }
    }

    /// The coordinates of a row: latitude, longitude.
    pub fn position(&self, row: usize) -> Option<(f64, f64)> {
        (self.latitude.is_valid(row) && self.longitude.is_valid(row))
            .then(|| (self.latitude.value(row), self.longitude.value(row)))
    }

    /// The areas of a row: layer and code, where it has one.
    pub fn layers(&self, row: usize) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.layer_names.iter().zip(&self.areas).filter_map(move |(name, column)| Some((*name, column.value(row)?)))
    }

    /// One row.
    pub fn incident(&self, row: usize) -> Incident {
        let text = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
        let word = |column: &DictionaryColumn<'_>| column.value(row).map(ToOwned::to_owned);
        let flag = |column: &BooleanArray| column.is_valid(row).then(|| column.value(row));
        Incident {
            id: self.id.value(row).to_owned(),
            case_number: text(self.case_number),
            occurred_at: CivilMicros(self.occurred_at[row]),
            occurred_at_utc: UtcMicros(self.occurred_at_utc[row]),
            updated_at: self.revision(row).updated_at,
            observed_at: UtcMicros(self.observed_at[row]),
            deleted: self.deleted.value(row),
            category: word(&self.category).unwrap_or_default(),
            category_published: word(&self.category_published).unwrap_or_default(),
            description: word(&self.description),
            place: word(&self.place),
            code: word(&self.code),
            block: text(self.block),
            arrest: flag(self.arrest),
            domestic: flag(self.domestic),
            position: self.position(row),
            areas: self
                .layer_names
                .iter()
                .zip(&self.areas)
                .filter_map(|(name, column)| Some(((*name).to_owned(), column.value(row)?.to_owned())))
                .collect(),
            content_hash: self.content_hash[row],
        }
    }
}
