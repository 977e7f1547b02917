//! Records looked up here and there, beside those who follow: a few consumers of their own, which whoever looks up takes
//! in turns. A partition's reader, which followers share, is never touched.

use super::{
    client::Client,
    cursor::{Cursor, ReadOutcome},
    reader::BatchBuilder,
};
use crate::{LogBatch, LogError, Offset, Topic, TopicFormat};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Consumers that are open at most: each has threads and connections of its own.
const MOST_CURSORS: usize = 2;
/// Bytes of messages after which a read ends, wherever it wanted to go.
const MOST_BYTES: usize = 16 << 20;

/// See the module.
pub(super) struct Aside {
    client: Arc<Client>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Cursor>,
    open: usize,
}

/// What is looked up.
pub(super) struct Stretch<'a> {
    pub(super) name: &'a str,
    pub(super) topic: Topic,
    pub(super) partition: u32,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Aside {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Self { client, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// See [`Log::read_range`](crate::Log::read_range).
    pub(super) fn read(&self, wanted: &Stretch<'_>, format: &dyn TopicFormat) -> Result<Vec<LogBatch>, LogError> {
        let mut lease = Lease { aside: self, cursor: self.idle() };
        let cursor = if let Some(mut cursor) = lease.cursor.take() {
            cursor.turn_to(wanted.name, wanted.topic, wanted.partition, wanted.from)?;
            cursor
        } else {
            let client = Arc::clone(&self.client);
            Cursor::open(client, wanted.name, Some(wanted.topic), wanted.partition, wanted.from)?
        };
        let cursor = lease.cursor.insert(cursor);
        let mut decoder = format.decoder(wanted.partition);
        let mut building = BatchBuilder::new(&mut *decoder, wanted.from);
        let mut bytes = 0;
        while cursor.next() < wanted.to && bytes < MOST_BYTES && !building.has_failed() {
            let taken = cursor.take(|seen| {
                building.push(seen);
                bytes += seen.message.value.map_or(0, <[u8]>::len) + 1;
                seen.offset + 1 < wanted.to && bytes < MOST_BYTES && !building.has_failed()
            });
            match taken {
                Ok(ReadOutcome::Messages(_)) => {}
                // There is nothing but marks up to there.
                Ok(ReadOutcome::Nothing(_)) => break,
                Err(error) => {
                    // What a consumer would bring next is not certain.
                    lease.cursor = None;
                    return Err(error);
                }
            }
        }
        let end = cursor.next();
        cursor.rest();
        let mut fetched = building.finish().map_err(|error| LogError::Columns {
            topic: wanted.topic,
            reason: format!("messages of partition {} at {} make no columns: {error}", wanted.partition, wanted.from),
        })?;
        match fetched.last_mut() {
            Some(last) => last.next = last.next.max(Offset(end.min(wanted.to))),
            None if end > wanted.from => fetched.push(LogBatch {
                base: Offset(wanted.from),
                next: Offset(end),
                records: Arc::new(arrow::array::RecordBatch::new_empty(format.schema())),
                appended_at_ms: 0,
                appended: Vec::new(),
                invalid: Vec::new(),
                marked: None,
            }),
            None => {}
        }
        Ok(fetched)
    }

    /// A cursor that nobody uses, or none and the right to open one: waits for either.
    fn idle(&self) -> Option<Cursor> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(cursor) = pool.idle.pop() {
                return Some(cursor);
            }
            if pool.open < MOST_CURSORS {
                pool.open += 1;
                return None;
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One of the pool's cursors in use. Dropped, it goes back; without its cursor another one may be opened.
struct Lease<'a> {
    aside: &'a Aside,
    cursor: Option<Cursor>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.aside.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match self.cursor.take() {
            Some(cursor) => pool.idle.push(cursor),
            None => pool.open -= 1,
        }
        drop(pool);
        self.aside.returned.notify_one();
    }
}
