//! The first pass: which rows hold the winning revision of their incident.
//!
//! Each row becomes 8 bytes, 32 bits of its id's hash and 32 of its number; sorted, rows of one incident
//! are neighbours. Those with a neighbour compete (a few of them only because 32 bits coincide): they are
//! read again with their rank and told apart by 128 bits of hash, a bounded number at a time. Where every
//! incident has one record, as after a bulk load, nobody competes.

use super::facts::{Facts, HOUR_MICROS};
use crate::{
    error::Result,
    rows::{Bits, Rows, column, text},
};
use arrow::{
    array::Array,
    datatypes::{Int32Type, Int64Type, TimestampMicrosecondType},
};
use blotter_city::{CivilMicros, UtcMicros};
use blotter_incident::Revision;
use blotter_store::ArchiveTable;
use hashbrown::HashMap;
use std::cmp::Reverse;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Rows that are ranked at a time, 80 bytes each.
const RANKED_ROWS: usize = 1 << 20;

/// The facts of the table, and the rows that hold a winning revision.
pub(super) fn find(table: &ArchiveTable, rows: &Rows, as_of: Option<UtcMicros>) -> Result<(Facts, Bits)> {
    let (mut found, mut winners) = (Facts::default(), Bits::none(rows.len));
    let mut hashed: Vec<u64> = Vec::with_capacity(rows.len as usize);
    let mut hours: HashMap<i64, u64> = HashMap::new();
    let (mut greatest_occurred_at, mut greatest_ingested_at) = (i64::MIN, i64::MIN);
    let mut least_occurred_at = i64::MAX;
    let columns: &[&str] = match as_of {
        None => &["id", "occurred_at_utc", "ingested_at"],
        Some(_) => &["id", "occurred_at_utc", "ingested_at", "partition", "offset"],
    };
    rows.read(
        table,
        Some(columns),
        |_| true,
        |first, batch| {
            let ids = text(&batch, "id")?;
            let occurred_at = column::<TimestampMicrosecondType>(&batch, "occurred_at_utc")?;
            let ingested_at = column::<TimestampMicrosecondType>(&batch, "ingested_at")?;
            let limit = as_of.map_or(i64::MAX, |at| at.0);
            for index in 0..batch.num_rows() {
                if ingested_at.value(index) > limit {
                    continue;
                }
                let row = first + index as u32;
                winners.set(row);
                let hash = xxh3_64(ids.value(index).as_bytes());
                hashed.push((hash & 0xffff_ffff_0000_0000) | u64::from(row));
                *hours.entry(occurred_at.value(index).div_euclid(HOUR_MICROS)).or_default() += 1;
                least_occurred_at = least_occurred_at.min(occurred_at.value(index));
                greatest_occurred_at = greatest_occurred_at.max(occurred_at.value(index));
                greatest_ingested_at = greatest_ingested_at.max(ingested_at.value(index));
            }
            if as_of.is_some() {
                let partitions = column::<Int32Type>(&batch, "partition")?;
                let offsets = column::<Int64Type>(&batch, "offset")?;
                for index in (0..batch.num_rows()).filter(|index| ingested_at.value(*index) <= limit) {
                    let next = found.next_offsets.entry(partitions.value(index)).or_default();
                    *next = (*next).max(offsets.value(index) + 1);
                }
            }
            Ok(())
        },
    )?;
    if !hashed.is_empty() {
        found.least_occurred_at = Some(UtcMicros(least_occurred_at));
        found.greatest_occurred_at = Some(UtcMicros(greatest_occurred_at));
        found.greatest_ingested_at = Some(UtcMicros(greatest_ingested_at));
    }
    found.hours = hours.into_iter().collect();
    hashed.sort_unstable();
    let competing = competing(hashed);
    for round in rounds(&competing) {
        rank(table, rows, round, &mut winners)?;
    }
    Ok((found, winners))
}

/// Of the sorted entries, those whose hash another one has.
fn competing(mut hashed: Vec<u64>) -> Vec<u64> {
    let mut kept = 0;
    let mut start = 0;
    while start < hashed.len() {
        let hash = hashed[start] >> 32;
        let mut end = start + 1;
        while end < hashed.len() && hashed[end] >> 32 == hash {
            end += 1;
        }
        if end - start > 1 {
            hashed.copy_within(start..end, kept);
            kept += end - start;
        }
        start = end;
    }
    hashed.truncate(kept);
    hashed.shrink_to_fit();
    hashed
}

/// Cuts the entries into rounds of bounded size, never between two of one hash.
fn rounds(competing: &[u64]) -> Vec<&[u64]> {
    let mut rounds = Vec::new();
    let mut rest = competing;
    while !rest.is_empty() {
        let mut end = RANKED_ROWS.min(rest.len());
        while end < rest.len() && rest[end] >> 32 == rest[end - 1] >> 32 {
            end += 1;
        }
        let (round, after) = rest.split_at(end);
        rounds.push(round);
        rest = after;
    }
    rounds
}

struct RankedRow {
    id: u128,
    revision: Revision,
    partition: i32,
    offset: i64,
    row: u32,
}

/// Takes the losers among `round` out of the winners.
fn rank(table: &ArchiveTable, rows: &Rows, round: &[u64], winners: &mut Bits) -> Result<()> {
    let mut wanted = Bits::none(rows.len);
    for entry in round {
        wanted.set(*entry as u32);
    }
    let mut ranked: Vec<RankedRow> = Vec::with_capacity(round.len());
    let columns = ["id", "updated_at", "observed_at", "content_hash", "partition", "offset"];
    rows.read(
        table,
        Some(&columns),
        |group| wanted.any_in(group),
        |first, batch| {
            let ids = text(&batch, "id")?;
            let updated_at = column::<TimestampMicrosecondType>(&batch, "updated_at")?;
            let observed_at = column::<TimestampMicrosecondType>(&batch, "observed_at")?;
            let content_hash = column::<Int64Type>(&batch, "content_hash")?;
            let partitions = column::<Int32Type>(&batch, "partition")?;
            let offsets = column::<Int64Type>(&batch, "offset")?;
            for index in (0..batch.num_rows()).filter(|index| wanted.has(first + *index as u32)) {
                ranked.push(RankedRow {
                    id: xxh3_128(ids.value(index).as_bytes()),
                    revision: Revision {
                        updated_at: updated_at.is_valid(index).then(|| CivilMicros(updated_at.value(index))),
                        observed_at: UtcMicros(observed_at.value(index)),
                        content_hash: content_hash.value(index),
                    },
                    partition: partitions.value(index),
                    offset: offsets.value(index),
                    row: first + index as u32,
                });
            }
            Ok(())
        },
    )?;
    ranked.sort_unstable_by_key(|row| (row.id, Reverse(row.revision), row.partition, row.offset));
    for pair in ranked.windows(2) {
        if pair[0].id == pair[1].id {
            winners.unset(pair[1].row);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_hashes_compete_and_rounds_keep_them_together() {
        let entry = |hash: u64, row: u64| hash << 32 | row;
        let hashed = vec![entry(1, 5), entry(2, 0), entry(2, 9), entry(3, 1), entry(7, 2), entry(7, 3), entry(7, 4)];
        let found = competing(hashed);
        assert_eq!(found, [entry(2, 0), entry(2, 9), entry(7, 2), entry(7, 3), entry(7, 4)]);
        assert_eq!(rounds(&found).len(), 1);

        let many: Vec<u64> = (0..RANKED_ROWS as u64 + 5).map(|row| entry(row / 3, row)).collect();
        let cut = rounds(&many);
        assert_eq!(cut.len(), 2);
        assert_ne!(cut[0].last().map(|entry| entry >> 32), cut[1].first().map(|entry| entry >> 32));
        assert_eq!(cut.concat(), many);
    }
}
