//! Whether everything that the source held has reached every role: facts in, decision out.

/// What is known at one moment; offsets are next offsets by partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Of each source that ever fed the log: whether all that it held is in the log.
    pub(crate) sources: Vec<bool>,
    /// The log's ends.
    pub(crate) ends: Vec<u64>,
    /// Count's progress.
    pub(crate) counted: Vec<u64>,
    /// Of the newest local snapshot, which is made from the archive.
    pub(crate) snapshot: Option<Vec<u64>>,
    /// Of the cube.
    pub(crate) applied: Vec<u64>,
}

pub(crate) fn caught_up(facts: &Facts) -> bool {
    let reached = |next: &[u64]| next.len() == facts.ends.len() && next.iter().zip(&facts.ends).all(|(next, end)| next >= end);
    let empty = facts.ends.iter().all(|end| *end == 0);
    !facts.sources.is_empty()
        && facts.sources.iter().all(|source| *source)
        && reached(&facts.applied)
        // An empty log has nothing to count, to archive or to take a snapshot of.
        && (empty || (reached(&facts.counted) && facts.snapshot.as_deref().is_some_and(reached)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Facts {
        Facts { sources: vec![true], ends: vec![5, 7], counted: vec![5, 7], snapshot: Some(vec![5, 7]), applied: vec![5, 7] }
    }

    #[test]
    fn everything_must_have_arrived_everywhere() {
        let check = |change: fn(&mut Facts), expect: bool| {
            let mut facts = done();
            change(&mut facts);
            assert_eq!(caught_up(&facts), expect, "{facts:?}");
        };
        check(|_| {}, true);
        check(|facts| facts.sources[0] = false, false);
        check(|facts| facts.sources.push(false), false);
        check(|facts| facts.sources.clear(), false);
        check(|facts| facts.ends[1] = 8, false);
        check(|facts| facts.counted[0] = 4, false);
        check(|facts| facts.counted.clear(), false);
        check(|facts| facts.snapshot = None, false);
        check(|facts| facts.snapshot = Some(vec![5, 6]), false);
        check(|facts| facts.applied[1] = 6, false);
        let empty = Facts { sources: vec![true], ends: vec![0, 0], applied: vec![0, 0], ..Facts::default() };
        assert!(caught_up(&empty));
    }
}
