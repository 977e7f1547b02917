//! The table's rows, numbered: files in order, row groups in order, rows in order.

use crate::error::{OfflineError, Result};
use arrow::{
    array::{AsArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray},
    datatypes::ArrowPrimitiveType,
    error::ArrowError,
};
use blotter_runtime::Shutdown;
use blotter_store::{ArchiveTable, ObjectReader};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
    },
    file::statistics::Statistics,
};
use std::ops::Range;

/// Rows read at a time.
const BATCH_ROWS: usize = 16 * 1024;

/// One stretch of rows that can be read on its own.
#[derive(Clone, Debug)]
pub(crate) struct RowGroup {
    file: usize,
    index: usize,
    /// The number of its first row in the table.
    pub(crate) first: u32,
    pub(crate) rows: u32,
    /// The instants in it, in microseconds, if its file says so.
    occurred_at_utc: Option<(i64, i64)>,
    /// The offsets in it, of whatever partition, if its file says so.
    offsets: Option<(i64, i64)>,
}

impl RowGroup {
    /// Whether it can have rows of these offsets.
    pub(crate) fn may_have_offsets(&self, span: &Range<i64>) -> bool {
        self.offsets.is_none_or(|(least, greatest)| least < span.end && greatest >= span.start)
    }

    /// Whether it can have rows of that time.
    pub(crate) fn may_have(&self, span: &Range<i64>) -> bool {
        self.occurred_at_utc.is_none_or(|(least, greatest)| least < span.end && greatest >= span.start)
    }
}

/// The row groups of one version of the table.
pub(crate) struct Rows {
    paths: Vec<String>,
    pub(crate) groups: Vec<RowGroup>,
    pub(crate) len: u32,
    pub(crate) stop: Shutdown,
}

impl Rows {
    /// `stop`, triggered, ends every pass over the rows between two batches.
    pub(crate) fn open(table: &ArchiveTable, stop: &Shutdown) -> Result<Self> {
        let mut rows = Self { paths: Vec::new(), groups: Vec::new(), len: 0, stop: stop.clone() };
        for file in table.files() {
            OfflineError::unless(stop)?;
            let (_, metadata) = table.open_file(&file.path)?;
            for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
                let bounds = |name: &str| {
                    let column = group.columns().iter().find(|column| column.column_path().string() == name)?;
                    match column.statistics() {
                        Some(Statistics::Int64(found)) => Some((*found.min_opt()?, *found.max_opt()?)),
                        _ => None,
                    }
                };
                let count = u64::try_from(group.num_rows()).unwrap_or(0);
                let end = u64::from(rows.len) + count;
                let Ok(len) = u32::try_from(end) else {
                    return Err(OfflineError::TooManyRows { rows: end, most: u64::from(u32::MAX) });
                };
                rows.groups.push(RowGroup {
                    file: rows.paths.len(),
                    index,
                    first: rows.len,
                    rows: count as u32,
                    occurred_at_utc: bounds("occurred_at_utc"),
                    offsets: bounds("offset"),
                });
                rows.len = len;
            }
            rows.paths.push(file.path);
        }
        Ok(rows)
    }

    /// Reads some row groups; `each` is given the number of a batch's first row. `columns` names those
    /// wanted, none means all.
    pub(crate) fn read(
        &self,
        table: &ArchiveTable,
        columns: Option<&[&str]>,
        wanted: impl Fn(&RowGroup) -> bool,
        mut each: impl FnMut(u32, RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut open: Option<(usize, ObjectReader, ArrowReaderMetadata)> = None;
        for group in self.groups.iter().filter(|group| wanted(group)) {
            if open.as_ref().is_none_or(|(file, ..)| *file != group.file) {
                let (reader, metadata) = table.open_file(&self.paths[group.file])?;
                open = Some((group.file, reader, metadata));
            }
            let Some((_, reader, metadata)) = &open else { continue };
            let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader.clone(), metadata.clone())
                .with_row_groups(vec![group.index])
                .with_batch_size(BATCH_ROWS);
            if let Some(columns) = columns {
                let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
                builder = builder.with_projection(mask);
            }
            let mut first = group.first;
            for batch in builder.build()? {
                OfflineError::unless(&self.stop)?;
                let batch =
                    batch.map_err(|error| reader.failure().map_or_else(|| error.into(), OfflineError::Parquet))?;
                let rows = batch.num_rows() as u32;
                each(first, batch)?;
                first += rows;
            }
        }
        Ok(())
    }
}

/// One bit for each row of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn none(len: u32) -> Self {
        Self(vec![0; (len as usize).div_ceil(64)])
    }

    pub(crate) fn set(&mut self, row: u32) {
        self.0[row as usize / 64] |= 1 << (row % 64);
    }

    pub(crate) fn unset(&mut self, row: u32) {
        self.0[row as usize / 64] &= !(1 << (row % 64));
    }

    pub(crate) fn has(&self, row: u32) -> bool {
        self.0[row as usize / 64] >> (row % 64) & 1 == 1
    }

    /// Whether any row of a group is set.
    pub(crate) fn any_in(&self, group: &RowGroup) -> bool {
        (group.first..group.first + group.rows).any(|row| self.has(row))
    }
}

/// A column of texts of a batch of the table.
pub(crate) fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()).ok_or_else(|| missing(name))
}

/// A column of flags.
pub(crate) fn flags<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BooleanArray> {
    batch.column_by_name(name).and_then(|column| column.as_boolean_opt()).ok_or_else(|| missing(name))
}

/// A column of numbers or times.
pub(crate) fn column<'a, T: ArrowPrimitiveType>(batch: &'a RecordBatch, name: &str) -> Result<&'a PrimitiveArray<T>> {
    batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<T>()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> OfflineError {
    ArrowError::SchemaError(format!("the archive has no column `{name}` of the expected type")).into()
}
