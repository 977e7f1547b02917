//! Incidents by hour of the week.

use crate::{
    cube::Cube,
    filter::{CompiledFilter, Filter},
    hours_of_week::HOURS,
    narrow::with_values,
    scan::{self, Rows},
    series::{By, CountedLine, sorted_lines},
    split::{Split, correct},
};

/// Neighbouring rows often share their hour. Counted in the same place, each would wait for the one before.
const LANES: usize = 4;

/// Selected rows from which it takes longer than to clear the places and to add them up.
const LANES_PAY: u32 = 512;

/// Selected rows by hour of the week.
fn tally(hours: &[u8], rows: Rows<'_>, counts: &mut [u32]) {
    if rows.count(hours.len()) < LANES_PAY {
        rows.count_at(hours.len(), counts, |slot| usize::from(hours[slot]));
        return;
    }
    let mut lanes = [[0_u32; 256]; LANES];
    match rows {
        Rows::All => {
            let (fours, rest) = hours.as_chunks::<LANES>();
            for four in fours {
                for (lane, hour) in lanes.iter_mut().zip(four) {
                    lane[usize::from(*hour)] += 1;
                }
            }
            for hour in rest {
                lanes[0][usize::from(*hour)] += 1;
            }
        }
        Rows::Selected(selected) => {
            let (fours, rest) = hours.as_chunks::<LANES>();
            let (fours_selected, rest_selected) = selected.as_chunks::<LANES>();
            for (four, selected) in fours.iter().zip(fours_selected) {
                for ((lane, hour), selected) in lanes.iter_mut().zip(four).zip(selected) {
                    lane[usize::from(*hour)] += u32::from(*selected);
                }
            }
            for (hour, selected) in rest.iter().zip(rest_selected) {
                lanes[0][usize::from(*hour)] += u32::from(*selected);
            }
        }
    }
    for lane in &lanes {
        for (count, more) in counts.iter_mut().zip(lane) {
            *count += more;
        }
    }
}

/// Selected rows by code and hour of the week.
fn tally_by<T: Copy + Into<u32>>(codes: &[T], hours: &[u8], rows: Rows<'_>, counts: &mut [u32]) {
    let at = |code: T, hour: u8| code.into() as usize * HOURS + usize::from(hour);
    match rows {
        Rows::All => {
            for (code, hour) in codes.iter().zip(hours) {
                counts[at(*code, *hour)] += 1;
            }
        }
        Rows::Selected(selected) => {
            for ((code, hour), selected) in codes.iter().zip(hours).zip(selected) {
                counts[at(*code, *hour)] += u32::from(*selected);
            }
        }
    }
}

impl Cube {
    /// Selected incidents by line and hour of the week, 168 counts a line from Monday 00 on; the greatest line first,
    /// none that is empty.
    pub fn hours_of_week(&self, filter: &Filter, by: By) -> Vec<CountedLine> {
        let compiled = CompiledFilter::new(self, filter);
        let words = self.words_of(by);
        let split = match by {
            By::Layer(_) => Split { inside: compiled, outside: None },
            By::None | By::Category => Split::new(self, compiled, HOURS),
        };
        let mut counts = self.count_hours(&split.inside, by);
        if let Some((outside, categories)) = &split.outside {
            let others = self.count_hours(outside, by);
            for category in categories {
                let line = if by == By::Category { category * HOURS } else { 0 };
                let totals = self.totals.of(*category).map(|totals| totals.hours_of_week.as_slice());
                correct(&mut counts[line..line + HOURS], &[], totals.into_iter());
            }
            correct(&mut counts, &others, std::iter::empty());
        }
        sorted_lines(words, &counts, HOURS)
    }

    fn count_hours(&self, filter: &CompiledFilter, by: By) -> Vec<u32> {
        let lines = self.words_of(by).len().max(1);
        scan::fold(
            self,
            filter,
            scan::Reads::Rows,
            || vec![0_u32; lines * HOURS],
            |counts, group, rows| match by {
                By::None => tally(&group.hour_of_week, rows, &mut counts[..HOURS]),
                By::Category => {
                    let line = usize::from(group.category) * HOURS;
                    tally(&group.hour_of_week, rows, &mut counts[line..line + HOURS]);
                }
                By::Layer(layer) => with_values!(&group.areas[layer], codes => {
                    tally_by(codes, &group.hour_of_week, rows, counts);
                }),
            },
            scan::add,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_add_up_to_every_row() {
        for (rows, one_in) in [(3_003_u32, 3), (3_003, 100), (103, 3)] {
            check_rows(rows, one_in);
        }
    }

    fn check_rows(rows: u32, one_in: u32) {
        let hours: Vec<u8> = (0..rows).map(|row| (row * row % 168) as u8).collect();
        let selected: Vec<u8> = (0..rows).map(|row| (row % one_in == 0) as u8).collect();
        let mut expect = (vec![0; HOURS], vec![0; HOURS]);
        for (hour, selected) in hours.iter().zip(&selected) {
            expect.0[usize::from(*hour)] += 1;
            expect.1[usize::from(*hour)] += u32::from(*selected);
        }
        let mut counts = (vec![0; HOURS], vec![0; HOURS]);
        tally(&hours, Rows::All, &mut counts.0);
        tally(&hours, Rows::Selected(&selected), &mut counts.1);
        assert_eq!(counts, expect);
    }
}
