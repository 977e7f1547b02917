//! When each incident was first heard of, against a naive model.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use blotter_city::{CivilMicros, UtcMicros};
use blotter_offline::{FirstRecord, FirstRecords, OfflineError};
use blotter_store::StoreError;
use common::{MemoryLog, SourceRow, archive_all, log_rows, open_store, profile, said};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn incidents() -> impl Strategy<Value = Vec<SourceRow>> {
    let one = (0..12_u32, 0..48_i64, 0..5_i64, prop::bool::weighted(0.2)).prop_map(|(id, hour, observed, deleted)| {
        SourceRow {
            occurred_at: CivilMicros(1_451_606_400_000_000 + hour * 3_600_000_000),
            updated_at: None,
            observed_at: UtcMicros(1_600_000_000_000_000 + observed),
            deleted,
            ..said(&id.to_string(), "2016-01-01T00:00", 0, "THEFT")
        }
    });
    prop::collection::vec(one, 1..40)
}

#[test]
fn without_an_archive_there_is_nothing_to_read() {
    let (_directory, store) = open_store();
    let error = FirstRecords::read(&store, &profile()).unwrap_err();
    assert!(matches!(error, OfflineError::Store(StoreError::NoTable)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn the_first_that_is_no_deletion_counts_whatever_the_order(incidents in incidents(), cut in any::<prop::sample::Index>()) {
        let (_directory, store) = open_store();
        let log = MemoryLog::new("log-1");
        let (now, later) = incidents.split_at(cut.index(incidents.len()));
        log.set_now_ms(1_700_000_000_000);
        log.append_incidents(now);
        archive_all(&log, &store);
        log.set_now_ms(1_700_000_100_000);
        log.append_incidents(later);
        archive_all(&log, &store);

        let mut expected: BTreeMap<String, FirstRecord> = BTreeMap::new();
        for row in log_rows(&log).into_values().filter(|row| !row.deleted) {
            let record = FirstRecord { observed_at: row.observed_at, occurred_at: row.occurred_at_utc };
            let first = expected.entry(row.id).or_insert(record);
            *first = record.min(*first);
        }
        let mut expected: Vec<FirstRecord> = expected.into_values().collect();
        expected.sort_unstable();
        let mut found = FirstRecords::read(&store, &profile()).unwrap();
        found.incidents.sort_unstable();
        prop_assert_eq!(found.incidents, expected);
        let begun_at = if now.is_empty() { 1_700_000_100_000 } else { 1_700_000_000_000 };
        prop_assert_eq!(found.begun_at, UtcMicros(begun_at * 1000));
    }
}
