//! Time and peak memory of archive and snapshot over an incident file:
//! `cargo run --release -p blotter-offline --example snapshot_rate -- chicago.csv DIR [COPIES]`
//!
//! With COPIES the rows are loaded that many times under other ids.

use blotter_city::{Profile, UtcMicros};
use blotter_incident::{Header, Observation, Parser, Row};
use blotter_offline::snapshot::{Outcome, SnapshotConfig, SnapshotParts, take};
use blotter_store::{ArchiveTable, ArchiveWriter, Store, WriterLimits};
use std::{error::Error, io::Write, path::Path, sync::Arc, time::Instant};

const PARTITIONS: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the path of a CSV file")?;
    let directory = arguments.next().ok_or("give a directory for the store")?;
    let copies: u32 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let profile = Arc::new(Profile::from_toml(&std::fs::read_to_string("cities/chicago.toml")?)?);
    let store = Store::open_directory(Path::new(&directory))?;
    if ArchiveTable::open_existing(&store, &profile)?.is_none() {
        load(&store, &profile, &std::fs::read(path)?, copies)?;
    }
    let before = resident_mb();
    let started = Instant::now();
    let parts = SnapshotParts { store, profile };
    let outcome = take(&SnapshotConfig::default(), &parts)?;
    let took = started.elapsed();
    if let Outcome::Written(manifest) = outcome {
        let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
        writeln!(
            std::io::stdout(),
            "snapshot of {} rows: {took:.2?}, {} MB in {} files; resident {before} MB before, {} MB at most",
            manifest.rows,
            bytes >> 20,
            manifest.files.len(),
            status_mb("VmHWM"),
        )?;
    }
    Ok(())
}

fn load(store: &Store, profile: &Arc<Profile>, csv: &[u8], copies: u32) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let mut writer = ArchiveWriter::new(profile, WriterLimits::default());
    let mut table = ArchiveTable::open(store, profile, "example", PARTITIONS)?;
    let mut parser = Parser::new(Arc::clone(profile), PARTITIONS);
    let mut next = vec![0_u64; PARTITIONS as usize];
    let mut uploaded = Vec::new();
    let mut encoding = 0.0;
    for copy in 0..copies {
        let mut lines = csv.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let names: Vec<String> = lines
            .next()
            .ok_or("an empty file")?
            .split(|byte| *byte == b',')
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        parser.set_header(Header::resolve(profile, &names)?);
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        loop {
            for line in lines.by_ref().take(65_536) {
                split(line, &mut bytes, &mut ends);
                let row = Row::new(&bytes, &ends);
                let id = format!("{}{copy}", String::from_utf8_lossy(row.field(0)));
                let observed_at = UtcMicros(1_500_000_000_000_000);
                let observation = Observation { observed_at, deleted: false, id: Some(&id) };
                let _ = parser.push(&row, &observation, UtcMicros(2_000_000_000_000_000));
            }
            let batches = parser.finish()?;
            if batches.is_empty() {
                break;
            }
            let started = Instant::now();
            for (partition, batch) in batches {
                writer.write(&batch, partition, next[partition as usize], 1_500_000_000_000)?;
                next[partition as usize] += batch.num_rows() as u64;
            }
            for file in writer.take_closed() {
                uploaded.push(table.upload(&file)?);
            }
            encoding += started.elapsed().as_secs_f64();
        }
    }
    let commit = Instant::now();
    for file in writer.finish()? {
        uploaded.push(table.upload(&file)?);
    }
    let upload = commit.elapsed();
    let appending = Instant::now();
    table.append(&uploaded, &next)?;
    writeln!(
        std::io::stdout(),
        "archived {} rows in {:.1?}: {encoding:.2} s to encode, {upload:.2?} for the last files, {:.2?} for the commit",
        next.iter().sum::<u64>(),
        started.elapsed(),
        appending.elapsed(),
    )?;
    Ok(())
}

/// Splits a line at commas outside quotes; enough for a measurement.
fn split(line: &[u8], bytes: &mut Vec<u8>, ends: &mut Vec<usize>) {
    bytes.clear();
    ends.clear();
    let mut is_quoted = false;
    for byte in line.strip_suffix(b"\r").unwrap_or(line) {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => ends.push(bytes.len()),
            _ => bytes.push(*byte),
        }
    }
    ends.push(bytes.len());
}

fn resident_mb() -> u64 {
    status_mb("VmRSS")
}

fn status_mb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) >> 10
}
