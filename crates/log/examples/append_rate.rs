//! How fast batches of incidents are encoded, decoded, appended and read, and how large they are, by batch size.
//!
//! `cargo run --release -p blotter-log --example append_rate [DIR]`

use arrow::{
    array::{
        ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray, UInt16Array,
    },
    datatypes::UInt16Type,
};
use blotter_log::{Append, EmbeddedLog, EmbeddedOptions, Log, Offset, Topic, Transaction};
use std::{error::Error, io::Write, path::PathBuf, sync::Arc, time::Instant};

const MICROS: i64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let mut out = std::io::stdout();
    writeln!(
        out,
        "rows/batch  stored B/row  append rows/s  append p50 µs  p99 µs  open ms  read (disk) rows/s  read (tail) rows/s"
    )?;
    for (rows, batches) in [(1, 2_000), (10, 2_000), (1_000, 1_000), (16_000, 250)] {
        let directory = parent.join(format!("append-rate-{rows}-{}", std::process::id()));
        let figures = measure(&directory, rows, batches);
        std::fs::remove_dir_all(&directory)?;
        writeln!(out, "{rows:>10}  {}", figures?)?;
    }
    writeln!(out, "peak resident memory: {}", peak_memory()?)?;
    Ok(())
}

fn measure(directory: &PathBuf, rows: usize, batches: usize) -> Result<String, Box<dyn Error>> {
    let words = Words::new();
    let samples: Vec<RecordBatch> = (0..8).map(|seed| words.batch(rows, seed)).collect::<Result<_, _>>()?;
    let log = EmbeddedLog::open(directory, EmbeddedOptions::default())?;
    let mut latencies = Vec::with_capacity(batches);
    let start = Instant::now();
    for number in 0..batches {
        let append = Append {
            topic: Topic::Incidents,
            partition: number as u32 % 4,
            records: samples[number % samples.len()].clone(),
        };
        let one = Instant::now();
        log.append(Transaction { appends: vec![append], ..Transaction::default() })?;
        latencies.push(one.elapsed());
    }
    let appending = start.elapsed();
    latencies.sort_unstable();
    let total = rows * batches;
    // The newest batches are in memory.
    let start = Instant::now();
    let next = log.bounds(Topic::Incidents, 0)?.next.0;
    let tail = read(&log, 0, next - (rows as u64) * (batches as u64 / 4).min(20))?;
    let from_tail = tail as f64 / start.elapsed().as_secs_f64();
    drop(log);
    let stored = size_of(&directory.join("store"))?;
    let start = Instant::now();
    let log = EmbeddedLog::open(directory, EmbeddedOptions::default())?;
    let opening = start.elapsed().as_millis();
    let start = Instant::now();
    let mut seen = 0;
    for partition in 0..4 {
        seen += read(&log, partition, 0)?;
    }
    let from_disk = seen as f64 / start.elapsed().as_secs_f64();
    assert_eq!(seen, total, "every record is there");
    Ok(format!(
        "{:>12.1}  {:>13.0}  {:>13}  {:>6}  {opening:>7}  {from_disk:>18.0}  {from_tail:>18.0}",
        stored as f64 / total as f64,
        total as f64 / appending.as_secs_f64(),
        latencies[batches / 2].as_micros(),
        latencies[batches * 99 / 100].as_micros(),
    ))
}

fn read(log: &EmbeddedLog, partition: u32, from: u64) -> Result<usize, Box<dyn Error>> {
    let (mut next, mut rows) = (Offset(from), 0);
    loop {
        let fetched = log.read(Topic::Incidents, partition, next, 4 << 20)?;
        let Some(last) = fetched.last() else { return Ok(rows) };
        next = last.next;
        rows += fetched.iter().map(|fetched| fetched.records.num_rows()).sum::<usize>();
    }
}

/// Bytes that the log's journals and tables take. A journal is made larger than what is in it: its blocks are counted.
fn size_of(directory: &PathBuf) -> Result<u64, Box<dyn Error>> {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { size_of(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(total)
}

fn peak_memory() -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    Ok(status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned())
}

/// Dictionaries like a city's: shared by all batches.
struct Words {
    of_width: Vec<(usize, ArrayRef)>,
}

impl Words {
    fn new() -> Self {
        let texts = |count: usize, word: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((0..count).map(|number| format!("{word} {number}"))))
        };
        let kinds = [
            (35, "CATEGORY"),
            (36, "CATEGORY PUBLISHED"),
            (380, "A LONGER DESCRIPTION"),
            (180, "STREET OR PLACE"),
            (400, "IUCR"),
        ];
        let layers = [(77, "area"), (25, "district"), (300, "beat"), (50, "ward")];
        Self { of_width: kinds.into_iter().chain(layers).map(|(count, word)| (count, texts(count, word))).collect() }
    }

    fn batch(&self, rows: usize, seed: u64) -> Result<RecordBatch, Box<dyn Error>> {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut times = |zone: Option<&str>, step: i64| -> ArrayRef {
            let values = (0..rows).map(|_| (1_325_376_000 + next(150_000_000) as i64) / step * step * MICROS);
            Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone_opt(zone))
        };
        let (occurred, utc, updated) = (times(None, 60), times(Some("UTC"), 60), times(None, 1));
        let observed: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![1_700_000_000 * MICROS; rows]).with_timezone("UTC"));
        let mut columns: Vec<(String, ArrayRef)> = vec![
            (
                "id".into(),
                Arc::new(StringArray::from_iter_values((0..rows).map(|_| (8_000_000 + next(4_000_000)).to_string()))),
            ),
            (
                "case_number".into(),
                Arc::new(StringArray::from_iter_values((0..rows).map(|_| format!("HX{:06}", next(1_000_000))))),
            ),
            ("occurred_at".into(), occurred),
            ("occurred_at_utc".into(), utc),
            ("updated_at".into(), updated),
            ("observed_at".into(), observed),
            ("deleted".into(), Arc::new(BooleanArray::from(vec![false; rows]))),
        ];
        for (number, (count, words)) in self.of_width.iter().enumerate() {
            let keys = UInt16Array::from_iter_values((0..rows).map(|_| next(*count as u64) as u16));
            columns.push((format!("word{number}"), Arc::new(DictionaryArray::<UInt16Type>::new(keys, words.clone()))));
        }
        let block = (0..rows).map(|_| {
            format!("{:03}XX {} {} ST", next(120), ["N", "S", "E", "W"][next(4) as usize], STREETS[next(8) as usize])
        });
        columns.push(("block".into(), Arc::new(StringArray::from_iter_values(block))));
        columns.push(("arrest".into(), Arc::new((0..rows).map(|_| Some(next(4) == 0)).collect::<BooleanArray>())));
        columns.push(("domestic".into(), Arc::new((0..rows).map(|_| Some(next(7) == 0)).collect::<BooleanArray>())));
        let latitude = (0..rows).map(|_| (next(100) != 0).then(|| 41.6 + next(1_000_000_000) as f64 / 2e9));
        columns.push(("latitude".into(), Arc::new(latitude.collect::<Float64Array>())));
        let longitude = (0..rows).map(|_| (next(100) != 0).then(|| -87.9 + next(1_000_000_000) as f64 / 2e9));
        columns.push(("longitude".into(), Arc::new(longitude.collect::<Float64Array>())));
        columns.push((
            "content_hash".into(),
            Arc::new(Int64Array::from_iter_values((0..rows).map(|_| next(u64::MAX) as i64))),
        ));
        Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))?)
    }
}

const STREETS: [&str; 8] =
    ["WOOD", "MICHIGAN", "STATE", "DR MARTIN LUTHER KING JR", "HALSTED", "ASHLAND", "CICERO", "WESTERN"];
