//! A bucket, or a folder of one, on any server that speaks S3 and honours conditional puts.
//!
//! Where it is and who asks comes from the environment, by the names that every S3 client uses: `AWS_ENDPOINT_URL` (or
//! `AWS_ENDPOINT_URL_S3`), `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, each of them
//! also as `…_FILE`, the path of a file that holds it. Without keys the identity of the pod or of the machine is asked
//! (`AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_CONTAINER_CREDENTIALS_FULL_URI`, the machine's metadata). A URL has no secret.
//!
//! A put whose answer is lost is not known to have failed: who puts on a condition finds out by reading again, and every
//! caller here does, because each decides by what it has read.

use crate::error::{Result, StoreError};
use object_store::{
    ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut},
    path::Path,
    prefix::PrefixStore,
};
use std::{sync::Arc, time::Duration};
use url::Url;

/// A server that has not answered by then is said to be away; who needs it tries again.
const PATIENCE: Duration = Duration::from_secs(15);
/// One request, its body included.
const REQUEST: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(3);

/// What may also be in a file.
const IN_FILES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The bucket's objects by whole path, those of the folder, and the folder's URL.
pub(crate) struct Bucket {
    pub(crate) root: Arc<dyn ObjectStore>,
    pub(crate) folder: Arc<dyn ObjectStore>,
    pub(crate) url: Url,
}

/// Opens `s3://BUCKET[/PREFIX]` by the variables that `variables` gives.
pub(crate) fn open(url: &Url, variables: impl IntoIterator<Item = (String, String)>) -> Result<Bucket> {
    let shown = format!("s3://{}{}", url.host_str().unwrap_or_default(), url.path());
    let refuse = |why: &str| StoreError::Url { url: shown.clone(), why: why.to_owned() };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse(
            "it is bucket and folder only; keys come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or from files",
        ));
    }
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or_else(|| refuse("it names no bucket"))?;
    let prefix = Path::from_url_path(url.path()).map_err(|error| refuse(&error.to_string()))?;
    let root: Arc<AmazonS3> = Arc::new(client(bucket, variables)?);
    let mut base = format!("s3://{bucket}/");
    if !prefix.as_ref().is_empty() {
        base.push_str(prefix.as_ref());
        base.push('/');
    }
    let url = Url::parse(&base).map_err(|error| refuse(&error.to_string()))?;
    let folder = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
    Ok(Bucket { root, folder, url })
}

fn client(bucket: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<AmazonS3> {
    let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
    let mut is_http = false;
    for (name, value) in variables {
        if !name.starts_with("AWS_") || value.is_empty() {
            continue;
        }
        let (name, value) = match name.strip_suffix("_FILE") {
            Some(inner) if IN_FILES.contains(&inner) => (inner.to_owned(), in_file(&name, &value)?),
            _ => (name, value),
        };
        is_http |= name.starts_with("AWS_ENDPOINT") && value.starts_with("http://");
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        } else if name == "AWS_ENDPOINT_URL_S3" {
            builder = builder.with_endpoint(value);
        }
    }
    let retry = RetryConfig { retry_timeout: PATIENCE, max_retries: 20, ..RetryConfig::default() };
    // An endpoint says itself whether it is encrypted.
    let options = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(CONNECT).with_allow_http(is_http);
    builder
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry)
        .with_client_options(options)
        .build()
        .map_err(StoreError::from)
}

fn in_file(name: &str, path: &str) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(source) => Err(StoreError::SecretFile { name: name.to_owned(), path: path.to_owned(), source }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn urls() {
        let of = |url: &str| open(&Url::parse(url).unwrap(), variables(&[])).map(|bucket| bucket.url.to_string());
        assert_eq!(of("s3://bucket").unwrap(), "s3://bucket/");
        assert_eq!(of("s3://bucket/a/b/").unwrap(), "s3://bucket/a/b/");
        for url in ["s3://key:hunter2@bucket/", "s3://bucket/?secret=hunter2", "s3://bucket/#hunter2", "s3:///x"] {
            let error = of(url).unwrap_err().to_string();
            assert!(error.contains("bucket") && !error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn secrets_come_from_files_too_and_are_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "hunter2\n").unwrap();
        let given = [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY_FILE", path.to_str().unwrap()),
        ];
        let bucket = open(&Url::parse("s3://bucket/x").unwrap(), variables(&given)).unwrap();
        assert!(!format!("{:?} {:?}", bucket.root, bucket.folder).contains("hunter2"));
        let missing = [("AWS_SECRET_ACCESS_KEY_FILE", "/no/such/file")];
        let error = open(&Url::parse("s3://bucket/x").unwrap(), variables(&missing)).err().unwrap();
        assert!(error.to_string().contains("/no/such/file"), "{error}");
    }
}
