//! The newest incidents, page by page.

use crate::{
    cube::{Cube, Locator},
    filter::{CompiledFilter, Filter},
    scan,
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Behind which incident a page begins. Opaque to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    minute: u32,
    second: u8,
    id: String,
}

impl Cursor {
    /// As text.
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.minute, self.second, self.id)
    }

    /// From text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let cursor = Self {
            minute: parts.next()?.parse().ok()?,
            second: parts.next()?.parse().ok()?,
            id: parts.next()?.to_owned(),
        };
        (cursor.second < 60 && !cursor.id.is_empty()).then_some(cursor)
    }
}

/// One page of incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The newest first, and by id among those of one second.
    pub incidents: Vec<PageRow>,
    /// Whether there are more behind the last one.
    pub has_more: bool,
}

/// One incident of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRow {
    /// Where its text lies.
    pub text: Locator,
    /// For a page that begins behind it.
    pub cursor: Cursor,
}

impl PageRow {
    /// The incident's id.
    pub fn id(&self) -> &str {
        &self.cursor.id
    }
}

/// When (the oldest on top of the heap), the id, and the row's number.
type Candidate = (Reverse<i64>, String, u32);

impl Cube {
    /// Up to `limit` selected incidents behind the cursor.
    pub fn newest(&self, filter: &Filter, limit: usize, after: Option<&Cursor>) -> Page {
        let compiled = CompiledFilter::new(self, filter);
        let after = after.map(|after| (i64::from(after.minute) * 60 + i64::from(after.second), &after.id));
        // The page and one more, so that it is known whether there is a next page. The heap's top is the oldest.
        let wanted = limit + 1;
        let mut page: BinaryHeap<Candidate> = BinaryHeap::new();
        let mut selected = Vec::new();
        let groups = self.calendar.months.values().rev().flat_map(|month| &month.groups);
        for group in groups.map(|group| &self.groups[*group as usize]) {
            let (least, greatest) = group.bounds();
            let is_older =
                page.len() >= wanted && page.peek().is_some_and(|(Reverse(oldest), _, _)| greatest < *oldest);
            if is_older || after.is_some_and(|(after, _)| least > after) {
                continue;
            }
            let Some(rows) = scan::rows_of(group, &compiled, &mut selected) else { continue };
            for slot in rows.slots(group.len()) {
                let at = group.instant(slot);
                if after.is_some_and(|(after, _)| at > after) {
                    continue;
                }
                if page.len() >= wanted && page.peek().is_some_and(|(Reverse(oldest), _, _)| at < *oldest) {
                    continue;
                }
                let number = group.number[slot];
                let id = self.identity.id(number);
                if after.is_some_and(|(after, after_id)| at == after && id <= *after_id) {
                    continue;
                }
                page.push((Reverse(at), id, number));
                if page.len() > wanted {
                    page.pop();
                }
            }
        }
        let mut page = page.into_sorted_vec();
        let has_more = page.len() > limit;
        page.truncate(limit);
        let listed = |(Reverse(at), id, number): Candidate| PageRow {
            text: Locator::unpack(self.locators.value(number)),
            cursor: Cursor { minute: (at / 60) as u32, second: (at % 60) as u8, id },
        };
        Page { incidents: page.into_iter().map(listed).collect(), has_more }
    }
}
