//! A Socrata address (`https://HOST/resource/abcd-1234.csv`) as one file: all of its rows, a page after the other.
//!
//! Such an address answers 1,000 rows unless `$limit` says otherwise, and says nothing of the others. It is asked for
//! pages in the order of `:id` until one has no rows. Each page begins with the header, which the table skips. An address
//! with a `$limit` of its own is read as it is: whoever writes one wants no more.

use super::{
    compression::InputError,
    http::{ask, http_error},
};
use std::io::{self, Read};
use ureq::Agent;
use url::Url;

/// Rows of one page.
const PAGE_ROWS: u64 = 50_000;

/// The address of a data set's rows as CSV, where an address is one without a limit.
pub(crate) fn rows_address(url: &Url) -> Option<Url> {
    let mut segments = url.path_segments()?.rev();
    let (file, folder) = (segments.next()?, segments.next()?);
    let (id, kind) = file.rsplit_once('.')?;
    let four = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_id = id.split_once('-').is_some_and(|(one, other)| four(one) && four(other));
    if folder != "resource" || !is_id || !matches!(kind, "csv" | "json") {
        return None;
    }
    if url.query_pairs().any(|(name, _)| matches!(name.as_ref(), "$limit" | "$offset" | "$query")) {
        return None;
    }
    let mut rows = url.clone();
    if let Ok(mut path) = rows.path_segments_mut() {
        path.pop().push(&format!("{id}.csv"));
    }
    if !url.query_pairs().any(|(name, _)| name == "$order") {
        rows.query_pairs_mut().append_pair("$order", ":id");
    }
    Some(rows)
}

/// The address of one page.
pub(crate) fn page_address(rows: &Url, offset: u64) -> Url {
    let mut page = rows.clone();
    page.query_pairs_mut().append_pair("$limit", &PAGE_ROWS.to_string()).append_pair("$offset", &offset.to_string());
    page
}

/// The rows, from the first page on.
pub(crate) struct Pages<R> {
    agent: Agent,
    rows: Url,
    page: Box<dyn Read + Send>,
    /// The first page, which was asked for to learn what there is.
    first: Option<R>,
    offset: u64,
    records: Records,
    /// The page begins with a line feed that the one before lacked.
    leads: bool,
    ended: bool,
}

/// Counts the records of a page: line feeds outside of quotes.
#[derive(Default)]
struct Records {
    ended: u64,
    is_quoted: bool,
    /// Bytes behind the last line feed.
    has_more: bool,
}

impl Records {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'"' => self.is_quoted = !self.is_quoted,
                b'\n' if !self.is_quoted => {
                    self.ended += 1;
                    self.has_more = false;
                    continue;
                }
                _ => {}
            }
            self.has_more = true;
        }
    }
}

impl<R: Read + Send + 'static> Pages<R> {
    pub(crate) fn new(agent: Agent, rows: Url, first: R) -> Self {
        Self {
            agent,
            rows,
            page: Box::new(io::empty()),
            first: Some(first),
            offset: 0,
            records: Records::default(),
            leads: false,
            ended: false,
        }
    }

    /// The page that comes next; whether there may be one.
    fn turn(&mut self) -> io::Result<bool> {
        if let Some(first) = self.first.take() {
            self.page = Box::new(first);
            return Ok(true);
        }
        let records = std::mem::take(&mut self.records);
        // The first record is the header; before it may stand the line feed that the page before lacked.
        let others = 1 + u64::from(std::mem::take(&mut self.leads));
        let rows = (records.ended + u64::from(records.has_more)).saturating_sub(others);
        if rows == 0 {
            return Ok(false);
        }
        self.offset += rows;
        let page = page_address(&self.rows, self.offset);
        let answer = ask(&self.agent, &page, None).map_err(|error| io::Error::other(InputError(error)))?;
        let body = answer.body.into_with_config().limit(u64::MAX).reader();
        let address = page.to_string();
        let marked = PageErrors { inner: body, address };
        self.leads = records.has_more;
        self.page = if records.has_more { Box::new(io::Cursor::new(b"\n").chain(marked)) } else { Box::new(marked) };
        Ok(true)
    }
}

impl<R: Read + Send + 'static> Read for Pages<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.ended {
            return Ok(0);
        }
        loop {
            let read = self.page.read(buffer)?;
            if read > 0 {
                self.records.read(&buffer[..read]);
                return Ok(read);
            }
            if !self.turn()? {
                self.ended = true;
                return Ok(0);
            }
        }
    }
}

/// Errors of a later page, as those of its own address.
struct PageErrors<R> {
    inner: R,
    address: String,
}

impl<R: Read> Read for PageErrors<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| match error.downcast::<ureq::Error>() {
            Ok(error) => io::Error::other(InputError(http_error(&self.address, &error))),
            Err(error) => error,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_data_set_without_a_limit_are_read_whole() {
        let check = |text: &str, expect: Option<&str>| {
            let rows = rows_address(&Url::parse(text).unwrap()).map(|url| url.to_string());
            assert_eq!(rows.as_deref(), expect, "{text}");
        };
        let order = "%24order=%3Aid";
        check("https://x.org/resource/ijzp-q8t2.csv", Some(&format!("https://x.org/resource/ijzp-q8t2.csv?{order}")));
        check("https://x.org/resource/ijzp-q8t2.json", Some(&format!("https://x.org/resource/ijzp-q8t2.csv?{order}")));
        check(
            "https://x.org/resource/ijzp-q8t2.csv?year=2024",
            Some(&format!("https://x.org/resource/ijzp-q8t2.csv?year=2024&{order}")),
        );
        check("https://x.org/resource/ijzp-q8t2.csv?$limit=10", None);
        check("https://x.org/api/views/ijzp-q8t2/rows.csv?accessType=DOWNLOAD", None);
        check("https://x.org/resource/crimes.csv", None);
    }

    #[test]
    fn line_breaks_inside_quotes_end_no_record() {
        let mut records = Records::default();
        records.read(b"a,b\n\"x\ny\",1\n\"say \"\"no\"\"\n\",");
        records.read(b"2\n3,4");
        assert_eq!((records.ended, records.has_more), (3, true));
    }
}
