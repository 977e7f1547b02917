//! Totals of each category by cell and by hour of the week, which follow every change: an index, not a kept answer.

use crate::{hours_of_week::HOURS, places::NOWHERE};

/// Categories that have totals: a column of so many that each is rare needs none.
pub(crate) const MOST_CATEGORIES: usize = 256;

/// The totals of one category.
#[derive(Debug)]
pub(crate) struct Totals {
    /// By the number of the cell that stands beside each row.
    pub(crate) cells: Vec<u32>,
    pub(crate) hours_of_week: [u32; HOURS],
}

impl Default for Totals {
    fn default() -> Self {
        Self { cells: vec![0; NOWHERE as usize + 1], hours_of_week: [0; HOURS] }
    }
}

/// The totals of all categories, by code.
#[derive(Debug, Default)]
pub(crate) struct AllTotals {
    by_category: Vec<Totals>,
}

impl AllTotals {
    pub(crate) fn of(&self, category: usize) -> Option<&Totals> {
        self.by_category.get(category)
    }

    pub(crate) fn enter(&mut self, category: u16, cell: u32, hour_of_week: u8) {
        if let Some(totals) = self.made(category) {
            totals.hours_of_week[usize::from(hour_of_week)] += 1;
            totals.add_to_cell(cell);
        }
    }

    pub(crate) fn leave(&mut self, category: u16, cell: u32, hour_of_week: u8) {
        if let Some(totals) = self.made(category) {
            totals.hours_of_week[usize::from(hour_of_week)] -= 1;
            totals.cells[cell as usize] -= 1;
        }
    }

    /// A row's cell is known now.
    pub(crate) fn move_cell(&mut self, category: u16, from: u32, to: u32) {
        if let Some(totals) = self.made(category) {
            totals.cells[from as usize] -= 1;
            totals.add_to_cell(to);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let of = |totals: &Totals| size_of::<Totals>() + totals.cells.capacity() * size_of::<u32>();
        self.by_category.iter().map(of).sum()
    }

    fn made(&mut self, category: u16) -> Option<&mut Totals> {
        let category = usize::from(category);
        if category >= MOST_CATEGORIES {
            return None;
        }
        if category >= self.by_category.len() {
            self.by_category.resize_with(category + 1, Totals::default);
        }
        self.by_category.get_mut(category)
    }
}

impl Totals {
    fn add_to_cell(&mut self, cell: u32) {
        let cell = cell as usize;
        if cell >= self.cells.len() {
            self.cells.resize(cell + 1, 0);
        }
        self.cells[cell] += 1;
    }
}
