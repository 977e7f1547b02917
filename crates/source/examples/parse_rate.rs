//! How fast a CSV file becomes batches: `cargo run --release -p blotter-source --example parse_rate FILE [PARTITIONS]`.

use blotter_city::Profile;
use blotter_source::{CsvOptions, CsvSource, Location, Source, Step};
use std::{error::Error, io::Write, sync::Arc, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("give a CSV file of Chicago's incidents")?;
    let partitions = arguments.next().map_or(Ok(8), |text| text.parse())?;
    let city = Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml"))?);
    let started = Instant::now();
    let mut source = CsvSource::open(Location::parse(&file)?, city, partitions, None, CsvOptions::default())?;
    let (mut rows, mut rejected, mut chunks) = (0, 0, 0);
    while let Step::Chunk(chunk) = source.next()? {
        rows += chunk.rows();
        rejected += chunk.rejected.len();
        chunks += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    let micros = seconds * 1e6 / (rows + rejected).max(1) as f64;
    writeln!(
        std::io::stdout(),
        "{rows} accepted and {rejected} rejected in {chunks} chunks, {seconds:.2} s: {micros:.3} µs per row"
    )?;
    Ok(())
}
