//! The buckets of time that an answer has, and in which of them a group's rows lie.

use crate::{
    calendar::{Bucket, DAYS, Month, bucket_of_day, first_day},
    cube::Cube,
    filter::CompiledFilter,
    group::Group,
    minute::instant_of,
    scan::{self, Rows},
};
use std::collections::BTreeMap;

/// Contiguous buckets, from the first to the last that has any selected incident.
pub(crate) struct Buckets<'a> {
    cube: &'a Cube,
    bucket: Bucket,
    first: i32,
    last: i32,
    /// By month, where buckets are of days or weeks: the bucket of each day.
    of_days: BTreeMap<i32, [u32; DAYS]>,
}

/// In which buckets the rows of one group lie.
pub(crate) enum GroupBuckets<'a> {
    /// All in one.
    One(usize),
    /// By civil day: the bucket of each.
    Days(&'a Month, &'a [u32; DAYS]),
    /// By hour in UTC: what is to be added to a row's own.
    Hours(i64),
}

impl GroupBuckets<'_> {
    /// One more for each selected row of a group, at the place that its slot and its bucket make. Rows that are not
    /// selected may have a bucket that there is not.
    pub(crate) fn count_at(
        &self,
        group: &Group,
        rows: Rows<'_>,
        counts: &mut [u32],
        place: impl Fn(usize, usize) -> usize,
    ) {
        let minutes = group.minute.as_slice();
        // Each kind has a loop of its own.
        match self {
            Self::One(at) => rows.count_at(minutes.len(), counts, |slot| place(slot, *at)),
            Self::Days(month, of_days) => {
                rows.count_at(minutes.len(), counts, |slot| place(slot, of_days[month.day(minutes[slot])] as usize));
            }
            Self::Hours(add) => {
                let bucket = |minute: u16| (i64::from(minute / 60) + add) as u32 as usize;
                rows.count_at(minutes.len(), counts, |slot| place(slot, bucket(minutes[slot])));
            }
        }
    }
}

impl<'a> Buckets<'a> {
    /// None where nothing is selected.
    pub(crate) fn new(cube: &'a Cube, filter: &CompiledFilter, bucket: Bucket) -> Option<Self> {
        let months = || cube.calendar.months.iter();
        let (first, _) = cube.range_of_first(filter, months(), bucket)?;
        let (_, last) = cube.range_of_first(filter, months().rev(), bucket)?;
        let of_day = |day| (bucket_of_day(day, bucket) - first) as u32;
        let of_days = match bucket {
            Bucket::Day | Bucket::Week => {
                months().map(|(number, month)| (*number, std::array::from_fn(|day| of_day(month.date(day))))).collect()
            }
            Bucket::Hour | Bucket::Month | Bucket::Year => BTreeMap::new(),
        };
        Some(Self { cube, bucket, first, last, of_days })
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        (self.last - self.first + 1) as usize
    }

    /// The beginning of each.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |number: i32| match self.bucket {
            Bucket::Hour => self.cube.clock().format(instant_of(number as u32 * 60)),
            _ => first_day(number, self.bucket),
        };
        (self.first..=self.last).map(name).collect()
    }

    /// Those of a group's rows.
    pub(crate) fn of(&self, group: &Group) -> GroupBuckets<'_> {
        match self.bucket {
            Bucket::Hour => GroupBuckets::Hours(group.base / 60 - i64::from(self.first)),
            Bucket::Month => GroupBuckets::One((group.month - self.first) as usize),
            Bucket::Year => GroupBuckets::One((group.month.div_euclid(12) - self.first) as usize),
            Bucket::Day | Bucket::Week => {
                GroupBuckets::Days(self.cube.calendar.month_of(group), &self.of_days[&group.month])
            }
        }
    }
}

impl Cube {
    /// The numbers of the first and last bucket of the first of these months, in whichever direction they go, that has
    /// selected rows, and of the month beside it: a clock that goes back at the end of a month brings hours of the next one
    /// before its last.
    fn range_of_first<'a>(
        &self,
        filter: &CompiledFilter,
        months: impl Iterator<Item = (&'a i32, &'a Month)>,
        bucket: Bucket,
    ) -> Option<(i32, i32)> {
        let mut selected = Vec::new();
        let mut found: Option<(i32, (i32, i32))> = None;
        for (number, month) in months {
            if found.is_some_and(|(first, _)| number.abs_diff(first) > 1) {
                break;
            }
            for group in month.groups.iter().map(|group| &self.groups[*group as usize]) {
                let Some(rows) = scan::rows_of(group, filter, &mut selected) else { continue };
                let Some(range) = self.range(group, rows, bucket) else { continue };
                let (_, known) = found.get_or_insert((*number, range));
                *known = (known.0.min(range.0), known.1.max(range.1));
            }
        }
        found.map(|(_, range)| range)
    }

    /// The numbers of the first and last bucket that a group's rows have.
    fn range(&self, group: &Group, rows: Rows<'_>, bucket: Bucket) -> Option<(i32, i32)> {
        match bucket {
            Bucket::Month => Some((group.month, group.month)),
            Bucket::Year => Some((group.month.div_euclid(12), group.month.div_euclid(12))),
            Bucket::Hour => {
                let hour = |minute: u16| ((group.base + i64::from(minute)) / 60) as i32;
                let bounds = bounds(rows.slots(group.len()).map(|slot| group.minute[slot]))?;
                Some((hour(bounds.0), hour(bounds.1)))
            }
            Bucket::Day | Bucket::Week => {
                let month = self.calendar.month_of(group);
                let bounds = bounds(rows.slots(group.len()).map(|slot| month.day(group.minute[slot])))?;
                let number = |day| bucket_of_day(month.date(day), bucket);
                Some((number(bounds.0), number(bounds.1)))
            }
        }
    }
}

fn bounds<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<(T, T)> {
    values.fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((least, greatest)) => Some((value.min(least), value.max(greatest))),
    })
}
