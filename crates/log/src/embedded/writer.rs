//! Writing: transactions that arrive while one is being synced go to the disk together.
//!
//! The first thread that finds nobody writing becomes the leader: it takes everything that waits, makes it one atomic
//! write and one `fdatasync`, publishes the new ends, and wakes the others. A failed write poisons the log: what is on
//! the disk is then uncertain, and only opening the log again finds out. The next append does that.

use crate::{
    AppendEnd, LogError, Offset,
    embedded::{
        partition::Slot,
        store::{Meta, Tables, record_key},
        tail::Batch,
    },
};
use arrow::array::RecordBatch;
use std::{
    collections::BTreeMap,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

/// A batch, encoded and without its offset.
pub(super) struct EncodedAppend {
    pub(super) slot: Slot,
    pub(super) records: Arc<RecordBatch>,
    pub(super) bytes: Vec<u8>,
    pub(super) memory: usize,
}

/// A transaction, encoded.
pub(super) struct EncodedTransaction {
    /// Appends without rows have no bytes; they are there for their answer.
    pub(super) appends: Vec<EncodedAppend>,
    pub(super) meta: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) appended_at_ms: i64,
}

/// A batch that has become durable.
pub(super) struct DurableBatch {
    pub(super) slot: Slot,
    pub(super) batch: Batch,
    /// Bytes in memory.
    pub(super) memory: usize,
    /// Bytes in the store.
    pub(super) stored: u64,
}

/// The cause of a failure before which nothing of the transaction was written: what the store does on its own account, such as
/// writing tables, had failed earlier.
pub(super) const NOT_BEGUN: &str = "its store had failed before";

type Answer = Result<Vec<AppendEnd>, LogError>;

#[derive(Default)]
struct Queue {
    waiting: Vec<(u64, EncodedTransaction)>,
    answers: BTreeMap<u64, Answer>,
    last_ticket: u64,
    leading: bool,
    poisoned: Option<String>,
}

/// See the module.
#[derive(Default)]
pub(super) struct GroupCommit {
    queue: Mutex<Queue>,
    answered: Condvar,
}

impl GroupCommit {
    /// Writes one transaction. `ends` says where a partition ends; `publish` is given what has become durable.
    pub(super) fn write(
        &self,
        store: &Tables,
        transaction: EncodedTransaction,
        end: impl Fn(Slot) -> u64,
        publish: impl Fn(Vec<DurableBatch>, Meta),
    ) -> Answer {
        let mut queue = self.lock();
        queue.last_ticket += 1;
        let ticket = queue.last_ticket;
        queue.waiting.push((ticket, transaction));
        loop {
            if let Some(answer) = queue.answers.remove(&ticket) {
                return answer;
            }
            if queue.leading {
                queue = self.answered.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if let Some(cause) = &queue.poisoned {
                let cause = cause.clone();
                queue.waiting.retain(|(other, _)| *other != ticket);
                return Err(LogError::Poisoned { cause });
            }
            queue.leading = true;
            let group = mem::take(&mut queue.waiting);
            drop(queue);
            let (tickets, transactions): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            // Whoever waits must get an answer, whatever happens to the leader.
            let result = catch_unwind(AssertUnwindSafe(|| commit(store, transactions, &end, &publish)))
                .unwrap_or_else(|_| Err("the thread that wrote panicked".to_owned()));
            queue = self.lock();
            queue.leading = false;
            match result {
                Ok(answers) => queue.answers.extend(tickets.into_iter().zip(answers.into_iter().map(Ok))),
                Err(cause) => {
                    tracing::error!(cause, "a write to the log failed; it is opened again at the next write");
                    let poisoned = || Err(LogError::Poisoned { cause: cause.clone() });
                    queue.answers.extend(tickets.into_iter().map(|ticket| (ticket, poisoned())));
                    queue.poisoned = Some(cause);
                }
            }
            self.answered.notify_all();
        }
    }

    /// The failure since which nothing is written.
    pub(super) fn poisoned(&self) -> Option<String> {
        self.lock().poisoned.clone()
    }

    /// Takes writes again: the log has been opened anew.
    pub(super) fn recovered(&self) {
        self.lock().poisoned = None;
    }

    /// Refuses further writes.
    pub(super) fn poison(&self, cause: String) {
        self.lock().poisoned.get_or_insert(cause);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a group of transactions durable; the ends behind each of their appends.
fn commit(
    store: &Tables,
    group: Vec<EncodedTransaction>,
    end: &impl Fn(Slot) -> u64,
    publish: &impl Fn(Vec<DurableBatch>, Meta),
) -> Result<Vec<Vec<AppendEnd>>, String> {
    let mut batch = store.batch();
    let mut ends: BTreeMap<usize, u64> = BTreeMap::new();
    // One write has one sequence number, so that of two values for one key either could win: only the last is written.
    let mut meta = Meta::new();
    let mut published = Vec::new();
    let mut answers = Vec::with_capacity(group.len());
    for transaction in group {
        let mut answer = Vec::with_capacity(transaction.appends.len());
        for append in transaction.appends {
            let next = ends.entry(append.slot.index).or_insert_with(|| end(append.slot));
            if append.records.num_rows() > 0 {
                let length = append.bytes.len() as u64;
                batch.insert(&store.records, record_key(append.slot, *next), append.bytes);
                let stored = Batch {
                    base: *next,
                    records: append.records,
                    appended_at_ms: transaction.appended_at_ms,
                    appended: Vec::new(),
                };
                *next = stored.next();
                published.push(DurableBatch {
                    slot: append.slot,
                    batch: stored,
                    memory: append.memory,
                    stored: length,
                });
            }
            answer.push((append.slot.topic, append.slot.partition, Offset(*next)));
        }
        meta.extend(transaction.meta);
        answers.push(answer);
    }
    for (key, value) in &meta {
        batch.insert(&store.meta, key.clone(), value.clone());
    }
    batch.commit().map_err(|error| match error {
        fjall::Error::Poisoned => NOT_BEGUN.to_owned(),
        error => format!("{error:?}"),
    })?;
    publish(published, meta);
    Ok(answers)
}
