//! A disk without room: nothing is lost, and writing goes on when there is room again.

use crate::support::{TestResult, append_to, read_all, small};
use blotter_log::{EmbeddedLog, EmbeddedOptions, Log, LogError, Offset, Topic};
use std::{
    fs, io,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::{TempDir, tempdir};

static FREE: AtomicU64 = AtomicU64::new(u64::MAX);

#[expect(clippy::unnecessary_wraps, reason = "as the system's own")]
fn said(_path: &Path) -> io::Result<u64> {
    Ok(FREE.load(Ordering::SeqCst))
}

/// Issue 12, 4.8.
#[test]
fn a_write_that_the_disk_has_no_room_for_is_refused_and_tried_again_later() -> TestResult {
    let directory = tempdir()?;
    let log = EmbeddedLog::open(directory.path(), EmbeddedOptions { free_bytes: said, ..small() })?;
    log.append(append_to(Topic::Incidents, 0, 0..3))?;
    FREE.store(1000, Ordering::SeqCst);
    let error = log.append(append_to(Topic::Incidents, 0, 3..6)).expect_err("no room");
    assert!(matches!(error, LogError::Full { free: 1000, .. }) && error.is_retryable(), "{error}");
    let text = error.to_string();
    assert!(text.contains("1000") && text.contains(&directory.path().display().to_string()), "{text}");
    assert_eq!(read_all(&log, Topic::Incidents, 0, Offset(0))?, [0, 1, 2], "what is known is still read");
    FREE.store(u64::MAX, Ordering::SeqCst);
    log.append(append_to(Topic::Incidents, 0, 3..6))?;
    assert_eq!(read_all(&log, Topic::Incidents, 0, Offset(0))?, (0..6).collect::<Vec<_>>());
    Ok(())
}

/// A small file system of its own; nothing where this user may not mount one.
struct Small(TempDir);

impl Small {
    fn mount(megabytes: u32) -> io::Result<Option<Self>> {
        let directory = tempdir()?;
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(directory.path()).output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Ok(Some(Self(directory)));
        }
        blotter_testing::skipped("no small file system can be mounted here: run as root");
        Ok(None)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _left = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Without the reserve, writes fail in the middle of fjall's own: the log is opened again and has all that was acknowledged.
#[test]
fn a_log_whose_write_failed_is_opened_again_with_all_that_was_acknowledged() -> TestResult {
    let Some(disk) = Small::mount(24)? else { return Ok(()) };
    let ballast = disk.0.path().join("ballast");
    let options = EmbeddedOptions { reserve_bytes: 0, ..small() };
    let log = EmbeddedLog::open(disk.0.path().join("log"), options.clone())?;
    let mut acknowledged = 0;
    for round in 0..3 {
        log.append(append_to(Topic::Incidents, 0, acknowledged..acknowledged + 1000))?;
        acknowledged += 1000;
        let mut all = vec![7_u8; 32 << 20];
        // As much as goes in.
        while fs::write(&ballast, &all).is_err() && !all.is_empty() {
            all.truncate(all.len().saturating_sub(256 << 10));
        }
        let error = loop {
            match log.append(append_to(Topic::Incidents, 0, acknowledged..acknowledged + 1000)) {
                Ok(_) => acknowledged += 1000,
                Err(error) => break error,
            }
        };
        assert!(error.is_retryable(), "round {round}: {error}");
        fs::remove_file(&ballast)?;
        // The failed write may have reached the disk: what it was is there once or not at all.
        log.append(append_to(Topic::Counts, 0, 0..1))?;
        let records = read_all(&log, Topic::Incidents, 0, Offset(0))?;
        assert!(records.len() as i64 == acknowledged || records.len() as i64 == acknowledged + 1000);
        assert_eq!(records, (0..records.len() as i64).collect::<Vec<_>>(), "round {round}");
        acknowledged = records.len() as i64;
    }
    log.close()?;
    let log = EmbeddedLog::open(disk.0.path().join("log"), options)?;
    assert_eq!(read_all(&log, Topic::Incidents, 0, Offset(0))?, (0..acknowledged).collect::<Vec<_>>());
    Ok(())
}
