//! Where in topic `peaks` lies what was said by which hour of the data.

use blotter_log::Offset;
use blotter_peak::Hour;

/// Ticks by the hour at which they end; of one hour the last said is the last.
#[derive(Debug, Default)]
pub(crate) struct SaidIndex(Vec<(Hour, Offset)>);

impl SaidIndex {
    pub(crate) fn insert(&mut self, at: Hour, offset: Offset) {
        let place = self.0.partition_point(|entry| *entry <= (at, offset));
        // What is read once more is there already.
        if place.checked_sub(1).is_none_or(|before| self.0[before] != (at, offset)) {
            self.0.insert(place, (at, offset));
        }
    }

    /// What was said last of the hours before `at`, or at all. Else the end of the first tick, if there is one.
    pub(crate) fn by(&self, at: Option<Hour>) -> Result<Offset, Option<Hour>> {
        let until = at.map_or(self.0.len(), |at| self.0.partition_point(|entry| entry.0 <= at));
        let last = until.checked_sub(1).map(|last| self.0[last].1);
        last.ok_or_else(|| self.0.first().map(|first| first.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_by_an_hour() {
        let mut said = SaidIndex::default();
        assert_eq!(said.by(Some(5)), Err(None));
        for (at, offset) in [(10, 0), (12, 1), (12, 3), (11, 4), (12, 3)] {
            said.insert(at, Offset(offset));
        }
        assert_eq!(said.0.len(), 4);
        for (asked, expect) in [
            (Some(9), Err(Some(10))),
            (Some(10), Ok(0)),
            (Some(11), Ok(4)),
            (Some(12), Ok(3)),
            (Some(99), Ok(3)),
            (None, Ok(3)),
        ] {
            assert_eq!(said.by(asked), expect.map(Offset), "{asked:?}");
        }
    }
}
