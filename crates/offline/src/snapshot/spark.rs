//! Engine Spark: Spark finds the winning revision of each incident and sorts them. The rows come back as Arrow, and are written by
//! the code that writes those of the embedded engine: the files are the same to the byte.

use super::{
    SnapshotConfig,
    facts::{Facts, HOUR_MICROS},
    gather::{Destination, SnapshotFiles, snapshot_schema, write_batches},
    slices,
};
use crate::{
    error::{OfflineError, Result},
    rows::column,
};
use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::cast,
    datatypes::{Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType},
};
use blotter_city::UtcMicros;
use blotter_spark::{SparkAddress, SparkSession, delta};
use blotter_store::{ArchiveTable, Store};
use std::{collections::VecDeque, fmt::Write, ops::Range};

/// Writes the files of a snapshot; answers the table's facts and Spark's version.
pub(super) fn write(
    address: &SparkAddress,
    config: &SnapshotConfig,
    table: &ArchiveTable,
    place: &Destination<'_>,
    written: &mut SnapshotFiles,
) -> Result<(Facts, String)> {
    let session = SparkSession::connect(address, &config.stop)?;
    let source = source(place.store, table.version(), config.as_of);
    let found = facts(&session, &source, config.as_of.is_some())?;
    let mut slices: VecDeque<Range<i64>> = slices::cut(&found.hours, place.clock, config.slice_rows).into();
    let schema = snapshot_schema(place.profile);
    let mut held: Vec<RecordBatch> = Vec::new();
    session.rows(&winners(&source, &schema), |batch| {
        OfflineError::unless(place.stop)?;
        let mut rest = as_snapshot(&batch, &schema)?;
        while let Some(slice) = slices.front() {
            let times = column::<TimestampMicrosecondType>(&rest, "occurred_at_utc")?;
            let inside = times.values().partition_point(|at| *at < slice.end);
            if inside > 0 {
                held.push(rest.slice(0, inside));
            }
            if inside == rest.num_rows() {
                return Ok(());
            }
            rest = rest.slice(inside, rest.num_rows() - inside);
            write_batches(&held, place, written)?;
            held.clear();
            slices.pop_front();
        }
        Ok::<_, OfflineError>(())
    })?;
    write_batches(&held, place, written)?;
    Ok((found, session.version().to_owned()))
}

/// The table's version, as far as it was ingested then, in SQL.
fn source(store: &Store, version: u64, as_of: Option<UtcMicros>) -> String {
    let limit = as_of.map_or_else(String::new, |at| format!(" WHERE ingested_at <= timestamp_micros({})", at.0));
    format!("(SELECT * FROM {}{limit})", delta(&ArchiveTable::url(store), version))
}

fn facts(session: &SparkSession, source: &str, is_as_of: bool) -> Result<Facts> {
    let mut found = Facts::default();
    // Hours begin at whole multiples, before 1970 as well.
    let hours = format!(
        "SELECT CAST(unix_micros(occurred_at_utc) - pmod(unix_micros(occurred_at_utc), {HOUR_MICROS}) AS BIGINT) AS hour, count(*) AS \
         number, min(unix_micros(occurred_at_utc)) AS least, max(unix_micros(occurred_at_utc)) AS greatest, \
         max(unix_micros(ingested_at)) AS ingested FROM {source} GROUP BY 1"
    );
    session.rows(&hours, |batch| {
        let of = |name| column::<Int64Type>(&batch, name);
        let (hour, number, least, greatest, ingested) =
            (of("hour")?, of("number")?, of("least")?, of("greatest")?, of("ingested")?);
        for row in 0..batch.num_rows() {
            found.hours.insert(hour.value(row).div_euclid(HOUR_MICROS), number.value(row) as u64);
            let smaller =
                |known: Option<UtcMicros>, value: i64| Some(UtcMicros(known.map_or(value, |known| known.0.min(value))));
            let larger =
                |known: Option<UtcMicros>, value: i64| Some(UtcMicros(known.map_or(value, |known| known.0.max(value))));
            found.least_occurred_at = smaller(found.least_occurred_at, least.value(row));
            found.greatest_occurred_at = larger(found.greatest_occurred_at, greatest.value(row));
            found.greatest_ingested_at = larger(found.greatest_ingested_at, ingested.value(row));
        }
        Ok::<_, OfflineError>(())
    })?;
    if is_as_of {
        let offsets = format!("SELECT partition, max(offset) + 1 AS next FROM {source} GROUP BY partition");
        session.rows(&offsets, |batch| {
            let (partitions, next) = (column::<Int32Type>(&batch, "partition")?, column::<Int64Type>(&batch, "next")?);
            found.next_offsets.extend((0..batch.num_rows()).map(|row| (partitions.value(row), next.value(row))));
            Ok::<_, OfflineError>(())
        })?;
    }
    Ok(found)
}

/// The winning revision of each incident (contract 1), in the order of a snapshot.
fn winners(source: &str, schema: &SchemaRef) -> String {
    let mut columns = String::new();
    for field in schema.fields() {
        let name = field.name();
        let separator = if columns.is_empty() { "" } else { ", " };
        // Columns of areas are fields of one struct in the table.
        let _infallible = match name.strip_prefix("areas.") {
            Some(layer) => write!(columns, "{separator}areas.`{layer}` AS `{name}`"),
            None => write!(columns, "{separator}`{name}`"),
        };
    }
    format!(
        "SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY updated_at DESC NULLS LAST, observed_at DESC, \
         content_hash DESC, partition, offset) AS revision_rank FROM {source}) WHERE revision_rank = 1 ORDER BY occurred_at_utc, id"
    )
}

/// Spark's columns as those of a snapshot: texts of few values become dictionaries.
fn as_snapshot(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| cast(column, field.data_type()))
        .collect::<std::result::Result<_, _>>()?;
    Ok(RecordBatch::try_new(SchemaRef::clone(schema), columns)?)
}
