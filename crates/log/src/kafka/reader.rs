//! One partition for all roles of the process: messages to columns, once for all that follow each other closely.
//!
//! The newest batches are kept in memory. Who has fallen out of them has a cursor of its own.

use super::{
    client::Client,
    cursor::{Cursor, ReadOutcome, ReaderMessage},
};
use crate::{DecodedMessage, Decoder, Invalid, LogBatch, LogError, Offset, Topic, TopicFormat};
use std::{collections::VecDeque, sync::Arc};

/// Cursors of one partition that are kept open.
const MOST_CURSORS: usize = 4;
/// Messages whose times differ more than this are no one batch: a batch says one time for all.
const SAME_TIME_MS: u64 = 1000;

pub(super) struct Reader {
    client: Arc<Client>,
    name: String,
    topic: Topic,
    partition: u32,
    format: Arc<dyn TopicFormat>,
    decoder: Box<dyn Decoder>,
    /// The last used is the last.
    cursors: Vec<Cursor>,
    /// Batches that follow each other, with their sizes.
    cached: VecDeque<(LogBatch, usize)>,
    cached_bytes: usize,
    most_bytes: usize,
}

impl Reader {
    pub(super) fn new(
        client: Arc<Client>,
        name: &str,
        topic: Topic,
        partition: u32,
        format: Arc<dyn TopicFormat>,
        most_bytes: usize,
    ) -> Self {
        let decoder = format.decoder(partition);
        Self {
            client,
            name: name.to_owned(),
            topic,
            partition,
            format,
            decoder,
            cursors: Vec::new(),
            cached: VecDeque::new(),
            cached_bytes: 0,
            most_bytes,
        }
    }

    /// See [`Log::read`](crate::Log::read).
    pub(super) fn read(&mut self, from: u64, max_bytes: usize) -> Result<Vec<LogBatch>, LogError> {
        let cached = self.cached(from, max_bytes);
        if !cached.is_empty() {
            return Ok(cached);
        }
        let mut cursor = self.cursor(from)?;
        let fetched = self.fetch(&mut cursor, max_bytes)?;
        self.cursors.push(cursor);
        self.keep(from, &fetched);
        Ok(fetched)
    }

    /// Whether there is something at or beyond an offset, by what has come already.
    pub(super) fn has_more(&mut self, from: u64) -> bool {
        if self.cached.back().is_some_and(|(last, _)| last.next.0 > from) && !self.cached(from, 0).is_empty() {
            return true;
        }
        let Ok(mut cursor) = self.cursor(from) else { return false };
        let found = cursor.has_message();
        self.cursors.push(cursor);
        found
    }

    /// The cursor that stands there, or one that is put there.
    fn cursor(&mut self, from: u64) -> Result<Cursor, LogError> {
        if let Some(index) = self.cursors.iter().position(|cursor| cursor.next() == from) {
            return Ok(self.cursors.remove(index));
        }
        if self.cursors.len() >= MOST_CURSORS {
            let mut cursor = self.cursors.remove(0);
            cursor.seek(from)?;
            return Ok(cursor);
        }
        Cursor::open(Arc::clone(&self.client), &self.name, Some(self.topic), self.partition, from)
    }

    fn fetch(&mut self, cursor: &mut Cursor, max_bytes: usize) -> Result<Vec<LogBatch>, LogError> {
        let start = cursor.next();
        let mut building = BatchBuilder::new(&mut *self.decoder, start);
        let mut bytes = 0;
        let taken = cursor.take(|seen| {
            building.push(seen);
            // A row takes about half of what its message does.
            bytes += seen.message.value.map_or(0, <[u8]>::len) / 2 + 1;
            bytes < max_bytes && !building.has_failed()
        })?;
        let mut fetched = building.finish().map_err(|error| LogError::Columns {
            topic: self.topic,
            reason: format!("messages of partition {} at {start} make no columns: {error}", self.partition),
        })?;
        if let ReadOutcome::Nothing(next) = taken
            && next > start
        {
            let records = Arc::new(arrow::array::RecordBatch::new_empty(self.format.schema()));
            let (base, next) = (Offset(start), Offset(next));
            fetched.push(LogBatch {
                base,
                next,
                records,
                appended_at_ms: 0,
                appended: Vec::new(),
                invalid: Vec::new(),
                marked: None,
            });
        }
        Ok(fetched)
    }

    fn cached(&self, from: u64, max_bytes: usize) -> Vec<LogBatch> {
        let mut found = Vec::new();
        let mut total = 0;
        let first = self.cached.partition_point(|(batch, _)| batch.next.0 <= from);
        for (batch, bytes) in self.cached.range(first..) {
            total += bytes;
            if found.is_empty() && batch.base.0 > from || !found.is_empty() && total > max_bytes {
                break;
            }
            found.push(if found.is_empty() { tail_of(batch, from) } else { batch.clone() });
        }
        found
    }

    /// Keeps what was read from `from` on, if it follows what is kept.
    fn keep(&mut self, from: u64, fetched: &[LogBatch]) {
        let Some(first) = fetched.first() else { return };
        match self.cached.back_mut() {
            Some((last, _)) if last.next.0 > from => return,
            // There was nothing between the two.
            Some((last, _)) if last.next.0 == from => last.next = first.base,
            _ => {
                self.cached.clear();
                self.cached_bytes = 0;
            }
        }
        for fetched in fetched {
            let invalid: usize = fetched.invalid.iter().map(|invalid| invalid.bytes.len()).sum();
            let bytes = fetched.records.get_array_memory_size() + invalid + size_of::<LogBatch>();
            self.cached.push_back((fetched.clone(), bytes));
            self.cached_bytes += bytes;
        }
        while self.cached_bytes > self.most_bytes
            && let Some((_, bytes)) = self.cached.pop_front()
        {
            self.cached_bytes -= bytes;
        }
    }
}

/// A batch as a reader sees it who begins at `from`, which may lie inside.
fn tail_of(batch: &LogBatch, from: u64) -> LogBatch {
    let rows = batch.records.num_rows();
    let skip = (from.saturating_sub(batch.base.0) as usize).min(rows);
    if skip == 0 && from <= batch.base.0 {
        return batch.clone();
    }
    LogBatch {
        base: Offset(from),
        next: batch.next,
        records: Arc::new(batch.records.slice(skip, rows - skip)),
        appended_at_ms: batch.appended_at_ms,
        appended: Vec::new(),
        invalid: batch.invalid.iter().filter(|invalid| invalid.offset.0 >= from).cloned().collect(),
        marked: batch.marked,
    }
}

/// Batches under construction: a new one begins wherever offsets or times do not follow each other.
pub(super) struct BatchBuilder<'a> {
    decoder: &'a mut dyn Decoder,
    open: Option<Open>,
    done: Vec<LogBatch>,
    failed: Option<arrow::error::ArrowError>,
    /// Behind the last message.
    next: u64,
}

struct Open {
    base: u64,
    rows: usize,
    appended_at_ms: i64,
    invalid: Vec<Invalid>,
    marked: Option<Offset>,
}

impl<'a> BatchBuilder<'a> {
    pub(super) fn new(decoder: &'a mut dyn Decoder, from: u64) -> Self {
        Self { decoder, open: None, done: Vec::new(), failed: None, next: from }
    }

    /// Whether what was pushed makes no columns; [`BatchBuilder::finish`] says why.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    pub(super) fn push(&mut self, seen: &ReaderMessage<'_>) {
        let at = seen.message.appended_at_ms;
        let fits = |open: &Open| {
            seen.offset == self.next
                && open.invalid.is_empty()
                && open.marked.is_none()
                && at.abs_diff(open.appended_at_ms) <= SAME_TIME_MS
                && !self.decoder.is_full()
        };
        if !self.open.as_ref().is_some_and(fits) {
            self.close(seen.offset);
        }
        self.next = seen.offset + 1;
        match self.decoder.push(&seen.message) {
            DecodedMessage::Record => self.opened(seen.offset, at).rows += 1,
            DecodedMessage::Mark(marked) => self.opened(seen.offset, at).marked = marked,
            DecodedMessage::Invalid(reason) => {
                let bytes = seen.message.value.unwrap_or_default().to_vec();
                let invalid = Invalid { offset: Offset(seen.offset), bytes, reason, appended_at_ms: at };
                self.opened(seen.offset, at).invalid.push(invalid);
            }
        }
    }

    fn opened(&mut self, base: u64, appended_at_ms: i64) -> &mut Open {
        self.open.get_or_insert(Open { base, rows: 0, appended_at_ms, invalid: Vec::new(), marked: None })
    }

    /// Closes the batch that is open; what follows begins at `next`.
    fn close(&mut self, next: u64) {
        let Some(open) = self.open.take() else { return };
        match self.decoder.finish() {
            Ok(records) => {
                debug_assert_eq!(records.num_rows(), open.rows, "a row for each record");
                self.done.push(LogBatch {
                    base: Offset(open.base),
                    next: Offset(next),
                    records: Arc::new(records),
                    appended_at_ms: open.appended_at_ms,
                    appended: Vec::new(),
                    invalid: open.invalid,
                    marked: open.marked,
                });
            }
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }

    pub(super) fn finish(mut self) -> Result<Vec<LogBatch>, arrow::error::ArrowError> {
        self.close(self.next);
        self.failed.map_or(Ok(self.done), Err)
    }
}
