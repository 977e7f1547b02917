//! The counts that led to a moment, beside what was to be expected: for a sparkline with its band, and for an explanation.
//!
//! What is expected of the past is what the expectations of the moment say of it, the weeks that they were learned from
//! included: a line to see the present beside, not the forecasts of those days.

use crate::calendar::WEEK_HOURS;
use crate::expectations::Expectations;
use crate::negative_binomial::usual_range;
use crate::{History, Hour};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The range of a course holds nine counts of ten.
const OUTSIDE: f64 = 0.1;

/// Counts of equally long steps, the oldest first. The last step ends at the tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Course {
    /// Length of a step, in hours.
    pub step_hours: u16,
    /// Incidents in each step.
    pub observed: Vec<u64>,
    /// Incidents expected in each step, late reports allowed for.
    pub expected: Vec<f64>,
    /// Least usual count of each step: at most 1 count in 20 is lower.
    pub low: Vec<u64>,
    /// Greatest usual count of each step: at most 1 count in 20 is higher.
    pub high: Vec<u64>,
}

/// Whose course, by the caller's numbers, and in which steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CourseOf {
    /// The area.
    pub area: u32,
    /// The category.
    pub category: u32,
    /// How long a step is.
    pub step_hours: u16,
}

/// The courses of one moment. What several of one category need is computed once.
pub(crate) struct Courses<'a> {
    expectations: &'a Expectations<'a>,
    history: &'a History,
    at: Hour,
    /// By category: what each hour back is multiplied by.
    factors: BTreeMap<usize, Vec<f64>>,
}

impl<'a> Courses<'a> {
    pub(crate) fn new(expectations: &'a Expectations<'a>, history: &'a History, at: Hour) -> Self {
        Self { expectations, history, at, factors: BTreeMap::new() }
    }

    /// At most so many steps: fewer where the data begin later. None of an area or a category that nothing is known of.
    pub(crate) fn of(&mut self, wanted: CourseOf, steps: usize) -> Option<Course> {
        let (area, category) = self.expectations.place(wanted.area, wanted.category)?;
        let length = usize::from(wanted.step_hours.max(1));
        let steps = steps.min(self.expectations.weeks() * WEEK_HOURS / length);
        let hours = steps * length;
        let expected = self.by_age(area, category, hours);
        let level = self.expectations.level(area, category);
        let mut course = Course { step_hours: wanted.step_hours, ..Course::default() };
        for step in (0..steps).rev() {
            let expected: f64 = expected[step * length..(step + 1) * length].iter().sum();
            let until = self.at.saturating_sub((step * length) as Hour);
            let (low, high) = usual_range(expected, level.dispersion + expected * level.relative_variance, OUTSIDE);
            let from = until.saturating_sub(length as Hour);
            course.observed.push(self.history.count_between(wanted.area, wanted.category, from, until));
            course.expected.push(expected);
            course.low.push(low);
            course.high.push(high);
        }
        Some(course)
    }

    /// What was to be expected of each hour, by hours back.
    pub(crate) fn by_age(&mut self, area: usize, category: usize, hours: usize) -> Vec<f64> {
        let factors = self.factors.entry(category).or_default();
        if factors.len() < hours {
            *factors = self.expectations.factors(category, hours);
        }
        self.expectations.expected_by_age(area, category, &factors[..hours])
    }
}
