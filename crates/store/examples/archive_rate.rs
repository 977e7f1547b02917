//! Microseconds and bytes per row of the archive's writer, single-threaded:
//! `cargo run --release -p blotter-store --example archive_rate -- chicago.csv [cities/chicago.toml]`

use blotter_city::{Profile, UtcMicros};
use blotter_incident::{Header, Observation, Parser, Row};
use blotter_store::{ArchiveWriter, WriterLimits};
use std::{error::Error, io::Write, sync::Arc, time::Instant};

const PARTITIONS: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the path of a CSV file")?;
    let profile = arguments.next().unwrap_or_else(|| "cities/chicago.toml".into());
    let profile = Arc::new(Profile::from_toml(&std::fs::read_to_string(profile)?)?);
    let bytes = std::fs::read(path)?;
    let mut parser = Parser::new(Arc::clone(&profile), PARTITIONS);
    let mut writer = ArchiveWriter::new(&profile, WriterLimits::default());
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut fields = Fields::default();
    fields.split(lines.next().ok_or("an empty file")?);
    let names: Vec<String> = fields.names();
    parser.set_header(Header::resolve(&profile, &names)?);

    let mut bases = [0_u64; PARTITIONS as usize];
    let (mut rows, mut rejected, mut encoded, mut seconds, mut peak) = (0_u64, 0_u64, 0_u64, 0.0, 0);
    let mut files = 0;
    let observation = Observation { observed_at: UtcMicros(1_500_000_000_000_000), deleted: false, id: None };
    let mut done = false;
    while !done {
        for line in lines.by_ref().take(65_536) {
            if line.is_empty() {
                continue;
            }
            fields.split(line);
            let row = Row::new(&fields.bytes, &fields.ends);
            if parser.push(&row, &observation, UtcMicros(2_000_000_000_000_000)).is_err() {
                rejected += 1;
            }
        }
        let batches = parser.finish()?;
        done = batches.is_empty();
        let started = Instant::now();
        for (partition, batch) in batches {
            let base = &mut bases[partition as usize];
            writer.write(&batch, partition, *base, 1_500_000_000_000)?;
            *base += batch.num_rows() as u64;
            rows += batch.num_rows() as u64;
        }
        for file in if done { writer.finish()? } else { writer.take_closed() } {
            encoded += file.bytes.len() as u64;
            files += 1;
            if let Some(folder) = std::env::var_os("ARCHIVE_RATE_KEEP") {
                let path = std::path::Path::new(&folder).join(format!("{files}.parquet"));
                std::fs::write(path, &file.bytes)?;
            }
        }
        seconds += started.elapsed().as_secs_f64();
        peak = peak.max(writer.memory_bytes());
    }
    writeln!(
        std::io::stdout(),
        "{rows} rows ({rejected} rejected) into {files} files: {:.3} µs/row, {:.1} bytes/row, {} MB held at most",
        seconds * 1e6 / rows as f64,
        encoded as f64 / rows as f64,
        peak >> 20,
    )?;
    Ok(())
}

/// Splits a line at commas outside quotes; enough for a measurement.
#[derive(Default)]
struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    fn split(&mut self, line: &[u8]) {
        self.bytes.clear();
        self.ends.clear();
        let mut quoted = false;
        for byte in line.strip_suffix(b"\r").unwrap_or(line) {
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted => self.ends.push(self.bytes.len()),
                _ => self.bytes.push(*byte),
            }
        }
        self.ends.push(self.bytes.len());
    }

    fn names(&self) -> Vec<String> {
        let mut start = 0;
        self.ends
            .iter()
            .map(|end| String::from_utf8_lossy(&self.bytes[std::mem::replace(&mut start, *end)..*end]).into_owned())
            .collect()
    }
}
