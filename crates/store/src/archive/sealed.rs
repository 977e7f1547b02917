//! The files of Delta's own log, sealed: what is put carries a checksum, and what is read is checked before anyone parses it.
//!
//! The protocol fixes the names of these files and leaves no room beside them, so that the checksum lies inside, where every
//! reader of Delta passes over it:
//!
//! ```text
//! N.json              a member of the `commitInfo` line, which is free-form:  {"commitInfo":{"blotter.checksum":"xxh3:…",…
//! _last_checkpoint    a member of the object:                                 {"blotter.checksum":"xxh3:…","version":20,…
//! N.checkpoint….parquet   32 bytes between the last column and the footer, which no offset leads to
//! ```
//!
//! It is the checksum of all other bytes of the file. A file without one is taken as it is: an older version wrote it, or
//! another engine. `_last_checkpoint` is a hint, so that a damaged one is treated as missing; any other damaged file is an
//! error that names it.

use crate::error::Damaged;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart, path::Path,
};
use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

const FOLDER: &str = "_delta_log";
const HINT: &str = "_last_checkpoint";
const COMMIT: &[u8] = b"{\"commitInfo\":{";
const BEFORE: &[u8] = b"\"blotter.checksum\":\"";
const AFTER: &[u8] = b"\",";
/// `xxh3:` and 16 digits.
const CHECKSUM: usize = 21;
/// In front of the checksum in a Parquet file.
const MAGIC: &[u8] = b"BLOTTERSEAL";
const PARQUET_END: &[u8] = b"PAR1";
/// What a seal consists of; a single change leaves one of them.
const TRACES: [&[u8]; 3] = [MAGIC, b"blotter.checksum", b"xxh3:"];

/// See the module. All but the files of Delta's log goes through it as it is.
#[derive(Debug)]
pub(super) struct SealedLog(Arc<dyn ObjectStore>);

impl SealedLog {
    pub(super) fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self(objects)
    }
}

impl fmt::Display for SealedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Whether it is a file that is sealed.
fn is_sealed(path: &Path) -> bool {
    let mut parts = path.parts().rev();
    let name = parts.next();
    let is_of_log = parts.next().is_some_and(|folder| folder.as_ref() == FOLDER);
    is_of_log
        && name.is_some_and(|name| {
            let name = std::path::Path::new(name.as_ref());
            name.ends_with(HINT) || name.extension().is_some_and(|kind| kind == "json" || kind == "parquet")
        })
}

/// Where in the bytes of a file its seal belongs, and how long it is.
fn place(bytes: &[u8]) -> Option<(usize, usize)> {
    if let Some(end) = bytes.strip_suffix(PARQUET_END) {
        let length = u32::from_le_bytes(*end.last_chunk()?) as usize;
        return Some((end.len().checked_sub(4 + length)?, MAGIC.len() + CHECKSUM));
    }
    let at = match find(bytes, COMMIT) {
        Some(at) => at + COMMIT.len(),
        None if bytes.starts_with(b"{\"") => 1,
        None => return None,
    };
    Some((at, BEFORE.len() + CHECKSUM + AFTER.len()))
}

/// The checksum of a file without its seal, which lies at that range.
fn checksum(bytes: &[u8], seal: Range<usize>) -> String {
    let mut blocks = blotter_seal::BlocksBuilder::default();
    blocks.update(&bytes[..seal.start]);
    blocks.update(&bytes[seal.end..]);
    blocks.finish().checksum()
}

fn seal_bytes(bytes: &[u8]) -> Vec<u8> {
    let Some((at, _)) = place(bytes) else { return bytes.to_vec() };
    let found = checksum(bytes, at..at);
    let (before, after): (&[u8], &[u8]) = if bytes.ends_with(PARQUET_END) { (MAGIC, b"") } else { (BEFORE, AFTER) };
    [&bytes[..at], before, found.as_bytes(), after, &bytes[at..]].concat()
}

/// Whether the bytes are those that were put, as far as they show it.
fn is_sound(bytes: &[u8]) -> bool {
    let is_parquet = bytes.ends_with(PARQUET_END);
    let sealed = place(bytes).and_then(|(at, length)| {
        // In a Parquet file the seal lies before the footer.
        let seal = if is_parquet { at.checked_sub(length)?..at } else { at..at.checked_add(length)? };
        let (before, after): (&[u8], &[u8]) = if is_parquet { (MAGIC, b"") } else { (BEFORE, AFTER) };
        let written = bytes.get(seal.clone())?.strip_prefix(before)?.strip_suffix(after)?;
        Some(written == checksum(bytes, seal).as_bytes())
    });
    // Where something of a seal is and not in its place, what is before it was changed, or the seal itself.
    sealed.unwrap_or_else(|| TRACES.iter().all(|trace| find(bytes, trace).is_none()))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

async fn read(store: &dyn ObjectStore, location: &Path, options: GetOptions) -> Result<GetResult> {
    let GetOptions { range, .. } = &options;
    let range = range.clone();
    let found = store.get_opts(location, GetOptions { range: None, ..options }).await?;
    let (meta, attributes) = (found.meta.clone(), found.attributes.clone());
    let bytes = found.bytes().await?;
    if !is_sound(&bytes) {
        let path = location.to_string();
        if location.filename() == Some(HINT) {
            tracing::warn!(
                path,
                "the hint at Delta's newest checkpoint is damaged and left aside: the log is listed instead"
            );
            return Err(Error::NotFound { path, source: "it is damaged".into() });
        }
        let source = Damaged { path, reason: "its checksum does not match".to_owned(), remedy: REMEDY };
        return Err(Error::Generic { store: "archive", source: source.into() });
    }
    let length = bytes.len() as u64;
    let range = match range {
        None => 0..length,
        Some(range) => {
            range.as_range(length).map_err(|source| Error::Generic { store: "archive", source: source.into() })?
        }
    };
    let part = bytes.slice(range.start as usize..range.end as usize);
    let payload = GetResultPayload::Stream(futures::stream::once(async move { Ok(part) }).boxed());
    Ok(GetResult { payload, meta, range, attributes })
}

/// What to do about a damaged file of the archive.
pub(super) const REMEDY: &str = "put it back from a copy, or move the folders `incidents` and `snapshots` out of the store \
     and start again: the archive is written anew from the log";

#[async_trait]
impl ObjectStore for SealedLog {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if !is_sealed(location) {
            return self.0.put_opts(location, payload, options).await;
        }
        self.0.put_opts(location, seal_bytes(&Bytes::from(payload)).into(), options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !is_sealed(location) {
            return self.0.put_multipart_opts(location, options).await;
        }
        let parts = Arc::default();
        Ok(Box::new(CheckpointParts { objects: Arc::clone(&self.0), location: location.clone(), parts }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head || !is_sealed(location) {
            return self.0.get_opts(location, options).await;
        }
        read(&*self.0, location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// The parts of a checkpoint, which is sealed as a whole: some megabytes at most.
#[derive(Debug)]
struct CheckpointParts {
    objects: Arc<dyn ObjectStore>,
    location: Path,
    parts: Arc<Mutex<Vec<u8>>>,
}

#[async_trait]
impl MultipartUpload for CheckpointParts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in &data {
            parts.extend_from_slice(piece);
        }
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let whole = std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
        self.objects.put(&self.location, seal_bytes(&whole).into()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};

    fn parquet() -> Vec<u8> {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn documents() -> Vec<Vec<u8>> {
        vec![
            br#"{"commitInfo":{"timestamp":1,"operation":"WRITE"}}
{"txn":{"appId":"blotter/l/incidents/0","version":12}}"#
                .to_vec(),
            br#"{"add":{"path":"a"}}
{"commitInfo":{"timestamp":1}}"#
                .to_vec(),
            br#"{"version":20,"size":7}"#.to_vec(),
            parquet(),
        ]
    }

    #[test]
    fn every_changed_byte_of_a_sealed_file_is_found() {
        for document in documents() {
            let sealed = seal_bytes(&document);
            assert!(is_sound(&sealed) && sealed.len() > document.len());
            assert!(is_sound(&document), "one without a seal is taken as it is");
            for index in 0..sealed.len() {
                for bit in [0, 3, 5, 7] {
                    let mut damaged = sealed.clone();
                    damaged[index] ^= 1 << bit;
                    assert!(!is_sound(&damaged), "byte {index} of {}, bit {bit}", sealed.len());
                }
            }
        }
    }

    #[test]
    fn a_sealed_file_reads_as_before() {
        for document in &documents()[..3] {
            for line in String::from_utf8(seal_bytes(document)).unwrap().lines() {
                let _json: serde_json::Value = serde_json::from_str(line).unwrap();
            }
        }
        let sealed = Bytes::from(seal_bytes(&parquet()));
        let batches = ParquetRecordBatchReaderBuilder::try_new(sealed).unwrap().build().unwrap();
        assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 3);
    }

    #[test]
    fn only_files_of_the_log_are_sealed() {
        for (path, expect) in [
            ("_delta_log/00000000000000000001.json", true),
            ("store/incidents/_delta_log/00000000000000000020.checkpoint.parquet", true),
            ("_delta_log/_last_checkpoint", true),
            ("year=2017/part-1.zstd.parquet", false),
            ("_delta_log", false),
        ] {
            assert_eq!(is_sealed(&Path::from(path)), expect, "{path}");
        }
    }
}
