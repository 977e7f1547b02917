//! From a published row to an accepted incident, or to the reason why it is rejected.

mod location;
mod typed;
mod values;

#[cfg(test)]
mod tests;

pub use typed::{TypedRow, Word, WordColumn};

use crate::{
    batch::incident_schema,
    builder::{ColumnBuilders, FIXED_DICTIONARIES, Interner, MISSING, ValidRow},
    header::Header,
    partition::partition_of,
    points::PointTally,
    reason::{MAX_FIELD_BYTES, Reason},
    row::Row,
};
use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use blotter_city::{CityClock, CivilMicros, Profile, UtcMicros, clean};
use location::location;
use std::{borrow::Cow, sync::Arc};
use values::{EARLIEST, NotDegrees, boolean, coordinate, date, occurred_at, projected, word};
use xxhash_rust::xxh3::xxh3_64;

/// Rows of the largest batch: a dictionary key has 16 bits.
pub const MAX_BATCH_ROWS: usize = u16::MAX as usize;

const DAY_MICROS: i64 = 86_400_000_000;

/// What a source knows about a row besides its fields.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// When the source said so.
    pub observed_at: UtcMicros,
    /// The row has vanished from the source.
    pub deleted: bool,
    /// The id where the source has none of its own (key and ordinal).
    pub id: Option<&'a str>,
}

/// Turns rows into batches, one per partition.
pub struct Parser {
    profile: Arc<Profile>,
    clock: CityClock,
    schema: SchemaRef,
    header: Option<Header>,
    interners: Vec<Interner>,
    partitions: Vec<ColumnBuilders>,
    words: Vec<Word>,
    words_given: bool,
    hashes: Vec<u8>,
    key: Vec<u8>,
    joined: Vec<u8>,
    points: PointTally,
}

impl Parser {
    /// A parser of one city's rows for a log of that many partitions.
    pub fn new(profile: Arc<Profile>, partitions: u32) -> Self {
        let layers = profile.layers.len();
        Self {
            clock: profile.clock(),
            schema: incident_schema(&profile),
            header: None,
            interners: (0..FIXED_DICTIONARIES + layers).map(|_| Interner::default()).collect(),
            partitions: (0..partitions).map(|_| ColumnBuilders::new(layers)).collect(),
            words: Vec::new(),
            words_given: false,
            hashes: Vec::new(),
            key: Vec::new(),
            joined: Vec::new(),
            points: PointTally::default(),
            profile,
        }
    }

    /// The profile it parses for.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The city's clock.
    pub fn clock(&self) -> &CityClock {
        &self.clock
    }

    /// Rows that follow have this header.
    pub fn set_header(&mut self, header: Header) {
        self.header = Some(header);
    }

    /// The header in force.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Where the points of the rows lie that were accepted since it was asked last.
    pub fn take_points(&mut self) -> PointTally {
        std::mem::take(&mut self.points)
    }

    /// Rows accepted since the last [`Parser::finish`].
    pub fn rows(&self) -> usize {
        self.partitions.iter().map(ColumnBuilders::rows).sum()
    }

    /// Whether a partition's batch is as large as a batch can be: call [`Parser::finish`] before the next row.
    pub fn is_full(&self) -> bool {
        self.partitions.iter().any(|columns| columns.rows() >= MAX_BATCH_ROWS)
    }

    /// The civil time of occurrence of a row, as far as it can be read; for sorting.
    pub fn occurred_at(&mut self, row: &Row<'_>) -> Result<CivilMicros, Reason> {
        let Some(header) = &self.header else { return Err(Reason::NoDate) };
        if row.len() < header.width {
            return Err(Reason::FieldCount { expected: header.width, found: row.len() });
        }
        occurred_at(&self.profile, &self.clock, header, row, &mut self.joined)
    }

    /// Accepts a row into its partition's batch, or says why not. `now` is the moment of production.
    pub fn push(&mut self, row: &Row<'_>, observation: &Observation<'_>, now: UtcMicros) -> Result<(), Reason> {
        let Some(header) = &self.header else {
            return Err(Reason::FieldCount { expected: 0, found: row.len() });
        };
        let extra_is_empty = row.len() == header.width + 1 && row.field(header.width).is_empty();
        if row.len() != header.width && !extra_is_empty {
            return Err(Reason::FieldCount { expected: header.width, found: row.len() });
        }
        if row.bytes().len() > MAX_FIELD_BYTES
            && let Some(bytes) =
                (0..row.len()).map(|index| row.field(index).len()).find(|length| *length > MAX_FIELD_BYTES)
        {
            return Err(Reason::Oversized { bytes });
        }
        let whole = std::str::from_utf8(row.bytes()).map_err(|_| Reason::NotUtf8)?;
        // A field cut inside a character (which a tokenizer that splits at ASCII bytes never leaves) counts as empty.
        let text = |column: Option<usize>| {
            column.map_or("", |index| {
                let (start, end) = row.span(index);
                whole.get(start..end).unwrap_or("")
            })
        };

        let given = |column: Option<usize>| match text(column) {
            missing if self.profile.is_missing(missing) => "",
            given => given,
        };
        let published_id = given(header.id);
        let id = match observation.id {
            Some(id) => Cow::Borrowed(id),
            None => clean::trimmed(published_id.strip_suffix(".0").unwrap_or(published_id)),
        };
        let occurred_at = occurred_at(&self.profile, &self.clock, header, row, &mut self.joined)?;
        let updated_at =
            match clean::trimmed(given(header.updated_at)) {
                updated if updated.is_empty() => None,
                updated => Some(date(&self.profile, &self.clock, updated.as_bytes()).ok_or_else(|| {
                    Reason::NotADate { field: "updated_at", text: updated.chars().take(80).collect() }
                })?),
            };
        let arrest = boolean(&self.profile, "arrest", text(header.arrest))?;
        let domestic = boolean(&self.profile, "domestic", text(header.domestic))?;
        // The other faults have a reason of their own, which a row without an id would hide.
        if id.is_empty() {
            return Err(match self.profile.columns.key.as_slice() {
                [] => Reason::NoId,
                key => Reason::NoKey(format!("`{}`", key.join("`, `"))),
            });
        }
        let latitude = coordinate(&self.profile, text(header.latitude), 90.0);
        let longitude = coordinate(&self.profile, text(header.longitude), 180.0);
        let mut unreadable = latitude.is_err() || longitude.is_err();
        let mut position = latitude.unwrap_or(None).zip(longitude.unwrap_or(None));
        if position.is_none() && !unreadable && (header.location.is_some() || header.plane.is_some()) {
            let in_plane = |(x, y)| projected(&self.profile, text(Some(x)), text(Some(y)));
            match location(given(header.location)).and_then(|found| match found {
                None => header.plane.map_or(Ok(None), in_plane),
                found => Ok(found),
            }) {
                Ok(found) => position = found,
                Err(NotDegrees) => unreadable = true,
            }
        }
        let position = position.filter(|(latitude, longitude)| *latitude != 0.0 || *longitude != 0.0);

        let rules = &self.profile.category;
        let category = match (&rules.constant, header.category) {
            (Some(constant), None) => constant.as_str(),
            _ => text(header.category),
        };
        let [description, place, code] = header.words.map(text);
        let fixed = [category, category, description, place, code];
        let areas = header.areas.iter().map(|column| text(*column));
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        for (column, (raw, interner)) in fixed.into_iter().chain(areas).zip(&mut self.interners).enumerate() {
            words.push(Word(interner.code(raw, |raw| word(&self.profile, column, raw))));
        }
        let accepted = self.accept(
            &TypedRow {
                id: &id,
                case_number: &clean::trimmed(given(header.case_number)),
                occurred_at,
                updated_at,
                words: &words,
                block: &clean::trimmed(given(header.block)),
                arrest,
                domestic,
                position,
            },
            observation,
            now,
            None,
        );
        self.words = words;
        if accepted.is_ok() {
            self.points.unreadable += u64::from(unreadable);
            if let Some((latitude, longitude)) = position {
                self.points.add(&self.profile.bounding_box, latitude, longitude);
            }
        }
        accepted
    }

    /// The word of a published text in a dictionary column, cleaned as [`Parser::push`] cleans it. From the
    /// first word on, the parser forgets no text: for a source whose texts are few and known.
    ///
    /// # Panics
    /// Where the profile has no such layer.
    pub fn word(&mut self, column: WordColumn, published: &str) -> Word {
        self.words_given = true;
        let column = column.index();
        Word(self.interners[column].code(published, |raw| word(&self.profile, column, raw)))
    }

    /// As [`Parser::word`], for texts that are neither few nor known.
    pub(crate) fn interned(&mut self, column: usize, text: &str) -> Word {
        Word(self.interners[column].code(text, |raw| word(&self.profile, column, raw)))
    }

    /// As [`Parser::push`], for a row that needs no reading: the same batch, column for column, as its text gives.
    ///
    /// # Panics
    /// Where a word is not of this parser, or their number is not the schema's.
    pub fn push_typed(
        &mut self,
        row: &TypedRow<'_>,
        observation: &Observation<'_>,
        now: UtcMicros,
    ) -> Result<(), Reason> {
        self.push_hashed(row, observation, now, None)
    }

    /// As [`Parser::push_typed`], with the content hash where it is known already: codes that were filled in have no part
    /// in it.
    pub(crate) fn push_hashed(
        &mut self,
        row: &TypedRow<'_>,
        observation: &Observation<'_>,
        now: UtcMicros,
        content_hash: Option<i64>,
    ) -> Result<(), Reason> {
        assert_eq!(row.words.len(), self.interners.len(), "one word per dictionary column");
        if row.id.is_empty() {
            return Err(Reason::NoId);
        }
        self.accept(row, observation, now, content_hash)
    }

    fn accept(
        &mut self,
        row: &TypedRow<'_>,
        observation: &Observation<'_>,
        now: UtcMicros,
        content_hash: Option<i64>,
    ) -> Result<(), Reason> {
        let TypedRow { id, case_number, occurred_at, updated_at, words, block, arrest, domestic, position } = *row;
        let occurred_at_utc = self.clock.to_utc(occurred_at);
        if occurred_at_utc.0 > now.0.saturating_add(DAY_MICROS) {
            return Err(Reason::Future(blotter_city::format_civil(occurred_at)));
        }
        if occurred_at < EARLIEST {
            return Err(Reason::TooEarly(blotter_city::format_civil(occurred_at)));
        }
        let content_hash = content_hash.unwrap_or_else(|| self.content_hash(row, observation.deleted));

        self.key.clear();
        self.key.extend_from_slice(self.profile.slug.as_bytes());
        self.key.push(b'/');
        self.key.extend_from_slice(id.as_bytes());
        let partition = partition_of(&self.key, self.partitions.len() as u32);
        self.partitions[partition as usize].push(&ValidRow {
            id,
            case_number,
            occurred_at,
            occurred_at_utc,
            updated_at,
            observed_at: observation.observed_at,
            deleted: observation.deleted,
            words,
            block,
            arrest,
            domestic,
            position,
            content_hash,
        });
        Ok(())
    }

    /// A hash of all that a row says; a text that is missing adds 0.
    fn content_hash(&mut self, row: &TypedRow<'_>, deleted: bool) -> i64 {
        self.hashes.clear();
        let mut mix = |value: u64| self.hashes.extend_from_slice(&value.to_le_bytes());
        let of_text = |text: &str| if text.is_empty() { 0 } else { xxh3_64(text.as_bytes()) };
        let of_flag = |flag: Option<bool>| flag.map_or(0, |flag| 1 + u64::from(flag));
        mix(of_text(row.id));
        mix(of_text(row.case_number));
        mix(row.occurred_at.0 as u64);
        mix(u64::from(deleted));
        for (interner, word) in self.interners.iter().zip(row.words) {
            mix(interner.hash(word.0));
        }
        mix(of_text(row.block));
        mix(of_flag(row.arrest));
        mix(of_flag(row.domestic));
        let (latitude, longitude) = row.position.unwrap_or((0.0, 0.0));
        mix(latitude.to_bits());
        mix(longitude.to_bits());
        xxh3_64(&self.hashes) as i64
    }

    /// The batches of all partitions that have rows, leaving the parser empty.
    pub fn finish(&mut self) -> Result<Vec<(u32, RecordBatch)>, ArrowError> {
        let mut batches = Vec::new();
        for (partition, columns) in (0..).zip(&mut self.partitions) {
            if columns.rows() > 0 {
                batches.push((partition, columns.finish(&self.schema, &self.interners)?));
            }
        }
        if !self.words_given {
            for interner in &mut self.interners {
                interner.trim();
            }
        }
        Ok(batches)
    }
}

// A missing word is the interners' own constant, never a real code.
const _: () = assert!(MISSING as usize > MAX_BATCH_ROWS);
