//! `blotter fetch`: the newest snapshot, brought near.

use crate::{
    flags::{Ops, StoreUrl},
    operations, parts,
    roles::repeat::repeat,
};
use anyhow::Result;
use blotter_offline::fetch::{self, FetchConfig, Fetched};
use blotter_runtime::{Operations, signals};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// Local directory for the snapshot
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Look for a new snapshot every so many seconds. Default: once
    #[arg(long, value_name = "SECONDS")]
    pub(crate) every: Option<u64>,
    /// Exit when the newest snapshot is here (the default without `--every`)
    #[arg(long, conflicts_with = "every")]
    pub(crate) until_caught_up: bool,
}

/// Runs the role until it is told to stop, or once without `--every`.
pub(crate) fn run(arguments: &Fetch) -> Result<()> {
    let shutdown = signals::shutdown()?;
    let config = FetchConfig { stop: shutdown.clone(), ..FetchConfig::new(arguments.to.clone()) };
    let operations = Operations::new("fetch");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    repeat(&operations, arguments.every, &shutdown, || {
        let store = parts::open_store(&arguments.store.store)?;
        match fetch::once(&config, &store)? {
            Fetched::New(version) => {
                println!("snapshot {version} is in {}", arguments.to.display());
                Ok(Some(version))
            }
            Fetched::Unchanged(version) => {
                println!("snapshot {version} was there already");
                Ok(Some(version))
            }
            Fetched::Nothing => {
                println!("the store has no snapshot yet");
                Ok(None)
            }
        }
    })
}
