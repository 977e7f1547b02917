//! What a role resumes from: named bytes below `checkpoints/<role>/`.

use crate::{
    error::Result,
    store::{ObjectVersion, Store},
};
use bytes::Bytes;

/// The checkpoints of one role.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    store: Store,
    folder: String,
}

impl Checkpoints {
    /// Those of `role`, for example `count`.
    pub fn new(store: Store, role: &str) -> Self {
        Self { store, folder: format!("checkpoints/{role}") }
    }

    /// Puts a checkpoint; it is durable when this returns, and there as a whole or not at all.
    pub fn put(&self, name: &str, bytes: impl Into<Bytes>) -> Result<()> {
        self.store.put(&self.path(name), bytes)
    }

    /// A checkpoint's bytes; none where there is none of that name.
    pub fn get(&self, name: &str) -> Result<Option<Bytes>> {
        self.store.get(&self.path(name))
    }

    /// A checkpoint's bytes, and the version that [`Checkpoints::replace`] compares.
    pub fn get_versioned(&self, name: &str) -> Result<(Option<Bytes>, ObjectVersion)> {
        self.store.get_versioned(&self.path(name))
    }

    /// Puts a checkpoint only if nobody else has since it was read; else [`StoreError::Changed`](crate::StoreError).
    pub fn replace(&self, name: &str, bytes: impl Into<Bytes>, read: ObjectVersion) -> Result<ObjectVersion> {
        self.store.replace(&self.path(name), bytes, read)
    }

    /// The names that begin with `prefix`, in order; a name may have folders of its own.
    pub fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let names = self
            .store
            .list(&self.folder)?
            .into_iter()
            .filter_map(|object| object.path.strip_prefix(&self.folder)?.strip_prefix('/').map(ToOwned::to_owned));
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    /// Deletes a checkpoint; that there is none is fine.
    pub fn delete(&self, name: &str) -> Result<()> {
        self.store.delete(&self.path(name))
    }

    /// Where a checkpoint lies, for people.
    pub fn shown(&self, name: &str) -> String {
        self.store.shown(&self.path(name))
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}
