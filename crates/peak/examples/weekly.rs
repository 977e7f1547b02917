//! Scores weekly series with the 7-day window of "peaking now", for bench/peaks.py.
//!
//!     weekly < series.csv
//!
//! Each line: the weeks to score, counted from 1 and separated by blanks, then the weekly counts, separated by commas. Printed for
//! each line: observed, expected, p and the surge's evidence of each of these weeks, separated by commas. It is the production code that answers:
//! a history of one area and one category, with a week's incidents in its first hour. A year is 52 weeks.

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

use blotter_peak::{History, Options, ReportingLag, peaks};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options { window_hours: vec![168], year_days: 364.0, ..Options::default() };
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (weeks, counts) = line.split_once(',').ok_or("a line needs weeks and counts")?;
        let mut history = History::new();
        for (week, count) in counts.split(',').enumerate() {
            history.set(0, 0, week as i32 * 168, count.trim().parse()?);
        }
        let mut scores = Vec::new();
        for week in weeks.split_whitespace() {
            let tick = peaks(&history, week.parse::<i32>()? * 168, &ReportingLag::none(), &options);
            let peak = tick.windows.first().and_then(|window| window.peaks.first());
            // Nothing has ever happened: nothing is surprising.
            scores.push(peak.map_or("0,0,1,1".into(), |peak| {
                format!("{},{},{:e},{:e}", peak.observed, peak.expected, peak.p, peak.surge_evidence.unwrap_or(1.0))
            }));
        }
        writeln!(out, "{}", scores.join(","))?;
    }
    Ok(())
}
