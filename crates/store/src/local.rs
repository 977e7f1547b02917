//! A directory as an object store whose writes survive a power failure.
//!
//! `object_store` writes a local object to a temporary file and renames it, which survives the death
//! of the process but not of the machine. Here an object is
//! 1. written to `DIR/.staging/<uuid>`, and that file is synced,
//! 2. renamed into place (or hard-linked, where it must not exist yet),
//! 3. and the directory of its name is synced, and those above it that were made for it.
//!
//! A conditional put holds a lock on `DIR/.staging/lock` while it compares and renames, so that of
//! two processes exactly one wins. Everything else is `object_store`'s own [`LocalFileSystem`].

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart, local::LocalFileSystem,
    path::Path,
};
use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path as FilePath, PathBuf},
    time::{Duration, SystemTime},
};
use uuid::Uuid;

const STORE: &str = "local store";
const STAGING: &str = ".staging";

/// Bytes of the disk that stay free, some more than the log leaves: what is derived stops first.
const RESERVE_BYTES: u64 = 80 << 20;

/// Staged files that a killed process left behind are removed when they are this old.
const STALE: Duration = Duration::from_hours(24);

/// See the module.
#[derive(Debug)]
pub(crate) struct DurableLocal {
    inner: LocalFileSystem,
    /// What its paths are relative to.
    root: PathBuf,
    staging: PathBuf,
}

impl DurableLocal {
    /// Opens a directory, making it where it is missing.
    pub(crate) fn open(root: &FilePath) -> io::Result<Self> {
        fs::create_dir_all(root.join(STAGING))?;
        let root = root.canonicalize()?;
        let staging = root.join(STAGING);
        remove_stale(&staging);
        let inner = LocalFileSystem::new_with_prefix(&root).map_err(io::Error::other)?;
        Ok(Self { inner, root, staging })
    }

    /// The same store with paths from the root of the file system, as Delta's kernel names objects.
    pub(crate) fn by_whole_path(&self) -> Self {
        Self { inner: LocalFileSystem::new(), root: PathBuf::from("/"), staging: self.staging.clone() }
    }

    /// What its paths are relative to.
    pub(crate) fn root(&self) -> &FilePath {
        &self.root
    }

    fn put_blocking(&self, location: &Path, payload: &PutPayload, mode: &PutMode) -> Result<()> {
        let target = self.inner.path_to_filesystem(location)?;
        has_room(&self.staging, payload.content_length() as u64).map_err(generic)?;
        let staged = self.staging.join(Uuid::new_v4().to_string());
        let written = stage(&staged, payload).and_then(|()| make_parents(&self.root, &target));
        if let Err(source) = written {
            let _ = fs::remove_file(&staged);
            return Err(generic(source));
        }
        let outcome = match mode {
            PutMode::Overwrite => fs::rename(&staged, &target),
            PutMode::Create | PutMode::Update(_) => fs::hard_link(&staged, &target),
        };
        if outcome.is_err() || !matches!(mode, PutMode::Overwrite) {
            let _ = fs::remove_file(&staged);
        }
        match outcome {
            Ok(()) => sync_directory(target.parent().unwrap_or(&self.root)).map_err(generic),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::AlreadyExists { path: location.to_string(), source: source.into() })
            }
            Err(source) => Err(generic(source)),
        }
    }

    async fn put_if_unchanged(&self, location: &Path, payload: &PutPayload, expected: Option<&str>) -> Result<()> {
        let lock = File::create(self.staging.join("lock")).map_err(generic)?;
        lock.lock().map_err(generic)?;
        let current = match self.inner.head(location).await {
            Ok(meta) => meta.e_tag,
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        if current.as_deref() != expected {
            return Err(Error::Precondition { path: location.to_string(), source: "its version has changed".into() });
        }
        self.put_blocking(location, payload, &PutMode::Overwrite)
    }
}

impl fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match &options.mode {
            PutMode::Update(version) => {
                self.put_if_unchanged(location, &payload, version.e_tag.as_deref()).await?;
            }
            mode => tokio::task::block_in_place(|| self.put_blocking(location, &payload, mode))?,
        }
        Ok(PutResult { e_tag: self.inner.head(location).await?.e_tag, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let target = self.inner.path_to_filesystem(location)?;
        make_parents(&self.root, &target).map_err(generic)?;
        let upload = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(SyncedUpload { upload, target }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A multipart upload whose completed object is synced before `complete` returns.
#[derive(Debug)]
struct SyncedUpload {
    upload: Box<dyn MultipartUpload>,
    target: PathBuf,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        File::open(&self.target).and_then(|file| file.sync_all()).map_err(generic)?;
        sync_directory(self.target.parent().unwrap_or(&self.target)).map_err(generic)?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

/// Refuses a write that would leave too little room for those who cannot do without it: the log, on the same disk.
fn has_room(directory: &FilePath, bytes: u64) -> io::Result<()> {
    // Where the system does not say, the write itself finds out.
    let Ok(found) = rustix::fs::statvfs(directory) else { return Ok(()) };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let needed = bytes.saturating_add(RESERVE_BYTES);
    if free >= needed {
        return Ok(());
    }
    let why = format!(
        "{} needs {needed} free bytes and the disk has {free}; make room there, and writing goes on by itself",
        directory.parent().unwrap_or(directory).display()
    );
    Err(io::Error::new(io::ErrorKind::StorageFull, why))
}

fn stage(path: &FilePath, payload: &PutPayload) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    for part in payload {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// Makes the directories above `target`; the parent of each new one is synced, so that its name lasts.
fn make_parents(root: &FilePath, target: &FilePath) -> io::Result<()> {
    let Some(parent) = target.parent() else { return Ok(()) };
    let mut missing: Vec<&FilePath> = Vec::new();
    let mut directory = parent;
    while directory != root && !directory.is_dir() {
        missing.push(directory);
        let Some(above) = directory.parent() else { break };
        directory = above;
    }
    for directory in missing.into_iter().rev() {
        match fs::create_dir(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        if let Some(above) = directory.parent() {
            sync_directory(above)?;
        }
    }
    Ok(())
}

/// Makes names in a directory last.
pub(crate) fn sync_directory(directory: &FilePath) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn remove_stale(staging: &FilePath) {
    let Ok(entries) = fs::read_dir(staging) else { return };
    for entry in entries.flatten() {
        let is_stale = entry
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > STALE));
        if is_stale && entry.file_name() != "lock" {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn generic(source: io::Error) -> Error {
    Error::Generic { store: STORE, source: source.into() }
}
