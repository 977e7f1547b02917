//! What is peaking right now: which category, in which area, holds more than was to be expected.
//!
//! Pure: no I/O, no clock, no randomness. "Now" is the data's clock, which the caller says. An answer is a function of the hourly
//! totals before it and of nothing else: sums run over whole numbers or in the order of keys, so that it does not depend on
//! the order in which totals came, and is the same bit for bit on every machine.
//!
//! Expected is level × hour-of-week profile × season, trend and holiday. [`History`] holds the totals, [`peaks`] says a tick.
//! docs/statistics.md has the formulas, their sources and how they were checked.

mod calendar;
mod category;
mod city;
mod course;
mod expectations;
mod explanation;
mod history;
mod negative_binomial;
mod options;
mod published;
mod ranking;
mod report;
mod reporting_delays;
mod reporting_lag;
mod span;
mod surge;
mod tick;
mod totals;
mod weekly_fit;

pub use calendar::{Calendar, HolidayHours, WEEK_HOURS};
pub use city::{City, Names, Numbers, begin_of, hour_of};
pub use course::{Course, CourseOf};
pub use expectations::HolidayInWindow;
pub use explanation::{Explanation, HourOfDay, add_up_to};
pub use history::{History, Hour};
pub use negative_binomial::{LEAST_P, upper_tail, usual_range};
pub use options::Options;
pub use published::{Alert, Episode, PublishedTick, TickRecord, said_batch, said_rows, said_schema};
pub use ranking::peaks;
pub use report::{Report, ReportedPeak, ReportedWindow};
pub use reporting_delays::{FirstReport, LEAST_INCIDENTS, MOST_DELAY_HOURS, ReportingDelays, TooFew};
pub use reporting_lag::ReportingLag;
pub use span::SpanExpected;
pub use surge::{MOST_EVIDENCE, WeekSeen, surge_evidence};
pub use tick::{Peak, Tick, Window, WindowState};
