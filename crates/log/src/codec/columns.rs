//! One column of a batch. Its type and the number of rows are known from elsewhere. Texts are kept apart from the
//! numbers, because only they are worth compressing.
//!
//! ```text
//! validity    u8: 0 every row has a value, 1 a bitmap of rows / 8 bytes follows, 2 no row has one and nothing follows
//! integers, dates, times and timestamps of any width: `integers`
//! floats      rows × 2, 4 or 8
//! booleans    a bitmap
//! text, bytes the lengths as `integers`; the bytes go to the texts; a row without a value has length 0
//! dictionary  u32: how many values; the values as a column; the keys as `integers`
//! ```
//!
//! A dictionary that has more values than the batch has rows is cut to those that the batch uses: a producer shares one
//! dictionary between its batches, however small they are.

use crate::codec::{DecodeError, MAX_ROWS, cursor::Cursor, integers};
use arrow::{
    array::{Array, ArrayData, ArrayRef, Int64Array, make_array},
    buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer},
    compute::take,
    datatypes::{ArrowNativeType, DataType},
};

const ALL_VALID: u8 = 0;
const SOME_VALID: u8 = 1;
const NONE_VALID: u8 = 2;

/// Columns being written.
pub(super) struct Body {
    pub(super) numbers: Vec<u8>,
    pub(super) texts: Vec<u8>,
}

/// Columns being read.
pub(super) struct ColumnReader<'a> {
    pub(super) numbers: Cursor<'a>,
    pub(super) texts: Cursor<'a>,
}

/// How a type is stored.
enum Layout<'a> {
    Booleans,
    Integers(Native),
    Raw(usize),
    Bytes,
    Dictionary(Native, &'a DataType),
}

#[derive(Clone, Copy)]
enum Native {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
}

impl Layout<'_> {
    const fn of(data_type: &DataType) -> Option<Layout<'_>> {
        Some(match data_type {
            DataType::Boolean => Layout::Booleans,
            DataType::Float16 => Layout::Raw(2),
            DataType::Float32 => Layout::Raw(4),
            DataType::Float64 => Layout::Raw(8),
            DataType::Utf8 | DataType::Binary => Layout::Bytes,
            DataType::Dictionary(key, value) => match (Native::of(key), &**value) {
                (Some(Native::I64) | None, _) | (_, DataType::Dictionary(..)) => return None,
                (Some(native), value) => Layout::Dictionary(native, value),
            },
            other => match Native::of(other) {
                Some(native) => Layout::Integers(native),
                None => return None,
            },
        })
    }
}

impl Native {
    const fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Int8 => Self::I8,
            DataType::Int16 => Self::I16,
            DataType::Int32 | DataType::Date32 | DataType::Time32(_) => Self::I32,
            // Unsigned ones of 64 bits go through the same bits: the arithmetic wraps.
            DataType::Int64
            | DataType::UInt64
            | DataType::Date64
            | DataType::Time64(_)
            | DataType::Timestamp(..)
            | DataType::Duration(_) => Self::I64,
            DataType::UInt8 => Self::U8,
            DataType::UInt16 => Self::U16,
            DataType::UInt32 => Self::U32,
            _ => return None,
        })
    }
}

/// Writes a column; its type where there is no way to.
pub(super) fn encode(column: &ArrayRef, body: &mut Body) -> Result<(), DataType> {
    let unencodable = || column.data_type().clone();
    let layout = Layout::of(column.data_type()).ok_or_else(unencodable)?;
    let data = column.to_data();
    let (rows, offset) = (data.len(), data.offset());
    let nulls = data.nulls().filter(|nulls| nulls.null_count() > 0);
    match nulls {
        None => body.numbers.push(ALL_VALID),
        Some(nulls) if nulls.null_count() == rows => {
            body.numbers.push(NONE_VALID);
            return Ok(());
        }
        Some(nulls) => {
            body.numbers.push(SOME_VALID);
            bitmap(nulls.inner(), &mut body.numbers);
        }
    }
    match layout {
        Layout::Booleans => bitmap(&BooleanBuffer::new(data.buffers()[0].clone(), offset, rows), &mut body.numbers),
        Layout::Raw(width) => {
            body.numbers.extend_from_slice(&data.buffers()[0].as_slice()[offset * width..(offset + rows) * width]);
        }
        Layout::Integers(native) => integers::encode(numbers(&data, native, nulls), &mut body.numbers),
        Layout::Bytes => bytes(&data, nulls, body),
        Layout::Dictionary(native, _) => {
            let mut keys = numbers(&data, native, nulls);
            let mut values = make_array(data.child_data()[0].clone());
            if values.len() > rows {
                let mut used = keys.clone();
                used.sort_unstable();
                used.dedup();
                for key in &mut keys {
                    *key = used.partition_point(|other| other < key) as i64;
                }
                values = take(&values, &Int64Array::from(used), None).map_err(|_| unencodable())?;
            }
            body.numbers.extend_from_slice(&(values.len() as u32).to_le_bytes());
            encode(&values, body).map_err(|_| unencodable())?;
            integers::encode(keys, &mut body.numbers);
        }
    }
    Ok(())
}

/// The whole numbers of a column. A row without a value gets the first one's, so that it costs nothing.
fn numbers(data: &ArrayData, native: Native, nulls: Option<&NullBuffer>) -> Vec<i64> {
    fn widen<T: ArrowNativeType + Into<i64>>(data: &ArrayData) -> Vec<i64> {
        data.buffers()[0].typed_data::<T>()[data.offset()..][..data.len()]
            .iter()
            .map(|number| (*number).into())
            .collect()
    }
    let mut numbers = match native {
        Native::I8 => widen::<i8>(data),
        Native::I16 => widen::<i16>(data),
        Native::I32 => widen::<i32>(data),
        Native::I64 => widen::<i64>(data),
        Native::U8 => widen::<u8>(data),
        Native::U16 => widen::<u16>(data),
        Native::U32 => widen::<u32>(data),
    };
    if let Some(nulls) = nulls
        && let Some(first) = nulls.valid_indices().next()
    {
        let filler = numbers[first];
        for (number, valid) in numbers.iter_mut().zip(nulls.iter()) {
            if !valid {
                *number = filler;
            }
        }
    }
    numbers
}

fn bytes(data: &ArrayData, nulls: Option<&NullBuffer>, body: &mut Body) {
    let offsets = &data.buffers()[0].typed_data::<i32>()[data.offset()..=data.offset() + data.len()];
    let values = data.buffers()[1].as_slice();
    let mut lengths: Vec<i64> = offsets.windows(2).map(|ends| i64::from(ends[1] - ends[0])).collect();
    let mut hidden = false;
    if let Some(nulls) = nulls {
        for (length, valid) in lengths.iter_mut().zip(nulls.iter()) {
            hidden |= !valid && *length > 0;
            *length *= i64::from(valid);
        }
    }
    let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
    if hidden {
        let starts = offsets.iter().map(|offset| *offset as usize);
        let kept: Vec<&[u8]> =
            starts.zip(&lengths).map(|(start, length)| &values[start..start + *length as usize]).collect();
        integers::encode(lengths, &mut body.numbers);
        body.texts.extend(kept.concat());
    } else {
        integers::encode(lengths, &mut body.numbers);
        body.texts.extend_from_slice(&values[first..last]);
    }
}

fn bitmap(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    out.extend_from_slice(&bits.sliced().as_slice()[..bits.len().div_ceil(8)]);
}

/// Reads a column of `rows` rows.
pub(super) fn decode(
    data_type: &DataType,
    rows: usize,
    stored: &mut ColumnReader<'_>,
) -> Result<ArrayRef, DecodeError> {
    let layout = Layout::of(data_type).ok_or_else(|| format!("its schema has a column of type {data_type}"))?;
    let nulls = match stored.numbers.u8()? {
        ALL_VALID => None,
        SOME_VALID => Some(NullBuffer::new(read_bitmap(rows, &mut stored.numbers)?)),
        NONE_VALID => return Ok(arrow::array::new_null_array(data_type, rows)),
        other => return Err(format!("a column's validity is {other}, which does not exist")),
    };
    let builder = ArrayData::builder(data_type.clone()).len(rows).nulls(nulls);
    let builder = match layout {
        Layout::Booleans => builder.add_buffer(read_bitmap(rows, &mut stored.numbers)?.into_inner()),
        Layout::Raw(width) => builder.add_buffer(aligned(stored.numbers.take(rows * width)?)),
        Layout::Integers(native) => builder.add_buffer(narrow(integers::decode(rows, &mut stored.numbers)?, native)),
        Layout::Bytes => {
            let lengths = integers::decode(rows, &mut stored.numbers)?;
            let offsets = offsets(&lengths)?;
            let length = offsets.last().map_or(0, |end| *end as usize);
            builder.add_buffer(Buffer::from_vec(offsets)).add_buffer(Buffer::from(stored.texts.take(length)?))
        }
        Layout::Dictionary(native, value_type) => {
            let length = stored.numbers.u32()? as usize;
            if length > MAX_ROWS {
                return Err(format!("a dictionary claims {length} values"));
            }
            let values = decode(value_type, length, stored)?;
            builder
                .add_child_data(values.to_data())
                .add_buffer(narrow(integers::decode(rows, &mut stored.numbers)?, native))
        }
    };
    Ok(make_array(builder.build().map_err(|error| error.to_string())?))
}

fn read_bitmap(rows: usize, cursor: &mut Cursor<'_>) -> Result<BooleanBuffer, DecodeError> {
    Ok(BooleanBuffer::new(Buffer::from(cursor.take(rows.div_ceil(8))?), 0, rows))
}

/// A copy on the boundary that the type needs.
fn aligned(bytes: &[u8]) -> Buffer {
    let mut buffer = MutableBuffer::with_capacity(bytes.len());
    buffer.extend_from_slice(bytes);
    buffer.into()
}

fn narrow(numbers: Vec<i64>, native: Native) -> Buffer {
    match native {
        Native::I8 => Buffer::from_vec(numbers.iter().map(|number| *number as i8).collect::<Vec<_>>()),
        Native::I16 => Buffer::from_vec(numbers.iter().map(|number| *number as i16).collect::<Vec<_>>()),
        Native::I32 => Buffer::from_vec(numbers.iter().map(|number| *number as i32).collect::<Vec<_>>()),
        Native::I64 => Buffer::from_vec(numbers),
        Native::U8 => Buffer::from_vec(numbers.iter().map(|number| *number as u8).collect::<Vec<_>>()),
        Native::U16 => Buffer::from_vec(numbers.iter().map(|number| *number as u16).collect::<Vec<_>>()),
        Native::U32 => Buffer::from_vec(numbers.iter().map(|number| *number as u32).collect::<Vec<_>>()),
    }
}

fn offsets(lengths: &[i64]) -> Result<Vec<i32>, DecodeError> {
    let mut offsets = Vec::with_capacity(lengths.len() + 1);
    let mut end = 0_i32;
    offsets.push(end);
    for length in lengths {
        end = i32::try_from(*length)
            .ok()
            .filter(|length| *length >= 0)
            .and_then(|length| end.checked_add(length))
            .ok_or_else(|| "a text's length is out of range".to_owned())?;
        offsets.push(end);
    }
    Ok(offsets)
}
