//! The columns of a batch of the snapshot's rows, by name.

use arrow::{
    array::{Array, AsArray, RecordBatch, TimestampMicrosecondArray},
    datatypes::TimestampMicrosecondType,
    error::ArrowError,
};

pub(crate) fn times<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a TimestampMicrosecondArray, ArrowError> {
    column(batch, name)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| wrong(name))
}

pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array, ArrowError> {
    Ok(batch.column_by_name(name).ok_or_else(|| wrong(name))?.as_ref())
}

pub(crate) fn wrong(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("not a snapshot's columns: {name}"))
}
