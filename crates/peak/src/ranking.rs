//! A tick from the totals before it: every area and category tested, and ranked.

use crate::expectations::Expectations;
use crate::tick::{Tick, Window, WindowState};
use crate::{History, Hour, Options, ReportingLag};

/// What is peaking at `at`, the exclusive end of the data's newest hour. A function of the totals before it: the same
/// totals give the same answer, bit for bit.
pub fn peaks(history: &History, at: Hour, lag: &ReportingLag, options: &Options) -> Tick {
    let shares: Vec<f64> = options.window_hours.iter().map(|hours| lag.mean_share(0, usize::from(*hours))).collect();
    let mut windows: Vec<Window> = options
        .window_hours
        .iter()
        .zip(&shares)
        .map(|(hours, share)| Window {
            hours: *hours,
            standing: WindowState::of(*share, options),
            reported_share: *share,
            peaks: Vec::new(),
        })
        .collect();
    match Expectations::new(history, at, lag, options) {
        Some(expectations) => expectations.rank(&mut windows),
        None => windows.iter_mut().for_each(|window| window.standing = WindowState::TooLittleHistory),
    }
    Tick { at, windows }
}
