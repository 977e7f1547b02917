//! Counting by totals: a query by category and period alone is counted from whichever are fewer, the rows inside of the period, or
//! those outside, which are then taken from the totals. Without a period nothing is outside and no row is read.

use crate::{
    cube::Cube,
    filter::{CompiledFilter, Reach},
    totals::MOST_CATEGORIES,
};

/// How a query by category and period is best counted.
pub(crate) struct Split {
    /// Categories whose selected rows are read.
    pub(crate) inside: CompiledFilter,
    /// Categories that have totals, whose other rows are read, and those categories.
    pub(crate) outside: Option<(CompiledFilter, Vec<usize>)>,
}

impl Split {
    /// `numbers`: how many there are in one category's totals, which cost something to add, too.
    pub(crate) fn new(cube: &Cube, filter: CompiledFilter, numbers: usize) -> Self {
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
        let outside = CompiledFilter { categories: Some(outside), is_outside: true, ..filter.clone() };
        Self { inside: CompiledFilter { categories: Some(inside), ..filter }, outside: Some((outside, taken)) }
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
