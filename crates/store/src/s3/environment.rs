//! Endpoint, region and credentials of S3, by the names that every S3 tool knows.
//!
//! | variable | what it says |
//! | --- | --- |
//! | `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` | the server; Amazon's unless given. Plain HTTP only where it says `http://` |
//! | `AWS_REGION`, `AWS_DEFAULT_REGION` | the region; `us-east-1` unless given |
//! | `AWS_VIRTUAL_HOSTED_STYLE_REQUEST` | `true` where the bucket is part of the host's name; else it is part of the path |
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | credentials |
//!
//! Each of them may be given as a file by `<name>_FILE`; a credential's file is read again for every
//! request, so that a rotated secret is taken up without a restart. Where there is no access key, the pod's
//! identity decides: `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`, or the container credentials that
//! ECS and EKS announce (`AWS_CONTAINER_CREDENTIALS_…`). The credentials of an EC2 machine are asked for
//! only where `AWS_EC2_METADATA_SERVICE_ENDPOINT` names who knows them: elsewhere nobody would answer.

use crate::error::{Result, StoreError};
use async_trait::async_trait;
use object_store::{
    CredentialProvider,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential},
};
use std::{fmt, path::PathBuf, sync::Arc};
use url::Url;

const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";

/// Looks a variable up; a test gives a map's.
pub(crate) struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Environment<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A variable or its file.
    fn source(&self, name: &'static str) -> Result<Option<Source>> {
        let file = self.get(&format!("{name}_FILE"));
        match (self.get(name), file) {
            (Some(_), Some(_)) => Err(setting(name, format!("it is given twice: drop it or `{name}_FILE`"))),
            (Some(value), None) => Ok(Some(Source { name, from: From::Value(value) })),
            (None, Some(file)) => Ok(Some(Source { name, from: From::File(file.into()) })),
            (None, None) => Ok(None),
        }
    }

    fn first(&self, names: &[&'static str]) -> Result<Option<(&'static str, String)>> {
        for name in names {
            if let Some(source) = self.source(name)? {
                return Ok(Some((name, source.read()?)));
            }
        }
        Ok(None)
    }

    /// A client's builder with all that the environment says.
    pub(crate) fn builder(&self, bucket: &str) -> Result<AmazonS3Builder> {
        let region = self.first(&["AWS_REGION", "AWS_DEFAULT_REGION"])?;
        let region = region.map_or_else(|| "us-east-1".to_owned(), |(_, region)| region);
        let is_hosted = self
            .first(&["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"])?
            .is_some_and(|(_, value)| value.eq_ignore_ascii_case("true") || value == "1");
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_virtual_hosted_style_request(is_hosted);
        if let Some((name, endpoint)) = self.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])? {
            let mut endpoint = parse_endpoint(name, &endpoint)?;
            if is_hosted {
                let host = format!("{bucket}.{}", endpoint.host_str().unwrap_or_default());
                endpoint.set_host(Some(&host)).map_err(|error| setting(name, error.to_string()))?;
            }
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
        }
        self.with_credentials(builder)
    }

    /// Whether requests may go over plain HTTP.
    pub(crate) fn allows_http(&self) -> Result<bool> {
        let endpoint = self.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])?;
        Ok(endpoint.is_some_and(|(_, endpoint)| endpoint.starts_with("http://")))
    }

    fn with_credentials(&self, builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
        match (self.source(KEY_ID)?, self.source(SECRET)?) {
            (Some(key_id), Some(secret)) => {
                let credentials = Credentials { key_id, secret, token: self.source(TOKEN)? };
                credentials.read()?;
                return Ok(builder.with_credentials(Arc::new(credentials)));
            }
            (Some(_), None) => return Err(setting(SECRET, format!("it is missing beside `{KEY_ID}`"))),
            (None, Some(_)) => return Err(setting(KEY_ID, format!("it is missing beside `{SECRET}`"))),
            (None, None) => {}
        }
        let identities: [&[(&str, AmazonS3ConfigKey)]; 4] = [
            &[
                ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
                ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
            ],
            &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri)],
            &[
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
            ],
            &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint)],
        ];
        let optional = [
            ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
            ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
        ];
        let Some(identity) = identities.iter().find(|keys| keys.iter().all(|(name, _)| self.get(name).is_some()))
        else {
            return Err(setting(
                KEY_ID,
                format!(
                    "there are no credentials for S3: give it and `{SECRET}`, or both as files by `{KEY_ID}_FILE` and \
                     `{SECRET}_FILE`, or the pod's identity (`AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, \
                     `AWS_CONTAINER_CREDENTIALS_FULL_URI`), or on EC2 `AWS_EC2_METADATA_SERVICE_ENDPOINT`"
                ),
            ));
        };
        let given = identity.iter().chain(&optional).filter_map(|(name, key)| Some((*key, self.get(name)?)));
        Ok(given.fold(builder, |builder, (key, value)| builder.with_config(key, value)))
    }
}

/// The endpoint is never shown where it is refused: it may hold what it should not.
fn parse_endpoint(name: &str, endpoint: &str) -> Result<Url> {
    let refuse = |why: &str| Err(setting(name, why.to_owned()));
    let Ok(url) = Url::parse(endpoint) else { return refuse("it is not a URL; use one like `https://host:9000`") };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return refuse("it is not an `https://` or `http://` URL");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return refuse("a user, a query or a fragment has no place in it; credentials have variables of their own");
    }
    Ok(url)
}

fn setting(name: &str, why: String) -> StoreError {
    StoreError::Setting { name: name.to_owned(), why }
}

/// Where a value comes from.
struct Source {
    name: &'static str,
    from: From,
}

enum From {
    Value(String),
    File(PathBuf),
}

impl Source {
    fn read(&self) -> Result<String> {
        let file = match &self.from {
            From::Value(value) => return Ok(value.clone()),
            From::File(file) => file,
        };
        let name = format!("{}_FILE", self.name);
        let text = std::fs::read_to_string(file)
            .map_err(|error| setting(&name, format!("`{}` cannot be read: {error}", file.display())))?;
        let text = text.trim();
        if text.is_empty() {
            return Err(setting(&name, format!("`{}` is empty", file.display())));
        }
        Ok(text.to_owned())
    }
}

/// An access key and its secret, read anew for each request where they are files.
struct Credentials {
    key_id: Source,
    secret: Source,
    token: Option<Source>,
}

impl Credentials {
    fn read(&self) -> Result<AwsCredential> {
        Ok(AwsCredential {
            key_id: self.key_id.read()?,
            secret_key: self.secret.read()?,
            token: self.token.as_ref().map(Source::read).transpose()?,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(from the environment)")
    }
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let read = self.read();
        read.map(Arc::new).map_err(|error| object_store::Error::Generic { store: "S3", source: error.into() })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    const MARKER: &str = "hunter2";

    fn built(variables: &[(&str, &str)]) -> Result<AmazonS3Builder> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Environment::new(&lookup).builder("city")
    }

    #[test]
    fn says_what_is_missing_and_shows_no_secret() {
        let check = |variables: &[(&str, &str)], expect: &str| {
            let error = built(variables).unwrap_err();
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(text.contains(expect), "{variables:?}: {text}");
                assert!(!text.contains(MARKER), "{text}");
            }
            assert!(!error.is_retryable());
        };
        check(&[], "there are no credentials");
        check(&[(KEY_ID, "")], "there are no credentials");
        check(&[(SECRET, MARKER)], "AWS_ACCESS_KEY_ID");
        check(&[(KEY_ID, MARKER)], "AWS_SECRET_ACCESS_KEY");
        check(&[(KEY_ID, "k"), (SECRET, MARKER), ("AWS_SECRET_ACCESS_KEY_FILE", "/f")], "twice");
        check(&[(KEY_ID, "k"), ("AWS_SECRET_ACCESS_KEY_FILE", "/nowhere")], "`/nowhere` cannot be read");
        check(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/f")], "there are no credentials");
        let key = [(KEY_ID, "k"), (SECRET, MARKER)];
        let endpoint = |url| [&key[..], &[("AWS_ENDPOINT_URL", url)]].concat();
        check(&endpoint("http://user:hunter2@host"), "a user, a query");
        check(&endpoint("http://host/?hunter2"), "a user, a query");
        check(&endpoint("hunter2"), "it is not a URL");
        check(&endpoint("ftp://hunter2/"), "it is not an `https://`");
    }

    #[test]
    fn takes_values_from_files_again_and_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "first\n").unwrap();
        let source = |text: &str| Source { name: KEY_ID, from: From::Value(text.to_owned()) };
        let secret = Source { name: SECRET, from: From::File(path.clone()) };
        let credentials = Credentials { key_id: source("k"), secret, token: Some(source(MARKER)) };
        assert_eq!(credentials.read().unwrap().secret_key, "first");
        std::fs::write(&path, "second").unwrap();
        let read = credentials.read().unwrap();
        assert_eq!((read.secret_key.as_str(), read.token.as_deref()), ("second", Some(MARKER)));
        assert!(!format!("{credentials:?}").contains(MARKER));
    }

    #[test]
    fn knows_the_usual_names() {
        let check = |more: &[(&str, &str)], key: AmazonS3ConfigKey, expect: Option<&str>| {
            let variables = [&[(KEY_ID, "k"), (SECRET, MARKER)], more].concat();
            assert_eq!(built(&variables).unwrap().get_config_value(&key).as_deref(), expect, "{more:?}");
        };
        check(&[], AmazonS3ConfigKey::Region, Some("us-east-1"));
        check(&[("AWS_DEFAULT_REGION", "eu-west-1")], AmazonS3ConfigKey::Region, Some("eu-west-1"));
        let both = [("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_REGION", "eu-west-2")];
        check(&both, AmazonS3ConfigKey::Region, Some("eu-west-2"));
        let endpoints = [("AWS_ENDPOINT_URL", "https://a"), ("AWS_ENDPOINT_URL_S3", "https://b:9000/")];
        check(&endpoints, AmazonS3ConfigKey::Endpoint, Some("https://b:9000"));
        let hosted = [("AWS_ENDPOINT_URL", "https://b:9000"), ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")];
        check(&hosted, AmazonS3ConfigKey::Endpoint, Some("https://city.b:9000"));
        check(&[], AmazonS3ConfigKey::Endpoint, None);
        let identity = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")];
        let built = built(&identity).unwrap();
        assert_eq!(built.get_config_value(&AmazonS3ConfigKey::WebIdentityTokenFile).as_deref(), Some("/token"));
        assert_eq!(built.get_config_value(&AmazonS3ConfigKey::RoleArn).as_deref(), Some("arn:aws:iam::1:role/r"));
    }
}
