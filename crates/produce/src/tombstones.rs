//! Deletions of incidents of which only the ids are known: the log has their last fields.

use arrow::{
    array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray},
    compute::filter_record_batch,
    error::ArrowError,
};
use blotter_city::UtcMicros;
use blotter_incident::{IncidentBatch, Revision};
use blotter_log::{Append, Log, Offset, Topic};
use blotter_source::hash_of_id;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::ProduceError;

/// Bytes read from the log at a time.
const READ_BYTES: usize = 4 << 20;

/// The deletions of the incidents whose ids have these hashes and that are there, said at `now`. Reads the topic twice.
pub(crate) fn tombstones(log: &dyn Log, ids: &[u64], now: UtcMicros) -> Result<Vec<Append>, ProduceError> {
    let wanted: HashSet<u64> = ids.iter().copied().collect();
    let mut winners: HashMap<u64, (Revision, bool, u32, u64)> = HashMap::new();
    each_batch(log, |partition, base, records| {
        let batch = IncidentBatch::try_new(records)?;
        for row in 0..batch.len {
            let id = hash_of_id(batch.id.value(row));
            if !wanted.contains(&id) {
                continue;
            }
            let said = (batch.revision(row), batch.deleted.value(row), partition, base + row as u64);
            let winner = winners.entry(id).or_insert(said);
            if said.0 >= winner.0 {
                *winner = said;
            }
        }
        Ok(())
    })?;
    let places: HashSet<(u32, u64)> = winners
        .into_values()
        .filter(|(_, deleted, ..)| !deleted)
        .map(|(_, _, partition, at)| (partition, at))
        .collect();
    let mut appends = Vec::new();
    each_batch(log, |partition, base, records| {
        let wins: BooleanArray =
            (0..records.num_rows()).map(|row| Some(places.contains(&(partition, base + row as u64)))).collect();
        if wins.true_count() > 0 {
            let records = deleted(&filter_record_batch(records, &wins)?, now)?;
            appends.push(Append { topic: Topic::Incidents, partition, records });
        }
        Ok(())
    })?;
    Ok(appends)
}

/// The same incidents, deleted.
fn deleted(records: &RecordBatch, now: UtcMicros) -> Result<RecordBatch, ArrowError> {
    let batch = IncidentBatch::try_new(records)?;
    // Later than what is there: of revisions with the same time of change the later observation wins.
    let observed: Vec<i64> = batch.observed_at.iter().map(|at| now.0.max(at + 1)).collect();
    let hashes: Vec<i64> = batch.content_hash.iter().map(|hash| !hash).collect();
    let schema = records.schema();
    let columns = schema.fields().iter().zip(records.columns()).map(|(field, column)| -> ArrayRef {
        match field.name().as_str() {
            "deleted" => Arc::new(BooleanArray::from(vec![true; batch.len])),
            "observed_at" => {
                Arc::new(TimestampMicrosecondArray::from(observed.clone()).with_data_type(field.data_type().clone()))
            }
            "content_hash" => Arc::new(Int64Array::from(hashes.clone())),
            _ => Arc::clone(column),
        }
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect())
}

fn each_batch(
    log: &dyn Log,
    mut each: impl FnMut(u32, u64, &RecordBatch) -> Result<(), ProduceError>,
) -> Result<(), ProduceError> {
    for partition in 0..log.partitions(Topic::Incidents) {
        let bounds = log.bounds(Topic::Incidents, partition)?;
        let mut next: Offset = bounds.earliest;
        while next < bounds.next {
            let fetched = log.read(Topic::Incidents, partition, next, READ_BYTES)?;
            let Some(last) = fetched.last() else { break };
            next = last.next;
            for batch in &fetched {
                each(partition, batch.base.0, &batch.records)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_city::{CivilMicros, Profile};
    use blotter_incident::{Incident, Observation, Parser, TypedRow, Word, WordColumn};
    use blotter_log::{EmbeddedLog, EmbeddedOptions, Transaction};

    #[test]
    fn what_vanished_is_deleted_with_its_last_fields_and_nothing_else_is() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../cities/chicago.toml")).unwrap();
        let profile = Arc::new(Profile::from_toml(&text).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).unwrap());
        let partitions = log.partitions(Topic::Incidents);
        let mut parser = Parser::new(Arc::clone(&profile), partitions);
        let mut say = |id: &str, block: &str, observed_at: i64, deleted: bool| {
            let words: Vec<Word> = [WordColumn::Category, WordColumn::CategoryPublished, WordColumn::Description]
                .into_iter()
                .chain([WordColumn::Place, WordColumn::Code])
                .chain((0..profile.layers.len()).map(WordColumn::Layer))
                .map(|column| parser.word(column, "THEFT"))
                .collect();
            let row = TypedRow {
                id,
                case_number: "",
                occurred_at: CivilMicros(1_700_000_000_000_000),
                updated_at: None,
                words: &words,
                block,
                arrest: None,
                domestic: None,
                position: None,
            };
            let observation = Observation { observed_at: UtcMicros(observed_at), deleted, id: None };
            parser.push_typed(&row, &observation, UtcMicros(1_800_000_000_000_000)).unwrap();
            let mut transaction = Transaction::default();
            for (partition, records) in parser.finish().unwrap() {
                transaction.appends.push(Append { topic: Topic::Incidents, partition, records });
            }
            log.append(transaction).unwrap();
        };
        say("1", "OLD", 10, false);
        say("1", "NEW", 20, false);
        say("2", "STAYS", 10, false);
        say("3", "GONE BEFORE", 10, false);
        say("3", "GONE BEFORE", 30, true);
        let ids = ["1", "3", "never there"].map(hash_of_id);
        let appends = tombstones(log.as_ref(), &ids, UtcMicros(15)).unwrap();
        let deleted: Vec<Incident> = appends
            .iter()
            .flat_map(|append| {
                let batch = IncidentBatch::try_new(&append.records).unwrap();
                (0..batch.len).map(|row| batch.incident(row)).collect::<Vec<_>>()
            })
            .collect();
        let [one] = deleted.as_slice() else { panic!("{deleted:?}") };
        assert_eq!((one.id.as_str(), one.block.as_deref(), one.deleted), ("1", Some("NEW"), true));
        // Later than what it deletes, whatever the clock says.
        assert_eq!(one.observed_at, UtcMicros(21));
        log.close().unwrap();
    }
}
