//! A file whose records can be read in any order: a plain file itself, or a decompressed copy.

use crate::{
    Location, SourceError,
    input::{Compression, DamagedInput, Identity, Input, fault_of},
};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use tempfile::TempPath;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Bytes that are read around a record: its neighbours in time often are its neighbours in the file.
const WINDOW: u64 = 64 * 1024;

/// The end of a copy's name: `<source>-<identity>-<checksum of its bytes>.copy`.
const COPY: &str = ".copy";

/// A file that is read in any order.
pub(super) struct Spool {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    /// When the source changed last, in microseconds.
    pub(super) modified: Option<i64>,
    /// How the source breaks off, if it does.
    pub(super) damage: Option<DamagedInput>,
    file: File,
    /// Of the file that is read, when it was opened.
    state: (u64, Option<std::time::SystemTime>),
    window: Vec<u8>,
    window_at: u64,
    /// A copy that is not kept.
    _copy: Option<TempPath>,
}

impl Spool {
    /// Opens a file; a compressed or remote one is first copied to `folder`, decompressed.
    pub(super) fn open(location: &Location, folder: &Path) -> Result<Self, SourceError> {
        let input = Input::open(location, None)?;
        let modified = input.modified.map(|at| at.0);
        let identity = input.identity.clone();
        let (path, damage, copy) = match location {
            Location::Path(path) if input.compression == Compression::None && identity.size.is_some() => {
                (path.clone(), None, None)
            }
            _ => copy(location, input, folder)?,
        };
        let fault = |error| SourceError::File { path: path.clone(), error };
        let file = File::open(&path).map_err(fault)?;
        let metadata = file.metadata().map_err(fault)?;
        let state = (metadata.len(), metadata.modified().ok());
        Ok(Self { path, identity, modified, damage, file, state, window: Vec::new(), window_at: 0, _copy: copy })
    }

    /// Another reader of the same bytes, from the beginning.
    pub(super) fn reader(&self) -> Result<File, SourceError> {
        File::open(&self.path).map_err(|error| SourceError::File { path: self.path.clone(), error })
    }

    /// That it is still as it was when it was opened.
    pub(super) fn check(&self) -> Result<(), SourceError> {
        let metadata = self.file.metadata().map_err(|error| SourceError::File { path: self.path.clone(), error })?;
        if (metadata.len(), metadata.modified().ok()) == self.state {
            return Ok(());
        }
        Err(SourceError::Refused {
            what: self.path.display().to_string(),
            why: "it changed while it was replayed; start again to read it anew".into(),
        })
    }

    /// `length` bytes at `offset`.
    pub(super) fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8], SourceError> {
        let end = offset + length as u64;
        if offset < self.window_at || end > self.window_at + self.window.len() as u64 {
            self.load(offset, length).map_err(|error| SourceError::File { path: self.path.clone(), error })?;
        }
        let at = (offset - self.window_at) as usize;
        Ok(&self.window[at..at + length])
    }

    fn load(&mut self, offset: u64, length: usize) -> io::Result<()> {
        // Portals list newest first, so that what comes next often lies before.
        let from = offset.saturating_sub(WINDOW / 2);
        let wanted = (offset - from) + (length as u64).max(WINDOW / 2);
        self.file.seek(SeekFrom::Start(from))?;
        self.window.clear();
        self.window_at = from;
        (&self.file).take(wanted).read_to_end(&mut self.window)?;
        if (self.window.len() as u64) < offset - from + length as u64 {
            self.window.clear();
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
        }
        Ok(())
    }
}

/// Copies it, decompressed, unless the folder has that copy already.
fn copy(
    location: &Location,
    mut input: Input,
    folder: &Path,
) -> Result<(PathBuf, Option<DamagedInput>, Option<TempPath>), SourceError> {
    let identity = serde_json::to_vec(&input.identity).unwrap_or_default();
    let prefix = format!("{}-{:016x}-", location.name(), xxh3_64(&identity));
    let fault = |error| SourceError::File { path: folder.to_owned(), error };
    std::fs::create_dir_all(folder).map_err(fault)?;
    if let Some(path) = kept(folder, &prefix).map_err(fault)? {
        return Ok((path, None, None));
    }
    let mut content = Xxh3::new();
    let mut copy = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
    let mut block = vec![0; 256 * 1024];
    let damage = loop {
        match input.reader.read(&mut block) {
            Ok(0) => break None,
            Ok(read) => {
                content.update(&block[..read]);
                copy.write_all(&block[..read]).map_err(fault)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => match error.downcast::<DamagedInput>() {
                Ok(damage) => break Some(damage),
                Err(error) => return Err(fault_of(error, fault)),
            },
        }
    };
    if damage.is_some() {
        // A copy of a broken file is not kept: how it ends must be told each time.
        let copy = copy.into_temp_path();
        return Ok((copy.to_path_buf(), damage, Some(copy)));
    }
    let path = folder.join(format!("{prefix}{:016x}{COPY}", content.digest()));
    copy.persist(&path).map_err(|error| fault(error.error))?;
    Ok((path, None, None))
}

/// The copy of that name whose bytes are those that its name says. One that is damaged is removed and made again.
fn kept(folder: &Path, prefix: &str) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(digits) = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(COPY)) else { continue };
        let mut content = Xxh3::new();
        let mut file = File::open(&path)?;
        let mut block = vec![0; 256 * 1024];
        loop {
            match file.read(&mut block)? {
                0 => break,
                read => content.update(&block[..read]),
            }
        }
        if format!("{:016x}", content.digest()) == digits {
            return Ok(Some(path));
        }
        tracing::warn!(path = %path.display(), "the decompressed copy is damaged and is made again");
        std::fs::remove_file(&path)?;
    }
    Ok(None)
}
