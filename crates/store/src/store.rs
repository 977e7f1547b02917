//! The object store, in the domain's words and without async.
//!
//! ```text
//! checkpoints/<role>/...        what a role resumes from
//! incidents/                    the archive's Delta table
//! snapshots/<version>/          immutable snapshots
//! snapshots/latest.json         the pointer to the newest
//! ```
//!
//! It lies in a directory ([`crate::local`]) or in a bucket ([`crate::s3`]).
//!
//! Invariants:
//! - An object is there as a whole or not at all, and after a put has returned it survives the
//!   process and the machine.
//! - An object has the very name that it was given. Names are parts between slashes; a part is neither
//!   empty nor `.` nor `..`, and what is an object is not the folder of another.
//! - Calls block: they belong on a role's own thread and never on a worker of an asynchronous runtime.

use crate::{
    error::{Result, StoreError, shown},
    local::DurableLocal,
    runtime::StoreRuntime,
    s3::{self, environment::Environment},
};
use blotter_seal::Blocks;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion, path::Path};
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    path::{Path as FilePath, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use url::Url;

/// A store; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    objects: Arc<dyn ObjectStore>,
    /// The same objects by their whole path, as Delta's kernel names them.
    root_objects: Arc<dyn ObjectStore>,
    runtime: StoreRuntime,
    url: Url,
    local: Option<PathBuf>,
    /// By path and checksum, the objects that were read as a whole and are sound.
    verified: Mutex<HashMap<(String, String), Arc<Blocks>>>,
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Its path in the store.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written, by the store's clock.
    pub modified_ms: i64,
}

/// What a conditional put compares: the version of an object when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion(Option<UpdateVersion>);

impl Store {
    /// Opens `file:///DIR`, making the directory where it is missing, or `s3://bucket/prefix` with what the
    /// environment says of its server and credentials. A bucket must be reachable and must honour
    /// conditional writes.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, &|name| std::env::var(name).ok())
    }

    /// [`Store::open`] in an environment of the caller's.
    pub fn open_with(url: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        const HINT: &str = "give a directory as `file:///DIR` or a bucket as `s3://bucket/prefix`";
        let parsed = Url::parse(url).map_err(|error| StoreError::Url { url: shown(url), why: error.to_string() })?;
        match parsed.scheme() {
            "file" => {
                let path = parsed
                    .to_file_path()
                    .map_err(|()| StoreError::Url { url: shown(url), why: "it names no absolute path".into() })?;
                Self::open_directory(&path)
            }
            "s3" => Self::open_bucket(&parsed, &Environment::new(environment)),
            other => Err(StoreError::Scheme { scheme: other.to_owned(), hint: HINT }),
        }
    }

    fn open_bucket(url: &Url, environment: &Environment<'_>) -> Result<Self> {
        let location = s3::Location::parse(url)?;
        let opened = s3::open(&location, environment)?;
        let runtime = StoreRuntime::start()
            .map_err(|error| StoreError::Bucket { url: location.url.to_string(), why: error.to_string() })?;
        runtime.block_on(s3::probe(&*opened.objects, &location))?;
        let s3::OpenBucket { objects, root_objects } = opened;
        Ok(Self(Arc::new(Inner {
            objects,
            root_objects,
            runtime,
            url: location.url,
            local: None,
            verified: Mutex::default(),
        })))
    }

    /// Opens a directory as a store.
    pub fn open_directory(path: &FilePath) -> Result<Self> {
        let directory = |source| StoreError::Directory { path: path.display().to_string(), source };
        let objects = DurableLocal::open(path).map_err(directory)?;
        let root = objects.root().to_owned();
        let url = Url::from_directory_path(&root).map_err(|()| StoreError::Url {
            url: root.display().to_string(),
            why: "its path cannot be written as a URL".into(),
        })?;
        let runtime = StoreRuntime::start().map_err(directory)?;
        let root_objects = Arc::new(objects.by_whole_path());
        Ok(Self(Arc::new(Inner {
            objects: Arc::new(objects),
            root_objects,
            runtime,
            url,
            local: Some(root),
            verified: Mutex::default(),
        })))
    }

    /// Its URL, free of credentials.
    pub fn url(&self) -> &str {
        self.0.url.as_str()
    }

    /// Puts an object, whether or not there is one. A name that is put again and again belongs to one
    /// process, and one that several may put is [`Store::replace`]d.
    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Result<()> {
        self.block_on(self.0.objects.put(&Path::parse(path)?, bytes.into().into()))?;
        Ok(())
    }

    /// An object's bytes; none where there is no such object.
    pub fn get(&self, path: &str) -> Result<Option<Bytes>> {
        Ok(self.get_versioned(path)?.0)
    }

    /// An object's bytes and the version that [`Store::replace`] compares.
    pub fn get_versioned(&self, path: &str) -> Result<(Option<Bytes>, ObjectVersion)> {
        let path = Path::parse(path)?;
        self.block_on(async {
            match self.0.objects.get(&path).await {
                Ok(found) => {
                    let version =
                        UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
                    Ok((Some(found.bytes().await?), ObjectVersion(Some(version))))
                }
                Err(object_store::Error::NotFound { .. }) => Ok((None, ObjectVersion(None))),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Puts an object only if it is still as it was read, and says its new version; else [`StoreError::Changed`], and nothing was put.
    /// After any other error it may or may not have been put: read it again before deciding. To put what
    /// was there is no change to the others that have read it, so an object must not return to old bytes.
    pub fn replace(&self, path: &str, bytes: impl Into<Bytes>, read: ObjectVersion) -> Result<ObjectVersion> {
        let mode = read.0.map_or(PutMode::Create, PutMode::Update);
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.block_on(self.0.objects.put_opts(&Path::parse(path)?, bytes.into().into(), options)) {
            Ok(put) => Ok(ObjectVersion(Some(UpdateVersion { e_tag: put.e_tag, version: put.version }))),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Err(StoreError::Changed { path: path.to_owned() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All objects below a folder, in path order.
    pub fn list(&self, folder: &str) -> Result<Vec<ObjectEntry>> {
        let mut found: Vec<ObjectEntry> = self.block_on(
            self.0
                .objects
                .list(Some(&Path::parse(folder)?))
                .map_ok(|meta| ObjectEntry {
                    path: meta.location.to_string(),
                    bytes: meta.size,
                    modified_ms: meta.last_modified.timestamp_millis(),
                })
                .try_collect(),
        )?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Deletes an object; that there is none is fine.
    pub fn delete(&self, path: &str) -> Result<()> {
        match self.block_on(self.0.objects.delete(&Path::parse(path)?)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes every object below a folder.
    pub fn delete_folder(&self, folder: &str) -> Result<()> {
        let paths: Vec<_> = self.list(folder)?.into_iter().map(|object| Ok(Path::parse(object.path)?)).collect();
        self.block_on(
            self.0
                .objects
                .delete_stream(futures::stream::iter(paths).boxed())
                .map(|deleted| match deleted {
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                    Err(error) => Err(error),
                })
                .try_collect::<()>(),
        )?;
        // A directory store keeps the empty directories; nobody misses them if this fails.
        if let Some(directory) = self.local_path(folder) {
            let _ = std::fs::remove_dir_all(directory);
        }
        Ok(())
    }

    /// The checksums of objects that were found sound, by path and checksum.
    pub(crate) fn found_sound(&self) -> &Mutex<HashMap<(String, String), Arc<Blocks>>> {
        &self.0.verified
    }

    /// Forgets which objects were found sound: they are read as a whole again.
    pub fn distrust(&self) {
        self.0.verified.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Where the object lies on this machine, if the store is a directory.
    pub fn local_path(&self, path: &str) -> Option<PathBuf> {
        let root = self.0.local.as_ref()?;
        let mut file = root.clone();
        file.extend(path.split('/').filter(|part| !part.is_empty()));
        Some(file)
    }

    /// Where an object lies, for people: a path on this machine, or a URL.
    pub fn shown(&self, path: &str) -> String {
        match self.local_path(path) {
            Some(file) => file.display().to_string(),
            None => format!("{}/{path}", self.url().trim_end_matches('/')),
        }
    }

    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.0.objects
    }

    pub(crate) fn root_objects(&self) -> &Arc<dyn ObjectStore> {
        &self.0.root_objects
    }

    pub(crate) fn base(&self) -> &Url {
        &self.0.url
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.runtime.block_on(future)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.url)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_it_cannot_serve() {
        let check = |url: &str, expect: &str| {
            let error = Store::open(url).unwrap_err().to_string();
            assert!(error.contains(expect), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("s3://user:hunter2@bucket/prefix", "from the environment");
        check("s3a://bucket/prefix", "s3://bucket/prefix");
        check("ftp://user:hunter2@host/", "file:///DIR");
        check("data", "file:///DIR");
        check("nfs://host/data?key=hunter2", "file:///DIR");
    }

    #[test]
    fn refuses_a_file_as_directory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("file"), "x").unwrap();
        let error = Store::open_directory(&directory.path().join("file")).unwrap_err();
        assert!(error.to_string().contains("must be a directory"), "{error}");
    }
}
