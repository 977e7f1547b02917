//! Rows of many batches of the archive in another order.

use arrow::{
    array::{Array, ArrayRef, AsArray, DictionaryArray, PrimitiveArray, RecordBatch, StringArray},
    buffer::ScalarBuffer,
    compute::interleave,
    datatypes::{DataType, SchemaRef, UInt16Type},
    error::ArrowError,
};
use hashbrown::HashMap;
use std::sync::Arc;

const MISSING: u32 = u32::MAX;

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) batch: u32,
    pub(crate) row: u32,
}

/// All columns of the batches.
pub(crate) fn columns<'a>(schema: &SchemaRef, batches: &'a [RecordBatch]) -> Result<Vec<Column<'a>>, ArrowError> {
    let fields = schema.fields().iter().enumerate();
    fields.map(|(index, field)| Column::new(batches, index, field.data_type())).collect()
}

/// The rows at these places, in their order.
pub(crate) fn gather(schema: &SchemaRef, columns: &[Column<'_>], places: &[Place]) -> Result<RecordBatch, ArrowError> {
    let arrays = columns.iter().map(|column| column.gather(places)).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(SchemaRef::clone(schema), arrays)
}

/// One column of all batches.
pub(crate) enum Column<'a> {
    Plain(Vec<&'a dyn Array>),
    Words { texts: Vec<&'a str>, codes: Vec<Vec<u32>> },
}

impl<'a> Column<'a> {
    fn new(batches: &'a [RecordBatch], index: usize, kind: &DataType) -> Result<Self, ArrowError> {
        if !matches!(kind, DataType::Dictionary(..)) {
            return Ok(Self::Plain(batches.iter().map(|batch| batch.column(index).as_ref()).collect()));
        }
        // The texts of all batches, each once, and every row's code among them.
        let mut by_text: HashMap<&str, u32> = HashMap::new();
        let mut texts = Vec::new();
        let mut codes = Vec::with_capacity(batches.len());
        for batch in batches {
            let column = batch.column(index).as_dictionary_opt::<UInt16Type>().ok_or_else(|| wrong("a dictionary"))?;
            let values = column.values().as_string_opt::<i32>().ok_or_else(|| wrong("texts"))?;
            let local: Vec<u32> = (0..values.len())
                .map(|key| {
                    let text = values.value(key);
                    *by_text.entry(text).or_insert_with(|| {
                        texts.push(text);
                        texts.len() as u32 - 1
                    })
                })
                .collect();
            let keys = column.keys();
            codes.push(
                (0..keys.len())
                    .map(|row| if keys.is_valid(row) { local[usize::from(keys.value(row))] } else { MISSING })
                    .collect(),
            );
        }
        Ok(Self::Words { texts, codes })
    }

    fn gather(&self, places: &[Place]) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Plain(arrays) => {
                let indices: Vec<(usize, usize)> =
                    places.iter().map(|place| (place.batch as usize, place.row as usize)).collect();
                interleave(arrays, &indices)
            }
            Self::Words { texts, codes } => {
                // Just the texts in use, in order of first use.
                let mut local = vec![u16::MAX; texts.len()];
                let mut used: Vec<&str> = Vec::new();
                let mut keys = Vec::with_capacity(places.len());
                let mut is_valid = Vec::with_capacity(places.len());
                for place in places {
                    let code = codes[place.batch as usize][place.row as usize];
                    is_valid.push(code != MISSING);
                    if code == MISSING {
                        keys.push(0);
                        continue;
                    }
                    let slot = &mut local[code as usize];
                    if *slot == u16::MAX {
                        *slot = used.len() as u16;
                        used.push(texts[code as usize]);
                    }
                    keys.push(*slot);
                }
                let nulls = is_valid.contains(&false).then(|| is_valid.into());
                let keys = PrimitiveArray::<UInt16Type>::try_new(ScalarBuffer::from(keys), nulls)?;
                Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(used)))?))
            }
        }
    }
}

pub(crate) fn wrong(what: &str) -> ArrowError {
    ArrowError::SchemaError(format!("the archive's files lack {what}"))
}
