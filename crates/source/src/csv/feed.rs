//! A revisions feed: rows with `feed_time` (when the source said so, RFC 3339) and `op` (insert, update, delete).

use blotter_city::{UtcMicros, parse_instant};
use blotter_incident::Row;

/// The two columns of a feed.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    time: usize,
    op: usize,
    /// A feed's rows come in bursts of one time.
    last: Option<(Vec<u8>, UtcMicros)>,
}

impl Feed {
    /// The feed's columns, where a header has both.
    pub(crate) fn find(names: &[String]) -> Option<Self> {
        let find = |name: &str| names.iter().position(|candidate| candidate.trim().eq_ignore_ascii_case(name));
        Some(Self { time: find("feed_time")?, op: find("op")?, last: None })
    }

    /// When the source said so, and whether the row vanished; or why the row is rejected.
    pub(crate) fn observe(&mut self, row: &Row<'_>) -> Result<(UtcMicros, bool), String> {
        if row.len() <= self.time.max(self.op) {
            // The parser says how many fields are missing.
            return Ok((UtcMicros(0), false));
        }
        let cut = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(80).collect::<String>();
        let op = row.field(self.op).trim_ascii();
        let deleted = match op.to_ascii_lowercase().as_slice() {
            b"insert" | b"update" => false,
            b"delete" => true,
            _ => return Err(format!("`op` is none of insert, update, delete: `{}`", cut(op))),
        };
        let time = row.field(self.time);
        if let Some((text, at)) = &self.last
            && text == time
        {
            return Ok((*at, deleted));
        }
        let at = std::str::from_utf8(time).ok().and_then(parse_instant);
        let at = at.ok_or_else(|| format!("`feed_time` is not an RFC 3339 time with offset: `{}`", cut(time)))?;
        self.last = Some((time.to_owned(), at));
        Ok((at, deleted))
    }
}
