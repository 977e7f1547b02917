//! Measures the cube's queries for `bench/cube.py`, which asks for one round after another on standard input.
//!
//! `query_rate INCIDENTS FILTERS`: a file of tab-separated incidents and one of filters (from, to, categories separated
//! by `|`, arrest, each of which may be empty). Each line of standard input is answered by one line of JSON: `memory`, `check`
//! (what each answer adds up to), `round` (milliseconds of each query), `live` (changes a second while queries run).

#![expect(clippy::print_stdout, reason = "the answers are read by another program")]

use blotter_city::{Profile, UtcMicros, parse_civil};
use blotter_cube::{Bucket, By, Cube, Filter, Locator};
use blotter_incident::{Header, IncidentBatch, Observation, Parser, Row};
use parking_lot::{RwLock, RwLockWriteGuard};
use std::{
    error::Error,
    fs::File,
    io::{BufRead, BufReader},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

const COLUMNS: [&str; 12] = [
    "id",
    "date",
    "updated_on",
    "primary_type",
    "arrest",
    "domestic",
    "community_area",
    "district",
    "beat",
    "ward",
    "latitude",
    "longitude",
];
const BATCH_ROWS: u64 = 4096;
/// An answer as large as one may be.
const MOST: usize = 100_000_000;

struct Loader {
    parser: Parser,
    cube: Cube,
    offset: u64,
    pending: u64,
}

impl Loader {
    fn new(profile: &Arc<Profile>) -> Result<Self, Box<dyn Error>> {
        let mut parser = Parser::new(Arc::clone(profile), 1);
        parser.set_header(Header::resolve(profile, &COLUMNS)?);
        Ok(Self { parser, cube: Cube::new(profile), offset: 0, pending: 0 })
    }

    fn push(&mut self, line: &str, observed_at: i64, deleted: bool) -> Result<(), Box<dyn Error>> {
        let mut spans = [(0, 0); COLUMNS.len()];
        let mut begin = 0;
        for (span, field) in spans.iter_mut().zip(line.split('\t')) {
            *span = (begin, begin + field.len() as u32);
            begin = span.1 + 1;
        }
        let observation = Observation { observed_at: UtcMicros(observed_at), deleted, id: None };
        self.parser
            .push(&Row::spanned(line.as_bytes(), &spans), &observation, UtcMicros(4_000_000_000_000_000))
            .map_err(|reason| format!("{reason:?}: {line}"))?;
        self.pending += 1;
        Ok(())
    }

    fn take(&mut self) -> Result<Vec<arrow::array::RecordBatch>, Box<dyn Error>> {
        self.pending = 0;
        Ok(self.parser.finish()?.into_iter().map(|(_, batch)| batch).collect())
    }

    fn apply(&mut self) -> Result<(), Box<dyn Error>> {
        for batch in self.take()? {
            let columns = IncidentBatch::try_new(&batch)?;
            let base = self.offset;
            self.cube.apply(&columns, |row| Locator { partition: 0, offset: base + row as u64 });
            self.offset += columns.len as u64;
        }
        Ok(())
    }
}

fn filters(path: &str, cube: &Cube) -> Result<Vec<Filter>, Box<dyn Error>> {
    let moment = |text: &str| parse_civil(text).map(|civil| cube.clock().to_utc(civil));
    let lines = BufReader::new(File::open(path)?).lines();
    let mut filters = vec![Filter::default()];
    for line in lines {
        let line = line?;
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or("");
        filters.push(Filter {
            from: moment(next()),
            to: moment(next()),
            categories: next().split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            arrest: next().parse().ok(),
            ..Filter::default()
        });
    }
    Ok(filters)
}

/// What the answers of a filter add up to: lines, incidents, and incidents weighted by cell, month and hour.
fn check(cube: &Cube, filter: &Filter) -> Result<[[u64; 3]; 3], Box<dyn Error>> {
    let cells = cube.cells(filter, 9);
    let mut cell = [0; 3];
    for (index, count) in &cells.cells {
        cell = [cell[0] + 1, cell[1] + count, cell[2] + count * (u64::from(*index) % 1_000_003)];
    }
    let series = cube.series(filter, By::Category, Bucket::Month, MOST)?;
    let mut month = [0; 3];
    for line in &series.lines {
        for (name, count) in series.buckets.iter().zip(&line.counts).filter(|(_, count)| **count > 0) {
            let number: u64 = name[..4].parse::<u64>()? * 12 + name[5..7].parse::<u64>()?;
            month = [month[0] + 1, month[1] + u64::from(*count), month[2] + u64::from(*count) * number];
        }
    }
    let mut hour = [0; 3];
    for line in cube.hours_of_week(filter, By::Category) {
        for (number, count) in (0..).zip(&line.counts).filter(|(_, count)| **count > 0) {
            hour = [hour[0] + 1, hour[1] + u64::from(*count), hour[2] + u64::from(*count) * number];
        }
    }
    Ok([cell, month, hour])
}

/// Milliseconds of each query of each filter.
fn round(cube: &Cube, filters: &[Filter]) -> Result<[Vec<f64>; 3], Box<dyn Error>> {
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    let since = |began: Instant| began.elapsed().as_secs_f64() * 1e3;
    for filter in filters {
        let began = Instant::now();
        std::hint::black_box(cube.cells(filter, 9));
        took[0].push(since(began));
        let began = Instant::now();
        std::hint::black_box(cube.series(filter, By::Category, Bucket::Month, MOST)?);
        took[1].push(since(began));
        let began = Instant::now();
        std::hint::black_box(cube.hours_of_week(filter, By::Category));
        took[2].push(since(began));
    }
    Ok(took)
}

/// Revisions, deletions and new incidents, while another thread asks without a pause. Answers a line of JSON.
fn live(loader: &mut Loader, lines: &[String], filters: &[Filter], seconds: u64) -> Result<String, Box<dyn Error>> {
    // The batches are made beforehand: what is measured is the cube and not the parser.
    let mut batches = Vec::new();
    for (observed_at, turn) in (2_i64..).zip(0..12_usize) {
        for (index, line) in lines.iter().enumerate() {
            // One in ten is deleted (and comes back in the next turn), one in ten is new.
            let line = match index % 10 {
                7 => format!("9{turn:02}{line}"),
                _ => line.clone(),
            };
            loader.push(&line, observed_at, index % 10 == 3 && turn % 2 == 0)?;
            if loader.pending >= BATCH_ROWS {
                batches.extend(loader.take()?);
            }
        }
    }
    batches.extend(loader.take()?);
    let empty = Cube::new(&Profile::from_toml(include_str!("../../../cities/chicago.toml"))?);
    let cube = RwLock::new(std::mem::replace(&mut loader.cube, empty));
    let (ended, queries) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut changes, mut longest) = (0, Duration::ZERO);
    let began = Instant::now();
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        scope.spawn(|| {
            for filter in filters.iter().cycle() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                std::hint::black_box(cube.read().cells(filter, 9));
                queries.fetch_add(1, Ordering::Relaxed);
            }
        });
        for batch in &batches {
            let columns = IncidentBatch::try_new(batch)?;
            let asked = Instant::now();
            let mut held = cube.write();
            changes += held.apply(&columns, |row| Locator { partition: 0, offset: row as u64 }).incidents;
            held.index_places(columns.len);
            RwLockWriteGuard::unlock_fair(held);
            longest = longest.max(asked.elapsed());
            if began.elapsed() > Duration::from_secs(seconds) {
                break;
            }
        }
        ended.store(true, Ordering::Relaxed);
        Ok(())
    })?;
    let took = began.elapsed().as_secs_f64();
    loader.cube = cube.into_inner();
    Ok(format!(
        "{{\"changes_per_s\": {:.0}, \"queries_per_s\": {:.0}, \"longest_batch_ms\": {:.1}}}",
        changes as f64 / took,
        queries.into_inner() as f64 / took,
        longest.as_secs_f64() * 1e3
    ))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [incidents, filters_path] = arguments.as_slice() else { return Err("give INCIDENTS and FILTERS".into()) };
    let profile = Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml"))?);
    let mut loader = Loader::new(&profile)?;
    let mut sample = Vec::new();
    for (number, line) in BufReader::new(File::open(incidents)?).lines().enumerate() {
        let line = line?;
        loader.push(&line, 1, false)?;
        if loader.pending >= BATCH_ROWS {
            loader.apply()?;
        }
        if number % 17 == 0 && sample.len() < 200_000 {
            sample.push(line);
        }
    }
    loader.apply()?;
    while !loader.cube.index_places(1 << 16) {}
    let filters = filters(filters_path, &loader.cube)?;
    for command in std::io::stdin().lines() {
        match command?.as_str() {
            "memory" => {
                let (memory, incidents) = (loader.cube.memory(), loader.cube.rows() as f64);
                println!(
                    "{{\"incidents\": {incidents}, \"places\": {}, \"filter_columns\": {:.2}, \"identity_index\": {:.2}, \"locators\": {:.2}, \"of_places\": {:.2}, \"totals\": {:.2}, \"others\": {:.2}}}",
                    loader.cube.places(),
                    memory.filter_columns as f64 / incidents,
                    memory.identity_index as f64 / incidents,
                    memory.locators as f64 / incidents,
                    memory.places as f64 / incidents,
                    memory.totals as f64 / incidents,
                    memory.others as f64 / incidents,
                );
            }
            "check" => {
                let all: Vec<_> = filters.iter().map(|filter| check(&loader.cube, filter)).collect::<Result<_, _>>()?;
                println!("{all:?}");
            }
            "round" => println!("{:?}", round(&loader.cube, &filters)?),
            "live" => println!("{}", live(&mut loader, &sample, &filters, 10)?),
            other => return Err(format!("`{other}`: give memory, check, round or live").into()),
        }
    }
    Ok(())
}
