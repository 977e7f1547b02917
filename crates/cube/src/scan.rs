//! The rows that a filter selects, group by group, on two threads where there is enough to do.

use crate::{
    cube::Cube,
    filter::Compiled,
    group::Group,
    narrow::{Narrow, with_values},
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows from which a second thread pays: starting one takes as long as counting some ten thousand.
const MANY_ROWS: usize = 150_000;
/// Rows that a thread takes at a time: the faster one takes more, whatever else the machine does.
const PIECE_ROWS: usize = 50_000;

/// How much of a group a filter can select.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing.
    None,
    /// What its rows say.
    Some,
    /// Everything.
    All,
}

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

    /// One more at the place of each selected row. Other rows may have a place that there is not.
    pub(crate) fn count_at(self, places: impl Iterator<Item = usize>, counts: &mut [u32]) {
        match self {
            Self::All => places.for_each(|at| counts[at] += 1),
            Self::Selected(selected) => {
                places.zip(selected).filter(|(_, selected)| **selected != 0).for_each(|(at, _)| counts[at] += 1);
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

/// One byte a row: 1 where it is selected. The loops have no branches, so that the compiler can widen them.
pub(crate) fn select(group: &Group, filter: &Compiled, selected: &mut Vec<u8>) {
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
    if let Some(table) = &filter.flags {
        for (selected, flags) in selected.iter_mut().zip(&group.flags) {
            *selected &= table[usize::from(*flags) % table.len()];
        }
    }
    if let Some(table) = &filter.hours_of_week {
        for (selected, hour) in selected.iter_mut().zip(&group.hour_of_week) {
            *selected &= table[usize::from(*hour)];
        }
    }
    for (layer, table) in &filter.areas {
        keep(&group.areas[*layer], table, selected);
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

/// Selected rows by their value.
pub(crate) fn tally(values: &Narrow, rows: Rows<'_>, counts: &mut [u32]) {
    with_values!(values, values => match rows {
        Rows::All => {
            for value in values {
                counts[*value as usize] += 1;
            }
        }
        Rows::Selected(selected) => {
            for (value, selected) in values.iter().zip(selected) {
                counts[*value as usize] += u32::from(*selected);
            }
        }
    });
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
    filter: &Compiled,
    reads: Reads,
    start: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &Group, Rows<'_>) + Sync,
    join: impl Fn(S, S) -> S,
) -> S {
    let mut groups: Vec<(&Group, Reach)> = Vec::with_capacity(cube.groups.len());
    // Where each piece ends.
    let mut pieces = vec![0];
    let (mut rows, mut piece_rows) = (0, 0);
    for group in &cube.groups {
        let reach = filter.reach(group);
        if reach == Reach::None {
            continue;
        }
        groups.push((group, reach));
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
            for (group, reach) in &groups[*begin..*end] {
                if *reach == Reach::All {
                    each(&mut state, group, Rows::All);
                } else {
                    select(group, filter, &mut selected);
                    if selected.contains(&1) {
                        each(&mut state, group, Rows::Selected(&selected));
                    }
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
