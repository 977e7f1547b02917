//! When each incident was first heard of, from the archive: every revision is there, and when a source said so.

use crate::{
    error::Result,
    rows::{Rows, column, flags, text},
};
use arrow::datatypes::TimestampMicrosecondType;
use blotter_city::{Profile, UtcMicros};
use blotter_runtime::Shutdown;
use blotter_store::{ArchiveTable, Store, StoreError};
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// An incident, as the first record of it says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FirstRecord {
    /// When the source said so.
    pub observed_at: UtcMicros,
    /// When it happened.
    pub occurred_at: UtcMicros,
}

/// All incidents of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRecords {
    /// In no order.
    pub incidents: Vec<FirstRecord>,
    /// When the archive was begun: the first record's time of ingestion.
    pub begun_at: UtcMicros,
}

impl FirstRecords {
    /// Reads the table's newest version; some 32 bytes of memory an incident. Records that say that an incident is gone tell of
    /// nothing.
    pub fn read(store: &Store, profile: &Profile) -> Result<Self> {
        let table = ArchiveTable::open_existing(store, profile)?.ok_or(StoreError::NoTable)?;
        let rows = Rows::open(&table, &Shutdown::new())?;
        let mut first: HashMap<u64, FirstRecord> = HashMap::new();
        let mut begun_at = i64::MAX;
        let columns = ["id", "occurred_at_utc", "observed_at", "deleted", "ingested_at"];
        rows.read(
            &table,
            Some(&columns),
            |_| true,
            |_, batch| {
                let ids = text(&batch, "id")?;
                let occurred_at = column::<TimestampMicrosecondType>(&batch, "occurred_at_utc")?;
                let observed_at = column::<TimestampMicrosecondType>(&batch, "observed_at")?;
                let ingested_at = column::<TimestampMicrosecondType>(&batch, "ingested_at")?;
                let deleted = flags(&batch, "deleted")?;
                for row in 0..batch.num_rows() {
                    begun_at = begun_at.min(ingested_at.value(row));
                    if deleted.value(row) {
                        continue;
                    }
                    let record = FirstRecord {
                        observed_at: UtcMicros(observed_at.value(row)),
                        occurred_at: UtcMicros(occurred_at.value(row)),
                    };
                    first
                        .entry(xxh3_64(ids.value(row).as_bytes()))
                        .and_modify(|known| *known = record.min(*known))
                        .or_insert(record);
                }
                Ok(())
            },
        )?;
        Ok(Self { incidents: first.into_values().collect(), begun_at: UtcMicros(begun_at) })
    }
}
