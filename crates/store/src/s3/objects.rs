//! A bucket's objects, with conditional puts whose answers are final.
//!
//! A conditional put that fails on the way may have been carried out: the answer was lost, and asked again
//! the server refuses, for the object is there, put by ourselves. So each such put carries an id of its own
//! as the object's metadata. It is asked again until the server says yes or no; a no after a failure is
//! looked into, and the object that carries our id is ours. What the bytes are does not matter: another
//! writer may have put the same ones.
//!
//! A put that is still on its way when its connection is given up does no harm later: it stays conditional,
//! and what decided its successor decides it as well. There is one exception, of S3's own making: an ETag may
//! be the hash of the bytes, so bytes that return to what they were look unchanged to `If-Match`. Objects
//! that are replaced conditionally must never return to old bytes; `snapshots/latest.json` does not.
//!
//! When the server stays away, the put ends in an error that [`crate::StoreError::is_retryable`] calls
//! retryable, with the outcome unknown. Whoever puts conditionally reads again then before it decides; see
//! [`crate::ArchiveTable::append`].

use super::{
    environment::Environment,
    failure::{self, Failure, Kind},
    service::Connector,
};
use crate::error::{Result as StoreResult, StoreError};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    Attribute, BackoffConfig, ClientOptions, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    RetryConfig,
    aws::{AmazonS3, S3ConditionalPut},
    client::{HttpError, HttpErrorKind},
    path::Path,
};
use std::{fmt, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// Metadata that names one conditional put.
const PUT_ID: &str = "blotter-put";

/// No request is asked again after this time.
const RETRY_FOR: Duration = Duration::from_secs(15);

const CONNECT: Duration = Duration::from_secs(4);

const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct S3Objects {
    bucket: String,
    /// Asks again by itself, where that changes nothing.
    patient: AmazonS3,
    /// Asks once.
    once: AmazonS3,
}

impl S3Objects {
    pub(super) fn open(bucket: &str, environment: &Environment<'_>) -> StoreResult<Self> {
        let options = ClientOptions::new().with_connect_timeout(CONNECT).with_allow_http(environment.allows_http()?);
        let backoff = BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2. };
        let retry = RetryConfig { backoff, max_retries: usize::MAX, retry_timeout: RETRY_FOR };
        let never = RetryConfig { max_retries: 0, ..retry.clone() };
        let builder = environment
            .builder(bucket)?
            .with_client_options(options)
            .with_http_connector(Connector::default())
            .with_conditional_put(S3ConditionalPut::ETagMatch);
        let refuse =
            |error: Error| StoreError::Bucket { url: format!("s3://{bucket}"), why: cleaned(error).to_string() };
        let patient = builder.clone().with_retry(retry).build().map_err(refuse)?;
        let credentials = patient.credentials().clone();
        let once = builder.with_credentials(credentials).with_retry(never).build().map_err(refuse)?;
        Ok(Self { bucket: bucket.to_owned(), patient, once })
    }

    async fn put_conditionally(&self, at: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        let id = Uuid::new_v4().to_string();
        options.attributes.insert(Attribute::Metadata(PUT_ID.into()), id.clone().into());
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut is_unsure = false;
        loop {
            let put = self.once.put_opts(at, payload.clone(), options.clone()).await;
            let error = match put.map_err(cleaned) {
                Ok(put) => return Ok(put),
                Err(refused @ (Error::AlreadyExists { .. } | Error::Precondition { .. })) if is_unsure => {
                    match self.put_with_id(at, &id).await {
                        Ok(Some(own)) => return Ok(own),
                        Ok(None) => return Err(refused),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            match failure::of(&error) {
                Some(failure) if failure.is_transient() && started.elapsed() < RETRY_FOR => {
                    is_unsure |= failure.kind() == Kind::Unsure;
                    tracing::debug!(%failure, ?pause, "retrying a conditional put");
                }
                _ => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The object, if the put of that id made it.
    async fn put_with_id(&self, at: &Path, id: &str) -> Result<Option<PutResult>> {
        match self.get_opts(at, GetOptions { head: true, ..GetOptions::default() }).await {
            Ok(found) => {
                let is_own = found.attributes.get(&Attribute::Metadata(PUT_ID.into())).is_some_and(|put| **put == *id);
                Ok(is_own.then_some(PutResult { e_tag: found.meta.e_tag, version: found.meta.version }))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An error of the client in our own words; see [`Failure`].
fn cleaned(error: Error) -> Error {
    let failure = failure::of(&error).cloned().or_else(|| {
        let http: &HttpError = failure::below(&error)?;
        // The rest of an answer that did not come: the request was read-only.
        Some(Failure::of_transport("S3", HttpErrorKind::Interrupted, http))
    });
    match failure {
        None => error,
        Some(failure) if failure.kind() == Kind::Denied => {
            let path = match error {
                Error::PermissionDenied { path, .. } | Error::Unauthenticated { path, .. } => path,
                _ => String::new(),
            };
            Error::PermissionDenied { path, source: failure.into() }
        }
        Some(failure) => Error::Generic { store: "S3", source: failure.into() },
    }
}

impl fmt::Debug for S3Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3({})", self.bucket)
    }
}

impl fmt::Display for S3Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3({})", self.bucket)
    }
}

#[async_trait]
impl ObjectStore for S3Objects {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match options.mode {
            PutMode::Overwrite => self.patient.put_opts(location, payload, options).await.map_err(cleaned),
            PutMode::Create | PutMode::Update(_) => self.put_conditionally(location, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.patient.put_multipart_opts(location, options).await.map_err(cleaned)
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = self.patient.get_opts(location, options).await.map_err(cleaned)?;
        let payload = match found.payload {
            GetResultPayload::Stream(stream) => GetResultPayload::Stream(stream.map_err(cleaned).boxed()),
            GetResultPayload::File(file, path) => GetResultPayload::File(file, path),
        };
        Ok(GetResult { payload, ..found })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.patient.delete_stream(locations).map_err(cleaned).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.patient.list(prefix).map_err(cleaned).boxed()
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.patient.list_with_offset(prefix, offset).map_err(cleaned).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.patient.list_with_delimiter(prefix).await.map_err(cleaned)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.patient.copy_opts(from, to, options).await.map_err(cleaned)
    }
}
