//! The hourly history that peaks are learned from, kept beside the cube by the changes that the cube reports.
//!
//! Changes are only noted as they come, and their totals looked up when somebody asks: loading and following cost
//! nothing, and a total that was looked up is right however many changes led to it. Areas and categories have their numbers
//! by name, not by arrival, so that a history that followed the log is the one that a fresh load makes.

use blotter_cube::{Changes, Cube, HourCell};
use blotter_peak::History;
use std::sync::Arc;

/// Beyond so many noted changes all totals are looked up anew, which then takes less.
const MOST_NOTED: usize = 65_536;

/// Totals by hour, area and category, and the names behind the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hourly {
    /// Codes of the primary layer, shorter ones first, then by their characters.
    pub(crate) areas: Arc<[String]>,
    /// By their characters.
    pub(crate) categories: Arc<[String]>,
    pub(crate) history: Arc<History>,
    numbers: Numbers,
    noted: Noted,
}

/// The number of each of the cube's codes; none for what is no area or no category.
#[derive(Clone, Debug, Default)]
struct Numbers {
    areas: Vec<Option<u32>>,
    categories: Vec<Option<u32>>,
}

#[derive(Clone, Debug, Default)]
enum Noted {
    #[default]
    Everything,
    Cells(Vec<HourCell>),
}

impl Hourly {
    /// Remembers that those totals are to be looked up.
    pub(crate) fn note(&mut self, changes: &Changes) {
        if let Noted::Cells(cells) = &mut self.noted {
            if cells.len() + changes.len() <= MOST_NOTED {
                cells.extend(changes.hour_cells());
            } else {
                self.noted = Noted::Everything;
            }
        }
    }

    /// The history of the cube as it is now.
    pub(crate) fn brought_up(&mut self, cube: &Cube) -> Self {
        let noted = std::mem::take(&mut self.noted);
        let is_known = self.numbers.areas.len() == cube.primary_area_words().len()
            && self.numbers.categories.len() == cube.category_words().len();
        match noted {
            Noted::Cells(cells) if is_known => {
                if !cells.is_empty() {
                    // Copied where a question is still at work on it.
                    let history = Arc::make_mut(&mut self.history);
                    for (cell, total) in cube.hourly_totals_of(cells) {
                        self.numbers.set(history, cell, total);
                    }
                }
            }
            Noted::Cells(_) | Noted::Everything => self.begin_anew(cube),
        }
        self.noted = Noted::Cells(Vec::new());
        self.clone()
    }

    fn begin_anew(&mut self, cube: &Cube) {
        let (areas, numbers) =
            ordered(cube.primary_area_words(), |one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        self.areas = areas;
        self.numbers.areas = numbers;
        (self.categories, self.numbers.categories) = ordered(cube.category_words(), Ord::cmp);
        let mut history = History::new();
        cube.each_hourly_total(|cell, total| self.numbers.set(&mut history, cell, total));
        self.history = Arc::new(history);
    }
}

impl Numbers {
    fn set(&self, history: &mut History, cell: HourCell, total: u32) {
        // What has no area peaks nowhere.
        if let (Some(area), Some(category)) =
            (self.areas[usize::from(cell.area)], self.categories[usize::from(cell.category)])
        {
            history.set(area, category, cell.hour, total);
        }
    }
}

/// Words in an order, and the number of each; the empty word is none of them.
fn ordered(
    words: &[String],
    order: impl Fn(&String, &String) -> std::cmp::Ordering,
) -> (Arc<[String]>, Vec<Option<u32>>) {
    let mut sorted: Vec<String> = words.iter().filter(|word| !word.is_empty()).cloned().collect();
    sorted.sort_by(&order);
    let number = |word: &String| sorted.binary_search_by(|other| order(other, word)).ok().map(|found| found as u32);
    let numbers = words.iter().map(number).collect();
    (sorted.into(), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_depend_on_arrival() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let check = |arrived: &[&str], expect: &[Option<u32>]| {
            let (sorted, numbers) =
                ordered(&words(arrived), |one, other| one.len().cmp(&other.len()).then(one.cmp(other)));
            assert_eq!(sorted.to_vec(), words(&["2", "9", "10", "031"]));
            assert_eq!(numbers, expect);
        };
        check(&["", "10", "2", "031", "9"], &[None, Some(2), Some(0), Some(3), Some(1)]);
        check(&["", "9", "031", "10", "2"], &[None, Some(1), Some(3), Some(2), Some(0)]);
    }
}
