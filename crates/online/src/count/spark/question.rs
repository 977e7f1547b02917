//! The question that Spark is asked: which totals has a stretch of the log changed, and how many incidents do they count now?

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
/// 1. `known`: all records before the stretch's end. A revision is ranked as everywhere (contract 1): one without `updated_at` ranks
///    lowest, which its first field says, so that no engine has to compare a missing value. A deletion counts nowhere: its
///    category is missing.
/// 2. `changes`: of each incident with a record in the stretch, the records that won when they came, in order. Where one moved it,
///    the slot that it left and the slot that it came to have changed.
/// 3. `winners`: of each incident that was ever in one of these slots, where it counts now.
pub(super) fn changed_totals(table: Option<&str>, layer: Option<&str>, stretches: &[Stretch]) -> String {
    let tail = format!(
        "SELECT partition, offset, id, updated_at, observed_at, content_hash, hour, area, category FROM {TAIL} WHERE {}",
        any_of(stretches, |stretch| (stretch.archived, stretch.to))
    );
    let records = match table {
        None => tail,
        Some(table) => format!(
            "SELECT partition, offset, id, updated_at, unix_micros(observed_at) AS observed_at, content_hash, \
             CAST((unix_micros(occurred_at_utc) - pmod(unix_micros(occurred_at_utc), 3600000000)) DIV 3600000000 AS INT) AS hour, \
             {} AS area, IF(deleted, NULL, category) AS category FROM {table} WHERE {} UNION ALL {tail}",
            layer.map_or_else(|| "''".to_owned(), |layer| format!("coalesce(areas.`{layer}`, '')")),
            any_of(stretches, |stretch| (0, stretch.archived.min(stretch.to))),
        ),
    };
    let is_new = any_of(stretches, |stretch| (stretch.from, stretch.to));
    format!(
        "WITH known AS (SELECT partition, offset, id, struct(updated_at IS NOT NULL AS is_dated, coalesce(updated_at, \
         TIMESTAMP_NTZ '1970-01-01') AS updated_at, observed_at, content_hash) AS revision, struct(hour, area, category) AS slot \
         FROM ({records})), \
         arrived AS (SELECT DISTINCT id FROM known WHERE {is_new}), \
         history AS (SELECT *, max(revision) OVER (PARTITION BY id ORDER BY offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) \
         AS best FROM known LEFT SEMI JOIN arrived USING (id)), \
         steps AS (SELECT *, lag(slot) OVER (PARTITION BY id ORDER BY offset) AS left_slot FROM history \
         WHERE best IS NULL OR revision > best), \
         changes AS (SELECT DISTINCT partition, slot.hour, slot.area, slot.category FROM (SELECT partition, \
         explode(array(left_slot, slot)) AS slot FROM steps WHERE ({is_new}) AND NOT (left_slot <=> slot)) \
         WHERE slot.category IS NOT NULL), \
         candidates AS (SELECT DISTINCT id FROM known LEFT SEMI JOIN changes ON known.partition = changes.partition \
         AND known.slot.hour = changes.hour AND known.slot.area = changes.area AND known.slot.category = changes.category), \
         winners AS (SELECT partition, max_by(slot, revision) AS slot FROM known LEFT SEMI JOIN candidates USING (id) \
         GROUP BY partition, id), \
         totals AS (SELECT partition, slot.hour, slot.area, slot.category, count(*) AS count FROM winners GROUP BY 1, 2, 3, 4) \
         SELECT partition, hour, area, category, CAST(coalesce(count, 0) AS INT) AS count \
         FROM changes LEFT JOIN totals USING (partition, hour, area, category)"
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
