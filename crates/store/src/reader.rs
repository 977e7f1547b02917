//! An object as Parquet's reader wants it: its length, and any range of its bytes.

use crate::{
    error::{Result, StoreError},
    store::Store,
};
use bytes::{Buf, Bytes, buf::Reader};
use object_store::{ObjectStoreExt, path::Path};
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::{fs::File, io::Read, sync::Arc};

/// Bytes that a stream asks a remote store for at a time.
const STREAM_BYTES: usize = 1 << 20;

/// One object, open for reading. A file is read through the page cache, a remote object by ranges.
#[derive(Clone, Debug)]
pub struct ObjectReader(Source);

#[derive(Clone, Debug)]
enum Source {
    File { file: Arc<File>, length: u64 },
    Remote { store: Store, path: Path, length: u64 },
}

impl ObjectReader {
    pub(crate) fn open_file(file: &std::path::Path, path: &str) -> Result<Self> {
        let open = File::open(file).and_then(|file| Ok((file.metadata()?.len(), file)));
        match open {
            Ok((length, file)) => Ok(Self(Source::File { file: Arc::new(file), length })),
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
        Ok(Self(Source::Remote { store, path, length }))
    }
}

impl Length for ObjectReader {
    fn len(&self) -> u64 {
        match &self.0 {
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
        match &self.0 {
            Source::File { file, .. } => Ok(ChunkReader::get_bytes(&**file, start, length)?),
            Source::Remote { .. } if length == 0 => Ok(Bytes::new()),
            Source::Remote { store, path, .. } => {
                let range = start..start + length as u64;
                let bytes = store
                    .block_on(store.objects().get_range(path, range))
                    .map_err(|error| ParquetError::External(error.into()))?;
                if bytes.len() < length {
                    return Err(ParquetError::EOF(format!("`{path}` ends before byte {}", start + length as u64)));
                }
                Ok(bytes)
            }
        }
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
