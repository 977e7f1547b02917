//! The period of the data: from the first to the newest incident that does not lie apart.
//!
//! A function of the present incidents alone: a view that followed the log and a fresh load have the same.

use crate::{cube::Cube, filter::Filter, minute::instant_of};
use blotter_city::UtcMicros;
use blotter_incident::{first_month, newest_hour};
use std::collections::BTreeMap;

const HOUR_MICROS: i64 = 3_600_000_000;
const MINUTE_MICROS: i64 = 60_000_000;
/// Hours from 1900-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
const EPOCH_HOURS: i64 = 25_567 * 24;

/// Incidents that lie apart at one end of the data: they are counted, and stretch no chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutlierGroup {
    /// How many.
    pub incidents: u64,
    /// The first of them.
    pub first: UtcMicros,
    /// The last of them.
    pub last: UtcMicros,
}

/// The period of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first incident that does not lie apart.
    pub earliest: Option<UtcMicros>,
    /// The newest: the data's clock.
    pub newest: Option<UtcMicros>,
    /// Before `earliest`.
    pub early: Option<OutlierGroup>,
    /// After `newest`.
    pub late: Option<OutlierGroup>,
}

impl Cube {
    /// The period of the data.
    pub fn period(&self) -> Period {
        let months: Vec<(i32, u64)> = self
            .calendar
            .months
            .iter()
            .map(|(number, month)| {
                let rows = month.groups.iter().map(|group| self.groups[*group as usize].len() as u64);
                (*number, rows.sum())
            })
            .collect();
        let Some((first, before)) = first_month(months.iter().copied()) else { return Period::default() };
        let bounds_of = |wanted: &dyn Fn(i32) -> bool| -> Option<(UtcMicros, UtcMicros)> {
            let of = months.iter().filter(|(month, rows)| *rows > 0 && wanted(*month));
            of.flat_map(|(month, _)| self.times(*month)).fold(None, |bounds, at| match bounds {
                None => Some((at, at)),
                Some((least, greatest)) => Some((at.min(least), at.max(greatest))),
            })
        };
        // A clock that goes back at the end of a month brings times of the next one before its last.
        let earliest = bounds_of(&|month| month == first || month == first + 1).map(|bounds| bounds.0);
        let early = bounds_of(&|month| before > 0 && month < first).map(|(first, last)| OutlierGroup {
            incidents: before,
            first,
            last,
        });
        let hours =
            Hours { cube: self, months: &months, next: months.len(), carried: BTreeMap::new(), ready: Vec::new() };
        let Some((hour, after)) = newest_hour(hours, self.incident_totals.total) else { return Period::default() };
        let end = UtcMicros((i64::from(hour) + 1) * HOUR_MICROS);
        let (mut newest, mut apart) = (None, Vec::new());
        for (month, rows) in months.iter().rev() {
            if *rows == 0 {
                continue;
            }
            for at in self.times(*month) {
                if at < end {
                    newest = newest.max(Some(at));
                } else {
                    apart.push(at);
                }
            }
            // The month before may hold the last hours of this one's beginning.
            if newest.is_some_and(|newest| newest.0 >= end.0 - HOUR_MICROS) {
                break;
            }
        }
        let late = apart.iter().min().zip(apart.iter().max());
        let late = late.filter(|_| after > 0).map(|(first, last)| OutlierGroup {
            incidents: after,
            first: *first,
            last: *last,
        });
        Period { earliest, newest, early, late }
    }

    fn times(&self, month: i32) -> impl Iterator<Item = UtcMicros> {
        let groups = self.calendar.months.get(&month).map_or(&[][..], |month| &month.groups);
        groups.iter().map(|group| &self.groups[*group as usize]).flat_map(|group| {
            group.minute.iter().zip(&group.second).map(move |(minute, second)| {
                let minute = instant_of((group.base + i64::from(*minute)) as u32);
                UtcMicros(minute.0 + i64::from(*second) * 1_000_000)
            })
        })
    }

    /// A filter for a chart: without a period of its own it is about that of the data, so that what lies apart does not
    /// stretch the axis. Who asks for a period gets all of it.
    pub(crate) fn on_axis(&self, filter: &Filter) -> Filter {
        let mut on_axis = filter.clone();
        if filter.from.is_some() && filter.to.is_some() {
            return on_axis;
        }
        let period = self.period();
        if filter.from.is_none() && period.early.is_some() {
            on_axis.from = period.earliest.filter(|from| filter.to.is_none_or(|to| *from < to));
        }
        if filter.to.is_none() && period.late.is_some() {
            let until = period.newest.map(|newest| UtcMicros((newest.0.div_euclid(MINUTE_MICROS) + 1) * MINUTE_MICROS));
            on_axis.to = until.filter(|to| on_axis.from.is_none_or(|from| from < *to));
        }
        on_axis
    }
}

/// Hours with their incidents, the newest first: a month at a time, as far as they are asked for.
struct Hours<'a> {
    cube: &'a Cube,
    months: &'a [(i32, u64)],
    next: usize,
    /// Hours that an earlier month may add to.
    carried: BTreeMap<i32, u64>,
    /// Ascending.
    ready: Vec<(i32, u64)>,
}

impl Iterator for Hours<'_> {
    type Item = (i32, u64);

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            if self.next == 0 {
                return self.carried.pop_last();
            }
            self.next -= 1;
            let (month, rows) = self.months[self.next];
            if rows == 0 {
                continue;
            }
            let groups =
                || self.cube.calendar.months[&month].groups.iter().map(|group| &self.cube.groups[*group as usize]);
            let first =
                groups().filter(|group| group.len() > 0).map(|group| group.base.div_euclid(60)).min().unwrap_or(0);
            let mut counts = Vec::new();
            for group in groups().filter(|group| group.len() > 0) {
                // The groups of a month count from the same minute.
                let since = (group.base - first * 60) as usize;
                counts.resize(counts.len().max((since + usize::from(u16::MAX)) / 60 + 1), 0_u64);
                group.minute.iter().for_each(|minute| counts[(since + usize::from(*minute)) / 60] += 1);
            }
            let hours = ((first - EPOCH_HOURS) as i32..).zip(counts).filter(|(_, count)| *count > 0);
            let mut least = i32::MAX;
            for (hour, count) in hours {
                *self.carried.entry(hour).or_default() += count;
                least = least.min(hour);
            }
            // Civil time is at most a day from UTC: the month before reaches no further than two days into this one.
            let sure = self.carried.split_off(&least.saturating_add(48));
            self.ready = sure.into_iter().collect();
        }
        self.ready.pop()
    }
}
