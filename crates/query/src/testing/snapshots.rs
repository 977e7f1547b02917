//! Snapshots in a local directory, as `fetch` leaves them.

use arrow::{
    array::{ArrayRef, Int32Array, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use blotter_city::Profile;
use blotter_offline::{Manifest, ManifestFile};
use parquet::arrow::ArrowWriter;
use serde_json::json;
use std::{path::Path, sync::Arc};

/// Writes a snapshot of one partition's rows, which are sorted by time, and leads the pointer to it. The rows lie in the log
/// from offset 0 on, and it reflects the log up to `next`.
pub fn write_snapshot(directory: &Path, profile: &Profile, log_id: &str, version: u64, rows: &RecordBatch, next: u64) {
    let folder = directory.join(version.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let count = rows.num_rows();
    let mut fields: Vec<_> = rows.schema().fields().iter().map(Arc::clone).collect();
    fields.push(Arc::new(Field::new("partition", DataType::Int32, false)));
    fields.push(Arc::new(Field::new("offset", DataType::Int64, false)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int32Array::from(vec![0; count])) as ArrayRef);
    columns.push(Arc::new(Int64Array::from_iter_values(0..count as i64)));
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    let bytes = writer.into_inner().unwrap();
    std::fs::write(folder.join("part-00000.parquet"), &bytes).unwrap();
    let file = ManifestFile {
        path: "part-00000.parquet".to_owned(),
        rows: count as u64,
        bytes: bytes.len() as u64,
        checksum: format!("xxh3:{:016x}", xxhash_rust::xxh3::xxh3_64(&bytes)),
        version: None,
    };
    let manifest = Manifest {
        format: 2,
        version,
        table_version: version,
        log_id: log_id.to_owned(),
        city: profile.slug.clone(),
        rows: count as u64,
        incidents: count as u64,
        data_as_of: None,
        earliest: None,
        ingested_as_of: None,
        as_of: None,
        next_offsets: [(0, next)].into(),
        engine: None,
        files: vec![file],
    };
    std::fs::write(folder.join("manifest.json"), blotter_seal::to_sealed_json(&manifest)).unwrap();
    point(directory, version);
}

/// Leads the pointer to a version, in one step.
fn point(directory: &Path, version: u64) {
    let pointer = json!({ "version": version, "path": version.to_string() }).to_string();
    std::fs::write(directory.join("latest.new"), pointer).unwrap();
    std::fs::rename(directory.join("latest.new"), directory.join("latest.json")).unwrap();
}
