//! What longer spans were expected to hold, learned from the weeks before them alone.

use crate::calendar::WEEK_HOURS;
use crate::course::Courses;
use crate::expectations::Expectations;
use crate::negative_binomial::{LEAST_P, upper_tail, usual_range};
use crate::{History, Hour, Options, ReportingLag};

/// The usual range holds nine counts of ten.
const OUTSIDE: f64 = 0.1;

/// What one (area, category) was expected to hold in a span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpanExpected {
    /// The caller's index.
    pub area: u32,
    /// The caller's index.
    pub category: u32,
    /// Incidents, as far as they are usually known by now.
    pub expected: f64,
    /// Of the variance to the mean.
    pub dispersion: f64,
}

impl SpanExpected {
    /// The least and the greatest usual count: one count in ten lies outside.
    pub fn usual_range(&self) -> (u64, u64) {
        usual_range(self.expected, self.dispersion, OUTSIDE)
    }

    /// The probability of a count at least this unusual, in either direction.
    pub fn two_sided_p(&self, observed: u64) -> f64 {
        let more = upper_tail(observed, self.expected, self.dispersion);
        let less = 1.0 - upper_tail(observed.saturating_add(1), self.expected, self.dispersion);
        (2.0 * more.min(less)).clamp(LEAST_P, 1.0)
    }
}

/// Earlier spans that show how far expectations are usually off.
const EARLIER_SPANS: i32 = 3;

/// What the last `hours` hours were expected to hold, of every area and category of the history. None where fewer weeks lie before
/// them than can be learned from. `lag_at`: what is usually known at an hour.
///
/// Weeks that lie ahead may turn out otherwise than any week before: in a longer span the level itself moves. How much is seen in the spans
/// before, each expected from the weeks before it: what the counts there spread beyond their dispersion is added.
pub(crate) fn span_expected(
    history: &History,
    at: Hour,
    hours: usize,
    lag_at: impl Fn(Hour) -> ReportingLag,
    options: &Options,
) -> Option<Vec<SpanExpected>> {
    let mut found = without_drift(history, at, hours, &lag_at(at), options)?;
    let length = hours as Hour;
    let earlier = (1..=EARLIER_SPANS).filter_map(|ago| {
        let end = at.saturating_sub(length.saturating_mul(ago));
        Some((end, without_drift(history, end, hours, &lag_at(end), options)?))
    });
    let (mut beyond, mut sum) = (0.0, 0.0);
    for (end, expected) in earlier {
        for of in expected.iter().filter(|of| of.expected > 0.0) {
            let observed = history.count_between(of.area, of.category, end.saturating_sub(length), end) as f64;
            let square = (observed - of.expected) * (observed - of.expected);
            beyond += (square - of.dispersion * of.expected) / of.expected;
            sum += of.expected;
        }
    }
    if sum > 0.0 {
        let relative_variance = (beyond / sum).max(0.0);
        for of in &mut found {
            of.dispersion += of.expected * relative_variance;
        }
    }
    Some(found)
}

fn without_drift(
    history: &History,
    at: Hour,
    hours: usize,
    lag: &ReportingLag,
    options: &Options,
) -> Option<Vec<SpanExpected>> {
    let weeks = hours.div_ceil(WEEK_HOURS);
    // The first week is never learned from.
    let gap_weeks = options.gap_weeks.max(weeks.saturating_sub(1));
    let options = Options { gap_weeks, baseline_weeks: options.baseline_weeks + weeks, ..options.clone() };
    let expectations = Expectations::new(history, at, lag, &options)?;
    if expectations.weeks() <= weeks {
        return None;
    }
    let mut courses = Courses::new(&expectations, history, at);
    let mut of = |(area, category): (usize, usize)| {
        let level = expectations.level(area, category);
        let expected: f64 = courses.by_age(area, category, hours).iter().sum();
        let (area, category) = expectations.names(area, category);
        SpanExpected { area, category, expected, dispersion: level.dispersion + expected * level.relative_variance }
    };
    Some(expectations.places().map(&mut of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten a day, and a hundred a day in the last four weeks.
    fn surging() -> History {
        let mut history = History::new();
        for hour in 0..200 * 168 {
            let count = if hour >= 196 * 168 { 4 } else { 1 };
            history.set(0, 0, hour, count);
        }
        history
    }

    #[test]
    fn a_span_is_not_learned_from_itself() {
        let (history, lag, options) = (surging(), ReportingLag::none(), Options::default());
        for weeks in [1, 4] {
            let hours = weeks * 168;
            let found = span_expected(&history, 200 * 168, hours, |_| lag.clone(), &options).expect("200 weeks");
            let of_span = found[0];
            if weeks == 4 {
                assert!((of_span.expected / hours as f64 - 1.0).abs() < 0.02, "{of_span:?}");
                assert!(of_span.two_sided_p(4 * hours as u64) < 1e-6);
                let (low, high) = of_span.usual_range();
                assert!(low < hours as u64 && (hours as u64) < high);
                assert!(of_span.two_sided_p(hours as u64) > 0.5);
            }
        }
    }

    /// A level that moves from month to month makes the range wider than that of the weeks.
    #[test]
    fn how_far_earlier_spans_were_off_is_allowed_for() {
        let (mut steady, mut moving) = (History::new(), History::new());
        for hour in 0..200 * 168 {
            steady.set(0, 0, hour, 10);
            moving.set(0, 0, hour, if (hour / (4 * 168)) % 2 == 0 { 13 } else { 7 });
        }
        let options = Options::default();
        let width = |history: &History| {
            let found = span_expected(history, 200 * 168, 4 * 168, |_| ReportingLag::none(), &options);
            let (low, high) = found.expect("200 weeks")[0].usual_range();
            high - low
        };
        assert!(width(&moving) > 4 * width(&steady), "{} {}", width(&moving), width(&steady));
    }

    #[test]
    fn without_weeks_before_the_span_nothing_is_expected() {
        let (history, lag, options) = (surging(), ReportingLag::none(), Options::default());
        let is_known =
            |at: Hour, weeks: usize| span_expected(&history, at, weeks * 168, |_| lag.clone(), &options).is_some();
        assert!(is_known(12 * 168, 1) && !is_known(12 * 168, 11) && !is_known(12 * 168, 20));
    }
}
