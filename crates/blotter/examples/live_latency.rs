//! From the append call to the first live event whose id covers it, while the archive commits and
//! snapshots run: `live_latency DIR SECONDS PER_SECOND` prints one JSON line.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use anyhow::{Context, Result, bail};
use blotter_city::{CivilMicros, Profile, UtcMicros, format_civil};
use blotter_incident::{Header, Observation, Parser, Row};
use blotter_log::{Append, EmbeddedLog, EmbeddedOptions, Log, Topic, Transaction};
use blotter_offline::{
    archive::{self, ArchiveConfig, ArchiveParts},
    fetch::{self, FetchConfig},
    snapshot::{self, Outcome, SnapshotConfig, SnapshotParts},
};
use blotter_online::{CountConfig, CountParts, CountProgress};
use blotter_query::LoadParts;
use blotter_runtime::Shutdown;
use blotter_serve::{ServeConfig, ServeParts};
use blotter_store::{Checkpoints, Store};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The producer appends this often.
const TICK: Duration = Duration::from_millis(5);

/// Appends that no event covered yet: the next offsets behind each, and when its append was called.
type Waiting = Arc<Mutex<VecDeque<(Vec<u64>, Instant, u64)>>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(seconds), Some(rate)) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("usage: live_latency DIR SECONDS PER_SECOND");
    };
    let dir = PathBuf::from(dir);
    let (seconds, rate): (u64, u64) = (seconds.parse()?, rate.parse()?);
    let profile = Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml"))?);
    let log = Arc::new(EmbeddedLog::open(dir.join("log"), EmbeddedOptions::default())?);
    let store = Store::open(&format!("file://{}", std::path::absolute(dir.join("store"))?.display()))?;
    let partitions = log.partitions(Topic::Incidents);
    let shutdown = Shutdown::new();
    let commits = Arc::new(AtomicU64::new(0));
    let snapshots = Arc::new(AtomicU64::new(0));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;

    let mut threads = Vec::new();
    let counted = Arc::clone(&commits);
    let archive = ArchiveParts {
        on_commit: Some(Box::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        })),
        ..ArchiveParts::new(Arc::clone(&log) as Arc<dyn Log>, store.clone(), Arc::clone(&profile))
    };
    threads.push(std::thread::spawn({
        let shutdown = shutdown.clone();
        move || -> Result<()> {
            Ok(archive::run(&ArchiveConfig { niceness: 10, ..ArchiveConfig::default() }, archive, &shutdown)?)
        }
    }));
    let count = CountParts {
        log: Arc::clone(&log) as Arc<dyn Log>,
        checkpoints: Checkpoints::new(store.clone(), "count"),
        profile: Arc::clone(&profile),
        progress: Arc::new(CountProgress::new(partitions)),
    };
    threads.push(std::thread::spawn({
        let shutdown = shutdown.clone();
        move || -> Result<()> { Ok(blotter_online::run_count(&CountConfig::default(), &count, &shutdown)?) }
    }));
    let serve = ServeParts {
        load: LoadParts {
            log: Some(Arc::clone(&log) as Arc<dyn Log>),
            snapshots: dir.join("snapshots"),
            profile: Arc::clone(&profile),
            boundaries: Arc::default(),
        },
        listener,
    };
    threads.push(std::thread::spawn({
        let shutdown = shutdown.clone();
        move || -> Result<()> { Ok(blotter_serve::run(&ServeConfig::default(), serve, &shutdown)?) }
    }));
    threads.push(std::thread::spawn({
        let (shutdown, store, profile, local, taken) =
            (shutdown.clone(), store.clone(), Arc::clone(&profile), dir.join("snapshots"), Arc::clone(&snapshots));
        move || -> Result<()> {
            while !shutdown.wait_timeout(Duration::from_secs(20)) {
                let parts = SnapshotParts { store: store.clone(), profile: Arc::clone(&profile) };
                blotter_runtime::priority::lower(10);
                let config = SnapshotConfig::default();
                if let Outcome::Written(_) = snapshot::take(&config, &parts)? {
                    fetch::once(&FetchConfig::new(local.clone()), &store)?;
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        }
    }));

    let waiting: Waiting = Arc::default();
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let mut stream = connect(address)?;
    let listener = std::thread::spawn({
        let (waiting, latencies) = (Arc::clone(&waiting), Arc::clone(&latencies));
        move || listen(&mut stream, &waiting, &latencies)
    });

    let appended = produce(&log, &profile, seconds, rate, &waiting)?;
    // Every append is covered in the end; a live stream that stops is a failure of its own.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
        if Instant::now() > deadline {
            bail!("the live stream did not cover every append");
        }
        shutdown.wait_timeout(Duration::from_millis(20));
    }
    shutdown.trigger();
    log.wake();
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a role panicked"))??;
    }
    listener.join().map_err(|_| anyhow::anyhow!("the listener panicked"))?;
    let mut latencies = std::mem::take(&mut *latencies.lock().unwrap_or_else(PoisonError::into_inner));
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{}",
        serde_json::json!({
            "events": appended, "commits": commits.load(Ordering::Relaxed), "snapshots": snapshots.load(Ordering::Relaxed),
            "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0),
        })
    );
    Ok(())
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    // The first event says that the stream is connected.
    let mut line = String::new();
    while !line.starts_with("id:") {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            bail!("the live stream ended");
        }
    }
    Ok(reader)
}

fn listen(stream: &mut BufReader<TcpStream>, waiting: &Waiting, latencies: &Mutex<Vec<f64>>) {
    let mut line = String::new();
    while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(id) = line.trim_end().strip_prefix("id:") {
            let now = Instant::now();
            let reached: Vec<u64> =
                id.split(',').filter_map(|part| part.split_once(':')?.1.trim().parse().ok()).collect();
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some((next, called, rows)) = waiting.front()
                && next.iter().zip(&reached).all(|(next, reached)| next <= reached)
            {
                let latency = now.duration_since(*called).as_secs_f64() * 1000.0;
                latencies.lock().unwrap_or_else(PoisonError::into_inner).extend((0..*rows).map(|_| latency));
                waiting.pop_front();
            }
        }
        line.clear();
    }
}

fn produce(log: &EmbeddedLog, profile: &Arc<Profile>, seconds: u64, rate: u64, waiting: &Waiting) -> Result<u64> {
    let partitions = log.partitions(Topic::Incidents);
    let mut parser = Parser::new(Arc::clone(profile), partitions);
    parser.set_header(Header::resolve(
        profile,
        &["id", "date", "primary_type", "community_area", "latitude", "longitude"],
    )?);
    let mut ends = vec![0_u64; partitions as usize];
    let mut made = 0_u64;
    let began = Instant::now();
    let pause = Shutdown::new();
    while began.elapsed() < Duration::from_secs(seconds) {
        let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
        let rows = due - made;
        while made < due {
            made += 1;
            let civil = format_civil(CivilMicros(1_700_000_000_000_000 + made as i64 * 1_000_000));
            let fields = [
                made.to_string(),
                civil,
                ["THEFT", "BATTERY", "ROBBERY"][(made % 3) as usize].to_owned(),
                (made % 77 + 1).to_string(),
                format!("{:.6}", 41.7 + (made % 997) as f64 / 4000.0),
                format!("{:.6}", -87.8 + (made % 613) as f64 / 4000.0),
            ];
            let (mut bytes, mut field_ends) = (Vec::new(), Vec::new());
            for field in &fields {
                bytes.extend_from_slice(field.as_bytes());
                field_ends.push(bytes.len());
            }
            let observation = Observation { observed_at: UtcMicros(made as i64), deleted: false, id: None };
            parser.push(&Row::new(&bytes, &field_ends), &observation, UtcMicros(2_000_000_000_000_000))?;
        }
        let mut transaction = Transaction::default();
        for (partition, records) in parser.finish()? {
            ends[partition as usize] += records.num_rows() as u64;
            transaction.appends.push(Append { topic: Topic::Incidents, partition, records });
        }
        if rows > 0 {
            waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back((ends.clone(), Instant::now(), rows));
            log.append(transaction).context("append")?;
        }
        pause.wait_timeout(TICK);
    }
    Ok(made)
}
