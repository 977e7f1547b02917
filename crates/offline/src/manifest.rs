//! What a snapshot says of itself, and the pointer to the newest.
//!
//! `snapshots/<version>/manifest.json`:
//! ```json
//! {"format":2,"version":7,"table_version":7,"log_id":"…","city":"chicago","rows":3,"incidents":2,
//!  "data_as_of":"2017-12-31T23:55:00Z","ingested_as_of":"2026-01-01T00:00:00Z","as_of":null,
//!  "next_offsets":{"0":2,"1":1},
//!  "files":[{"path":"part-5-00000.parquet","rows":2,"bytes":4711,"checksum":"xxh3:0123456789abcdef","version":5},
//!           {"path":"part-7-00001.parquet","rows":1,"bytes":815,"checksum":"xxh3:fedcba9876543210"}],
//!  "checksum":"xxh3:0123456789abcdef"}
//! ```
//! A file with a `version` lies in the folder of that earlier snapshot, which had it too.
//! `snapshots/latest.json`: `{"version":7,"path":"7","checksum":"xxh3:0123456789abcdef"}`, the path relative to its folder.
//!
//! Both are sealed ([`blotter_seal`]): a changed byte makes them damaged, never another manifest. Format 1 had neither seals
//! nor files of earlier snapshots, and is still read.

use crate::error::{OfflineError, Result};
use blotter_seal::{Seal, seal_of};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, path::Path};

/// The format that this version writes. It reads format 1 too, which has no seal.
pub(crate) const FORMAT: u32 = 2;

/// The pointer's name.
pub(crate) const POINTER: &str = "latest.json";

/// The manifest's name.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The folder of the snapshots in the store.
pub(crate) const FOLDER: &str = "snapshots";

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of manifest and files.
    pub format: u32,
    /// The snapshot's version: that of the table.
    pub version: u64,
    /// The version of the table that it was taken from.
    pub table_version: u64,
    /// The log whose offsets it names.
    pub log_id: String,
    /// The city's slug.
    pub city: String,
    /// Winning revisions, deletions included.
    pub rows: u64,
    /// Winning revisions that are not deletions.
    pub incidents: u64,
    /// The data's clock: the greatest `occurred_at_utc` among all records, RFC 3339; none without records.
    pub data_as_of: Option<String>,
    /// The least of them.
    #[serde(default)]
    pub earliest: Option<String>,
    /// The greatest `ingested_at`.
    pub ingested_as_of: Option<String>,
    /// The ingest time as at which it was taken, where it is not of all that the table holds.
    #[serde(default)]
    pub as_of: Option<String>,
    /// What it reflects: the next offset of each partition.
    pub next_offsets: BTreeMap<u32, u64>,
    /// Who made it, where that was not this program alone: `spark 4.1.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Its files, in the order of time.
    pub files: Vec<ManifestFile>,
}

/// One file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name in the snapshot's folder.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Size.
    pub bytes: u64,
    /// `xxh3:` and 16 hexadecimal digits of the 64-bit hash of its bytes.
    pub checksum: String,
    /// The earlier snapshot in whose folder of the store it lies; none: this one's. A local directory has all files of a
    /// snapshot in one folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Where the newest snapshot is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// Its version.
    pub version: u64,
    /// Its folder, relative to the pointer's.
    pub path: String,
}

impl Manifest {
    /// Reads a manifest that lies at `path`.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let manifest: Self = parse(path, "manifest", bytes)?;
        if !(1..=FORMAT).contains(&manifest.format) {
            return Err(malformed(
                path,
                "manifest",
                format!("format {}, and this version reads 1 to {FORMAT}", manifest.format),
            ));
        }
        if manifest.format > 1 && seal_of(bytes) == Seal::Absent {
            return Err(damaged(path, "its checksum is missing"));
        }
        match manifest.files.iter().find(|file| !is_name(&file.path)) {
            Some(file) => Err(malformed(path, "manifest", format!("`{}` is not a file name", file.path))),
            None => Ok(manifest),
        }
    }

    /// The newest snapshot of a local directory, as [`crate::fetch`] leaves it; none where there is none.
    pub fn newest_in(directory: &Path) -> Result<Option<Self>> {
        let Some(pointer) = Pointer::read_in(directory)? else { return Ok(None) };
        let path = directory.join(&pointer.path).join(MANIFEST);
        let bytes = std::fs::read(&path).map_err(OfflineError::local(&path))?;
        Self::parse(&path.display().to_string(), &bytes).map(Some)
    }
}

impl Pointer {
    /// Reads a pointer that lies at `path`.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self> {
        let pointer: Self = parse(path, "pointer", bytes)?;
        if is_name(&pointer.path) {
            Ok(pointer)
        } else {
            Err(malformed(path, "pointer", format!("`{}` is not a folder name", pointer.path)))
        }
    }

    pub(crate) fn read_in(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(POINTER);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&path.display().to_string(), &bytes).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OfflineError::local(&path)(error)),
        }
    }
}

/// A name without folders: nothing read from elsewhere may lead out of its directory.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

/// JSON as it lies in the store.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    blotter_seal::to_sealed_json(value)
}

pub(crate) fn checksum(bytes: &[u8]) -> String {
    blotter_seal::checksum(bytes)
}

fn parse<T: DeserializeOwned>(path: &str, what: &'static str, bytes: &[u8]) -> Result<T> {
    if seal_of(bytes) == Seal::Broken {
        return Err(damaged(path, "its checksum does not match"));
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(path, what, error.to_string()))
}

fn damaged(path: &str, reason: &str) -> OfflineError {
    OfflineError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

fn malformed(path: &str, what: &'static str, reason: String) -> OfflineError {
    OfflineError::Malformed { path: path.to_owned(), what, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_nowhere_else() {
        let check =
            |json: &str, expect: Result<&str, &str>| match (Pointer::parse("latest.json", json.as_bytes()), expect) {
                (Ok(pointer), Ok(path)) => assert_eq!(pointer.path, path),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{found:?}"),
            };
        check(r#"{"version":7,"path":"7"}"#, Ok("7"));
        check(r#"{"version":7,"path":"../7"}"#, Err("not a folder name"));
        check(r#"{"version":7,"path":"/etc"}"#, Err("not a folder name"));
        check(r#"{"version":7,"path":".."}"#, Err("not a folder name"));
        check(r#"{"version":7"#, Err("not a pointer that this version reads"));
    }

    /// Issue 12, 4.2.
    #[test]
    fn a_flipped_byte_makes_no_other_manifest_and_no_other_pointer() {
        let manifest = Manifest {
            format: FORMAT,
            version: 17,
            table_version: 17,
            log_id: "l".into(),
            city: "c".into(),
            rows: 3,
            incidents: 2,
            data_as_of: Some("2017-12-31T23:55:00Z".into()),
            earliest: None,
            ingested_as_of: None,
            as_of: None,
            next_offsets: BTreeMap::from([(0, 2), (1, 1)]),
            engine: None,
            files: Vec::new(),
        };
        let (whole, pointer) = (to_json(&manifest), to_json(&Pointer { version: 17, path: "17".into() }));
        assert_eq!(Manifest::parse("m", &whole).expect("its own JSON"), manifest);
        for (document, is_manifest) in [(&whole, true), (&pointer, false)] {
            for index in 0..document.len() {
                for bit in 0..8 {
                    let mut flipped = document.clone();
                    flipped[index] ^= 1 << bit;
                    let error = if is_manifest {
                        Manifest::parse("m", &flipped).err()
                    } else {
                        Pointer::parse("m", &flipped).err()
                    };
                    assert!(error.is_some(), "byte {index}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn another_format_is_refused() {
        let json = r#"{"format":3,"version":1,"table_version":1,"log_id":"l","city":"c","rows":0,"incidents":0,
            "data_as_of":null,"ingested_as_of":null,"next_offsets":{},"files":[]}"#;
        let error = Manifest::parse("m", json.as_bytes()).expect_err("format 3");
        assert!(error.to_string().contains("format 3"), "{error}");
        let manifest = Manifest::parse("m", json.replace("\"format\":3", "\"format\":1").as_bytes()).expect("format 1");
        assert_eq!(Manifest::parse("m", &to_json(&manifest)).expect("its own JSON"), manifest);
    }
}
