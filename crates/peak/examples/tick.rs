//! Measures a tick over a real history.
//!
//!     tick TOTALS.tsv [TICKS] [--check]
//!
//! Each line of TOTALS.tsv: area, category, hour (whole hours since 1970), incidents, separated by tabs. Printed is how long a tick
//! takes at each of the last TICKS hours, and the first few peaks of each window at the end. With `--check`, instead: in what share of
//! tests p is at most 0.1, 0.01 and 0.001, over TICKS moments of the last two years.

use std::error::Error;
use std::time::Instant;

use blotter_peak::{History, Options, ReportingLag, Window, peaks};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().ok_or("say the file of totals")?;
    let ticks: i32 = arguments.get(1).map_or(Ok(24), |text| text.parse())?;
    let began = Instant::now();
    let mut history = History::new();
    for line in std::fs::read_to_string(file)?.lines() {
        let fields: Vec<i64> = line.split('\t').map(str::parse).collect::<Result<_, _>>()?;
        let [area, category, hour, count] = fields[..] else { return Err("a line needs four numbers".into()) };
        history.set(area as u32, category as u32, hour as i32, count as u32);
    }
    let end = history.end().ok_or("no incidents")?;
    print(&format!("{} incidents, read in {:.2} s", history.incidents(), began.elapsed().as_secs_f64()));
    if arguments.iter().any(|word| word == "--check") {
        check(&history, end, ticks);
    } else {
        measure(&history, end, ticks);
    }
    Ok(())
}

fn measure(history: &History, end: i32, ticks: i32) {
    let (options, lag) = (Options::default(), ReportingLag::none());
    let mut milliseconds: Vec<f64> = Vec::new();
    for back in (0..ticks).rev() {
        let began = Instant::now();
        let tick = std::hint::black_box(peaks(history, end - back, &lag, &options));
        milliseconds.push(began.elapsed().as_secs_f64() * 1000.0);
        if back == 0 {
            tick.windows.iter().for_each(show);
        }
    }
    milliseconds.sort_unstable_by(f64::total_cmp);
    let median = milliseconds.get(milliseconds.len() / 2).copied().unwrap_or(0.0);
    let worst = milliseconds.last().copied().unwrap_or(0.0);
    print(&format!("{ticks} ticks: median {median:.1} ms, worst {worst:.1} ms"));
}

fn show(window: &Window) {
    print(&format!("last {} h: {:?}, {} tested", window.hours, window.standing, window.peaks.len()));
    for peak in window.peaks.iter().take(3) {
        let (observed, expected) = (peak.observed, peak.expected);
        let (p, q, evidence) = (peak.p, peak.q, peak.surge_evidence.unwrap_or(f64::NAN));
        print(&format!(
            "  area {} category {}: {observed}, expected {expected:.2}, dispersion {:.2}, p {p:.2e}, q {q:.2e}, evidence {evidence:.3}",
            peak.area, peak.category, peak.dispersion
        ));
    }
}

fn check(history: &History, end: i32, ticks: i32) {
    let (options, lag) = (Options::default(), ReportingLag::none());
    let step = 2 * 365 * 24 / ticks.max(1);
    let mut sums = vec![[0_f64; 7]; options.window_hours.len()];
    for back in 0..ticks {
        for (window, sums) in peaks(history, end - back * step, &lag, &options).windows.iter().zip(&mut sums) {
            for peak in &window.peaks {
                sums[0] += 1.0;
                for (sum, limit) in sums[1..4].iter_mut().zip([0.1, 0.01, 0.001]) {
                    *sum += f64::from(u8::from(peak.p <= limit));
                }
                sums[4] += peak.observed as f64;
                sums[5] += peak.expected;
                sums[6] += peak.surge_evidence.unwrap_or(0.0).min(1e3);
            }
        }
    }
    for (hours, [tests, tenth, hundredth, thousandth, observed, expected, evidence]) in
        options.window_hours.iter().zip(sums)
    {
        print(&format!(
            "last {hours} h: {tests} tests, p <= 0.1 in {:.4}, 0.01 in {:.5}, 0.001 in {:.6}; observed/expected {:.4}; mean evidence {:.3}",
            tenth / tests,
            hundredth / tests,
            thousandth / tests,
            observed / expected,
            evidence / tests
        ));
    }
}

#[expect(clippy::print_stdout, reason = "what this example is for")]
fn print(line: &str) {
    println!("{line}");
}
