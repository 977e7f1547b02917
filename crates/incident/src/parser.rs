//! From a published row to an accepted incident, or to the reason why it is rejected.

use crate::{
    batch::incident_schema,
    builder::{Accepted, ColumnBuilders, FIXED_DICTIONARIES, Interner, MISSING},
    header::Header,
    partition::partition_of,
    points::PointTally,
    reason::{MAX_FIELD_BYTES, Reason},
    row::Row,
};
use arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use blotter_city::{CityClock, CivilMicros, Profile, UtcMicros, clean};
use std::{borrow::Cow, sync::Arc};
use xxhash_rust::xxh3::xxh3_64;

/// Rows of the largest batch: a dictionary key has 16 bits.
pub const MAX_BATCH_ROWS: usize = u16::MAX as usize;

const DAY_MICROS: i64 = 86_400_000_000;

/// 1900-01-01T00:00:00, the earliest accepted moment: what lies before is a typing error.
const EARLIEST: CivilMicros = CivilMicros(-2_208_988_800_000_000);

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

/// A dictionary column of [`incident_schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordColumn {
    /// After the profile's clean-ups.
    Category,
    /// Before them.
    CategoryPublished,
    /// What happened.
    Description,
    /// Kind of place.
    Place,
    /// Offence code.
    Code,
    /// The code of an area, by the layer's position in the profile.
    Layer(usize),
}

impl WordColumn {
    fn index(self) -> usize {
        match self {
            Self::Category => 0,
            Self::CategoryPublished => 1,
            Self::Description => 2,
            Self::Place => 3,
            Self::Code => 4,
            Self::Layer(layer) => FIXED_DICTIONARIES + layer,
        }
    }
}

/// A published text, cleaned and interned by [`Parser::word`]; of use to that parser alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub(crate) u32);

/// A row whose values have their types already: what [`Parser::push`] reads from a row's bytes. Texts have
/// no surrounding white space; an empty one is missing.
#[derive(Clone, Copy, Debug)]
pub struct TypedRow<'a> {
    /// Unique in the city, never empty.
    pub id: &'a str,
    /// Case number.
    pub case_number: &'a str,
    /// Civil.
    pub occurred_at: CivilMicros,
    /// Civil.
    pub updated_at: Option<CivilMicros>,
    /// One per dictionary column: category, category as published, description, place, code, then the layers.
    pub words: &'a [Word],
    /// Block.
    pub block: &'a str,
    /// Arrest.
    pub arrest: Option<bool>,
    /// Domestic.
    pub domestic: Option<bool>,
    /// Degrees north and east.
    pub position: Option<(f64, f64)>,
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

        let published_id = text(header.id);
        let id = match observation.id {
            Some(id) => Cow::Borrowed(id),
            None => clean::trimmed(published_id.strip_suffix(".0").unwrap_or(published_id)),
        };
        let occurred_at = occurred_at(&self.profile, &self.clock, header, row, &mut self.joined)?;
        let updated_at =
            match clean::trimmed(text(header.updated_at)) {
                updated if updated.is_empty() => None,
                updated => Some(date(&self.profile, &self.clock, updated.as_bytes()).ok_or_else(|| {
                    Reason::NotADate { field: "updated_at", text: updated.chars().take(80).collect() }
                })?),
            };
        let arrest = boolean("arrest", text(header.arrest))?;
        let domestic = boolean("domestic", text(header.domestic))?;
        // The other faults have a reason of their own, which a row without an id would hide.
        if id.is_empty() {
            return Err(match self.profile.columns.key.as_slice() {
                [] => Reason::NoId,
                key => Reason::NoKey(format!("`{}`", key.join("`, `"))),
            });
        }
        let latitude = coordinate(text(header.latitude), 90.0);
        let longitude = coordinate(text(header.longitude), 180.0);
        let unreadable = latitude.is_err() || longitude.is_err();
        let position = latitude
            .unwrap_or(None)
            .zip(longitude.unwrap_or(None))
            .filter(|(latitude, longitude)| *latitude != 0.0 || *longitude != 0.0);

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
                case_number: &clean::trimmed(text(header.case_number)),
                occurred_at,
                updated_at,
                words: &words,
                block: &clean::trimmed(text(header.block)),
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
        self.partitions[partition as usize].push(&Accepted {
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

/// A text of a dictionary column after its clean-ups, none where it is missing.
fn word(profile: &Profile, column: usize, raw: &str) -> Option<String> {
    let some = |text: Cow<'_, str>| (!text.is_empty()).then(|| text.into_owned());
    match column {
        0 => {
            let name = profile.category_of(raw);
            Some(if name.is_empty() { "UNKNOWN".to_owned() } else { name })
        }
        1 => Some(clean::trimmed(raw).into_owned()),
        2 | 3 => some(clean::trimmed(raw)),
        4 => some(clean::code(raw, if raw.trim().is_empty() { 0 } else { profile.code_width }).into()),
        _ => profile.layers[column - FIXED_DICTIONARIES].code(raw),
    }
}

/// A civil time of one of the profile's formats; one with `Z` or an offset behind it is converted to the city's clock.
fn date(profile: &Profile, clock: &CityClock, text: &[u8]) -> Option<CivilMicros> {
    let civil = |text: &[u8]| profile.date_formats.iter().find_map(|format| format.parse(text));
    civil(text).or_else(|| {
        let (text, offset_minutes) = blotter_city::split_offset(text)?;
        let civil = civil(text)?;
        Some(clock.to_civil(UtcMicros(civil.0.checked_sub(offset_minutes * 60_000_000)?)))
    })
}

fn occurred_at(
    profile: &Profile,
    clock: &CityClock,
    header: &Header,
    row: &Row<'_>,
    joined: &mut Vec<u8>,
) -> Result<CivilMicros, Reason> {
    let published = row.field(header.occurred_at).trim_ascii();
    if published.is_empty() {
        return Err(Reason::NoDate);
    }
    let time = header.occurred_time.map_or(&[][..], |column| row.field(column).trim_ascii());
    let text = if time.is_empty() {
        published
    } else {
        // A portal that splits date and time often publishes the date as midnight.
        let day = published.split(|byte| matches!(byte, b'T' | b' ')).next().unwrap_or(published);
        joined.clear();
        joined.extend_from_slice(day);
        joined.push(b' ');
        joined.extend_from_slice(time);
        joined
    };
    date(profile, clock, text).ok_or_else(|| Reason::NotADate {
        field: "occurred_at",
        text: String::from_utf8_lossy(text).chars().take(80).collect(),
    })
}

fn boolean(field: &'static str, text: &str) -> Result<Option<bool>, Reason> {
    match text {
        "true" => return Ok(Some(true)),
        "false" => return Ok(Some(false)),
        "" => return Ok(None),
        _ => {}
    }
    match clean::trimmed(text).to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "t" | "yes" | "y" | "1" => Ok(Some(true)),
        "false" | "f" | "no" | "n" | "0" => Ok(Some(false)),
        other => Err(Reason::NotABoolean { field, text: other.chars().take(80).collect() }),
    }
}

/// A text that is not a coordinate in degrees.
struct NotDegrees;

/// Degrees, if there are any. An incident with a text that is not a coordinate has no place.
fn coordinate(text: &str, limit: f64) -> Result<Option<f64>, NotDegrees> {
    if text.is_empty() {
        return Ok(None);
    }
    let trimmed = clean::trimmed(text);
    if trimmed.is_empty() {
        return Ok(None);
    }
    let degrees: f64 = fast_float2::parse(trimmed.as_bytes()).map_err(|_| NotDegrees)?;
    if degrees.abs() <= limit { Ok(Some(degrees)) } else { Err(NotDegrees) }
}

// A missing word is the interners' own constant, never a real code.
const _: () = assert!(MISSING as usize > MAX_BATCH_ROWS);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{Incident, IncidentBatch};
    use blotter_city::parse_civil;
    use proptest::prelude::*;

    const HEADER: &str = "ID,Case Number,Date,Block,IUCR,Primary Type,Description,Location Description,Arrest,Domestic,Beat,District,Ward,Community Area,Updated On,Latitude,Longitude";
    const GOOD: &str = "11192233,JB100016,12/31/2017 11:58:00 PM,046XX N ST LOUIS AVE,0630,BURGLARY,ATTEMPT FORCIBLE ENTRY,APARTMENT,false,true,1723,017,33,14,05/04/2018 03:51:04 PM,41.965693651,-87.715726125";

    fn profile(slug: &str) -> Arc<Profile> {
        let path = format!("{}/../../cities/{slug}.toml", env!("CARGO_MANIFEST_DIR"));
        Arc::new(Profile::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    fn row(text: &str) -> (Vec<u8>, Vec<usize>) {
        let mut ends = Vec::new();
        let mut bytes = Vec::new();
        for field in text.split(',') {
            bytes.extend_from_slice(field.as_bytes());
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn parse(header: &str, text: &str) -> Result<Incident, Reason> {
        let profile = profile("chicago");
        let mut parser = Parser::new(Arc::clone(&profile), 1);
        let names: Vec<&str> = header.split(',').collect();
        parser.set_header(Header::resolve(&profile, &names).unwrap());
        let (bytes, ends) = row(text);
        let observation = Observation { observed_at: UtcMicros(7), deleted: false, id: None };
        parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(1_700_000_000_000_000))?;
        let batches = parser.finish().unwrap();
        Ok(IncidentBatch::try_new(&batches[0].1).unwrap().incident(0))
    }

    #[test]
    fn a_published_row() {
        let incident = parse(HEADER, GOOD).unwrap();
        assert_eq!(incident.id, "11192233");
        assert_eq!(incident.occurred_at, parse_civil("2017-12-31T23:58:00").unwrap());
        assert_eq!(blotter_city::format_utc(incident.occurred_at_utc), "2018-01-01T05:58:00Z");
        assert_eq!(incident.updated_at, parse_civil("2018-05-04T15:51:04"));
        assert_eq!((incident.category.as_str(), incident.code.as_deref()), ("BURGLARY", Some("0630")));
        assert_eq!((incident.arrest, incident.domestic), (Some(false), Some(true)));
        assert_eq!(incident.areas["beat"], "1723");
        assert_eq!(incident.areas["district"], "017");
        assert_eq!(incident.areas["community_area"], "14");
        assert_eq!(incident.position, Some((41.965_693_651, -87.715_726_125)));
    }

    #[test]
    fn published_faults_are_survived() {
        let check = |from: &str, to: &str, look: fn(&Incident) -> String, expect: &str| {
            assert!(GOOD.contains(from));
            assert_eq!(look(&parse(HEADER, &GOOD.replacen(from, to, 1)).unwrap()), expect, "{to:?}");
        };
        let area = |incident: &Incident| format!("{:?}", incident.areas.get("community_area"));
        check(",14,", ",14.0,", area, "Some(\"14\")");
        check(",14,", ",0,", area, "None");
        check(",14,", ",,", area, "None");
        check(",017,", ",17,", |i| i.areas["district"].clone(), "017");
        check(",1723,", ",313,", |i| i.areas["beat"].clone(), "0313");
        check("0630", "630", |i| i.code.clone().unwrap(), "0630");
        check(
            "BURGLARY",
            "NON - CRIMINAL",
            |i| format!("{} < {}", i.category, i.category_published),
            "NON-CRIMINAL < NON - CRIMINAL",
        );
        check("BURGLARY", "\u{a0}burglary ", |i| i.category.clone(), "BURGLARY");
        check("BURGLARY", "", |i| i.category.clone(), "UNKNOWN");
        let position = |incident: &Incident| format!("{:?}", incident.position);
        check("41.965693651,-87.715726125", "0,0", position, "None");
        check("41.965693651,-87.715726125", ",-87.715726125", position, "None");
        check(
            "41.965693651,-87.715726125",
            "36.619446395,-91.686565684",
            position,
            "Some((36.619446395, -91.686565684))",
        );
        check(
            "12/31/2017 11:58:00 PM",
            "7/19/2017 13:45",
            |i| blotter_city::format_civil(i.occurred_at),
            "2017-07-19T13:45:00",
        );
        check(
            "12/31/2017 11:58:00 PM",
            "07/2017",
            |i| blotter_city::format_civil(i.occurred_at),
            "2017-07-01T00:00:00",
        );
        check("05/04/2018 03:51:04 PM", "", |i| format!("{:?}", i.updated_at), "None");
        check("false", "", |i| format!("{:?}", i.arrest), "None");
        check("false", "Y", |i| format!("{:?}", i.arrest), "Some(true)");
    }

    #[test]
    fn bad_rows_are_rejected_with_a_reason() {
        let check = |from: &str, to: &str, expect: &str| {
            assert!(GOOD.contains(from));
            let reason = parse(HEADER, &GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(reason.contains(expect), "{reason}");
        };
        check("11192233", "", "no id");
        check("12/31/2017 11:58:00 PM", "", "no date");
        check("12/31/2017 11:58:00 PM", "02/30/2017 11:58:00 PM", "02/30/2017");
        check("12/31/2017 11:58:00 PM", "12/31/2317 11:58:00 PM", "future");
        check("12/31/2017 11:58:00 PM", "12/31/1017 11:58:00 PM", "1900");
        check("05/04/2018 03:51:04 PM", "soon", "updated_at");
        check("false", "perhaps", "neither true nor false");
        check("-87.715726125", "-87.715726125,more", "18 fields where the header has 17");
        check(",14,", ",", "16 fields");
        check("BURGLARY", &"A".repeat(20_000), "20000 bytes");
    }

    #[test]
    fn what_is_not_a_coordinate_is_kept_without_a_place() {
        for text in ["north", "91", "NaN", "REDACTED", "N/A"] {
            let incident = parse(HEADER, &GOOD.replacen("41.965693651", text, 1)).unwrap();
            assert_eq!(incident.position, None, "{text}");
        }
    }

    #[test]
    fn a_time_with_an_offset_is_the_citys_time() {
        let check = |text: &str, expect: &str| {
            let incident = parse(HEADER, &GOOD.replacen("12/31/2017 11:58:00 PM", text, 1)).unwrap();
            assert_eq!(blotter_city::format_civil(incident.occurred_at), expect, "{text}");
        };
        check("2018-01-01T05:58:00.000Z", "2017-12-31T23:58:00");
        check("2018-01-01T05:58:00+00:00", "2017-12-31T23:58:00");
        check("2018-01-01 06:58:00+0100", "2017-12-31T23:58:00");
        check("2017-12-31T23:58:00-06", "2017-12-31T23:58:00");
        check("2017-12-31", "2017-12-31T00:00:00");
    }

    #[test]
    fn headers_in_any_order_case_and_number() {
        let row = "0630,2015-09-07T00:30:00.000,burglary,77";
        let incident = parse("iucr,date,primary_type,id", row).unwrap();
        assert_eq!((incident.id.as_str(), incident.category.as_str()), ("77", "BURGLARY"));
        let with_bom = format!("\u{feff}{HEADER}");
        assert_eq!(parse(&with_bom, GOOD).unwrap().id, "11192233");
        let error = Header::resolve(&profile("chicago"), &["IUCR", "PRIMARY DESCRIPTION", "INDEX CODE"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("no column for `id`") && error.contains("INDEX CODE"), "{error}");
    }

    #[test]
    fn time_in_a_column_of_its_own_and_key_columns() {
        let profile = profile("new-york-shootings");
        let mut parser = Parser::new(Arc::clone(&profile), 4);
        let header =
            Header::resolve(&profile, &["INCIDENT_KEY", "OCCUR_DATE", "OCCUR_TIME", "BORO", "STATISTICAL_MURDER_FLAG"])
                .unwrap();
        assert_eq!(header.key_columns(), &[0]);
        parser.set_header(header);
        let (bytes, ends) = row("169180023,09/09/2017,03:57:00,STATEN ISLAND,FALSE");
        let observation = Observation { observed_at: UtcMicros(0), deleted: false, id: Some("169180023-1") };
        parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(1_700_000_000_000_000)).unwrap();
        let (partition, batch) = parser.finish().unwrap().remove(0);
        assert_eq!(partition, partition_of(b"new-york-shootings/169180023-1", 4));
        let incident = IncidentBatch::try_new(&batch).unwrap().incident(0);
        assert_eq!(blotter_city::format_utc(incident.occurred_at_utc), "2017-09-09T07:57:00Z");
        assert_eq!(
            (incident.category.as_str(), incident.areas["borough"].as_str()),
            ("SHOOTING, NOT FATAL", "STATEN ISLAND")
        );
    }

    #[test]
    fn a_typed_row_gives_the_batch_of_its_text() {
        let profile = profile("chicago");
        let observation = Observation { observed_at: UtcMicros(7), deleted: true, id: None };
        let now = UtcMicros(1_700_000_000_000_000);
        let (bytes, ends) = row(&GOOD.replace("BURGLARY", "CRIM SEXUAL ASSAULT"));
        let mut by_text = Parser::new(Arc::clone(&profile), 2);
        by_text.set_header(Header::resolve(&profile, &HEADER.split(',').collect::<Vec<_>>()).unwrap());
        by_text.push(&Row::new(&bytes, &ends), &observation, now).unwrap();
        let mut by_type = Parser::new(Arc::clone(&profile), 2);
        let columns = [
            (WordColumn::Category, "CRIM SEXUAL ASSAULT"),
            (WordColumn::CategoryPublished, "CRIM SEXUAL ASSAULT"),
            (WordColumn::Description, "ATTEMPT FORCIBLE ENTRY"),
            (WordColumn::Place, "APARTMENT"),
            (WordColumn::Code, "630"),
            (WordColumn::Layer(0), "14"),
            (WordColumn::Layer(1), "17"),
            (WordColumn::Layer(2), "1723"),
            (WordColumn::Layer(3), "33"),
        ];
        let words = columns.map(|(column, text)| by_type.word(column, text));
        let mut typed = TypedRow {
            id: "11192233",
            case_number: "JB100016",
            occurred_at: parse_civil("2017-12-31T23:58:00").unwrap(),
            updated_at: parse_civil("2018-05-04T15:51:04"),
            words: &words,
            block: "046XX N ST LOUIS AVE",
            arrest: Some(false),
            domestic: Some(true),
            position: Some((41.965_693_651, -87.715_726_125)),
        };
        by_type.push_typed(&typed, &observation, now).unwrap();
        assert_eq!(by_type.finish().unwrap(), by_text.finish().unwrap());
        assert!(matches!(by_type.push_typed(&typed, &observation, UtcMicros(0)), Err(Reason::Future(_))));
        typed.id = "";
        assert_eq!(by_type.push_typed(&typed, &observation, now), Err(Reason::NoId));
    }

    #[test]
    fn the_hash_is_of_content_alone() {
        let of = |text: &str| parse(HEADER, text).unwrap().content_hash;
        assert_eq!(of(GOOD), of(&GOOD.replace("05/04/2018", "05/05/2018")));
        assert_eq!(of(GOOD), of(&GOOD.replace(",017,", ",17,")));
        for (from, to) in [
            ("false", "true"),
            ("0630", "0631"),
            (",14,", ",15,"),
            ("41.965693651", "41.965693652"),
            ("046XX", "047XX"),
        ] {
            assert_ne!(of(GOOD), of(&GOOD.replacen(from, to, 1)), "{to}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_every_row_is_accepted_or_rejected(fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..24), 0..20)) {
            let profile = profile("chicago");
            let mut parser = Parser::new(Arc::clone(&profile), 3);
            let names: Vec<&str> = HEADER.split(',').collect();
            parser.set_header(Header::resolve(&profile, &names).unwrap());
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            for field in fields {
                bytes.extend(field);
                ends.push(bytes.len());
            }
            let observation = Observation { observed_at: UtcMicros(0), deleted: false, id: None };
            let accepted = parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(0)).is_ok();
            prop_assert_eq!(parser.finish().unwrap().iter().map(|(_, batch)| batch.num_rows()).sum::<usize>(), usize::from(accepted));
        }
    }
}
