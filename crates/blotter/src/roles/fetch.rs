//! `blotter fetch`: the newest snapshot, brought near.

use crate::{
    flags::{Ops, Rounds, StoreUrl},
    operations, parts,
    roles::repeat::{Round, repeat},
};
use anyhow::Result;
use blotter_offline::fetch::{self, FetchConfig, FetchOutcome};
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
    #[command(flatten)]
    pub(crate) rounds: Rounds,
}

/// Runs the role until a signal stops it, or once without `--every`.
pub(crate) fn run(arguments: &Fetch) -> Result<()> {
    let shutdown = signals::shutdown()?;
    let config = FetchConfig { stop: shutdown.clone(), ..FetchConfig::new(arguments.to.clone()) };
    let operations = Operations::new("fetch");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    let is_here = || fetch::has_snapshot(&arguments.to);
    repeat(&operations, arguments.rounds.every, &shutdown, is_here, || {
        let store = parts::open_store(&arguments.store.store)?;
        let (line, version) = match fetch::once(&config, &store)? {
            FetchOutcome::New(version) => {
                (format!("snapshot {version} is in {}", arguments.to.display()), Some(version))
            }
            FetchOutcome::Unchanged(version) => (format!("snapshot {version} was there already"), Some(version)),
            FetchOutcome::Nothing => ("the store has no snapshot yet".to_owned(), None),
        };
        Ok(Round { line, version })
    })
}
