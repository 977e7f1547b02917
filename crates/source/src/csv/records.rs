//! Records out of bytes: RFC 4180 as cities write it, over any reader, each record with its exact bytes.
//!
//! Invariants:
//! - What a record is depends on the bytes alone, never on how the reader cuts them.
//! - Every byte of the input belongs to exactly one record, a blank line or a line's end.
//! - One stray quote cannot swallow the file. A quote that is not closed within [`RECORD_LIMIT`], or that is
//!   closed in the middle of another row, costs its own lines only: reading goes on at the first line after the
//!   quote that is, by itself, a complete record of as many fields as the header.
//!
//! A quote opens a quoted field only as the field's first byte; anywhere else it is text. Between a closing
//! quote and the next comma or line's end nothing may stand.

use super::marks::mark;
use crate::input::DamagedInput;
use blotter_incident::Row;
use std::io::{self, ErrorKind, Read};

/// Bytes of the longest record that is looked at as one.
pub(crate) const RECORD_LIMIT: usize = 1 << 20;

/// A record of several lines that is longer than this is a runaway quote: no field is accepted at this length.
const LONG_RECORD: usize = 16 * 1024;

/// Within so many bytes a line must be complete to count as a record by itself.
const TRIAL: usize = 64 * 1024;

/// Bytes asked of the reader at once: buffer and marks fit a core's second-level cache.
const BLOCK: usize = 192 * 1024;

/// Why the tokenizer itself cannot make a record of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The input ends before the quote is closed.
    EndsInQuote,
    /// Something stands between a closing quote and the next comma.
    TextAfterQuote,
    /// Longer than [`RECORD_LIMIT`], or a quoted field that swallows rows.
    Runaway,
    /// What was read of it before the input broke off; see [`Records::damage`].
    BrokenOff,
}

impl Malformed {
    /// The sentence for people.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::EndsInQuote => "the file ends inside a quoted field",
            Self::TextAfterQuote => "text after a field's closing quote",
            Self::BrokenOff => "the input breaks off inside this record",
            Self::Runaway => "an opening quote that is never closed; reading went on at the next line that is a record",
        }
    }
}

/// What [`Records::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A record: see [`Records::row`].
    Record,
    /// Bytes that are none: see [`Records::raw`].
    Malformed(Malformed),
    /// More must be read first: call [`Records::fill`].
    More,
    /// The end.
    End,
}

/// Reads records. After [`Next::Record`] and [`Next::Malformed`], `raw` and `offset` tell of it.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about the bytes at hand, each set in one place")]
pub(crate) struct Records {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    filled: usize,
    /// Places of marks in `buffer[..filled]`.
    marks: Vec<u32>,
    /// The first mark at or after `next`.
    mark: usize,
    /// Where in the input `buffer[0]` is.
    base: u64,
    ended: bool,
    damage: Option<DamagedInput>,
    /// How a copy of a broken input breaks off at its end.
    at_end: Option<DamagedInput>,
    has_nul: bool,
    /// Fields of a complete record; 0 while unknown.
    width: usize,
    /// The current record in `buffer`, without its line's end.
    start: usize,
    end: usize,
    /// Where the next record starts.
    next: usize,
    /// The current record spans lines.
    lines: bool,
    escaped: bool,
    spans: Vec<(u32, u32)>,
    unescaped: Vec<u8>,
}

struct Split {
    end: usize,
    next: usize,
    mark: usize,
    lines: bool,
    escaped: bool,
    /// It ends with its line, and not with the input.
    terminated: bool,
    fault: Option<Malformed>,
}

impl Records {
    /// Reads from `input`, which stands at byte `offset` of the whole.
    pub(crate) fn new(input: Box<dyn Read + Send>, offset: u64) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            filled: 0,
            marks: Vec::new(),
            mark: 0,
            base: offset,
            ended: false,
            damage: None,
            at_end: None,
            has_nul: false,
            width: 0,
            start: 0,
            end: 0,
            next: 0,
            lines: false,
            escaped: false,
            spans: Vec::new(),
            unescaped: Vec::new(),
        }
    }

    /// Reads `bytes`, which stand at `offset` of the whole, and then ends.
    pub(crate) fn load(&mut self, bytes: &[u8], offset: u64) {
        if self.buffer.len() < bytes.len() {
            self.buffer.resize(bytes.len(), 0);
        }
        self.buffer[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
        self.base = offset;
        self.marks.clear();
        mark(bytes, 0, &mut self.marks);
        (self.mark, self.start, self.end, self.next) = (0, 0, 0, 0);
        self.has_nul = memchr::memchr(0, bytes).is_some();
        self.ended = true;
        self.damage = None;
    }

    /// Where the input ends, the file that it is a copy of broke off.
    pub(crate) fn breaks_off(&mut self, damage: Option<DamagedInput>) {
        self.at_end = damage;
    }

    /// A complete record has so many fields.
    pub(crate) fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    /// The current record's bytes, without its line's end.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The current record's fields.
    pub(crate) fn row(&self) -> Row<'_> {
        let bytes = if self.escaped { &self.unescaped } else { self.raw() };
        Row::spanned(bytes, &self.spans)
    }

    /// Where the current record starts.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Where the next record starts.
    pub(crate) fn next_offset(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Whether the current record may hold a NUL byte.
    pub(crate) fn may_hold_nul(&self) -> bool {
        self.has_nul
    }

    /// How the input broke off before its end, if it did.
    pub(crate) fn damage(&self) -> Option<&DamagedInput> {
        self.damage.as_ref()
    }

    /// Bytes that were read and belong to no record yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer[self.next..self.filled]
    }

    /// What lies ahead, `wanted` bytes of it unless the input ends before.
    pub(crate) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.filled - self.next < wanted && !self.ended {
            self.fill()?;
        }
        Ok(self.rest())
    }

    /// Skips bytes that were seen by [`Records::peek`] and hold no mark.
    pub(crate) fn skip_bom(&mut self) {
        if self.rest().starts_with(b"\xef\xbb\xbf") {
            self.next += 3;
        }
    }

    /// Reads on. False at the input's end.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.next > 0 {
            self.buffer.copy_within(self.next..self.filled, 0);
            self.base += self.next as u64;
            self.marks.drain(..self.mark);
            for place in &mut self.marks {
                *place -= self.next as u32;
            }
            self.mark = 0;
            self.filled -= self.next;
            (self.start, self.end, self.next) = (0, 0, 0);
            self.has_nul = self.has_nul && memchr::memchr(0, &self.buffer[..self.filled]).is_some();
        }
        if self.buffer.len() < self.filled + BLOCK {
            self.buffer.resize(self.filled + BLOCK, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.filled..self.filled + BLOCK]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => match error.downcast::<DamagedInput>() {
                    Ok(damage) => {
                        self.damage = Some(damage);
                        break 0;
                    }
                    Err(error) => return Err(error),
                },
                Ok(read) => break read,
            }
        };
        if read == 0 {
            self.ended = true;
            self.damage = self.damage.take().or(self.at_end.take());
            return Ok(false);
        }
        let new = &self.buffer[self.filled..self.filled + read];
        mark(new, self.filled, &mut self.marks);
        self.has_nul |= memchr::memchr(0, new).is_some();
        self.filled += read;
        Ok(true)
    }

    /// The next record, as far as it can be had without reading.
    #[inline]
    pub(crate) fn next(&mut self) -> io::Result<Next> {
        loop {
            self.start = self.next;
            self.end = self.next;
            let Some(split) = self.split(self.next, self.mark, self.filled) else {
                // One more for the line's end, which may be two bytes.
                if self.filled - self.next > RECORD_LIMIT + 1 {
                    return self.runaway();
                }
                if !self.ended {
                    return Ok(Next::More);
                }
                return Ok(Next::End);
            };
            (self.end, self.next, self.mark) = (split.end, split.next, split.mark);
            (self.lines, self.escaped) = (split.lines, split.escaped);
            if self.end - self.start > RECORD_LIMIT {
                return self.runaway();
            }
            if self.end == self.start {
                continue; // A blank line.
            }
            let broken_off = (!split.terminated && self.damage.is_some()).then_some(Malformed::BrokenOff);
            if let Some(mut fault) = broken_off.or(split.fault) {
                if self.give_back()? && matches!(fault, Malformed::EndsInQuote | Malformed::BrokenOff) {
                    fault = Malformed::Runaway;
                }
                return Ok(Next::Malformed(fault));
            }
            if self.lines && self.end - self.start > LONG_RECORD && self.give_back()? {
                return Ok(Next::Malformed(Malformed::Runaway));
            }
            if self.escaped {
                self.unescape();
            }
            return Ok(Next::Record);
        }
    }

    /// As [`Records::next`], reading where it must.
    pub(crate) fn read_next(&mut self) -> io::Result<Next> {
        loop {
            match self.next()? {
                Next::More => {
                    self.fill()?;
                }
                next => return Ok(next),
            }
        }
    }

    /// For a record of several lines that nobody can use: cuts it before the first of its lines that is a
    /// complete record by itself, and goes on there. False where there is none.
    pub(crate) fn give_back(&mut self) -> io::Result<bool> {
        if !self.lines {
            return Ok(false);
        }
        let (mut length, mut after) = (self.end - self.start, self.next - self.start);
        // Filling moves what lies behind `next` only.
        self.next = self.start;
        self.mark = self.marks.partition_point(|place| (*place as usize) < self.start);
        while self.filled - self.start < length + TRIAL && !self.ended {
            self.fill()?;
            self.start = self.next;
        }
        let found = self.find_record(self.start, self.start + length);
        if let Some(line) = found {
            after = line - self.start;
            length = after - 1;
            if length > 0 && self.buffer[self.start + length - 1] == b'\r' {
                length -= 1;
            }
            self.lines = false;
        }
        self.end = self.start + length;
        self.next = self.start + after;
        self.mark = self.marks.partition_point(|place| (*place as usize) < self.next);
        Ok(found.is_some())
    }

    fn runaway(&mut self) -> io::Result<Next> {
        self.end = self.start + RECORD_LIMIT;
        self.next = self.end;
        self.lines = true;
        if !self.give_back()? {
            // No line of it is a record: go on behind its last line, or right behind it.
            let region = &self.buffer[self.start..self.start + RECORD_LIMIT];
            if let Some(last) = memchr::memrchr(b'\n', region) {
                self.next = self.start + last + 1;
                self.end = self.start + last;
                self.mark = self.marks.partition_point(|place| (*place as usize) < self.next);
            }
        }
        Ok(Next::Malformed(Malformed::Runaway))
    }

    /// The first line in `from..to`, not the first there, that is a complete record.
    fn find_record(&mut self, from: usize, to: usize) -> Option<usize> {
        let mut index = self.marks.partition_point(|place| (*place as usize) < from);
        while let Some(place) = self.marks.get(index).map(|place| *place as usize).filter(|place| *place < to) {
            index += 1;
            if self.buffer[place] != b'\n' {
                continue;
            }
            let line = place + 1;
            let limit = self.filled.min(line + TRIAL);
            if let Some(split) = self.split(line, index, limit)
                && split.fault.is_none()
                && split.end > line
                && self.spans.len() == self.width
            {
                return Some(line);
            }
        }
        None
    }

    /// Splits the record that starts at `start`, whose first mark is `mark`, looking at `buffer[..limit]`.
    /// None where its end is not there.
    #[inline]
    fn split(&mut self, start: usize, mut mark: usize, limit: usize) -> Option<Split> {
        let bytes = &self.buffer[..limit];
        let marks = &self.marks[..];
        let mut field = start;
        let mut lines = false;
        let mut escaped = false;
        let mut fault = None;
        let spans = &mut self.spans;
        spans.clear();
        // The end of a quoted field, once it is closed.
        let mut closed = usize::MAX;
        loop {
            let place = marks.get(mark).map_or(limit, |place| *place as usize);
            if place >= limit {
                if !(self.ended && limit == self.filled) {
                    return None;
                }
                if start == limit {
                    return None;
                }
                let end = if bytes[limit - 1] == b'\r' && limit > field { limit - 1 } else { limit };
                finish(spans, start, field, end, closed, &mut fault);
                return Some(Split { end, next: limit, mark, lines, escaped, terminated: false, fault });
            }
            mark += 1;
            match bytes[place] {
                b',' => {
                    finish(spans, start, field, place, closed, &mut fault);
                    closed = usize::MAX;
                    field = place + 1;
                }
                b'\n' => {
                    let end = if place > field && bytes[place - 1] == b'\r' { place - 1 } else { place };
                    finish(spans, start, field, end, closed, &mut fault);
                    return Some(Split { end, next: place + 1, mark, lines, escaped, terminated: true, fault });
                }
                _ if place == field => loop {
                    let quote = marks.get(mark).map_or(limit, |place| *place as usize);
                    if quote >= limit {
                        if !(self.ended && limit == self.filled) {
                            return None;
                        }
                        spans.push(((field + 1 - start) as u32, (limit - start) as u32));
                        let fault = Some(Malformed::EndsInQuote);
                        return Some(Split { end: limit, next: limit, mark, lines, escaped, terminated: false, fault });
                    }
                    mark += 1;
                    match bytes[quote] {
                        b'"' if bytes.get(quote + 1) == Some(&b'"') => {
                            escaped = true;
                            mark += 1;
                        }
                        b'"' => {
                            closed = quote;
                            break;
                        }
                        b'\n' => lines = true,
                        _ => {}
                    }
                },
                _ => {}
            }
        }
    }

    /// Puts the fields of a record with doubled quotes into a buffer of their own.
    fn unescape(&mut self) {
        let raw = &self.buffer[self.start..self.end];
        self.unescaped.clear();
        for (start, end) in &mut self.spans {
            let field = &raw[*start as usize..*end as usize];
            let quoted = *start > 0 && raw[*start as usize - 1] == b'"';
            *start = self.unescaped.len() as u32;
            let mut rest = field;
            while quoted && let Some(at) = memchr::memmem::find(rest, b"\"\"") {
                self.unescaped.extend_from_slice(&rest[..=at]);
                rest = &rest[at + 2..];
            }
            self.unescaped.extend_from_slice(rest);
            *end = self.unescaped.len() as u32;
        }
    }
}

/// Ends a field at `end`; a quoted one was `closed` before.
#[inline]
fn finish(
    spans: &mut Vec<(u32, u32)>,
    start: usize,
    field: usize,
    end: usize,
    closed: usize,
    fault: &mut Option<Malformed>,
) {
    if closed == usize::MAX {
        spans.push(((field - start) as u32, (end - start) as u32));
    } else {
        if closed + 1 != end {
            *fault = Some(Malformed::TextAfterQuote);
        }
        spans.push(((field + 1 - start) as u32, (closed - start) as u32));
    }
}
