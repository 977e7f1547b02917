//! What tests of several crates share.

use std::{env, fs::OpenOptions, io::Write, path::Path, thread};

/// The variable that names a file for the tests that skip: `cargo test` hides what a test prints that passes.
const LIST: &str = "BLOTTER_TEST_SKIPPED";

/// Says why the test that runs now does not check what it could.
pub fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
    let Some(path) = env::var_os(LIST) else { return };
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let written = OpenOptions::new().append(true).create(true).open(Path::new(&path));
    // One write: tests run beside each other.
    if let Err(error) = written.and_then(|mut file| file.write_all(format!("{reason}\t{test}\n").as_bytes())) {
        eprintln!("{LIST}: {error}");
    }
}
