//! The hourly history that peaks are learned from, kept beside the cube by the changes that the cube reports.
//!
//! Changes are only noted as they come, and their totals looked up when somebody asks: loading and following cost
//! nothing, and a total that was looked up is right however many changes led to it. Areas and categories have their numbers
//! by name, not by arrival, so that a history that followed the log is the one that a fresh load makes.

use crate::{QueryError, ticks::Ticks};
use blotter_city::CityClock;
use blotter_cube::{Changes, Cube, HourCell};
use blotter_peak::{History, Hour, Names, Numbers, begin_of};
use std::sync::Arc;

/// Beyond so many noted changes all totals are looked up anew, which then takes less.
const MOST_NOTED: usize = 65_536;

/// The second day of the year 0 in UTC. Before it, the city's time may be of a year that ISO 8601 writes with a sign.
const FIRST_HOUR: Hour = -17_268_648;

/// Totals by hour, area and category, and the names behind the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hourly {
    pub(crate) names: Names,
    pub(crate) history: Arc<History>,
    /// Those of this history: another one has none of them.
    pub(crate) ticks: Arc<Ticks>,
    /// Of the cube's codes.
    numbers: Numbers,
    noted: PendingTotals,
}

#[derive(Clone, Debug, Default)]
enum PendingTotals {
    #[default]
    Everything,
    Cells(Vec<HourCell>),
}

impl Hourly {
    /// Remembers that those totals are to be looked up.
    pub(crate) fn note(&mut self, changes: &Changes) {
        if !changes.is_empty() {
            self.ticks = Arc::default();
        }
        if let PendingTotals::Cells(cells) = &mut self.noted {
            if cells.len() + changes.len() <= MOST_NOTED {
                cells.extend(changes.hour_cells());
            } else {
                self.noted = PendingTotals::Everything;
            }
        }
    }

    /// The history of the cube as it is now.
    pub(crate) fn brought_up(&mut self, cube: &Cube) -> Self {
        let noted = std::mem::take(&mut self.noted);
        let is_known = self.numbers.are_of(cube.primary_area_words().len(), cube.category_words().len());
        match noted {
            PendingTotals::Cells(cells) if is_known => {
                if !cells.is_empty() {
                    // Copied where a question is still at work on it.
                    let history = Arc::make_mut(&mut self.history);
                    for (cell, total) in cube.hourly_totals_of(cells) {
                        self.numbers.set(history, cell.area, cell.category, cell.hour, total);
                    }
                }
            }
            PendingTotals::Cells(_) | PendingTotals::Everything => self.begin_anew(cube),
        }
        self.noted = PendingTotals::Cells(Vec::new());
        self.clone()
    }

    /// The hour at which the tick ends: the requested one, else that of the newest incident. An hour after the data is refused.
    pub(crate) fn tick_hour(&self, asked: Option<Hour>, clock: &CityClock) -> Result<Hour, QueryError> {
        let end = self.history.end();
        let at = asked.or(end).unwrap_or(0).max(FIRST_HOUR);
        let end = end.unwrap_or(at).max(FIRST_HOUR);
        if at > end {
            let end = clock.format(begin_of(end));
            return Err(QueryError::parameter(
                "at",
                format!("nothing is known yet of that hour: the data end before {end}"),
            ));
        }
        Ok(at)
    }

    fn begin_anew(&mut self, cube: &Cube) {
        (self.names, self.numbers) = Names::ordered(cube.primary_area_words(), cube.category_words());
        let mut history = History::new();
        cube.each_hourly_total(|cell, total| {
            self.numbers.set(&mut history, cell.area, cell.category, cell.hour, total);
        });
        self.history = Arc::new(history);
        self.ticks = Arc::default();
    }
}
