//! The newest incidents, page by page.

use crate::{
    block::ROWS,
    cube::{Cube, Locator},
    filter::{Compiled, Filter},
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

/// When (the oldest on top of the heap), the id, and the row's number.
type Candidate = (Reverse<(u32, u8)>, String, u32);

impl Cube {
    /// Up to `limit` selected incidents, newest first and by id among those of one second, behind the cursor;
    /// and the cursor of the next page, if there is one.
    pub fn newest(&self, filter: &Filter, limit: usize, after: Option<&Cursor>) -> (Vec<Locator>, Option<Cursor>) {
        let compiled = Compiled::new(self, filter);
        let mut order: Vec<usize> =
            (0..self.blocks.len()).filter(|block| !scan::is_outside(&self.blocks[*block], &compiled)).collect();
        order.sort_unstable_by_key(|block| Reverse(self.blocks[*block].greatest));
        // The page and one more, so that it is known whether there is a next page. The heap's top is the oldest.
        let wanted = limit + 1;
        let mut page: BinaryHeap<Candidate> = BinaryHeap::new();
        let mut selected = Vec::with_capacity(ROWS);
        for number in order {
            let block = &self.blocks[number];
            let full = page.len() >= wanted;
            if full && page.peek().is_some_and(|(Reverse((minute, _)), _, _)| block.greatest < *minute) {
                break;
            }
            scan::select(block, &compiled, &mut selected);
            for offset in (0..block.len()).filter(|offset| selected[*offset] != 0) {
                let time = (block.minute[offset], block.second[offset]);
                if after.is_some_and(|after| time > (after.minute, after.second)) {
                    continue;
                }
                if page.len() >= wanted && page.peek().is_some_and(|(Reverse(oldest), _, _)| time < *oldest) {
                    continue;
                }
                let row = (number * ROWS + offset) as u32;
                let id = self.identity.id(row);
                if after.is_some_and(|after| time == (after.minute, after.second) && id <= after.id) {
                    continue;
                }
                page.push((Reverse(time), id, row));
                if page.len() > wanted {
                    page.pop();
                }
            }
        }
        let mut page = page.into_sorted_vec();
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|(Reverse((minute, second)), id, _)| Cursor {
            minute: *minute,
            second: *second,
            id: id.clone(),
        });
        let locators = page
            .into_iter()
            .map(|(_, _, row)| Locator::unpack(self.blocks[row as usize / ROWS].locator[row as usize % ROWS]))
            .collect();
        (locators, next)
    }
}
