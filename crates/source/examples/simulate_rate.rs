//! How fast the simulator makes batches: `cargo run --release -p blotter-source --example simulate_rate [INCIDENTS]`.
//!
//! With a path as second argument it writes the same incidents as CSV instead.

use blotter_city::Profile;
use blotter_source::{CsvStyle, Simulator, SimulatorOptions, Source, Step};
use std::{error::Error, fs, io::Write, sync::Arc, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let incidents = arguments.next().map_or(Ok(2_000_000), |text| text.parse())?;
    let city = Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml"))?);
    let started = Instant::now();
    let mut simulator = Simulator::new(SimulatorOptions::new(city, 1, incidents), None)?;
    let mut out = std::io::stdout();
    writeln!(out, "ready after {:.1} ms", started.elapsed().as_secs_f64() * 1e3)?;
    let started = Instant::now();
    let mut rows = 0;
    if let Some(path) = arguments.next() {
        rows = simulator.to_csv(fs::File::create(path)?, u64::MAX, CsvStyle::Portal)?;
    } else {
        while let Step::Chunk(chunk) = simulator.next()? {
            rows += chunk.rows() as u64;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let micros = seconds * 1e6 / rows.max(1) as f64;
    writeln!(out, "{rows} records of {incidents} incidents in {seconds:.2} s: {micros:.3} µs each")?;
    Ok(())
}
