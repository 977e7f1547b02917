//! The lines of one table: counts of each span, and what was expected, by category or by area.

use super::{BriefFigure, BriefLine, SpanBasis, days::midnight};
use crate::{QueryError, View};
use blotter_city::parse_instant;
use blotter_cube::{Bucket, By, Filter, TooLarge};
use blotter_hotspot::q_values;
use blotter_peak::{City, History, Hour, SpanExpected, hour_of};
use jiff::{ToSpan, civil::Date};
use std::collections::BTreeMap;

/// Weeks of history that expectations of the longest span can reach back to.
const WEEKS_BEFORE: i64 = 312 + 54;
/// Hours by line: some hundred areas over so many weeks fit.
pub(super) const MOST_NUMBERS: usize = 1 << 25;

/// Which lines a table has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lines {
    Total,
    Categories,
    Areas(usize),
}

impl Lines {
    fn by(self) -> By {
        match self {
            Self::Total => By::None,
            Self::Categories => By::Category,
            Self::Areas(layer) => By::Layer(layer),
        }
    }
}

/// What a table is made from, taken from the view under one hold.
pub(super) struct TableBasis {
    /// Of each span: the counts of the lines.
    observed: Vec<BTreeMap<String, u64>>,
    before: Vec<BTreeMap<String, u64>>,
    /// The hours of each line, and the names behind its numbers: an area is a number, or a category is.
    history: History,
    keys: Vec<String>,
    is_by_area: bool,
}

impl TableBasis {
    pub(super) fn read(view: &View, spans: &[SpanBasis], end: Date, lines: Lines) -> Result<Self, QueryError> {
        let clock = view.cube.clock();
        let by = lines.by();
        let too_large = |error: TooLarge| QueryError::internal(&error);
        let counts = |filter: &Filter| -> Result<BTreeMap<String, u64>, QueryError> {
            let found = view.cube.series(filter, by, Bucket::Year, MOST_NUMBERS).map_err(too_large)?;
            let sum = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum();
            Ok(found.lines.into_iter().map(|line| (line.key, sum(&line.counts))).collect())
        };
        let observed = spans.iter().map(|span| counts(&span.days.filter(clock))).collect::<Result<_, _>>()?;
        let of_before = |span: &SpanBasis| match span.before {
            Some(days) if span.has_before => counts(&days.filter(clock)),
            _ => Ok(BTreeMap::new()),
        };
        let before = spans.iter().map(of_before).collect::<Result<_, _>>()?;
        let to = midnight(end, clock);
        let from = midnight(end.saturating_sub((WEEKS_BEFORE * 7).days()), clock);
        let learned = Filter { from: Some(from), to: Some(to), ..Filter::default() };
        let hourly = view.cube.series(&learned, by, Bucket::Hour, MOST_NUMBERS).map_err(too_large)?;
        let is_by_area = matches!(lines, Lines::Areas(_));
        let mut history = History::new();
        let first = hourly.buckets.first().and_then(|text| parse_instant(text)).map_or(0, hour_of);
        // An order that does not depend on the counts.
        let mut lines = hourly.lines;
        lines.sort_by(|one, other| one.key.cmp(&other.key));
        for (number, line) in (0..).zip(&lines) {
            let (area, category) = if is_by_area { (number, 0) } else { (0, number) };
            for (hour, count) in (first..).zip(&line.counts).filter(|(_, count)| **count > 0) {
                history.set(area, category, hour, *count);
            }
        }
        let keys = lines.into_iter().map(|line| line.key).collect();
        Ok(Self { observed, before, history, keys, is_by_area })
    }

    /// What each line was expected to hold in a span.
    fn expected(&self, peaking: &City, end: Hour, span: &SpanBasis) -> BTreeMap<&str, SpanExpected> {
        let found = peaking.expected_in_span(&self.history, end, span.hours);
        let key = |of: &SpanExpected| self.keys.get(if self.is_by_area { of.area } else { of.category } as usize);
        found.into_iter().flatten().filter_map(|of| Some((key(&of)?.as_str(), of))).collect()
    }

    pub(super) fn lines(
        &self,
        peaking: &City,
        end: Hour,
        spans: &[SpanBasis],
        name: impl Fn(&str) -> String,
    ) -> Vec<BriefLine> {
        let expected: Vec<_> = spans.iter().map(|span| self.expected(peaking, end, span)).collect();
        let mut keys: Vec<&String> = self.observed.iter().chain(&self.before).flat_map(BTreeMap::keys).collect();
        keys.sort_unstable();
        keys.dedup();
        let figure = |key: &str, index: usize| {
            let span = &spans[index];
            let observed = self.observed[index].get(key).copied().unwrap_or(0);
            let before = span.has_before.then(|| self.before[index].get(key).copied().unwrap_or(0));
            BriefFigure::new(observed, before, span, expected[index].get(key))
        };
        let mut lines: Vec<BriefLine> = keys
            .into_iter()
            .map(|key| BriefLine {
                key: key.clone(),
                name: name(key),
                figures: (0..spans.len()).map(|index| figure(key, index)).collect(),
            })
            .collect();
        correct(&mut lines, |figure| figure.p, |figure, q| figure.q = q);
        correct(&mut lines, |figure| figure.expected_p, |figure, q| figure.expected_q = q);
        lines.sort_by(|one, other| {
            let counts = |line: &BriefLine| line.figures.iter().map(|figure| figure.observed).collect::<Vec<_>>();
            counts(other).cmp(&counts(one)).then_with(|| one.key.cmp(&other.key))
        });
        lines
    }
}

/// q over a table.
fn correct(
    lines: &mut [BriefLine],
    p: impl Fn(&BriefFigure) -> Option<f64>,
    mut set: impl FnMut(&mut BriefFigure, Option<f64>),
) {
    let all: Vec<Option<f64>> = lines.iter().flat_map(|line| line.figures.iter().map(&p)).collect();
    let q = q_values(&all);
    let figures = lines.iter_mut().flat_map(|line| &mut line.figures);
    figures.zip(q).for_each(|(figure, q)| set(figure, q));
}
