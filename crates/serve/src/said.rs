//! Where in topic `peaks` lies what was said by which hour of the data.

use blotter_log::Offset;
use blotter_peak::Hour;

/// Ticks by the hour at which they end; of one hour the last said is the last.
#[derive(Debug, Default)]
pub(crate) struct SaidIndex {
    by_hour: Vec<(Hour, Offset)>,
    /// Of the tick that was said last, be it of an earlier hour than one before it: the data may be corrected.
    newest: Option<Offset>,
}

impl SaidIndex {
    pub(crate) fn insert(&mut self, at: Hour, offset: Offset) {
        self.newest = self.newest.max(Some(offset));
        let place = self.by_hour.partition_point(|entry| *entry <= (at, offset));
        // What is read once more is there already.
        if place.checked_sub(1).is_none_or(|before| self.by_hour[before] != (at, offset)) {
            self.by_hour.insert(place, (at, offset));
        }
    }

    /// What was said last of the hours before `at`, or at all. Else the end of the first tick, if there is one.
    pub(crate) fn by(&self, at: Option<Hour>) -> Result<Offset, Option<Hour>> {
        let by =
            |at| self.by_hour.partition_point(|entry| entry.0 <= at).checked_sub(1).map(|last| self.by_hour[last].1);
        let last = at.map_or(self.newest, by);
        last.ok_or_else(|| self.by_hour.first().map(|first| first.0))
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
        assert_eq!(said.by_hour.len(), 4);
        for (asked, expect) in [
            (Some(9), Err(Some(10))),
            (Some(10), Ok(0)),
            (Some(11), Ok(4)),
            (Some(12), Ok(3)),
            (Some(99), Ok(3)),
            (None, Ok(4)),
        ] {
            assert_eq!(said.by(asked), expect.map(Offset), "{asked:?}");
        }
    }
}
