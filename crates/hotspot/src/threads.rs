//! Work on several threads, whose number never shows in an answer.

use std::{panic, thread};

/// Threads at most: what is left for each is then little more than what it takes to start one.
const MOST: usize = 8;

/// How many threads are worth it for so much work, where from `many` on a second one is.
pub(crate) fn worth(work: usize, many: usize) -> usize {
    if work < many { 1 } else { thread::available_parallelism().map_or(1, usize::from).min(MOST) }
}

/// Each part on a thread of its own, the last on this one; answers in the order of the parts.
pub(crate) fn in_parallel<P: Send, A: Send>(
    parts: impl IntoIterator<Item = P>,
    each: impl Fn(P) -> A + Sync,
) -> Vec<A> {
    let mut parts: Vec<P> = parts.into_iter().collect();
    let Some(last) = parts.pop() else { return Vec::new() };
    let each = &each;
    thread::scope(|scope| {
        let others: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || each(part))).collect();
        let last = each(last);
        let others = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        others.chain([last]).collect()
    })
}

/// The same of as many chunks of a slice as are worth it; each is told where its own begins.
pub(crate) fn in_parallel_chunks<T: Sync, A: Send>(
    all: &[T],
    many: usize,
    each: impl Fn(usize, &[T]) -> A + Sync,
) -> Vec<A> {
    let length = all.len().div_ceil(worth(all.len(), many)).max(1);
    in_parallel(all.chunks(length).zip((0..).step_by(length)), |(chunk, begin)| each(begin, chunk))
}
