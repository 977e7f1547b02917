//! The texts of incidents: not kept in memory, read where they lie.
//!
//! A page asks for up to a thousand places. Those in the snapshot are read from its files in one go; those in the log in
//! ranges of neighbours, a batch once for all that lie in it, and beside the follower ([`Log::read_range`]). No lock is
//! held while something is read or decoded. What one page may cost is bounded: it then ends early, with a cursor for the
//! rest. What the log no longer has is named, not guessed.

use crate::{LoadError, QueryError, opened::OpenSnapshot, snapshot::IN_SNAPSHOT};
use arrow::array::RecordBatch;
use blotter_cube::{Cursor, Locator, Page, PageRow};
use blotter_incident::{Incident, IncidentBatch};
use blotter_log::{Log, LogError, Offset, Topic};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

/// Decoded rows that are kept: a page of the newest incidents comes from a few batches.
const MOST_KEPT_ROWS: usize = 100_000;
/// And so many batches.
const MOST_KEPT: usize = 256;
/// Records that may lie between two that are read in one go.
const MOST_BETWEEN: u64 = 16;
/// Ranges of the log that one page reads: of batches of some thousand rows, half a second of one core.
pub(crate) const MOST_READS: usize = 128;
/// Rows of a snapshot that are decoded together: a page of each column.
const BLOCK_ROWS: u64 = 1 << 16;
/// Such blocks that one page reads.
const MOST_BLOCKS: usize = 32;

/// The error for a client if texts cannot be read.
pub(crate) fn refusal(error: &LoadError) -> QueryError {
    if error.is_retryable() {
        QueryError::Unavailable(
            "the log does not answer, and the texts of these incidents are in it: ask again".to_owned(),
        )
    } else {
        QueryError::internal(error)
    }
}

/// Where the texts of a page lie. The snapshot is that of the view which listed the page.
pub(crate) struct Sources<'a> {
    pub(crate) snapshot: Option<&'a OpenSnapshot>,
    pub(crate) log: Option<&'a dyn Log>,
}

/// A page with its texts.
#[derive(Debug, Default)]
pub(crate) struct PageTexts {
    /// In the page's order.
    pub(crate) incidents: Vec<Incident>,
    /// Ids of those whose texts are gone: retention has removed them from the log.
    pub(crate) missing: Vec<String>,
    /// Behind the last incident that was looked at, where there are more.
    pub(crate) next: Option<Cursor>,
}

/// Reads texts, and keeps the batches of the log that it decoded last.
#[derive(Default)]
pub(crate) struct Texts {
    kept: Mutex<VecDeque<CachedBatch>>,
}

/// Records of one partition, the first at `base`.
#[derive(Clone)]
struct CachedBatch {
    partition: u32,
    base: u64,
    next: u64,
    records: Arc<RecordBatch>,
}

impl Texts {
    /// The texts of a page, or of the part of it that can be afforded.
    pub(crate) fn page(&self, sources: &Sources<'_>, page: &Page) -> Result<PageTexts, LoadError> {
        let mut listed = &page.incidents[..affordable(&page.incidents)];
        let mut found = HashMap::with_capacity(listed.len());
        if let Some(log) = sources.log {
            let most = self.read_log(log, listed, &mut found)?;
            listed = &listed[..most];
        }
        if let Some(snapshot) = sources.snapshot {
            let mut rows: Vec<u64> =
                listed.iter().filter(|one| one.text.partition == IN_SNAPSHOT).map(|one| one.text.offset).collect();
            rows.sort_unstable();
            rows.dedup();
            let incidents = snapshot.incidents(&rows)?;
            let places = rows.into_iter().map(|offset| Locator { partition: IN_SNAPSHOT, offset });
            found.extend(places.zip(incidents));
        }
        let mut texted = PageTexts::default();
        for one in listed {
            match found.remove(&one.text) {
                Some(incident) => texted.incidents.push(incident),
                None => texted.missing.push(one.id().to_owned()),
            }
        }
        let is_cut = page.has_more || listed.len() < page.incidents.len();
        texted.next = listed.last().filter(|_| is_cut).map(|last| last.cursor.clone());
        Ok(texted)
    }

    /// Finds those that lie in the log, in the page's order, until the page has cost enough; how many of it were looked at.
    fn read_log(
        &self,
        log: &dyn Log,
        listed: &[PageRow],
        found: &mut HashMap<Locator, Incident>,
    ) -> Result<usize, LoadError> {
        let wanted: BTreeSet<Locator> =
            listed.iter().map(|one| one.text).filter(|place| place.partition != IN_SNAPSHOT).collect();
        let sorted: Vec<Locator> = wanted.iter().copied().collect();
        let mut looked_at: BTreeSet<Locator> = BTreeSet::new();
        let mut reads = 0;
        for (index, place) in listed.iter().map(|one| one.text).enumerate() {
            if place.partition == IN_SNAPSHOT || looked_at.contains(&place) {
                continue;
            }
            if reads == MOST_READS {
                return Ok(index);
            }
            reads += 1;
            let range = neighbours(&sorted, place);
            let mut at = range.start;
            while at < range.end {
                let end = match self.batch(log, place.partition, at, range.end) {
                    Ok(batch) => {
                        // Whoever reads single messages gets no more than was asked for; a batch is decoded as a whole.
                        let end = if log.is_shared() { batch.next.min(range.end) } else { batch.next };
                        let here = |offset| Locator { partition: place.partition, offset };
                        let records = IncidentBatch::try_new(&batch.records)?;
                        for place in wanted.range(here(at)..here(end)) {
                            looked_at.insert(*place);
                            let row = place.offset.wrapping_sub(batch.base) as usize;
                            if place.offset >= batch.base && row < records.len {
                                found.insert(*place, records.incident(row));
                            }
                        }
                        end
                    }
                    Err(LoadError::Log(LogError::OffsetGone { earliest, .. })) if earliest.0 > at => earliest.0,
                    Err(LoadError::Log(LogError::OffsetAhead { .. })) => range.end,
                    Err(error) => return Err(error),
                };
                // A log that brings nothing has nothing there.
                at = end.max(at + 1);
            }
            let here = |offset| Locator { partition: place.partition, offset };
            looked_at.extend(wanted.range(here(range.start)..here(range.end)));
        }
        Ok(listed.len())
    }

    /// A batch that holds `at`, or what comes next before `to`.
    fn batch(&self, log: &dyn Log, partition: u32, at: u64, to: u64) -> Result<CachedBatch, LoadError> {
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let holds = |kept: &&CachedBatch| kept.partition == partition && (kept.base..kept.next).contains(&at);
            if let Some(kept) = kept.iter().find(holds) {
                return Ok(kept.clone());
            }
        }
        let fetched = log.read_range(Topic::Incidents, partition, Offset(at), Offset(to))?;
        let read: Vec<CachedBatch> = fetched
            .into_iter()
            .map(|fetched| CachedBatch {
                partition,
                base: fetched.base.0,
                next: fetched.next.0,
                records: fetched.records,
            })
            .collect();
        let first = read.first().cloned();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(read);
        let mut rows: usize = kept.iter().map(|kept| kept.records.num_rows()).sum();
        while kept.len() > MOST_KEPT || rows > MOST_KEPT_ROWS {
            let Some(oldest) = kept.pop_front() else { break };
            rows -= oldest.records.num_rows();
        }
        drop(kept);
        first.ok_or_else(|| {
            LoadError::Log(LogError::OffsetAhead {
                topic: Topic::Incidents,
                partition,
                offset: Offset(at),
                next: Offset(at),
            })
        })
    }
}

/// The stretch of offsets around a place in which no two wanted ones lie far apart. `sorted` has the place.
fn neighbours(sorted: &[Locator], place: Locator) -> Range<u64> {
    let is_near =
        |one: Locator, other: Locator| one.partition == other.partition && other.offset - one.offset <= MOST_BETWEEN;
    let at = sorted.partition_point(|other| *other < place);
    let (mut first, mut last) = (at, at);
    while first > 0 && is_near(sorted[first - 1], sorted[first]) {
        first -= 1;
    }
    while last + 1 < sorted.len() && is_near(sorted[last], sorted[last + 1]) {
        last += 1;
    }
    sorted[first].offset..sorted[last].offset + 1
}

/// How many of a page, from the first on, lie in so few blocks of the snapshot that one answer may read them.
fn affordable(listed: &[PageRow]) -> usize {
    let mut blocks = BTreeSet::new();
    let is_beyond = |one: &PageRow| {
        if one.text.partition == IN_SNAPSHOT {
            blocks.insert(one.text.offset / BLOCK_ROWS);
        }
        blocks.len() > MOST_BLOCKS
    };
    listed.iter().position(is_beyond).unwrap_or(listed.len())
}

#[cfg(feature = "testing")]
impl Texts {
    /// As if nothing had been read.
    pub(crate) fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_together() {
        let at = |partition: u32, offset: u64| Locator { partition, offset };
        let sorted = [at(0, 5), at(0, 21), at(0, 38), at(1, 39), at(1, 40), at(1, 100)];
        for (place, expect) in
            [(at(0, 5), 5..22), (at(0, 21), 5..22), (at(0, 38), 38..39), (at(1, 40), 39..41), (at(1, 100), 100..101)]
        {
            assert_eq!(neighbours(&sorted, place), expect, "{place:?}");
        }
    }

    #[test]
    fn a_page_reads_so_many_blocks_of_a_snapshot() {
        let listed = |block: u64| {
            let cursor = Cursor::parse("1.1.a").unwrap();
            PageRow { text: Locator { partition: IN_SNAPSHOT, offset: block * BLOCK_ROWS }, cursor }
        };
        let far_apart: Vec<PageRow> = (0..100).map(listed).collect();
        assert_eq!(affordable(&far_apart), MOST_BLOCKS);
        let together: Vec<PageRow> = (0..100).map(|number| listed(number % 3)).collect();
        assert_eq!(affordable(&together), 100);
    }
}
