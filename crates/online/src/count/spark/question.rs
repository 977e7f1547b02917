//! The question to Spark: which totals does a stretch of the log change, and what are they now?

use crate::count::slot::HOUR_MICROS;
use std::fmt::Write;

/// Under this name the rows of the tail travel.
pub(super) const TAIL: &str = "tail";

/// Offsets of one partition that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) partition: u32,
    /// The archive has the records before this offset; those behind it are in the tail.
    pub(super) archived: u64,
    /// The first offset to count.
    pub(super) from: u64,
    /// The one behind the last.
    pub(super) to: u64,
}

/// See the module. `table` names the archive in SQL, `layer` the layer whose areas are counted. The answer's columns are `partition`,
/// `hour` (since 1970), `area`, `category` and `count`.
///
/// 1. `known`: all records before the stretch's end. A record is ranked by its first fields (contract 1): one without `updated_at`
///    ranks lowest, which the very first says. Its last fields are the slot that it counts in; a deletion is in none. No field is ever
///    missing, so that no engine has to rank what is missing.
/// 2. `steps`: of each incident, what won before each record.
/// 3. `slots`: behind the last record of an incident its winner counts in one slot. Where a record of the stretch won and moved its
///    incident, the slot that it left and the slot that it came to have changed.
///
/// It reads each record once, and sends it through the cluster once: small plans answer fast, and large ones divide by incident.
pub(super) fn changed_totals(table: Option<&str>, layer: Option<&str>, stretches: &[Stretch]) -> String {
    let tail = format!(
        "SELECT partition, offset, id, updated_at, observed_at, content_hash, hour, area, category FROM {TAIL} WHERE {}",
        any_of(stretches, |stretch| (stretch.archived, stretch.to))
    );
    let records = match table {
        None => tail,
        Some(table) => format!(
            "SELECT partition, offset, id, updated_at, unix_micros(observed_at) AS observed_at, content_hash, \
             CAST((unix_micros(occurred_at_utc) - pmod(unix_micros(occurred_at_utc), {HOUR_MICROS})) DIV {HOUR_MICROS} AS INT) AS hour, \
             {} AS area, IF(deleted, NULL, category) AS category FROM {table} WHERE {} UNION ALL {tail}",
            layer.map_or_else(|| "''".to_owned(), |layer| format!("coalesce(areas.`{layer}`, '')")),
            any_of(stretches, |stretch| (0, stretch.archived.min(stretch.to))),
        ),
    };
    let is_new = any_of(stretches, |stretch| (stretch.from, stretch.to));
    format!(
        "WITH known AS (SELECT partition, offset, id, struct(updated_at IS NOT NULL AS is_dated, coalesce(updated_at, \
         TIMESTAMP_NTZ '1970-01-01') AS updated_at, observed_at, content_hash, hour, area, coalesce(category, '') AS category, \
         category IS NOT NULL AS is_there) AS record FROM ({records})), \
         steps AS (SELECT partition, record, ({is_new}) AS is_new, lead(offset) OVER (PARTITION BY partition, id ORDER BY offset) \
         IS NULL AS is_last, max(record) OVER (PARTITION BY partition, id ORDER BY offset \
         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS best FROM known), \
         wins AS (SELECT *, best IS NULL OR record > best AS has_won FROM steps), \
         moves AS (SELECT *, is_new AND has_won AND NOT (struct(record.hour, record.area, record.category, record.is_there) <=> \
         struct(best.hour, best.area, best.category, best.is_there)) AS has_moved FROM wins), \
         slots AS (SELECT partition, slot FROM (SELECT partition, explode(array( \
         IF(is_last, named_struct('at', IF(has_won, record, best), 'counts', 1, 'has_changed', false), NULL), \
         IF(has_moved, named_struct('at', record, 'counts', 0, 'has_changed', true), NULL), \
         IF(has_moved, named_struct('at', best, 'counts', 0, 'has_changed', true), NULL))) AS slot \
         FROM moves WHERE is_last OR has_moved) WHERE slot.at.is_there) \
         SELECT partition, slot.at.hour AS hour, slot.at.area AS area, slot.at.category AS category, \
         CAST(sum(slot.counts) AS INT) AS count FROM slots GROUP BY 1, 2, 3, 4 HAVING max(CAST(slot.has_changed AS INT)) = 1"
    )
}

/// Whether a record lies in one of the ranges.
fn any_of(stretches: &[Stretch], range: impl Fn(&Stretch) -> (u64, u64)) -> String {
    let mut text = String::new();
    for stretch in stretches {
        let (from, to) = range(stretch);
        if from >= to {
            continue;
        }
        let or = if text.is_empty() { "" } else { " OR " };
        let _infallible =
            write!(text, "{or}(partition = {} AND offset >= {from} AND offset < {to})", stretch.partition);
    }
    if text.is_empty() { "false".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_told_and_empty_ones_left_out() {
        let stretches = [
            Stretch { partition: 0, archived: 7, from: 5, to: 9 },
            Stretch { partition: 3, archived: 4, from: 4, to: 4 },
        ];
        assert_eq!(
            any_of(&stretches, |stretch| (stretch.from, stretch.to)),
            "(partition = 0 AND offset >= 5 AND offset < 9)"
        );
        assert_eq!(any_of(&stretches[1..], |stretch| (stretch.from, stretch.to)), "false");
    }

    #[test]
    fn without_an_archive_all_is_in_the_tail() {
        let stretch = Stretch { partition: 1, archived: 0, from: 0, to: 9 };
        assert!(!changed_totals(None, None, &[stretch]).contains("UNION"));
        let sql = changed_totals(Some("delta.`/x` VERSION AS OF 3"), Some("ward"), &[stretch]);
        assert!(
            sql.contains("coalesce(areas.`ward`, '')") && sql.contains("FROM delta.`/x` VERSION AS OF 3 WHERE false")
        );
    }
}
