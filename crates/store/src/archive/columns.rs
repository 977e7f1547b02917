//! The table's columns: what an incident batch becomes in a file, and back.
//!
//! A file holds every column but `year`, which the table keeps beside it. In memory the texts of few
//! distinct values are dictionaries; in the file and in the table's schema they are plain strings.

use arrow::{
    array::{ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StructArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
};
use blotter_city::Profile;
use blotter_incident::incident_schema;
use deltalake_core::kernel::{DataType as DeltaType, PrimitiveType, StructField, StructType};
use std::sync::Arc;

/// Fixed columns of an incident batch; its area layers follow.
const FIXED: usize = 18;

/// Where the areas stand among the table's columns: before `latitude`.
const AREAS: usize = 15;

const AREA_PREFIX: &str = "areas.";

pub(crate) const PARTITION_COLUMN: &str = "year";

/// The columns of a file in memory: those of [`incident_schema`] with the areas as one struct, then
/// `ingested_at`, `partition` and `offset`.
pub fn archive_schema(profile: &Profile) -> SchemaRef {
    let incidents = incident_schema(profile);
    let mut fields: Vec<FieldRef> = incidents.fields()[..FIXED].to_vec();
    fields.insert(AREAS, Arc::new(Field::new("areas", DataType::Struct(area_fields(&incidents)), false)));
    fields.extend([
        Arc::new(Field::new("ingested_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)),
        Arc::new(Field::new("partition", DataType::Int32, false)),
        Arc::new(Field::new("offset", DataType::Int64, false)),
    ]);
    Arc::new(Schema::new(fields))
}

fn area_fields(incidents: &Schema) -> Fields {
    incidents.fields()[FIXED..]
        .iter()
        .map(|field| {
            let name = field.name().strip_prefix(AREA_PREFIX).unwrap_or(field.name());
            Arc::new(Field::new(name, field.data_type().clone(), true))
        })
        .collect()
}

/// The table's columns in Delta's words, `year` last. All may be missing, as far as Delta is told: a column that may not is
/// an *invariant* of the table, which Spark refuses to read unless the protocol lists it, and we cannot list it without
/// the query engine that would check it. The files say which are always there.
pub(crate) fn delta_schema(profile: &Profile) -> Result<StructType, ArrowError> {
    let mut fields = archive_schema(profile)
        .fields()
        .iter()
        .map(|field| Ok(StructField::nullable(field.name(), delta_type(field.data_type())?)))
        .collect::<Result<Vec<_>, ArrowError>>()?;
    fields.push(StructField::nullable(PARTITION_COLUMN, PrimitiveType::Integer));
    StructType::try_new(fields).map_err(|error| ArrowError::SchemaError(error.to_string()))
}

fn delta_type(kind: &DataType) -> Result<DeltaType, ArrowError> {
    let primitive = match kind {
        DataType::Utf8 | DataType::Dictionary(..) => PrimitiveType::String,
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Int32 => PrimitiveType::Integer,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Float64 => PrimitiveType::Double,
        DataType::Timestamp(TimeUnit::Microsecond, None) => PrimitiveType::TimestampNtz,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => PrimitiveType::Timestamp,
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| Ok(StructField::nullable(field.name(), delta_type(field.data_type())?)))
                .collect::<Result<Vec<_>, ArrowError>>()?;
            let inner = StructType::try_new(fields).map_err(|error| ArrowError::SchemaError(error.to_string()))?;
            return Ok(inner.into());
        }
        other => return Err(ArrowError::SchemaError(format!("the archive has no columns of type {other}"))),
    };
    Ok(DeltaType::Primitive(primitive))
}

/// An incident batch of one partition as rows of the archive: offsets count from `base`.
pub(crate) fn from_incidents(
    batch: &RecordBatch,
    schema: &SchemaRef,
    partition: u32,
    base: u64,
    ingested_at_micros: i64,
) -> Result<RecordBatch, ArrowError> {
    let rows = batch.num_rows();
    let mut columns: Vec<ArrayRef> = batch.columns()[..FIXED.min(batch.num_columns())].to_vec();
    let DataType::Struct(layers) = schema.field(AREAS).data_type() else {
        return Err(ArrowError::SchemaError("`areas` is a struct".into()));
    };
    if batch.num_columns() != FIXED + layers.len() {
        return Err(ArrowError::SchemaError(format!(
            "{} columns where the city's incidents have {}",
            batch.num_columns(),
            FIXED + layers.len()
        )));
    }
    columns.insert(AREAS, Arc::new(StructArray::try_new(layers.clone(), batch.columns()[FIXED..].to_vec(), None)?));
    columns.push(Arc::new(TimestampMicrosecondArray::from_value(ingested_at_micros, rows).with_timezone("UTC")));
    columns.push(Arc::new(Int32Array::from_value(partition as i32, rows)));
    let first = base as i64;
    columns.push(Arc::new(Int64Array::from_iter_values(first..first + rows as i64)));
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Rows of the archive as an incident batch, followed by the columns `partition` and `offset`.
/// `schema` is [`incident_schema`] with these two.
pub fn to_incidents(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    let areas = rows
        .column_by_name("areas")
        .and_then(|column| column.as_struct_opt())
        .ok_or_else(|| ArrowError::SchemaError("the archive has no `areas`".into()))?;
    for field in schema.fields() {
        let column = match field.name().strip_prefix(AREA_PREFIX) {
            Some(layer) => areas.column_by_name(layer),
            None => rows.column_by_name(field.name()),
        };
        columns.push(Arc::clone(
            column.ok_or_else(|| ArrowError::SchemaError(format!("the archive has no column `{}`", field.name())))?,
        ));
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
}
