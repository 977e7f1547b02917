//! Records under a header: what both the plain and the replayed CSV source read.

use super::{
    feed::Feed,
    records::{Malformed, Next, Records},
};
use crate::SourceError;
use blotter_city::{Profile, UtcMicros};
use blotter_incident::{Header, Observation, Parser, Rejected, Row};
use std::io;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a rejected record that are kept.
pub(crate) const KEPT_BYTES: usize = 64 * 1024;

/// Bytes that are looked at to tell what a file is.
const GLANCE: usize = 4096;

/// Records and what is known of all of them.
pub(crate) struct Table {
    pub(crate) records: Records,
    pub(crate) names: Vec<String>,
    pub(crate) header: Header,
    /// When the source said what it says, where no row says so itself.
    pub(crate) observed_at: UtcMicros,
    /// Records so far, rejected ones too; neither headers nor blank lines.
    pub(crate) rows: u64,
    /// The name in rejected records' keys.
    pub(crate) file: String,
    feed: Option<Feed>,
}

/// What became of the next record.
pub(crate) enum Advance {
    /// The parser has it. It was said then.
    Accepted(UtcMicros),
    /// Nobody can use it.
    Rejected(Rejected),
    /// More must be read first.
    More,
    /// There is none.
    End,
}

impl Table {
    /// Reads the header. None where there is nothing at all, not even a header.
    pub(crate) fn open(
        mut records: Records,
        profile: &Profile,
        file: String,
        what: &str,
        observed_at: UtcMicros,
    ) -> Result<Option<Self>, TableError> {
        let refused = |why: String| TableError::Refused(SourceError::Refused { what: what.into(), why });
        let glance = records.peek(GLANCE)?;
        if let Some(why) = what_else(glance) {
            return Err(refused(why));
        }
        records.skip_bom();
        let names: Vec<String> = match records.read_next()? {
            Next::Record => {
                let row = records.row();
                (0..row.len()).map(|index| String::from_utf8_lossy(row.field(index)).into_owned()).collect()
            }
            Next::Malformed(Malformed::BrokenOff) | Next::More | Next::End => return Ok(None),
            Next::Malformed(fault) => {
                return Err(refused(format!("its first line is not a CSV header: {}", fault.sentence())));
            }
        };
        if let [name] = names.as_slice()
            && let Some(delimiter) = [';', '\t', '|'].into_iter().find(|delimiter| name.contains(*delimiter))
        {
            return Err(refused(format!("its fields are separated by {delimiter:?}; save it with commas")));
        }
        Self::with_header(records, profile, file, what, observed_at, names).map(Some)
    }

    /// Goes on in the middle of a file whose header is known.
    pub(crate) fn with_header(
        mut records: Records,
        profile: &Profile,
        file: String,
        what: &str,
        observed_at: UtcMicros,
        names: Vec<String>,
    ) -> Result<Self, TableError> {
        let header = Header::resolve(profile, &names)
            .map_err(|error| TableError::Refused(SourceError::Refused { what: what.into(), why: error.to_string() }))?;
        records.set_width(header.width());
        let feed = Feed::find(&names);
        Ok(Self { records, names, header, observed_at, rows: 0, file, feed })
    }

    /// Whether its rows say themselves when they were said.
    pub(crate) fn is_feed(&self) -> bool {
        self.feed.is_some()
    }

    /// The next record goes to the parser, or comes back with the reason why it does not. `id` gives the id of
    /// a row in a source without ids.
    #[inline]
    pub(crate) fn advance<'i>(
        &mut self,
        parser: &mut Parser,
        now: UtcMicros,
        id: impl FnOnce(&Row<'_>, u64) -> Option<&'i str>,
    ) -> io::Result<Advance> {
        loop {
            match self.records.next()? {
                Next::Record => {}
                Next::Malformed(fault) => return Ok(self.reject(fault.sentence().to_owned(), self.observed_at)),
                Next::More => return Ok(Advance::More),
                Next::End => return Ok(Advance::End),
            }
            let row = self.records.row();
            if self.is_header(&row) {
                continue;
            }
            let (observed_at, deleted) = match &mut self.feed {
                None => (self.observed_at, false),
                Some(feed) => match feed.observe(&row) {
                    Ok(observed) => observed,
                    Err(reason) => {
                        self.records.give_back()?;
                        return Ok(self.reject(reason, self.observed_at));
                    }
                },
            };
            if self.records.may_hold_nul() && memchr::memchr(0, self.records.raw()).is_some() {
                self.records.give_back()?;
                return Ok(self.reject("a NUL byte".into(), observed_at));
            }
            let observation = Observation { observed_at, deleted, id: id(&row, self.records.offset()) };
            return match parser.push(&row, &observation, now) {
                Ok(()) => {
                    self.rows += 1;
                    Ok(Advance::Accepted(observed_at))
                }
                Err(reason) => {
                    let reason = reason.to_string();
                    self.records.give_back()?;
                    Ok(self.reject(reason, observed_at))
                }
            };
        }
    }

    /// The header again, as in files put one after the other.
    #[inline]
    fn is_header(&self, row: &Row<'_>) -> bool {
        let Some(first) = self.names.first() else { return false };
        if row.is_empty() {
            return false;
        }
        let field = row.field(0);
        let field = field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field);
        field == first.as_bytes()
            && row.len() == self.names.len()
            && (1..row.len()).all(|index| row.field(index) == self.names[index].as_bytes())
    }

    fn reject(&mut self, reason: String, observed_at: UtcMicros) -> Advance {
        self.rows += 1;
        Advance::Rejected(rejected(&self.file, self.rows, reason, self.records.raw(), observed_at))
    }

    /// That the input broke off before its end, if it did.
    pub(crate) fn broken_off(&mut self) -> Option<Rejected> {
        let reason = self.records.damage()?.to_string();
        Some(broken_off(&self.file, self.rows, reason, self.observed_at))
    }
}

/// A record that says how the file ends.
pub(crate) fn broken_off(file: &str, rows: u64, reason: String, observed_at: UtcMicros) -> Rejected {
    Rejected { key: format!("{file}:end after row {rows}"), reason, bytes: Vec::new(), observed_at }
}

/// A rejected record. Its key names file and row, and a hash of the bytes: the same row rejected again has the same
/// key, another row in its place (of a file that was changed, or of one that has the same name) has another.
fn rejected(file: &str, row: u64, mut reason: String, raw: &[u8], observed_at: UtcMicros) -> Rejected {
    let key = format!("{file}:row {row}:{:08x}", xxh3_64(raw) >> 32);
    if raw.len() > KEPT_BYTES {
        reason = format!("{reason} (the first {KEPT_BYTES} of its {} bytes are kept)", raw.len());
    }
    Rejected { key, reason, bytes: raw[..raw.len().min(KEPT_BYTES)].to_vec(), observed_at }
}

/// Why there is no table.
pub(crate) enum TableError {
    Refused(SourceError),
    Io(io::Error),
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a file is if not CSV, by its first bytes.
fn what_else(glance: &[u8]) -> Option<String> {
    let text = glance.strip_prefix(b"\xef\xbb\xbf").unwrap_or(glance);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let why = match (glance, first) {
        ([0xff, 0xfe, ..] | [0xfe, 0xff, ..], _) => "it is UTF-16; save it as UTF-8",
        ([b'P', b'K', 3, 4, ..], _) => "it is a zip archive; unpack it first",
        ([b'P', b'A', b'R', b'1', ..], _) => "it is a Parquet file; export it as CSV",
        (_, Some(b'{' | b'[')) => "it is JSON (GeoJSON boundaries, perhaps), not CSV; give the incidents as CSV",
        (_, Some(b'<')) => "it is a web page or XML, not CSV; give the address of the CSV export itself",
        _ => {
            let line = memchr::memchr(b'\n', glance).map_or(glance, |end| &glance[..end]);
            let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n');
            if !line.iter().any(control) {
                return None;
            }
            "it is binary, not CSV; give a CSV file, plain or compressed with gzip, xz or zstd"
        }
    };
    Some(why.into())
}
