//! An object as Parquet's reader wants it: its length, and any range of its bytes.

use crate::{
    error::{Damaged, Result, StoreError},
    store::Store,
};
use blotter_seal::{Blocks, BlocksBuilder};
use bytes::{Buf, Bytes, buf::Reader};
use object_store::{ObjectStoreExt, path::Path};
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::{
    error::Error,
    fmt,
    fs::File,
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};

/// Objects whose blocks are remembered, some kilobytes each.
const MOST_VERIFIED: usize = 4096;
/// Bytes that a stream asks a remote store for at a time.
const STREAM_BYTES: usize = 1 << 20;

/// One object, open for reading. A file is read through the page cache, a remote object by ranges. Where the checksums of its
/// blocks are known, nothing is handed out that does not have them.
#[derive(Clone, Debug)]
pub struct ObjectReader {
    source: Source,
    verified: Option<VerifiedFile>,
    /// Why the store could not be read last.
    failed: Arc<Mutex<Option<Unread>>>,
}

/// Arrow's reader keeps only the words of an error, so that the reader keeps the error itself.
#[derive(Clone, Debug)]
struct Unread(Arc<object_store::Error>);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unread {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // `StoreError::is_retryable_cause` looks for the error itself, not for an `Arc` of it.
        Some(&*self.0)
    }
}

#[derive(Clone, Debug)]
struct VerifiedFile {
    blocks: Arc<Blocks>,
    /// For people.
    path: Arc<str>,
    remedy: &'static str,
}

/// Bytes that are read at a time to find out the checksums.
const VERIFY_BYTES: u64 = 4 << 20;

#[derive(Clone, Debug)]
enum Source {
    File { file: Arc<File>, length: u64 },
    Remote { store: Store, path: Path, length: u64 },
}

impl Store {
    /// An object as a Parquet reader wants it: any range, when it asks for it.
    pub fn reader(&self, path: &str) -> Result<ObjectReader> {
        match self.local_path(path) {
            Some(file) => ObjectReader::open_file(&file, path),
            None => ObjectReader::open_remote(self.clone(), path),
        }
    }

    /// [`Store::reader`] of an object that never changes: nothing is read that is not of an object with that checksum, as
    /// [`blotter_seal::checksum`] writes it. The object is read as a whole once a process; then each range is checked.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], with `remedy`.
    pub fn verified(&self, path: &str, checksum: &str, remedy: &'static str) -> Result<ObjectReader> {
        let reader = self.reader(path)?;
        let key = (path.to_owned(), checksum.to_owned());
        let known = self.found_sound().lock().unwrap_or_else(PoisonError::into_inner).get(&key).map(Arc::clone);
        let blocks = match known {
            Some(blocks) => blocks,
            None => Arc::new(reader.blocks()?),
        };
        let reader = reader.verified(Arc::clone(&blocks), checksum, &self.shown(path), remedy)?;
        let mut verified = self.found_sound().lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= MOST_VERIFIED {
            verified.clear();
        }
        verified.insert(key, blocks);
        Ok(reader)
    }
}

impl ObjectReader {
    pub(crate) fn open_file(file: &std::path::Path, path: &str) -> Result<Self> {
        let open = File::open(file).and_then(|file| Ok((file.metadata()?.len(), file)));
        match open {
            Ok((length, file)) => Ok(Self {
                source: Source::File { file: Arc::new(file), length },
                verified: None,
                failed: Arc::default(),
            }),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                Err(object_store::Error::NotFound { path: path.to_owned(), source: source.into() }.into())
            }
            Err(source) => {
                Err(StoreError::Object(object_store::Error::Generic { store: "local store", source: source.into() }))
            }
        }
    }

    pub(crate) fn open_remote(store: Store, path: &str) -> Result<Self> {
        let path = Path::parse(path)?;
        let length = store.block_on(store.objects().head(&path))?.size;
        Ok(Self { source: Source::Remote { store, path, length }, verified: None, failed: Arc::default() })
    }

    /// A file of this machine, read as a whole once and compared with its checksum, as [`blotter_seal::checksum`] writes it.
    pub fn open_verified(file: &std::path::Path, checksum: &str, remedy: &'static str) -> Result<Self> {
        let path = file.display().to_string();
        let reader = Self::open_file(file, &path)?;
        let blocks = Arc::new(reader.blocks()?);
        reader.verified(blocks, checksum, &path, remedy)
    }

    /// The failure of the store behind an error whose reader kept only its words.
    pub fn failure(&self) -> Option<ParquetError> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map(|unread| ParquetError::External(unread.into()))
    }

    /// The checksums of its blocks as they are now.
    pub(crate) fn blocks(&self) -> Result<Blocks> {
        let mut builder = BlocksBuilder::default();
        let mut at = 0;
        while at < self.len() {
            let length = VERIFY_BYTES.min(self.len() - at);
            builder.update(&self.raw(at, length as usize)?);
            at += length;
        }
        Ok(builder.finish())
    }

    /// From here on nothing is handed out that is not of a file with that checksum.
    pub(crate) fn verified(
        self,
        blocks: Arc<Blocks>,
        checksum: &str,
        path: &str,
        remedy: &'static str,
    ) -> Result<Self> {
        let found = blocks.checksum();
        if found != checksum || blocks.length() != self.len() {
            let reason = format!("checksum {found} of {} bytes where {checksum} was written", self.len());
            return Err(Damaged { path: path.to_owned(), reason, remedy }.into());
        }
        Ok(Self { verified: Some(VerifiedFile { blocks, path: path.into(), remedy }), ..self })
    }

    fn raw(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        match &self.source {
            Source::File { file, .. } => {
                let mut bytes = vec![0; length];
                // Not by the file's position, which all readers of it share.
                std::os::unix::fs::FileExt::read_exact_at(&**file, &mut bytes, start)?;
                Ok(bytes.into())
            }
            Source::Remote { .. } if length == 0 => Ok(Bytes::new()),
            Source::Remote { store, path, .. } => {
                let range = start..start + length as u64;
                let bytes = store.block_on(store.objects().get_range(path, range)).map_err(|error| {
                    let unread = Unread(Arc::new(error));
                    *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(unread.clone());
                    ParquetError::External(unread.into())
                })?;
                if bytes.len() < length {
                    return Err(ParquetError::EOF(format!("`{path}` ends before byte {}", start + length as u64)));
                }
                Ok(bytes)
            }
        }
    }
}

impl Length for ObjectReader {
    fn len(&self) -> u64 {
        match &self.source {
            Source::File { length, .. } | Source::Remote { length, .. } => *length,
        }
    }
}

impl ChunkReader for ObjectReader {
    type T = ObjectStream;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(ObjectStream { object: self.clone(), at: start, buffered: Bytes::new().reader() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let Some(VerifiedFile { blocks, path, remedy }) = &self.verified else { return self.raw(start, length) };
        let end = start.saturating_add(length as u64);
        if end > self.len() {
            return Err(ParquetError::EOF(format!("`{path}` ends before byte {end}")));
        }
        let around = blocks.around(start, length as u64);
        let bytes = self.raw(around.start, (around.end - around.start) as usize)?;
        if !blocks.are(around.start, &bytes) {
            let reason = format!("bytes {} to {} have changed since it was opened", around.start, around.end);
            let damaged = Damaged { path: path.to_string(), reason, remedy };
            return Err(ParquetError::External(damaged.into()));
        }
        let from = (start - around.start) as usize;
        Ok(bytes.slice(from..from + length))
    }
}

/// The bytes of an object from some position on.
pub struct ObjectStream {
    object: ObjectReader,
    at: u64,
    buffered: Reader<Bytes>,
}

impl Read for ObjectStream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if !self.buffered.get_ref().has_remaining() {
            let left = self.object.len().saturating_sub(self.at);
            let length = STREAM_BYTES.min(usize::try_from(left).unwrap_or(STREAM_BYTES));
            if length == 0 {
                return Ok(0);
            }
            let bytes = self.object.get_bytes(self.at, length).map_err(std::io::Error::other)?;
            self.at += bytes.len() as u64;
            self.buffered = bytes.reader();
        }
        self.buffered.read(buffer)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_away_while_a_file_is_read_is_found_behind_what_arrow_says() {
        let away = || object_store::Error::Generic { store: "S3", source: "no answer".into() };
        let unread = ParquetError::External(Unread(Arc::new(away())).into());
        assert!(StoreError::is_retryable_cause(&unread));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        std::fs::write(&path, b"x").unwrap();
        let reader = ObjectReader::open_file(&path, "part").unwrap();
        assert!(reader.failure().is_none());
        *reader.clone().failed.lock().unwrap() = Some(Unread(Arc::new(away())));
        assert!(StoreError::is_retryable_cause(&reader.failure().unwrap()), "clones share what failed");
        assert!(reader.failure().is_none(), "a failure is handed out once");
    }

    /// Issue 12, 4.2: before it is opened and after, nothing is handed out that was not written.
    #[test]
    fn a_verified_file_hands_out_nothing_that_was_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part-00000.parquet");
        let sound: Vec<u8> = (0..200_000_u32).map(|index| (index * 31 % 251) as u8).collect();
        let checksum = blotter_seal::checksum(&sound);
        std::fs::write(&path, &sound).unwrap();
        let reader = ObjectReader::open_verified(&path, &checksum, "fetch it again").unwrap();
        assert_eq!(reader.get_bytes(70_000, 100).unwrap(), sound[70_000..70_100]);
        let mut streamed = Vec::new();
        reader.get_read(5).unwrap().read_to_end(&mut streamed).unwrap();
        assert_eq!(streamed, sound[5..]);

        let mut flipped = sound.clone();
        flipped[70_050] ^= 4;
        std::fs::write(&path, &flipped).unwrap();
        let named = |error: String| {
            assert!(error.contains("part-00000.parquet") && error.contains("fetch it again"), "{error}");
        };
        named(reader.get_bytes(70_000, 100).unwrap_err().to_string());
        assert_eq!(reader.get_bytes(0, 100).unwrap(), sound[..100], "another block is as it was");
        let error = ObjectReader::open_verified(&path, &checksum, "fetch it again").unwrap_err();
        assert!(error.is_damage() && !error.is_retryable());
        named(error.to_string());
    }
}
