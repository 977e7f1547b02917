//! The bytes of one stored batch.
//!
//! A batch is what one append gave to one partition: a header, and its columns, compressed. Everything is little-endian.
//! Column names and types are not in it but in the store's list of schemas, to which it points: for a batch of one
//! incident they would be nine tenths of its size.
//!
//! ```text
//! offset  bytes
//!      0      1  version of this format: 1, or 2 where an extension follows the header
//!      1      1  what is compressed: 0 nothing, 1 numbers and texts together as one LZ4 block, 2 the texts as one LZ4 block,
//!                3 numbers and texts together as one zstd frame
//!      2      2  number of the schema
//!      4      4  rows
//!      8      4  length of the numbers before compression
//!     12      4  length of the texts before compression
//!     16      8  when it was appended, milliseconds since 1970
//!     24      8  XXH3 of bytes 0..24 and of all bytes behind these
//!     32         version 2: the extension, as in `packed`
//!      …         the numbers of all columns one after the other, then their texts, as in `columns`
//! ```
//!
//! Numbers already take as few bytes as their range needs, and LZ4 finds nothing more in many of them: it is spent on
//! the texts, and on the numbers of small batches, which are mostly the columns' own few bytes.
//!
//! Measured on 24 columns like those of incidents (`examples/append_rate.rs`), beside one LZ4 block around Arrow's IPC
//! stream, which repeats the schema and every dictionary, and around the same stream without its schema:
//!
//! ```text
//!   rows   bytes: here         IPC   no schema   encode µs: here     IPC   decode µs: here     IPC
//!      1           339      12,238      11,499                12      65                17      54
//!     10         1,470      13,169      12,440                16      67                19      60
//!  1,000        75,986     110,648     109,559               183     166                80      86
//! 16,000     1,089,972   1,543,635   1,539,342             2,820   4,181             1,357   1,387
//! ```

mod columns;
mod cursor;
mod integers;
mod packed;

pub(crate) use packed::PackedExtension;

use crate::codec::{
    columns::{Body, ColumnReader},
    cursor::Cursor,
};
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
};
use xxhash_rust::xxh3::Xxh3;

/// Rows of one batch; also what a damaged header can make the decoder allocate for.
pub(crate) const MAX_ROWS: usize = 1 << 22;
/// Bytes of one batch before compression.
pub(crate) const MAX_BODY: usize = 1 << 30;

const VERSION: u8 = 1;
/// With an extension.
const PACKED_VERSION: u8 = 2;
const HEADER: usize = 32;
const CHECKED: usize = 24;
/// Less is not worth LZ4's table.
const COMPRESS_FROM: usize = 128;
/// Bytes of text a record from which a batch is worth zstd.
const DENSE_FROM: usize = 4 << 10;
const DENSE_LEVEL: i32 = 3;
/// Numbers of a batch that is not small are left alone.
const COMPRESS_NUMBERS_BELOW: usize = 16 << 10;

/// Why a batch cannot be encoded.
#[derive(Debug)]
pub(crate) enum EncodeError {
    /// A column's type has no encoding.
    Unencodable {
        column: String,
        data_type: DataType,
    },
    TooLarge {
        rows: usize,
        bytes: usize,
    },
}

/// Why bytes are no batch: a sentence for `LogError::Corrupt`.
pub(crate) type DecodeError = String;

/// What is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None = 0,
    All = 1,
    Texts = 2,
    /// Of a few large records, such as ticks: they are rare, and zstd takes half of what LZ4 does.
    AllDense = 3,
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) schema: u16,
    pub(crate) rows: u32,
    /// The newest of its rows.
    pub(crate) appended_at_ms: i64,
    /// Offsets before its first row that hold nothing any more.
    pub(crate) skipped: u64,
    compression: Compression,
    numbers: u32,
    texts: u32,
    checksum: u64,
    /// Where the columns begin.
    body_from: usize,
}

impl Header {
    /// The length of the columns before compression.
    pub(crate) const fn body_len(&self) -> usize {
        self.numbers as usize + self.texts as usize
    }
}

/// Encodes a batch of at least one row, as it was appended.
pub(crate) fn encode(records: &RecordBatch, schema: u16, appended_at_ms: i64) -> Result<Vec<u8>, EncodeError> {
    encode_packed(records, schema, &PackedExtension::appended_at(appended_at_ms))
}

/// Encodes a batch of at least one row that several appends may have given.
pub(crate) fn encode_packed(
    records: &RecordBatch,
    schema: u16,
    packed: &PackedExtension,
) -> Result<Vec<u8>, EncodeError> {
    let appended_at_ms = packed.newest_ms;
    let rows = records.num_rows();
    let mut body = Body { numbers: Vec::with_capacity(64 + rows * records.num_columns() * 4), texts: Vec::new() };
    if rows <= MAX_ROWS {
        for (column, field) in records.columns().iter().zip(records.schema_ref().fields()) {
            columns::encode(column, &mut body)
                .map_err(|data_type| EncodeError::Unencodable { column: field.name().clone(), data_type })?;
        }
    }
    let Body { mut numbers, mut texts } = body;
    if rows > MAX_ROWS || numbers.len() + texts.len() > MAX_BODY {
        return Err(EncodeError::TooLarge { rows, bytes: numbers.len() + texts.len() });
    }
    let mut bytes = vec![0; HEADER];
    bytes[0] = VERSION;
    bytes[2..4].copy_from_slice(&schema.to_le_bytes());
    bytes[4..8].copy_from_slice(&(rows as u32).to_le_bytes());
    bytes[8..12].copy_from_slice(&(numbers.len() as u32).to_le_bytes());
    bytes[12..16].copy_from_slice(&(texts.len() as u32).to_le_bytes());
    bytes[16..24].copy_from_slice(&appended_at_ms.to_le_bytes());
    if !packed.is_plain() {
        bytes[0] = PACKED_VERSION;
        packed.write(&mut bytes);
    }
    let all = numbers.len() < COMPRESS_NUMBERS_BELOW;
    let is_dense = all && texts.len() / rows.max(1) >= DENSE_FROM;
    if all {
        numbers.append(&mut texts);
        texts = numbers;
    } else {
        bytes.append(&mut numbers);
    }
    let dense = if is_dense { zstd::bulk::compress(&texts, DENSE_LEVEL).ok() } else { None };
    if let Some(dense) = dense.filter(|dense| dense.len() < texts.len()) {
        bytes.extend(dense);
        bytes[1] = Compression::AllDense as u8;
    } else if compress(&texts, &mut bytes) {
        bytes[1] = if all { Compression::All } else { Compression::Texts } as u8;
    }
    let checksum = checksum(&bytes);
    bytes[CHECKED..HEADER].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// Adds the bytes, as an LZ4 block if that is shorter; whether it was.
fn compress(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    if bytes.len() >= COMPRESS_FROM {
        out.resize(start + lz4_flex::block::get_maximum_output_size(bytes.len()), 0);
        if let Ok(length) = lz4_flex::block::compress_into(bytes, &mut out[start..])
            && length < bytes.len()
        {
            out.truncate(start + length);
            return true;
        }
    }
    out.truncate(start);
    out.extend_from_slice(bytes);
    false
}

/// Reads the header and believes it.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let is_packed = match cursor.u8()? {
        VERSION => false,
        PACKED_VERSION => true,
        other => return Err(format!("its format is {other}, and this version knows {VERSION} and {PACKED_VERSION}")),
    };
    let compression = match cursor.u8()? {
        0 => Compression::None,
        1 => Compression::All,
        2 => Compression::Texts,
        3 => Compression::AllDense,
        other => return Err(format!("its compression is {other}, which does not exist")),
    };
    let mut header = Header {
        compression,
        schema: cursor.u16()?,
        rows: cursor.u32()?,
        numbers: cursor.u32()?,
        texts: cursor.u32()?,
        appended_at_ms: cursor.u64()? as i64,
        checksum: cursor.u64()?,
        skipped: 0,
        body_from: HEADER,
    };
    if is_packed {
        (header.skipped, header.body_from) = packed::skipped_and_end(bytes)?;
    }
    if header.rows == 0 || header.rows as usize > MAX_ROWS || header.body_len() > MAX_BODY {
        return Err(format!("it claims {} rows and {} bytes", header.rows, header.body_len()));
    }
    Ok(header)
}

/// Decodes a batch, after checking that its bytes are those that were written.
pub(crate) fn decode(bytes: &[u8], schema: &SchemaRef) -> Result<RecordBatch, DecodeError> {
    let header = header(bytes)?;
    if checksum(bytes) != header.checksum {
        return Err("its checksum does not match".to_owned());
    }
    let stored = bytes.get(header.body_from..).ok_or("it ends early")?;
    let inflate = |block: &[u8], length: usize| {
        lz4_flex::block::decompress(block, length).map_err(|error| error.to_string()).and_then(|body| {
            if body.len() == length {
                Ok(body)
            } else {
                Err("a block's length is not the one in its header".to_owned())
            }
        })
    };
    let short = || "it ends early".to_owned();
    let inflated;
    let (numbers, texts) = match header.compression {
        Compression::All => {
            inflated = inflate(stored, header.body_len())?;
            inflated.split_at(header.numbers as usize)
        }
        Compression::AllDense => {
            inflated = zstd::bulk::decompress(stored, header.body_len()).map_err(|error| error.to_string())?;
            inflated.split_at_checked(header.numbers as usize).ok_or_else(short)?
        }
        Compression::Texts => {
            let (numbers, block) = stored.split_at_checked(header.numbers as usize).ok_or_else(short)?;
            inflated = inflate(block, header.texts as usize)?;
            (numbers, inflated.as_slice())
        }
        Compression::None if stored.len() == header.body_len() => stored.split_at(header.numbers as usize),
        Compression::None => return Err(short()),
    };
    let mut stored = ColumnReader { numbers: Cursor::new(numbers), texts: Cursor::new(texts) };
    let columns = schema
        .fields()
        .iter()
        .map(|field| columns::decode(field.data_type(), header.rows as usize, &mut stored))
        .collect::<Result<Vec<_>, _>>()?;
    if !stored.numbers.is_empty() || !stored.texts.is_empty() {
        return Err("bytes are left behind its last column".to_owned());
    }
    RecordBatch::try_new(schema.clone(), columns).map_err(|error| error.to_string())
}

/// What the extension of a batch that [`decode`] has checked says; of one without, that it is as it was appended.
pub(crate) fn packed(bytes: &[u8]) -> Result<PackedExtension, DecodeError> {
    let header = header(bytes)?;
    if header.body_from == HEADER {
        Ok(PackedExtension::appended_at(header.appended_at_ms))
    } else {
        PackedExtension::read(bytes, &header)
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&bytes[..CHECKED]);
    hash.update(&bytes[HEADER..]);
    hash.digest()
}

#[cfg(test)]
mod tests;
