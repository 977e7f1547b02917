//! The parts that a role is given, opened by URL. A scheme that this build cannot serve is refused
//! with a sentence that says what would work.

use anyhow::{Context, Result, bail};
use blotter_log::{EmbeddedLog, EmbeddedOptions};
use blotter_store::Store;
use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The directory of `embedded:DIR`.
pub(crate) fn embedded_directory(url: &str) -> Result<PathBuf> {
    if let Some(path) = url.strip_prefix("embedded:") {
        if path.is_empty() {
            bail!("`--log embedded:DIR` needs a directory");
        }
        return Ok(PathBuf::from(path));
    }
    let scheme = url.split(':').next().unwrap_or(url);
    bail!("this build has no log of scheme `{scheme}`: use `embedded:DIR`")
}

/// Opens a log that exists or is made.
pub(crate) fn open_log(url: &str, partitions: Option<NonZeroU32>) -> Result<Arc<EmbeddedLog>> {
    open_embedded(&embedded_directory(url)?, partitions)
}

/// Opens a log that must exist: reading from a directory that was mistyped is no empty log.
pub(crate) fn open_existing_log(url: &str) -> Result<Arc<EmbeddedLog>> {
    let directory = embedded_directory(url)?;
    if !directory.is_dir() {
        bail!("there is no log at {}: `blotter produce --log {url}` makes one", directory.display());
    }
    open_embedded(&directory, None)
}

pub(crate) fn open_embedded(directory: &Path, partitions: Option<NonZeroU32>) -> Result<Arc<EmbeddedLog>> {
    let options = EmbeddedOptions { partitions: partitions.map(NonZeroU32::get), ..EmbeddedOptions::default() };
    let log = EmbeddedLog::open(directory, options)
        .with_context(|| format!("cannot open the log {}", directory.display()))?;
    Ok(Arc::new(log))
}

/// Opens the object store.
pub(crate) fn open_store(url: &str) -> Result<Store> {
    Store::open(url).with_context(|| format!("cannot open the store {url}"))
}

/// The URL of a local store.
pub(crate) fn file_url(directory: &Path) -> Result<String> {
    let absolute = std::path::absolute(directory).with_context(|| format!("cannot find {}", directory.display()))?;
    Ok(format!("file://{}", absolute.display()))
}

/// `LAYER=PATH` of `--boundaries`, with files that exist.
pub(crate) fn boundaries(arguments: &[String]) -> Result<Vec<(String, PathBuf)>> {
    arguments
        .iter()
        .map(|argument| {
            let (layer, path) =
                argument.split_once('=').with_context(|| format!("`--boundaries {argument}`: give LAYER=PATH"))?;
            if !Path::new(path).is_file() {
                bail!("`--boundaries {argument}`: there is no file {path}");
            }
            Ok((layer.to_owned(), PathBuf::from(path)))
        })
        .collect()
}
