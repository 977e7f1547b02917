//! Where a CSV file lies: a path, or an `http` or `https` address.

use crate::SourceError;
use std::path::{Path, PathBuf};
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

/// Where a CSV file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// On this machine.
    Path(PathBuf),
    /// Behind `http` or `https`.
    Url(Url),
}

impl Location {
    /// Reads `--data`: an address where it starts with `http://` or `https://`, a path otherwise (`file://` too).
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let refused = |why: String| SourceError::Refused { what: redacted(text), why };
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::Path(text.into())) };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                let url = Url::parse(text).map_err(|error| refused(format!("not an address: {error}")))?;
                Ok(Self::Url(url))
            }
            "file" => Ok(Self::Path(rest.into())),
            other => Err(refused(format!("`{other}://` cannot be read; give a path, or an http or https address"))),
        }
    }

    /// Its name in the log: stable from start to start, whatever the working directory.
    pub fn name(&self) -> String {
        let (whole, last) = match self {
            Self::Path(path) => {
                let whole = std::fs::canonicalize(path).unwrap_or_else(|_| absolute(path));
                (whole.to_string_lossy().into_owned(), self.file_name())
            }
            Self::Url(url) => (url.to_string(), self.file_name()),
        };
        format!("csv-{last}-{:08x}", xxh3_64(whole.as_bytes()) >> 32)
    }

    /// The last part of the path or address.
    pub fn file_name(&self) -> String {
        let name = match self {
            Self::Path(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
            Self::Url(url) => url.path_segments().and_then(|mut parts| parts.next_back().map(ToOwned::to_owned)),
        };
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| "data".into())
    }

    /// What people read: without the parts of an address that may be secret.
    pub fn describe(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Url(url) => redacted(url.as_str()),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// An address without user, password and query, which may hold tokens.
pub(crate) fn redacted(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    if url.cannot_be_a_base() {
        return text.to_owned();
    }
    let _kept = url.set_username("");
    let _kept = url.set_password(None);
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    url.set_fragment(None);
    url.to_string().replace("%E2%80%A6", "…")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths() {
        assert_eq!(Location::parse("a/b.csv").unwrap(), Location::Path("a/b.csv".into()));
        assert_eq!(Location::parse("file:///a/b.csv").unwrap(), Location::Path("/a/b.csv".into()));
        let url = Location::parse("HTTPS://me:secret@example.org/x/rows.csv?token=secret").unwrap();
        assert_eq!(url.describe(), "https://example.org/x/rows.csv?…");
        assert_eq!(url.file_name(), "rows.csv");
        assert!(!url.name().contains("secret"));
        let error = Location::parse("ftp://example.org/rows.csv").unwrap_err().to_string();
        assert!(error.contains("http"), "{error}");
    }

    #[test]
    fn a_name_is_that_of_the_file_and_not_of_the_way_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "").unwrap();
        let detour = folder.path().join(".").join("x.csv");
        assert_eq!(Location::Path(path).name(), Location::Path(detour).name());
    }
}
