//! `blotter snapshot`: from the Delta table to snapshots.

use crate::{
    flags::{City, Ops, Rounds, StoreUrl, moment},
    operations, parts, profiles,
    roles::repeat::{Round, repeat},
};
use anyhow::Result;
use blotter_offline::snapshot::{self, Engine, Outcome, SnapshotConfig, SnapshotParts};
use blotter_runtime::{Operations, signals};
use blotter_store::Store;
use clap::Args;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    #[command(flatten)]
    pub(crate) ops: Ops,
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// Who finds the winning revisions and sorts them: this process, or a Spark Connect server, `spark://HOST:15002` (token from
    /// SPARK_CONNECT_TOKEN)
    #[arg(long, env = "BLOTTER_SNAPSHOT_ENGINE", value_name = "embedded|URL", default_value_t)]
    pub(crate) engine: Engine,
    /// Include only records ingested by this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "every")]
    pub(crate) as_of: Option<String>,
    #[command(flatten)]
    pub(crate) rounds: Rounds,
}

/// Runs the role until a signal stops it, or once without `--every`.
pub(crate) fn run(arguments: &Snapshot) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let as_of = moment("--as-of", arguments.as_of.as_deref())?;
    let shutdown = signals::shutdown()?;
    let config = SnapshotConfig { as_of, stop: shutdown.clone(), ..SnapshotConfig::default() };
    let operations = Operations::new("snapshot");
    let _served = operations::serve(&operations, arguments.ops.listen)?;
    // Opened once: it remembers which files it has found sound.
    let mut opened: Option<Store> = None;
    repeat(
        &operations,
        arguments.rounds.every,
        &shutdown,
        || false,
        || {
            let store = match &opened {
                Some(store) => store.clone(),
                None => opened.insert(parts::open_store(&arguments.store.store)?).clone(),
            };
            let config = SnapshotConfig { engine: parts::with_token(&arguments.engine)?, ..config.clone() };
            let (line, version) =
                match snapshot::take(&config, &SnapshotParts { store, profile: Arc::clone(&profile) })? {
                    Outcome::Written(manifest) => (
                        format!("snapshot {}: {} incidents", manifest.version, manifest.incidents),
                        Some(manifest.version),
                    ),
                    Outcome::Unchanged(manifest) => {
                        (format!("snapshot {} has all that the archive has", manifest.version), Some(manifest.version))
                    }
                    Outcome::NoArchive => ("there is no archive yet; `blotter archive` makes it".to_owned(), None),
                };
            Ok(Round { line, version })
        },
    )
}
