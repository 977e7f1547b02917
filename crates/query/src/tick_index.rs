//! Where in topic `peaks` lies what was said by which hour of the data.

use blotter_log::Offset;
use blotter_peak::Hour;
use std::collections::BTreeMap;

/// The last tick of each hour at which one ends. Compaction keeps it, perhaps at a later offset.
#[derive(Debug, Default)]
pub(crate) struct TickIndex {
    by_hour: BTreeMap<Hour, Offset>,
    /// The tick that was published last, be it for an earlier hour than one before it: the data may be corrected.
    newest: Option<(Offset, Hour)>,
}

impl TickIndex {
    pub(crate) fn insert(&mut self, at: Hour, offset: Offset) {
        self.newest = self.newest.max(Some((offset, at)));
        let last = self.by_hour.entry(at).or_default();
        *last = offset.max(*last);
    }

    /// Where the last ticks of the newest so many hours lie.
    pub(crate) fn last(&self, hours: Hour) -> BTreeMap<Hour, Offset> {
        let Some(newest) = self.by_hour.last_key_value().map(|(hour, _)| *hour) else { return BTreeMap::new() };
        self.by_hour
            .range(newest.saturating_sub(hours).saturating_add(1)..)
            .map(|(hour, offset)| (*hour, *offset))
            .collect()
    }

    /// The hour and the offset of the last tick by `at`, or of all. Else the end of the first tick, if there is one.
    pub(crate) fn by(&self, at: Option<Hour>) -> Result<(Hour, Offset), Option<Hour>> {
        let last = match at {
            Some(at) => self.by_hour.range(..=at).next_back().map(|(hour, offset)| (*hour, *offset)),
            None => self.newest.map(|(offset, hour)| (hour, offset)),
        };
        last.ok_or_else(|| self.by_hour.first_key_value().map(|(first, _)| *first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_by_an_hour() {
        let mut said = TickIndex::default();
        assert_eq!(said.by(Some(5)), Err(None));
        for (at, offset) in [(10, 0), (12, 1), (12, 3), (11, 4), (12, 3)] {
            said.insert(at, Offset(offset));
        }
        assert_eq!(said.by_hour.len(), 3, "what an hour was published before is superseded");
        for (asked, expect) in [
            (Some(9), Err(Some(10))),
            (Some(10), Ok((10, 0))),
            (Some(11), Ok((11, 4))),
            (Some(12), Ok((12, 3))),
            (Some(99), Ok((12, 3))),
            (None, Ok((11, 4))),
        ] {
            assert_eq!(said.last(2).into_keys().collect::<Vec<_>>(), [11, 12]);
            assert_eq!(said.by(asked), expect.map(|(hour, offset)| (hour, Offset(offset))), "{asked:?}");
        }
    }
}
