//! The rows that a filter selects, block by block, on two threads where there is enough to do.

use crate::{
    block::{Block, ROWS},
    cube::Cube,
    filter::Compiled,
};

/// Blocks from which a second thread pays.
const MANY: usize = 6;

/// One byte a row: 1 where it is selected. The loops have no branches, so that the compiler can widen them.
pub(crate) fn select(block: &Block, filter: &Compiled, selected: &mut Vec<u8>) {
    selected.clear();
    selected.extend(block.flags.iter().map(|flags| filter.flags[usize::from(*flags) % filter.flags.len()]));
    let (from, to) = (filter.from, filter.to);
    if block.least < from.0 || block.greatest >= to.0 || from.1 > 0 && block.least == from.0 {
        for ((selected, minute), second) in selected.iter_mut().zip(&block.minute).zip(&block.second) {
            let after = (*minute > from.0) || (*minute == from.0) && (*second >= from.1);
            let before = (*minute < to.0) || (*minute == to.0) && (*second < to.1);
            *selected &= u8::from(after & before);
        }
    }
    if let Some(table) = &filter.categories {
        for (selected, code) in selected.iter_mut().zip(&block.category) {
            *selected &= table[usize::from(*code)];
        }
    }
    for (layer, table) in &filter.areas {
        for (selected, code) in selected.iter_mut().zip(&block.areas[*layer]) {
            *selected &= table[usize::from(*code)];
        }
    }
    if let Some(table) = &filter.places {
        for (selected, place) in selected.iter_mut().zip(&block.place) {
            *selected &= table[*place as usize];
        }
    }
}

/// Whether no row of a block can be selected.
pub(crate) fn is_outside(block: &Block, filter: &Compiled) -> bool {
    block.greatest < filter.from.0 || block.least > filter.to.0 || block.least == filter.to.0 && filter.to.1 == 0
}

/// Folds the selected rows of all blocks: each thread into a state of its own, the second joined to the first.
pub(crate) fn fold<S: Send>(
    cube: &Cube,
    filter: &Compiled,
    start: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &Block, &[u8]) + Sync,
    join: impl Fn(S, S) -> S,
) -> S {
    let blocks: Vec<&Block> = cube.blocks.iter().filter(|block| !is_outside(block, filter)).collect();
    let run = |blocks: &[&Block]| {
        let mut state = start();
        let mut selected = Vec::with_capacity(ROWS);
        for block in blocks {
            select(block, filter, &mut selected);
            each(&mut state, block, &selected);
        }
        state
    };
    if blocks.len() < MANY {
        return run(&blocks);
    }
    let (first, second) = blocks.split_at(blocks.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(second));
        let one = run(first);
        let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        join(one, other)
    })
}
