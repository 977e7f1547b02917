//! Columns under construction: interned texts and one set of column builders per partition.

use crate::parser::Word;
use arrow::{
    array::{
        ArrayRef, BooleanBuilder, DictionaryArray, Float64Builder, Int64Builder, PrimitiveArray, RecordBatch,
        StringArray, StringBuilder, TimestampMicrosecondBuilder,
    },
    buffer::ScalarBuffer,
    datatypes::{SchemaRef, UInt16Type},
    error::ArrowError,
};
use blotter_city::{CivilMicros, UtcMicros};
use hashbrown::HashMap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A missing value among interned codes.
pub(crate) const MISSING: u32 = u32::MAX;

/// Beyond this many distinct raw values an interner is emptied between batches, so that garbage in a
/// column of few values cannot grow memory without bound.
const INTERNER_LIMIT: usize = 1 << 17;

/// Cleaned texts of one column, each once. Looked up by the *raw* bytes, so that a clean-up runs once
/// per distinct published value and not once per row.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    by_raw: HashMap<Box<[u8]>, u32>,
    by_text: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    hashes: Vec<u64>,
}

impl Interner {
    /// The code of a raw value; `clean` is asked for its text when the value is new, none means missing.
    pub(crate) fn code(&mut self, raw: &str, clean: impl FnOnce(&str) -> Option<String>) -> u32 {
        if let Some(code) = self.by_raw.get(raw.as_bytes()) {
            return *code;
        }
        let code = match clean(raw) {
            None => MISSING,
            Some(text) => self.text_code(text),
        };
        self.by_raw.insert(raw.as_bytes().into(), code);
        code
    }

    fn text_code(&mut self, text: String) -> u32 {
        if let Some(code) = self.by_text.get(text.as_str()) {
            return *code;
        }
        let code = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.hashes.push(xxh3_64(text.as_bytes()));
        self.texts.push(Arc::clone(&text));
        self.by_text.insert(text, code);
        code
    }

    /// A hash of the text, 0 where it is missing.
    pub(crate) fn hash(&self, code: u32) -> u64 {
        if code == MISSING { 0 } else { self.hashes[code as usize] }
    }

    /// Forgets everything when it has grown too large; only while no codes are in use.
    pub(crate) fn trim(&mut self) {
        if self.by_raw.len() > INTERNER_LIMIT {
            *self = Self::default();
        }
    }

    /// A dictionary of just the texts that `codes` use, in order of first use.
    fn dictionary(&self, codes: &[u32]) -> Result<ArrayRef, ArrowError> {
        let mut local = vec![u16::MAX; self.texts.len()];
        let mut used: Vec<&str> = Vec::new();
        let mut missing = false;
        let mut keys = Vec::with_capacity(codes.len());
        for code in codes {
            if *code == MISSING {
                missing = true;
                keys.push(0);
                continue;
            }
            let slot = &mut local[*code as usize];
            if *slot == u16::MAX {
                *slot = used.len() as u16;
                used.push(&self.texts[*code as usize]);
            }
            keys.push(*slot);
        }
        let nulls = missing.then(|| codes.iter().map(|code| *code != MISSING).collect());
        let keys = PrimitiveArray::<UInt16Type>::new(ScalarBuffer::from(keys), nulls);
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(used)))?))
    }
}

/// The dictionary columns of a schema, in its order: two categories, description, place, code, then the areas.
pub(crate) const FIXED_DICTIONARIES: usize = 5;

/// One validated row, its texts interned. `words` are the codes of the dictionary columns in order.
pub(crate) struct ValidRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) case_number: &'a str,
    pub(crate) occurred_at: CivilMicros,
    pub(crate) occurred_at_utc: UtcMicros,
    pub(crate) updated_at: Option<CivilMicros>,
    pub(crate) observed_at: UtcMicros,
    pub(crate) deleted: bool,
    pub(crate) words: &'a [Word],
    pub(crate) block: &'a str,
    pub(crate) arrest: Option<bool>,
    pub(crate) domestic: Option<bool>,
    pub(crate) position: Option<(f64, f64)>,
    pub(crate) content_hash: i64,
}

/// The columns of one partition's next batch.
pub(crate) struct ColumnBuilders {
    id: StringBuilder,
    case_number: StringBuilder,
    occurred_at: TimestampMicrosecondBuilder,
    occurred_at_utc: TimestampMicrosecondBuilder,
    updated_at: TimestampMicrosecondBuilder,
    observed_at: TimestampMicrosecondBuilder,
    deleted: BooleanBuilder,
    words: Vec<Vec<u32>>,
    block: StringBuilder,
    arrest: BooleanBuilder,
    domestic: BooleanBuilder,
    latitude: Float64Builder,
    longitude: Float64Builder,
    content_hash: Int64Builder,
    rows: usize,
}

impl ColumnBuilders {
    pub(crate) fn new(layers: usize) -> Self {
        Self {
            id: StringBuilder::new(),
            case_number: StringBuilder::new(),
            occurred_at: TimestampMicrosecondBuilder::new(),
            occurred_at_utc: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            updated_at: TimestampMicrosecondBuilder::new(),
            observed_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            deleted: BooleanBuilder::new(),
            words: vec![Vec::new(); FIXED_DICTIONARIES + layers],
            block: StringBuilder::new(),
            arrest: BooleanBuilder::new(),
            domestic: BooleanBuilder::new(),
            latitude: Float64Builder::new(),
            longitude: Float64Builder::new(),
            content_hash: Int64Builder::new(),
            rows: 0,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn push(&mut self, row: &ValidRow<'_>) {
        let text = |column: &mut StringBuilder, value: &str| {
            if value.is_empty() { column.append_null() } else { column.append_value(value) }
        };
        self.id.append_value(row.id);
        text(&mut self.case_number, row.case_number);
        self.occurred_at.append_value(row.occurred_at.0);
        self.occurred_at_utc.append_value(row.occurred_at_utc.0);
        self.updated_at.append_option(row.updated_at.map(|at| at.0));
        self.observed_at.append_value(row.observed_at.0);
        self.deleted.append_value(row.deleted);
        for (column, word) in self.words.iter_mut().zip(row.words) {
            column.push(word.0);
        }
        text(&mut self.block, row.block);
        self.arrest.append_option(row.arrest);
        self.domestic.append_option(row.domestic);
        self.latitude.append_option(row.position.map(|(latitude, _)| latitude));
        self.longitude.append_option(row.position.map(|(_, longitude)| longitude));
        self.content_hash.append_value(row.content_hash);
        self.rows += 1;
    }

    /// The batch, leaving the builders empty.
    pub(crate) fn finish(&mut self, schema: &SchemaRef, interners: &[Interner]) -> Result<RecordBatch, ArrowError> {
        let mut words = interners.iter().zip(&mut self.words).map(|(interner, codes)| {
            let column = interner.dictionary(codes);
            codes.clear();
            column
        });
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.case_number.finish()),
            Arc::new(self.occurred_at.finish()),
            Arc::new(self.occurred_at_utc.finish()),
            Arc::new(self.updated_at.finish()),
            Arc::new(self.observed_at.finish()),
            Arc::new(self.deleted.finish()),
        ];
        for column in words.by_ref().take(FIXED_DICTIONARIES) {
            columns.push(column?);
        }
        columns.extend([
            Arc::new(self.block.finish()) as ArrayRef,
            Arc::new(self.arrest.finish()),
            Arc::new(self.domestic.finish()),
            Arc::new(self.latitude.finish()),
            Arc::new(self.longitude.finish()),
            Arc::new(self.content_hash.finish()),
        ]);
        for column in words {
            columns.push(column?);
        }
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}
