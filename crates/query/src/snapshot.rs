//! A local snapshot into the cube.

use crate::LoadError;
use arrow::{
    array::{AsArray, RecordBatch, new_null_array},
    datatypes::{Int32Type, Int64Type, SchemaRef},
};
use blotter_city::Profile;
use blotter_cube::{Cube, Locator};
use blotter_incident::{IncidentBatch, incident_schema};
use blotter_offline::Manifest;
use blotter_runtime::Shutdown;
use blotter_store::ObjectReader;
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::sync_channel},
};

/// The partition of locators that mean a row of the snapshot, where texts are not read from the log.
pub(crate) const IN_SNAPSHOT: u32 = (1 << 20) - 1;

/// What to do about a damaged file of a snapshot.
const REMEDY: &str = "`blotter fetch` brings a sound one";

/// Rows decoded at a time.
const BATCH_ROWS: usize = 16_384;

/// A snapshot in a local directory.
#[derive(Clone, Debug)]
pub(crate) struct LocalSnapshot {
    pub(crate) manifest: Manifest,
    pub(crate) folder: PathBuf,
}

impl LocalSnapshot {
    /// The newest that is complete.
    pub(crate) fn newest(directory: &Path) -> Result<Option<Self>, LoadError> {
        let unreadable = |why: String| LoadError::Snapshot { path: directory.to_owned(), why };
        let Some(manifest) = Manifest::newest_in(directory).map_err(|error| unreadable(error.to_string()))? else {
            return Ok(None);
        };
        let folder = directory.join(manifest.version.to_string());
        Ok(Some(Self { manifest, folder }))
    }

    /// Its files, open and compared with the checksums of the manifest: they stay readable when newer snapshots have taken
    /// its place in the directory, and nothing is read from them that was not written.
    pub(crate) fn open(&self) -> Result<Vec<ObjectReader>, LoadError> {
        let open = |file: &blotter_offline::ManifestFile| {
            let path = self.folder.join(&file.path);
            ObjectReader::open_verified(&path, &file.checksum, REMEDY).map_err(|error| unreadable(&path, &error))
        };
        self.manifest.files.iter().map(open).collect()
    }

    /// The next offsets of each partition.
    pub(crate) fn next_offsets(&self) -> Vec<u64> {
        self.manifest.next_offsets.values().copied().collect()
    }

    /// Its incidents into an empty cube. `texts_in_log`: texts come from the log, else from the snapshot itself.
    /// `shutdown`, triggered, ends it between two batches with a part in the cube.
    pub(crate) fn load(
        &self,
        opened: &[ObjectReader],
        profile: &Profile,
        texts_in_log: bool,
        cube: &mut Cube,
        shutdown: &Shutdown,
    ) -> Result<(), LoadError> {
        cube.reserve(self.manifest.incidents as usize);
        let (schema, mut row) = (snapshot_schema(profile), 0);
        self.each_batch(
            opened,
            profile,
            |name| !UNUSED.contains(&name),
            shutdown,
            |batch| {
                let batch = with_unused(&schema, &batch)?;
                let columns = batch.num_columns();
                let partitions = batch.column(columns - 2).as_primitive::<Int32Type>();
                let offsets = batch.column(columns - 1).as_primitive::<Int64Type>();
                let incidents: Vec<usize> = (0..columns - 2).collect();
                let incidents = batch.project(&incidents)?;
                cube.apply(&IncidentBatch::try_new(&incidents)?, |index| {
                    if texts_in_log {
                        Locator { partition: partitions.value(index) as u32, offset: offsets.value(index) as u64 }
                    } else {
                        Locator { partition: IN_SNAPSHOT, offset: row + index as u64 }
                    }
                });
                row += partitions.len() as u64;
                Ok(())
            },
        )
    }

    /// Some columns of its incidents, batch by batch in the order of time. `shutdown`, triggered, ends it between two batches.
    pub(crate) fn each_batch(
        &self,
        opened: &[ObjectReader],
        profile: &Profile,
        is_used: impl Fn(&str) -> bool + Sync,
        shutdown: &Shutdown,
        mut take: impl FnMut(RecordBatch) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        // One thread decodes, this one builds.
        let (sender, receiver) = sync_channel::<Result<RecordBatch, LoadError>>(4);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let sender = sender;
                for (file, opened) in self.manifest.files.iter().zip(opened) {
                    let (batches, refused) = match batches(opened, &self.folder.join(&file.path), profile, &is_used) {
                        Ok(batches) => (Some(batches), None),
                        Err(error) => (None, Some(Err(error))),
                    };
                    for batch in batches.into_iter().flatten().chain(refused) {
                        let failed = batch.is_err();
                        // A builder that has gone says itself why.
                        if sender.send(batch).is_err() || failed {
                            return;
                        }
                    }
                }
            });
            for batch in receiver {
                if shutdown.is_triggered() {
                    return Ok(());
                }
                take(batch?)?;
            }
            Ok(())
        })
    }
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> LoadError {
    LoadError::Snapshot { path: path.to_owned(), why: error.to_string() }
}

/// The incidents of one file, with their partitions and offsets.
pub(crate) fn reader_options(profile: &Profile) -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_schema(snapshot_schema(profile))
}

fn snapshot_schema(profile: &Profile) -> SchemaRef {
    let mut fields: Vec<_> = incident_schema(profile).fields().iter().map(Arc::clone).collect();
    fields.push(Arc::new(arrow::datatypes::Field::new("partition", arrow::datatypes::DataType::Int32, false)));
    fields.push(Arc::new(arrow::datatypes::Field::new("offset", arrow::datatypes::DataType::Int64, false)));
    Arc::new(arrow::datatypes::Schema::new(fields))
}

/// Columns that the cube does not keep: they are not decoded, and stand empty in their places.
const UNUSED: [&str; 5] = ["case_number", "description", "place", "code", "block"];

/// A batch with all columns of the schema: those that were not read are null.
fn with_unused(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, LoadError> {
    let mut read = batch.columns().iter();
    let columns = schema.fields().iter().filter_map(|field| {
        if UNUSED.contains(&field.name().as_str()) {
            Some(new_null_array(field.data_type(), batch.num_rows()))
        } else {
            read.next().map(Arc::clone)
        }
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

/// Some columns of one file, in the order of the schema.
fn batches<F: Fn(&str) -> bool>(
    file: &ObjectReader,
    path: &Path,
    profile: &Profile,
    is_used: F,
) -> Result<impl Iterator<Item = Result<RecordBatch, LoadError>> + use<F>, LoadError> {
    let unreadable = {
        let path = path.to_owned();
        move |why: String| LoadError::Snapshot { path: path.clone(), why }
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), reader_options(profile))
        .map_err(|error| unreadable(error.to_string()))?;
    let schema = builder.schema();
    let used = (0..schema.fields().len()).filter(|index| is_used(schema.field(*index).name()));
    let columns = ProjectionMask::roots(builder.parquet_schema(), used);
    let reader = builder
        .with_projection(columns)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(reader.map(move |batch| batch.map_err(|error| unreadable(error.to_string()))))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::testing::{CHICAGO, Record, batches, write_snapshot};
    use blotter_cube::Filter;
    use tempfile::{TempDir, tempdir};

    const ROWS: u32 = 5;

    fn profile() -> Profile {
        Profile::from_toml(CHICAGO).unwrap()
    }

    /// A snapshot of incidents a minute apart, with a description each.
    fn written() -> (TempDir, LocalSnapshot) {
        let directory = tempdir().unwrap();
        let record = |id: u32| Record {
            id,
            observed: 1,
            deleted: false,
            second: 1_451_606_400 + i64::from(id) * 60,
            area: 1,
            category: 0,
            point: Some((41.85, -87.65)),
        };
        let records: Vec<_> = (0..ROWS).map(record).collect();
        let rows = batches(&Arc::new(profile()), 1, &records, "of a snapshot").pop().unwrap().1;
        write_snapshot(directory.path(), &profile(), "log-1", 7, &rows, u64::from(ROWS));
        let snapshot = LocalSnapshot::newest(directory.path()).unwrap().unwrap();
        (directory, snapshot)
    }

    fn loaded(snapshot: &LocalSnapshot, texts_in_log: bool, shutdown: &Shutdown) -> Cube {
        let mut cube = Cube::new(&profile());
        let opened = snapshot.open().unwrap();
        snapshot.load(&opened, &profile(), texts_in_log, &mut cube, shutdown).unwrap();
        cube
    }

    #[test]
    fn an_empty_directory_has_no_snapshot() {
        assert!(LocalSnapshot::newest(tempdir().unwrap().path()).unwrap().is_none());
    }

    #[test]
    fn texts_are_found_in_the_log_or_in_the_snapshot() {
        let (_directory, snapshot) = written();
        assert_eq!((snapshot.manifest.version, snapshot.next_offsets()), (7, vec![u64::from(ROWS)]));
        for (texts_in_log, partition) in [(true, 0), (false, IN_SNAPSHOT)] {
            let cube = loaded(&snapshot, texts_in_log, &Shutdown::new());
            assert_eq!(cube.incident_totals().total, u64::from(ROWS));
            let page = cube.newest(&Filter::default(), 100, None);
            let places: Vec<_> = page.incidents.iter().rev().map(|row| row.text).collect();
            let expect: Vec<_> = (0..u64::from(ROWS)).map(|offset| Locator { partition, offset }).collect();
            assert_eq!(places, expect);
        }
    }

    #[test]
    fn columns_that_are_not_used_are_not_decoded() {
        let (_directory, snapshot) = written();
        let mut names = Vec::new();
        let take = |batch: RecordBatch| {
            names = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
            Ok(())
        };
        let is_used = |name: &str| ["id", "category"].contains(&name);
        snapshot.each_batch(&snapshot.open().unwrap(), &profile(), is_used, &Shutdown::new(), take).unwrap();
        assert_eq!(names, ["id", "category"]);
    }

    #[test]
    fn a_shutdown_ends_a_load() {
        let (_directory, snapshot) = written();
        let shutdown = Shutdown::new();
        shutdown.trigger();
        assert_eq!(loaded(&snapshot, true, &shutdown).incident_totals().total, 0);
    }

    #[test]
    fn a_damaged_file_is_refused_with_its_path_and_the_remedy() {
        let (_directory, snapshot) = written();
        let path = snapshot.folder.join(&snapshot.manifest.files[0].path);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = snapshot.open().err().unwrap().to_string();
        assert!(error.contains(&path.display().to_string()) && error.contains(REMEDY), "{error}");
        std::fs::remove_file(&path).unwrap();
        let error = snapshot.open().err().unwrap().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}
