//! The records of topic `counts`: totals so far, by hour, area and category. The topic's partition is
//! the `part`: a reader sums over it.

use arrow::{
    array::{
        ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt16Array,
        UInt32Array,
    },
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, UInt16Type, UInt32Type},
    error::ArrowError,
};
use blotter_city::UtcMicros;
use std::sync::{Arc, LazyLock};

/// One total.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourlyCount {
    /// The hour's beginning.
    pub bucket: UtcMicros,
    /// A code of the profile's primary layer; empty where the incident has none.
    pub area: String,
    /// The category.
    pub category: String,
    /// Incidents so far; zero where all have gone.
    pub count: u32,
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let word = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("bucket", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("area", word.clone(), false),
        Field::new("category", word, false),
        Field::new("count", DataType::UInt32, false),
    ]))
});

/// The columns of topic `counts`.
pub fn counts_schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Columns from parallel lists: hours since the epoch, area and category codes with their words, counts.
pub fn counts_batch(
    hours: Vec<i32>,
    areas: (Vec<u16>, &[String]),
    categories: (Vec<u16>, &[String]),
    counts: Vec<u32>,
) -> Result<RecordBatch, ArrowError> {
    let word = |(codes, words): (Vec<u16>, &[String])| -> Result<ArrayRef, ArrowError> {
        let (keys, used) = compact(&codes, words);
        Ok(Arc::new(DictionaryArray::try_new(UInt16Array::from(keys), Arc::new(StringArray::from(used)))?))
    };
    let buckets = hours.into_iter().map(|hour| i64::from(hour) * 3_600_000_000);
    RecordBatch::try_new(
        counts_schema(),
        vec![
            Arc::new(TimestampMicrosecondArray::from_iter_values(buckets).with_timezone("UTC")),
            word(areas)?,
            word(categories)?,
            Arc::new(UInt32Array::from(counts)),
        ],
    )
}

/// Only the words in use, so that a batch of one total does not carry them all.
fn compact<'a>(codes: &[u16], words: &'a [String]) -> (Vec<u16>, Vec<&'a str>) {
    let mut local = vec![u16::MAX; words.len()];
    let mut used = Vec::new();
    let keys = codes
        .iter()
        .map(|code| {
            let slot = &mut local[usize::from(*code)];
            if *slot == u16::MAX {
                *slot = used.len() as u16;
                used.push(words[usize::from(*code)].as_str());
            }
            *slot
        })
        .collect();
    (keys, used)
}

/// Rows of a batch of topic `counts`.
pub fn counts_rows(batch: &RecordBatch) -> Result<Vec<HourlyCount>, ArrowError> {
    if batch.schema_ref().fields() != SCHEMA.fields() {
        return Err(ArrowError::SchemaError("not a batch of counts".into()));
    }
    let buckets = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    let counts = batch.column(3).as_primitive::<UInt32Type>();
    let word = |column: usize, row: usize| {
        let column = batch.column(column).as_dictionary::<UInt16Type>();
        let texts = column.values().as_string::<i32>();
        texts.value(usize::from(column.keys().value(row))).to_owned()
    };
    Ok((0..buckets.len())
        .map(|row| HourlyCount {
            bucket: UtcMicros(buckets.value(row)),
            area: word(1, row),
            category: word(2, row),
            count: counts.value(row),
        })
        .collect())
}
