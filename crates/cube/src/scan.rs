//! The rows that a filter selects, group by group, on two threads where there is enough to do.

use crate::{
    cube::Cube,
    filter::{Codes, CompiledFilter, Reach},
    group::Group,
    narrow::{Narrow, with_values},
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows from which a second thread pays: starting one takes as long as counting some ten thousand.
const MANY_ROWS: usize = 150_000;
/// Rows that a thread takes at a time: the faster one takes more, whatever else the machine does.
const PIECE_ROWS: usize = 50_000;

/// Where fewer than one row in so many is selected, the others are passed over; else each adds its byte, be it 0.
const FEW: usize = 8;

/// Which rows of a group are selected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    All,
    /// One byte a row: 1 where it is selected.
    Selected(&'a [u8]),
}

impl Rows<'_> {
    /// How many, of a group of so many.
    pub(crate) fn count(self, len: usize) -> u32 {
        match self {
            Self::All => len as u32,
            // Sums of up to 255 fit into a byte, so that the compiler adds many at once.
            Self::Selected(selected) => selected.chunks(255).map(|chunk| u32::from(chunk.iter().sum::<u8>())).sum(),
        }
    }

    /// The slots of the selected rows.
    pub(crate) fn slots(self, len: usize) -> impl Iterator<Item = usize> {
        (0..len).filter(move |slot| match self {
            Self::All => true,
            Self::Selected(selected) => selected[*slot] != 0,
        })
    }

    /// One more at the place that each selected row has, of a group of so many. Other rows may have a place that there
    /// is not.
    pub(crate) fn count_at(self, len: usize, counts: &mut [u32], place: impl Fn(usize) -> usize) {
        match self {
            Self::All => (0..len).for_each(|slot| counts[place(slot)] += 1),
            Self::Selected(selected) if self.count(len) as usize * FEW < len => {
                let (words, rest) = selected[..len].as_chunks::<8>();
                for (word, begin) in words.iter().zip((0..).step_by(8)) {
                    // The lowest byte is the first row's.
                    let mut left = u64::from_le_bytes(*word);
                    while left != 0 {
                        counts[place(begin + left.trailing_zeros() as usize / 8)] += 1;
                        left &= left - 1;
                    }
                }
                let begin = len - rest.len();
                let rest = rest.iter().zip(begin..).filter(|(selected, _)| **selected != 0);
                rest.for_each(|(_, slot)| counts[place(slot)] += 1);
            }
            Self::Selected(selected) => {
                for (slot, selected) in selected[..len].iter().enumerate() {
                    if let Some(count) = counts.get_mut(place(slot)) {
                        *count += u32::from(*selected);
                    }
                }
            }
        }
    }
}

/// Whether an answer needs rows of a group that is selected as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Rows,
    Lengths,
}

/// The selected rows of a group; nothing where there are none. `selected` is room for them.
pub(crate) fn rows_of<'a>(group: &Group, filter: &CompiledFilter, selected: &'a mut Vec<u8>) -> Option<Rows<'a>> {
    match filter.reach(group) {
        Reach::None => None,
        Reach::All => Some(Rows::All),
        Reach::Some => {
            select(group, filter, selected);
            selected.contains(&1).then_some(Rows::Selected(selected))
        }
    }
}

/// One byte a row: 1 where it is selected. The loops have no branches, so that the compiler can widen them.
fn select(group: &Group, filter: &CompiledFilter, selected: &mut Vec<u8>) {
    selected.clear();
    if filter.cuts(group) {
        // Seconds since the group's base: less than 2^22, so bounds beyond are as good as those.
        let since = |second: i64| second.saturating_sub(group.base * 60).clamp(0, 1 << 22) as u32;
        let (from, to) = (since(filter.from), since(filter.to));
        selected.extend(group.minute.iter().zip(&group.second).map(|(minute, second)| {
            let at = u32::from(*minute) * 60 + u32::from(*second);
            (u8::from(at >= from) & u8::from(at < to)) ^ u8::from(filter.is_outside)
        }));
    } else {
        selected.resize(group.len(), 1);
    }
    if let Some((mask, wanted)) = filter.flags {
        for (selected, flags) in selected.iter_mut().zip(&group.flags) {
            *selected &= u8::from(flags & mask == wanted);
        }
    }
    if let Some(table) = &filter.hours_of_week {
        for (selected, hour) in selected.iter_mut().zip(&group.hour_of_week) {
            *selected &= table[usize::from(*hour)];
        }
    }
    for (layer, wanted) in &filter.areas {
        match wanted {
            Codes::One(wanted) => keep_one(&group.areas[*layer], *wanted, selected),
            Codes::Table(table) => keep(&group.areas[*layer], table, selected),
        }
    }
    if let Some(table) = &filter.places {
        keep(&group.place, table, selected);
    }
}

fn keep(codes: &Narrow, table: &[u8], selected: &mut [u8]) {
    with_values!(codes, codes => {
        for (selected, code) in selected.iter_mut().zip(codes) {
            *selected &= table[*code as usize];
        }
    });
}

/// One code is compared with many at once.
fn keep_one(codes: &Narrow, wanted: u16, selected: &mut [u8]) {
    match codes {
        // A column of bytes has no greater code.
        Narrow::One(codes) => match u8::try_from(wanted) {
            Ok(wanted) => keep_equal(codes, wanted, selected),
            Err(_) => selected.fill(0),
        },
        Narrow::Two(codes) => keep_equal(codes, wanted, selected),
        Narrow::Four(codes) => keep_equal(codes, u32::from(wanted), selected),
    }
}

fn keep_equal<T: Copy + PartialEq>(codes: &[T], wanted: T, selected: &mut [u8]) {
    for (selected, code) in selected.iter_mut().zip(codes) {
        *selected &= u8::from(*code == wanted);
    }
}

/// Selected rows by their value.
pub(crate) fn tally(values: &Narrow, rows: Rows<'_>, counts: &mut [u32]) {
    with_values!(values, values => rows.count_at(values.len(), counts, |slot| values[slot] as usize));
}

/// One state's counts and the other's.
pub(crate) fn add(mut one: Vec<u32>, other: Vec<u32>) -> Vec<u32> {
    for (one, other) in one.iter_mut().zip(other) {
        *one += other;
    }
    one
}

/// Folds the selected rows of all groups that have any: each thread into a state of its own, the second joined to the
/// first.
pub(crate) fn fold<S: Send>(
    cube: &Cube,
    filter: &CompiledFilter,
    reads: Reads,
    start: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &Group, Rows<'_>) + Sync,
    join: impl Fn(S, S) -> S,
) -> S {
    let mut groups: Vec<&Group> = Vec::with_capacity(cube.groups.len());
    // Where each piece ends.
    let mut pieces = vec![0];
    let (mut rows, mut piece_rows) = (0, 0);
    for group in &cube.groups {
        let reach = filter.reach(group);
        if reach == Reach::None {
            continue;
        }
        groups.push(group);
        if reach == Reach::Some || reads == Reads::Rows {
            rows += group.len();
            piece_rows += group.len();
        }
        if piece_rows >= PIECE_ROWS {
            pieces.push(groups.len());
            piece_rows = 0;
        }
    }
    pieces.push(groups.len());
    let next = AtomicUsize::new(0);
    let run = || {
        let mut state = start();
        let mut selected = Vec::new();
        while let Some([begin, end]) = {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            pieces.get(piece..piece + 2)
        } {
            for group in &groups[*begin..*end] {
                if let Some(rows) = rows_of(group, filter, &mut selected) {
                    each(&mut state, group, rows);
                }
            }
        }
        state
    };
    if rows < MANY_ROWS {
        return run();
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(run);
        let one = run();
        let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        join(one, other)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_however_many_are_selected() {
        for (len, one_in) in [(1_003, 2), (1_003, 9), (1_003, 100), (7, 7), (64, 1)] {
            // Neighbours too, and the last.
            let is_selected = |slot: usize| {
                u8::from(slot.is_multiple_of(one_in) || (one_in > 2 && slot % 50 == 1) || slot + 1 == len)
            };
            let selected: Vec<u8> = (0..len).map(is_selected).collect();
            // What is not selected has no place.
            let place = |slot: usize| if selected[slot] == 1 { slot * 7 % 10 } else { usize::MAX };
            let mut counts = [0; 10];
            Rows::Selected(&selected).count_at(len, &mut counts, place);
            let mut expect = [0; 10];
            (0..len).filter(|slot| selected[*slot] == 1).for_each(|slot| expect[slot * 7 % 10] += 1);
            assert_eq!(counts, expect, "{len} {one_in}");
            assert_eq!(Rows::Selected(&selected).count(len), expect.iter().sum::<u32>());
        }
    }

    #[test]
    fn one_code_is_found_in_columns_of_every_width() {
        for (codes, wanted, expect) in [
            (vec![1, 2, 255, 1], 1, [1, 0, 0, 1]),
            (vec![1, 2, 255, 0], 256, [0, 0, 0, 0]),
            (vec![1, 257, 256, 0], 257, [0, 1, 0, 0]),
            (vec![1, 65_536, 7, 0], 7, [0, 0, 1, 0]),
        ] {
            let mut column = Narrow::default();
            for code in &codes {
                column.push(*code);
            }
            let mut selected = vec![1; codes.len()];
            keep_one(&column, wanted, &mut selected);
            assert_eq!(selected, expect, "{codes:?} {wanted}");
        }
    }
}
