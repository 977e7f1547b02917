//! Records that could not be accepted. They are data: kept with their bytes, reason and position.

use arrow::{
    array::{Array, AsArray, BinaryArray, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType},
    error::ArrowError,
};
use blotter_city::UtcMicros;
use std::sync::{Arc, LazyLock};

/// One rejected record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Unique: the source position (`file:row 17`) or `partition/offset`. Readers drop a key they have seen.
    pub key: String,
    /// Why, as a sentence for people.
    pub reason: String,
    /// The record exactly as it arrived.
    pub bytes: Vec<u8>,
    /// When the source said so.
    pub observed_at: UtcMicros,
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("bytes", DataType::Binary, false),
        Field::new("observed_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
    ]))
});

/// The columns of topic `rejected`.
pub fn rejected_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Rows to columns.
pub fn rejected_batch(rows: &[Rejected]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(
        rejected_schema(),
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.key))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.reason))),
            Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.bytes))),
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.observed_at.0))
                    .with_timezone("UTC"),
            ),
        ],
    )
}

/// Columns to rows.
pub fn rejected_rows(batch: &RecordBatch) -> Result<Vec<Rejected>, ArrowError> {
    if batch.schema_ref() != &*SCHEMA {
        return Err(ArrowError::SchemaError("not a batch of rejected records".into()));
    }
    let keys = batch.column(0).as_string::<i32>();
    let reasons = batch.column(1).as_string::<i32>();
    let bytes = batch.column(2).as_binary::<i32>();
    let observed = batch.column(3).as_primitive::<TimestampMicrosecondType>();
    Ok((0..keys.len())
        .map(|row| Rejected {
            key: keys.value(row).to_owned(),
            reason: reasons.value(row).to_owned(),
            bytes: bytes.value(row).to_vec(),
            observed_at: UtcMicros(observed.value(row)),
        })
        .collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_columns() {
        let rows = vec![
            Rejected {
                key: "f.csv:row 3".into(),
                reason: "no id".into(),
                bytes: vec![0, 255, b','],
                observed_at: UtcMicros(5),
            },
            Rejected {
                key: "f.csv:row 9".into(),
                reason: "not a date".into(),
                bytes: vec![],
                observed_at: UtcMicros(-1),
            },
        ];
        assert_eq!(rejected_rows(&rejected_batch(&rows).unwrap()).unwrap(), rows);
    }
}
