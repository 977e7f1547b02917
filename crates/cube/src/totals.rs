//! Totals of each category by cell and by hour of the week, which follow every change: an index, not a kept answer.
//!
//! A query by category and period alone is counted from whichever are fewer: the rows inside of the period, or those
//! outside, which are then taken from the totals. Without a period nothing is outside and no row is read.

use crate::{cube::Cube, filter::Compiled, hours::HOURS, places::NOWHERE, scan::Reach};

/// Categories that have totals: a column of so many that each is rare needs none.
const MOST_CATEGORIES: usize = 256;

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

/// How a query by category and period is best counted.
pub(crate) struct Split {
    /// Categories whose selected rows are read.
    pub(crate) inside: Compiled,
    /// Categories that have totals, whose other rows are read, and those categories.
    pub(crate) outside: Option<(Compiled, Vec<usize>)>,
}

impl Split {
    /// `numbers`: how many there are in one category's totals, which cost something to add, too.
    pub(crate) fn new(cube: &Cube, filter: Compiled, numbers: usize) -> Self {
        if filter.asks_rows() {
            return Self { inside: filter, outside: None };
        }
        // By category: rows to be read inside, and outside.
        let mut rows = vec![(0, numbers / 4); cube.categories.words().len().min(MOST_CATEGORIES)];
        for group in &cube.groups {
            let Some((inside, outside)) = rows.get_mut(usize::from(group.category)) else { continue };
            match filter.reach(group) {
                Reach::None => *outside += group.len(),
                Reach::All => *inside += group.len(),
                Reach::Some => {
                    *inside += group.len();
                    *outside += group.len();
                }
            }
        }
        let is_wanted = |category: usize| filter.categories.as_ref().is_none_or(|table| table[category] != 0);
        let taken: Vec<usize> = (0..rows.len())
            .filter(|category| is_wanted(*category) && rows[*category].1 < rows[*category].0)
            .filter(|category| cube.totals.of(*category).is_some())
            .collect();
        if taken.is_empty() {
            return Self { inside: filter, outside: None };
        }
        let words = cube.categories.words().len();
        let outside: Vec<u8> = (0..words).map(|category| u8::from(taken.contains(&category))).collect();
        let inside = (0..words).map(|category| u8::from(is_wanted(category)) & !outside[category] & 1).collect();
        let outside = Compiled { categories: Some(outside), is_outside: true, ..filter.clone() };
        Self { inside: Compiled { categories: Some(inside), ..filter }, outside: Some((outside, taken)) }
    }
}

/// Takes counts away, and adds those of totals.
pub(crate) fn correct<'a>(counts: &mut [u32], outside: &[u32], totals: impl Iterator<Item = &'a [u32]>) {
    for totals in totals {
        for (count, total) in counts.iter_mut().zip(totals) {
            *count += total;
        }
    }
    for (count, outside) in counts.iter_mut().zip(outside) {
        *count -= outside;
    }
}
