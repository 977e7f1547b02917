//! Whether a new snapshot pays for itself.

use std::time::Duration;

/// Replaying fewer records at a start takes less than a start takes anyway.
const FEW_RECORDS: u64 = 50_000;
/// So many records since, by the snapshot's rows: replaying them takes about a tenth of what loading the snapshot does.
const SHARE_OF_ROWS: u64 = 10;
/// Any change is worth one a day.
const LONGEST: Duration = Duration::from_hours(24);

/// Whether a new snapshot pays where every reader also follows the log: by the records since the newest one, its rows and
/// its age.
pub fn pays(records_since: u64, rows: u64, age: Duration) -> bool {
    records_since >= FEW_RECORDS.max(rows / SHARE_OF_ROWS) || (records_since > 0 && age >= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_taken_for_a_share_of_changes_or_once_a_day() {
        let check = |records, rows, hours, expect| {
            assert_eq!(pays(records, rows, Duration::from_hours(hours)), expect, "{records} {rows} {hours}");
        };
        check(0, 0, 1000, false);
        check(1, 0, 1, false);
        check(1, 0, 24, true);
        check(49_999, 100, 23, false);
        check(50_000, 100, 0, true);
        check(100_000, 1_700_000, 0, false);
        check(170_000, 1_700_000, 0, true);
    }
}
