//! What the cube's structures occupy.

use crate::cube::{Cube, Position};
use hashbrown::HashMap;

/// Bytes by structure, room to grow included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The columns that filters and answers read, each row's number, and where the row of each incident is.
    pub filter_columns: usize,
    /// Ids and winning revisions.
    pub identity_index: usize,
    /// Where the texts lie.
    pub locators: usize,
    /// Points, and their cells by resolution.
    pub places: usize,
    /// Totals by category.
    pub totals: usize,
    /// Days of months, and incidents whose cells are to be found.
    pub others: usize,
}

impl Memory {
    /// All.
    pub fn total(&self) -> usize {
        self.filter_columns + self.identity_index + self.locators + self.places + self.totals + self.others
    }
}

impl Cube {
    /// What it occupies. Words of categories and areas are left out: they are few.
    pub fn memory(&self) -> Memory {
        let groups: usize = self.groups.iter().map(crate::group::Group::bytes).sum();
        let numbers = table_bytes(&self.group_numbers);
        Memory {
            filter_columns: groups + numbers + self.positions.bytes(),
            identity_index: self.identity.bytes(),
            locators: self.locators.bytes(),
            places: self.places.bytes(),
            totals: self.totals.bytes(),
            others: self.calendar.bytes() + self.without_cell.capacity() * size_of::<u32>(),
        }
    }
}

/// One byte an entry beside keys and values; an eighth stays empty.
fn table_bytes<K, V>(table: &HashMap<K, V>) -> usize {
    table.capacity() * 8 / 7 * (size_of::<(K, V)>() + 1)
}

const _: () = assert!(size_of::<Position>() == 8);
