//! Whether everything that the source held has reached every role: facts in, decision out.

/// What is known at one moment; offsets are next offsets by partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The ends behind everything that the sources held; none while they hold more.
    pub(crate) held: Option<Vec<u64>>,
    /// Count's progress.
    pub(crate) counted: Vec<u64>,
    /// Of the newest local snapshot, which is made from the archive.
    pub(crate) snapshot: Option<Vec<u64>>,
    /// Of the cube.
    pub(crate) applied: Vec<u64>,
}

pub(crate) fn caught_up(facts: &Facts) -> bool {
    let Some(held) = &facts.held else { return false };
    let reached = |next: &[u64]| next.len() == held.len() && next.iter().zip(held).all(|(next, end)| next >= end);
    let empty = held.iter().all(|end| *end == 0);
    reached(&facts.applied)
        // Where nothing was held there is nothing to count, to archive or to take a snapshot of.
        && (empty || (reached(&facts.counted) && facts.snapshot.as_deref().is_some_and(reached)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Facts {
        Facts { held: Some(vec![5, 7]), counted: vec![5, 7], snapshot: Some(vec![5, 7]), applied: vec![5, 7] }
    }

    #[test]
    fn everything_must_have_arrived_everywhere() {
        let check = |change: fn(&mut Facts), expect: bool| {
            let mut facts = done();
            change(&mut facts);
            assert_eq!(caught_up(&facts), expect, "{facts:?}");
        };
        check(|_| {}, true);
        check(|facts| facts.held = None, false);
        check(|facts| facts.held = Some(vec![5, 8]), false);
        check(|facts| facts.counted[0] = 4, false);
        check(|facts| facts.counted.clear(), false);
        check(|facts| facts.snapshot = None, false);
        check(|facts| facts.snapshot = Some(vec![5, 6]), false);
        check(|facts| facts.applied[1] = 6, false);
        let empty = Facts { held: Some(vec![0, 0]), applied: vec![0, 0], ..Facts::default() };
        assert!(caught_up(&empty));
    }
}
