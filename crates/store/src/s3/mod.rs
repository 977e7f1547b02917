//! `s3://bucket/prefix`: the store on any S3 that honours conditional writes.
//!
//! - [`environment`]: endpoint, region and credentials, from the environment, from files or the pod's identity.
//! - [`service`]: below the client: how long an answer may take, and what of a failed one is kept.
//! - [`objects`]: above the client: conditional puts whose answers are final.
//! - [`failure`]: what went wrong, without a secret, and whether it passes by itself.
//!
//! Invariants:
//! - Of concurrent conditional puts of one object exactly one is told that it won, whatever answers are
//!   lost on the way. That is what makes the Delta log and `snapshots/latest.json` safe: there is no lock
//!   table and no rename.
//! - A server that is down is an error within half a minute, and [`StoreError::is_retryable`] says so.

pub(crate) mod environment;
pub(crate) mod failure;
mod objects;
mod service;

use self::{environment::Environment, failure::Failure, objects::S3Objects};
use crate::error::{Result, StoreError};
use bytes::Bytes;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion, path::Path, prefix::PrefixStore,
};
use std::sync::Arc;
use url::Url;

/// The object by which a store shows that it honours conditional writes. It stays: the next opening
/// then needs no write at all.
const PROBE: &str = ".blotter/probe";

const PROBE_BYTES: &str = "Blotter put this here to see that conditional writes are honoured.\n";

/// An ETag that no object has.
const NO_ETAG: &str = "\"00000000000000000000000000000000\"";

/// Where an `s3://` URL points.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) bucket: String,
    pub(crate) prefix: Path,
    /// `s3://bucket/prefix/`, with a slash at its end.
    pub(crate) url: Url,
}

impl Location {
    /// Refuses whatever might be a secret, and does not show it.
    pub(crate) fn parse(url: &Url) -> Result<Self> {
        let refuse = |why: &str| Err(StoreError::Url { url: crate::error::shown(url.as_str()), why: why.to_owned() });
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return refuse(
                "a user, a query or a fragment has no place in it: credentials come from the environment, from \
                 files (`AWS_SECRET_ACCESS_KEY_FILE`) or from the pod's identity",
            );
        }
        if url.port().is_some() {
            return refuse("a port belongs to the endpoint, which `AWS_ENDPOINT_URL_S3` says");
        }
        let bucket = url.host_str().unwrap_or_default();
        let is_plain = |text: &str, also: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
        if bucket.is_empty() || !is_plain(bucket, ".-_") {
            return refuse("it names no bucket");
        }
        let prefix = url.path().trim_matches('/');
        if !is_plain(prefix, ".-_=/") || prefix.split('/').any(|part| part == "." || part == "..") {
            return refuse("a prefix has letters, digits and `.-_=/` only");
        }
        let prefix = Path::from(prefix);
        let text = if prefix.is_root() { format!("s3://{bucket}/") } else { format!("s3://{bucket}/{prefix}/") };
        let parsed = Url::parse(&text).map_err(|error| StoreError::Url { url: text, why: error.to_string() })?;
        Ok(Self { bucket: bucket.to_owned(), prefix, url: parsed })
    }
}

/// A bucket's objects below the prefix, and all of them as Delta's kernel names them.
pub(crate) struct OpenBucket {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) root_objects: Arc<dyn ObjectStore>,
}

/// The clients; nothing is asked of the server yet.
pub(crate) fn open(location: &Location, environment: &Environment<'_>) -> Result<OpenBucket> {
    let root_objects: Arc<dyn ObjectStore> = Arc::new(S3Objects::open(&location.bucket, environment)?);
    let objects: Arc<dyn ObjectStore> = if location.prefix.is_root() {
        Arc::clone(&root_objects)
    } else {
        Arc::new(PrefixStore::new(Arc::clone(&root_objects), location.prefix.clone()))
    };
    Ok(OpenBucket { objects, root_objects })
}

/// Refuses a bucket that cannot be reached and a server that does not honour conditional writes, on which
/// two writers would overwrite each other's commits. Credentials that may only read are let through: they
/// cannot commit anything.
pub(crate) async fn probe(objects: &dyn ObjectStore, location: &Location) -> Result<()> {
    let path = Path::from(PROBE);
    let put = async |mode| {
        let options = PutOptions { mode, ..PutOptions::default() };
        objects.put_opts(&path, Bytes::from_static(PROBE_BYTES.as_bytes()).into(), options).await
    };
    let ignores = |header: &str| {
        Err(StoreError::Bucket {
            url: location.url.to_string(),
            why: format!(
                "its server does not honour conditional writes (`{header}`), without which two writers would \
                 overwrite each other; give a bucket of a server that does"
            ),
        })
    };
    let first = match put(PutMode::Create).await {
        Ok(_) => put(PutMode::Create).await,
        other => other,
    };
    match first {
        Ok(_) => return ignores("If-None-Match: *"),
        Err(Error::AlreadyExists { .. }) => {}
        Err(Error::PermissionDenied { path: denied, source }) => {
            // Not `head`: its refusals have no body, and so say too little.
            return match objects.get(&path).await {
                Ok(_) | Err(Error::NotFound { .. }) => {
                    tracing::info!(store = %location.url, "the store's credentials may read and not write");
                    Ok(())
                }
                Err(_) => Err(refusal(Error::PermissionDenied { path: denied, source }, location)),
            };
        }
        Err(error) => return Err(refusal(error, location)),
    }
    match put(PutMode::Update(UpdateVersion { e_tag: Some(NO_ETAG.to_owned()), version: None })).await {
        Ok(_) => ignores("If-Match"),
        Err(Error::Precondition { .. }) => Ok(()),
        Err(error) => Err(refusal(error, location)),
    }
}

/// What passes by itself stays the object's error; the rest is the bucket's.
fn refusal(error: Error, location: &Location) -> StoreError {
    match failure::of(&error) {
        Some(failure) if failure.is_transient() => error.into(),
        failure => StoreError::Bucket {
            url: location.url.to_string(),
            why: failure.map_or_else(|| error.to_string(), Failure::to_string),
        },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_bucket_and_a_prefix() {
        let check = |url: &str, bucket: &str, prefix: &str, shown: &str| {
            let location = Location::parse(&Url::parse(url).unwrap()).unwrap();
            assert_eq!((location.bucket.as_str(), location.prefix.as_ref()), (bucket, prefix));
            assert_eq!(location.url.as_str(), shown);
        };
        check("s3://city", "city", "", "s3://city/");
        check("s3://city/", "city", "", "s3://city/");
        check("s3://my.city-data/blotter/v=1//", "my.city-data", "blotter/v=1", "s3://my.city-data/blotter/v=1/");
    }

    #[test]
    fn a_url_with_what_may_be_a_secret_is_refused_and_not_shown() {
        let check = |url: &str, expect: &str| {
            let error = Location::parse(&Url::parse(url).unwrap()).unwrap_err().to_string();
            assert!(error.contains(expect), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("s3://user:hunter2@city/data", "from the environment");
        check("s3://hunter2@city/data", "from the environment");
        check("s3://city/data?secret=hunter2", "from the environment");
        check("s3://city/data#hunter2", "from the environment");
        check("s3://city:9000/data", "AWS_ENDPOINT_URL_S3");
        check("s3:///data", "names no bucket");
        check("s3://city/a%20b", "letters, digits");
        check("s3://ci%20ty/a", "names no bucket");
    }
}
