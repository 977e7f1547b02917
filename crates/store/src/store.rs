//! The object store, in the domain's words and without async.
//!
//! ```text
//! checkpoints/<role>/...        what a role resumes from
//! incidents/                    the archive's Delta table
//! snapshots/<version>/          immutable snapshots
//! snapshots/latest.json         the pointer to the newest
//! ```
//!
//! Invariants:
//! - An object is there as a whole or not at all, and after a put has returned it survives the
//!   process and the machine.
//! - Calls block: they belong on a role's own thread and never on a worker of an asynchronous runtime.

use crate::{
    error::{Result, StoreError},
    local::DurableLocal,
    reader::ObjectReader,
    runtime::StoreRuntime,
    s3,
};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion, path::Path};
use std::{
    fmt,
    future::Future,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
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
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
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
    /// Opens `file:///DIR`, making the directory where it is missing, or `s3://BUCKET[/PREFIX]` as the environment says.
    pub fn open(url: &str) -> Result<Self> {
        let parsed = Url::parse(url).map_err(|error| StoreError::Url { url: shown(url), why: error.to_string() })?;
        match parsed.scheme() {
            "file" => {
                let path = parsed
                    .to_file_path()
                    .map_err(|()| StoreError::Url { url: shown(url), why: "it names no absolute path".into() })?;
                Self::open_directory(&path)
            }
            "s3" => Self::open_bucket(&parsed, std::env::vars()),
            other => Err(StoreError::Scheme {
                scheme: other.to_owned(),
                hint: "give `file:///DIR`, or `s3://BUCKET/PREFIX`",
            }),
        }
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
        Ok(Self(Arc::new(Inner { objects: Arc::new(objects), root_objects, runtime, url, local: Some(root) })))
    }

    /// Opens `s3://BUCKET[/PREFIX]`: endpoint, region and keys are among the variables, by the names of `AWS_…`. Asks
    /// the server once.
    ///
    /// # Errors
    /// [`StoreError::Object`] where the server does not answer, or there is no such bucket, or no permission.
    pub fn open_bucket(url: &Url, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let bucket = s3::open(url, variables)?;
        let runtime =
            StoreRuntime::start().map_err(|source| StoreError::Directory { path: bucket.url.to_string(), source })?;
        let inner = Inner { objects: bucket.folder, root_objects: bucket.root, runtime, url: bucket.url, local: None };
        let store = Self(Arc::new(inner));
        store.get("snapshots/latest.json")?;
        Ok(store)
    }

    /// Makes sure that a put which must not overwrite does not: whoever writes with others asks first.
    pub fn check_conditional_puts(&self) -> Result<()> {
        let path = format!("checkpoints/.conditional-put-{}", uuid::Uuid::new_v4());
        self.replace(&path, "one", ObjectVersion(None))?;
        let again = self.replace(&path, "two", ObjectVersion(None));
        self.delete(&path)?;
        match again {
            Err(StoreError::Changed { .. }) => Ok(()),
            Ok(_) => Err(StoreError::Unconditional { url: self.url().to_owned() }),
            Err(error) => Err(error),
        }
    }

    /// Its URL, free of credentials.
    pub fn url(&self) -> &str {
        self.0.url.as_str()
    }

    /// Puts an object, whether or not there is one.
    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Result<()> {
        self.block_on(self.0.objects.put(&Path::from(path), bytes.into().into()))?;
        Ok(())
    }

    /// An object's bytes; none where there is no such object.
    pub fn get(&self, path: &str) -> Result<Option<Bytes>> {
        Ok(self.get_versioned(path)?.0)
    }

    /// An object's bytes and the version that [`Store::replace`] compares.
    pub fn get_versioned(&self, path: &str) -> Result<(Option<Bytes>, ObjectVersion)> {
        self.block_on(async {
            match self.0.objects.get(&Path::from(path)).await {
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

    /// Puts an object only if it is still as it was read, and says its new version; else [`StoreError::Changed`].
    pub fn replace(&self, path: &str, bytes: impl Into<Bytes>, read: ObjectVersion) -> Result<ObjectVersion> {
        let mode = read.0.map_or(PutMode::Create, PutMode::Update);
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.block_on(self.0.objects.put_opts(&Path::from(path), bytes.into().into(), options)) {
            Ok(put) => Ok(ObjectVersion(Some(UpdateVersion { e_tag: put.e_tag, version: put.version }))),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Err(StoreError::Changed { path: path.to_owned() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All objects below a folder, in path order.
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let mut found: Vec<Listed> = self.block_on(
            self.0
                .objects
                .list(Some(&Path::from(folder)))
                .map_ok(|meta| Listed {
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
        match self.block_on(self.0.objects.delete(&Path::from(path))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes every object below a folder.
    pub fn delete_folder(&self, folder: &str) -> Result<()> {
        for object in self.list(folder)? {
            self.delete(&object.path)?;
        }
        // A directory store keeps the empty directories; nobody misses them if this fails.
        if let Some(directory) = self.local_path(folder) {
            let _ = std::fs::remove_dir_all(directory);
        }
        Ok(())
    }

    /// An object as a Parquet reader wants it: any range, when it asks for it.
    pub fn reader(&self, path: &str) -> Result<ObjectReader> {
        match self.local_path(path) {
            Some(file) => ObjectReader::open_file(&file, path),
            None => ObjectReader::open_remote(self.clone(), path),
        }
    }

    /// Where the object lies on this machine, if the store is a directory.
    pub fn local_path(&self, path: &str) -> Option<PathBuf> {
        let root = self.0.local.as_ref()?;
        let mut file = root.clone();
        file.extend(path.split('/').filter(|part| !part.is_empty()));
        Some(file)
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

/// A URL as an error may show it: without what might be a secret.
fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    match (plain.split_once("://"), plain.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => plain.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(Url::from_directory_path(directory.path().join("made")).unwrap().as_str()).unwrap();
        (directory, store)
    }

    #[test]
    fn refuses_what_it_cannot_serve() {
        let check = |url: &str, expect: &str| {
            let error = Store::open(url).unwrap_err().to_string();
            assert!(error.contains(expect), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("s3://key:hunter2@bucket/prefix", "environment");
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

    #[test]
    fn objects_come_and_go() {
        let (_directory, store) = open();
        assert_eq!(store.get("a/b").unwrap(), None);
        store.put("a/b", "one").unwrap();
        store.put("a/b", "two").unwrap();
        store.put("a/c/d", "three").unwrap();
        store.put("ab", "four").unwrap();
        assert_eq!(store.get("a/b").unwrap().unwrap(), "two");
        let listed = store.list("a").unwrap();
        assert_eq!(listed.iter().map(|object| object.path.as_str()).collect::<Vec<_>>(), ["a/b", "a/c/d"]);
        assert_eq!(listed[1].bytes, 5);
        store.delete("a/b").unwrap();
        store.delete("a/b").unwrap();
        store.delete_folder("a").unwrap();
        assert_eq!(store.list("a").unwrap(), []);
        assert_eq!(store.get("ab").unwrap().unwrap(), "four");
    }

    #[test]
    fn of_two_conditional_puts_one_wins() {
        let (_directory, store) = open();
        let (none, first) = store.get_versioned("p").unwrap();
        assert_eq!(none, None);
        store.replace("p", "1", first.clone()).unwrap();
        assert!(matches!(store.replace("p", "other", first), Err(StoreError::Changed { .. })));
        let (_, read) = store.get_versioned("p").unwrap();
        store.replace("p", "2", read.clone()).unwrap();
        let error = store.replace("p", "3", read).unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(store.get("p").unwrap().unwrap(), "2");
    }

    #[test]
    fn conditional_puts_of_many_threads_lose_no_increment() {
        let (_directory, store) = open();
        store.put("n", "0").unwrap();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                std::thread::spawn(move || {
                    for _ in 0..20 {
                        loop {
                            let (bytes, version) = store.get_versioned("n").unwrap();
                            let number: u32 = std::str::from_utf8(&bytes.unwrap()).unwrap().parse().unwrap();
                            match store.replace("n", (number + 1).to_string(), version) {
                                Ok(_) => break,
                                Err(StoreError::Changed { .. }) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(store.get("n").unwrap().unwrap(), "80");
    }
}
