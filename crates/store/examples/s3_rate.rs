//! Bytes a second of large objects and the time of a small conditional put, one caller, against the server that
//! the environment names: `python3 e2e/services --with s3 -- cargo run --release -p blotter-store --example s3_rate`

use blotter_store::Store;
use std::{
    error::Error,
    io::Write,
    time::{Duration, Instant},
};

const OBJECTS: usize = 12;
const BYTES: usize = 64 << 20;
const PUTS: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("BLOTTER_TEST_S3_URL")? + "/rate";
    let store = Store::open_with(&url, &|name| {
        let name = match name {
            "AWS_ENDPOINT_URL" => "BLOTTER_TEST_S3_ENDPOINT".to_owned(),
            other => other.replace("AWS_", "BLOTTER_TEST_S3_"),
        };
        std::env::var(name).ok()
    })?;
    let bytes: bytes::Bytes =
        (0..BYTES as u64 / 8).flat_map(|word| (word.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_le_bytes()).collect();
    let rate = |took: Duration| (OBJECTS * BYTES) as f64 / took.as_secs_f64() / f64::from(1 << 20);
    let started = Instant::now();
    for object in 0..OBJECTS {
        store.put(&format!("large/{object}"), bytes.clone())?;
    }
    let put = rate(started.elapsed());
    let started = Instant::now();
    for object in 0..OBJECTS {
        store.get(&format!("large/{object}"))?.ok_or("it is there")?;
    }
    let get = rate(started.elapsed());
    let (_, absent) = store.get_versioned("none")?;
    let mut created =
        times(|number| store.replace(&format!("small/{number}"), vec![b'x'; 2_000], absent.clone()).map(drop))?;
    let mut replaced = Vec::new();
    for number in 0..PUTS {
        let (_, read) = store.get_versioned("small/0")?;
        let started = Instant::now();
        store.replace("small/0", format!("{number}"), read)?;
        replaced.push(started.elapsed());
    }
    created.sort();
    replaced.sort();
    store.delete_folder("")?;
    writeln!(
        std::io::stdout(),
        "{} MiB objects: put {put:.0} MiB/s, get {get:.0} MiB/s\ncreate of 2 kB: p50 {:?}, p99 {:?}\nreplace: p50 {:?}, p99 {:?}",
        BYTES >> 20,
        created[PUTS / 2],
        created[PUTS * 99 / 100],
        replaced[PUTS / 2],
        replaced[PUTS * 99 / 100],
    )?;
    Ok(())
}

fn times(call: impl Fn(usize) -> blotter_store::Result<()>) -> blotter_store::Result<Vec<Duration>> {
    (0..PUTS)
        .map(|number| {
            let started = Instant::now();
            call(number)?;
            Ok(started.elapsed())
        })
        .collect()
}
