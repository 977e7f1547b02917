//! One Parquet file under construction, and the statistics that its commit will carry.
//!
//! Each column is encoded for what it holds: dictionaries where values repeat, prefixes shared with the
//! previous value for ids and case numbers, deltas for times and offsets, and as it is for hashes,
//! which nothing compresses. The Arrow schema is left out, so that every reader sees plain strings.

use crate::error::Result;
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
};
use blotter_city::{CivilMicros, UtcMicros, format_civil, format_utc};
use bytes::Bytes;
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::ParquetMetaData,
        properties::{EnabledStatistics, WriterProperties},
        statistics::Statistics,
    },
    schema::types::ColumnPath,
};
use serde_json::{Map, Value, json};

/// Rows of the largest row group.
const ROW_GROUP_ROWS: usize = 256 * 1024;

/// Bytes of the largest dictionary; a column that outgrows it continues without one.
///
/// An entry has five bytes or more and a write batch may exceed the limit, so this keeps a dictionary of
/// words below 65,535 entries: it can always be read back with keys of 16 bits.
const DICTIONARY_BYTES: usize = 256 << 10;

/// Blocks are no words: tens of thousands of them, read back as plain strings.
const BLOCK_DICTIONARY_BYTES: usize = 2 << 20;

/// What the encoders of a fresh file reserve, nearly: a megabyte for each column of deltas.
const RESERVED_BYTES: usize = 6 << 20;

const WRITE_BATCH_ROWS: usize = 8 * 1024;

const _: () = assert!(DICTIONARY_BYTES / 5 + WRITE_BATCH_ROWS < u16::MAX as usize);

/// A finished file, not yet in the store.
#[derive(Clone, Debug)]
pub struct EncodedFile {
    /// The civil year of its rows.
    pub year: i32,
    /// Its rows.
    pub rows: u64,
    /// Parquet.
    pub bytes: Bytes,
    /// Delta's statistics: row count, least and greatest values.
    pub(crate) stats: String,
}

/// See the module.
pub(crate) struct FileWriter {
    year: i32,
    rows: u64,
    writer: ArrowWriter<Vec<u8>>,
}

impl FileWriter {
    pub(crate) fn new(year: i32, schema: &SchemaRef) -> Result<Self> {
        let options =
            ArrowWriterOptions::new().with_properties(writer_properties(schema)?).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), SchemaRef::clone(schema), options)?;
        Ok(Self { year, rows: 0, writer })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that it would have if it were finished now, nearly.
    pub(crate) fn encoded_bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// Bytes of memory that it holds, without what its encoders have reserved and not touched.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.writer.inner().capacity() + self.writer.memory_size().saturating_sub(RESERVED_BYTES)
    }

    pub(crate) fn finish(mut self) -> Result<EncodedFile> {
        let metadata = self.writer.finish()?;
        let stats = delta_stats(&metadata, self.rows);
        let bytes = std::mem::take(self.writer.inner_mut());
        Ok(EncodedFile { year: self.year, rows: self.rows, bytes: bytes.into(), stats })
    }
}

/// How each column of an incident file is encoded, in the archive as in a snapshot.
pub fn writer_properties(schema: &SchemaRef) -> Result<WriterProperties> {
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("blotter ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_data_page_row_count_limit(64 * 1024)
        .set_write_batch_size(WRITE_BATCH_ROWS)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_dictionary_enabled(false);
    for field in schema.fields() {
        let name = field.name().as_str();
        let path = ColumnPath::from(name);
        match field.data_type() {
            DataType::Struct(layers) => {
                for layer in layers {
                    let path = ColumnPath::new(vec![name.to_owned(), layer.name().clone()]);
                    builder = builder.set_column_dictionary_enabled(path, true);
                }
            }
            DataType::Dictionary(..) => builder = builder.set_column_dictionary_enabled(path, true),
            DataType::Utf8 if name == "block" => {
                builder = builder
                    .set_column_dictionary_page_size_limit(path.clone(), BLOCK_DICTIONARY_BYTES)
                    .set_column_dictionary_enabled(path, true);
            }
            DataType::Utf8 => builder = builder.set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY),
            DataType::Int64 if name == "content_hash" => {
                builder = builder.set_column_compression(path, Compression::UNCOMPRESSED);
            }
            DataType::Int32 | DataType::Int64 | DataType::Timestamp(..) => {
                builder = builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
            _ => {}
        }
        if SKIPPED_BY.contains(&name) {
            builder = builder.set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::Chunk);
        }
    }
    Ok(builder.build())
}

/// The columns with least and greatest values, by which engines skip files.
const SKIPPED_BY: [&str; 7] =
    ["id", "occurred_at", "occurred_at_utc", "observed_at", "ingested_at", "partition", "offset"];

/// Delta's per-file statistics. Its times have milliseconds: the least is cut, the greatest rounded up.
fn delta_stats(metadata: &ParquetMetaData, rows: u64) -> String {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for name in SKIPPED_BY {
        let Some((low, high)) = bounds(metadata, name) else { continue };
        least.insert(name.to_owned(), low);
        greatest.insert(name.to_owned(), high);
        nulls.insert(name.to_owned(), json!(0));
    }
    json!({ "numRecords": rows, "minValues": least, "maxValues": greatest, "nullCount": nulls }).to_string()
}

fn bounds(metadata: &ParquetMetaData, name: &str) -> Option<(Value, Value)> {
    let mut chunks = metadata.row_groups().iter().map(|group| {
        let column = group.columns().iter().find(|column| column.column_path().string() == name)?;
        column.statistics()
    });
    match chunks.next()?? {
        Statistics::ByteArray(first) => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
            let mut low = text(first.min_bytes_opt()?)?;
            let mut high = text(first.max_bytes_opt()?)?;
            for chunk in chunks {
                low = low.min(text(chunk?.min_bytes_opt()?)?);
                high = high.max(text(chunk?.max_bytes_opt()?)?);
            }
            Some((low.into(), high.into()))
        }
        first => {
            let (mut low, mut high) = integers(first)?;
            for chunk in chunks {
                let (chunk_low, chunk_high) = integers(chunk?)?;
                low = low.min(chunk_low);
                high = high.max(chunk_high);
            }
            Some((stat_value(name, low, false), stat_value(name, high, true)))
        }
    }
}

fn integers(chunk: &Statistics) -> Option<(i64, i64)> {
    match chunk {
        Statistics::Int32(chunk) => Some(((*chunk.min_opt()?).into(), (*chunk.max_opt()?).into())),
        Statistics::Int64(chunk) => Some((*chunk.min_opt()?, *chunk.max_opt()?)),
        _ => None,
    }
}

fn stat_value(name: &str, value: i64, is_greatest: bool) -> Value {
    let millis = value.div_euclid(1000) + i64::from(is_greatest && value.rem_euclid(1000) != 0);
    match name {
        "occurred_at" => format_civil(CivilMicros(millis * 1000)).into(),
        "occurred_at_utc" | "observed_at" | "ingested_at" => format_utc(UtcMicros(millis * 1000)).into(),
        _ => value.into(),
    }
}
