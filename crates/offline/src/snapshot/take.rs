//! Taking a snapshot.

#[cfg(feature = "spark")]
use super::spark;
use super::{Engine, SnapshotConfig, SnapshotParts, facts::Facts, gather, publish, slices, winners};
use crate::{
    error::{OfflineError, Result},
    manifest::{FORMAT, Manifest},
    rows::Rows,
};
use blotter_city::format_utc;
use blotter_store::{ArchiveTable, Store};
use std::time::Instant;

/// What came of taking a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is no archive yet.
    NoArchive,
    /// The newest snapshot already has every record of the table.
    Unchanged(Manifest),
    /// A new one.
    Written(Manifest),
}

/// The newest snapshot, where its pointer and its manifest are sound.
fn sound_newest(store: &Store) -> Result<Option<Manifest>> {
    match publish::newest(store) {
        Err(error @ OfflineError::Damaged { .. }) => {
            tracing::warn!(%error, "a new snapshot is taken");
            Ok(None)
        }
        newest => newest,
    }
}

/// Takes a snapshot of the table's newest version, unless the newest snapshot has all of it.
pub fn take(config: &SnapshotConfig, parts: &SnapshotParts) -> Result<Outcome> {
    let started = Instant::now();
    let Some(table) = ArchiveTable::open_existing(&parts.store, &parts.profile)? else {
        return Ok(Outcome::NoArchive);
    };
    let next_offsets: Vec<u64> = table.next_offsets().to_vec();
    let newest = if config.as_of.is_none() { sound_newest(&parts.store)? } else { None };
    let newest = newest.filter(|newest| newest.log_id == table.log_id());
    if let Some(newest) = &newest
        && newest.next_offsets.values().eq(&next_offsets)
    {
        match publish::damage(&parts.store, newest)? {
            None => return Ok(Outcome::Unchanged(newest.clone())),
            Some(error) => tracing::warn!(%error, version = newest.version, "the snapshot is taken again"),
        }
    }
    let folder = publish::folder(table.version(), config.as_of);
    let clock = parts.profile.clock();
    let mut written = gather::SnapshotFiles::new(&folder, table.version(), newest.as_ref());
    let place = gather::Destination {
        profile: &parts.profile,
        clock: &clock,
        store: &parts.store,
        file_rows: config.file_rows,
        stop: &config.stop,
    };
    let (found, engine) = match &config.engine {
        Engine::Embedded => (embedded(config, &table, &place, &mut written)?, None),
        #[cfg(feature = "spark")]
        Engine::Spark(address) => {
            let (found, version) = spark::write(address, config, &table, &place, &mut written)?;
            (found, Some(format!("spark {version}")))
        }
    };
    let next_offsets = if config.as_of.is_some() { found.next_offsets(next_offsets.len()) } else { next_offsets };
    let manifest = Manifest {
        format: FORMAT,
        version: table.version(),
        table_version: table.version(),
        log_id: table.log_id().to_owned(),
        city: parts.profile.slug.clone(),
        rows: written.rows,
        incidents: written.incidents,
        data_as_of: found.greatest_occurred_at.map(format_utc),
        earliest: found.least_occurred_at.map(format_utc),
        ingested_as_of: found.greatest_ingested_at.map(format_utc),
        as_of: config.as_of.map(format_utc),
        next_offsets: (0..).zip(next_offsets).collect(),
        engine,
        files: written.files,
    };
    publish::manifest(&parts.store, &folder, &manifest)?;
    if config.as_of.is_none() {
        publish::point(&parts.store, manifest.version)?;
        publish::remove_old(&parts.store, config.keep)?;
    }
    tracing::info!(
        version = manifest.version,
        rows = manifest.rows,
        files = manifest.files.len(),
        referred_to = written.referred_to,
        took_ms = started.elapsed().as_millis() as u64,
        "snapshot taken"
    );
    Ok(Outcome::Written(manifest))
}

fn embedded(
    config: &SnapshotConfig,
    table: &ArchiveTable,
    place: &gather::Destination<'_>,
    written: &mut gather::SnapshotFiles,
) -> Result<Facts> {
    let rows = Rows::open(table, &config.stop)?;
    let (found, winners) = winners::find(table, &rows, config.as_of)?;
    for slice in &slices::cut(&found.hours, place.clock, config.slice_rows) {
        gather::write(table, &rows, &winners, slice, place, written)?;
    }
    Ok(found)
}
