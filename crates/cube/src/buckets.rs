//! The buckets of time that an answer has, and in which of them a group's rows lie.

use crate::{
    calendar::{Bucket, DAYS, Month, bucket_of_day, first_day},
    cube::{Cube, instant_of},
    filter::Compiled,
    group::Group,
    scan::{self, Reach, Reads, Rows},
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
    /// The bucket of a row that is selected; of any other it may be one that there is not.
    pub(crate) fn at(&self, minute: u16) -> usize {
        match self {
            Self::One(at) => *at,
            Self::Days(month, of_days) => of_days[month.day(minute)] as usize,
            Self::Hours(add) => (i64::from(minute / 60) + add) as u32 as usize,
        }
    }
}

impl<'a> Buckets<'a> {
    /// None where nothing is selected.
    pub(crate) fn new(cube: &'a Cube, filter: &Compiled, bucket: Bucket) -> Option<Self> {
        // Months with incidents that are all selected: well between two of them lies no bound. Next to them one may, where
        // clocks go back at the end of a month.
        let whole = cube.groups.iter().filter(|group| filter.reach(group) == Reach::All).map(|group| group.month);
        let whole = bounds(whole);
        let is_between = |month| whole.is_some_and(|(first, last)| first + 1 < month && month < last - 1);
        let (first, last) = scan::fold(
            cube,
            filter,
            Reads::Lengths,
            || (i32::MAX, i32::MIN),
            |range, group, rows| {
                if !is_between(group.month)
                    && let Some((first, last)) = cube.range(group, rows, bucket)
                {
                    *range = (range.0.min(first), range.1.max(last));
                }
            },
            |one, other| (one.0.min(other.0), one.1.max(other.1)),
        );
        let of_day = |day| (bucket_of_day(day, bucket) - first) as u32;
        let of_days = match bucket {
            Bucket::Day | Bucket::Week => {
                let months = cube.calendar.months.iter();
                months.map(|(number, month)| (*number, std::array::from_fn(|day| of_day(month.date(day))))).collect()
            }
            Bucket::Hour | Bucket::Month | Bucket::Year => BTreeMap::new(),
        };
        (first <= last).then_some(Self { cube, bucket, first, last, of_days })
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
