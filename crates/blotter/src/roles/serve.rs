//! `blotter serve`: the HTTP API, the live stream and the map.

use crate::{
    failure::supervise,
    flags::{City, MapListener, Outlines},
    parts::{self, OpenLog},
    profiles,
    say::say,
};
use anyhow::Result;
use blotter_query::LoadParts;
use blotter_runtime::{Operations, signals};
use blotter_serve::{ServeConfig, ServeParts};
use clap::Args;
use std::{path::PathBuf, sync::Arc};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) city: City,
    /// Follow this log: `embedded:DIR` or `kafka://…`. Default: serve the snapshot only
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// Local directory with snapshots (see `blotter fetch`)
    #[arg(long, value_name = "DIR")]
    pub(crate) snapshots: PathBuf,
    #[command(flatten)]
    pub(crate) map: MapListener,
    #[command(flatten)]
    pub(crate) outlines: Outlines,
    /// Exit when the snapshot is loaded and the log is read to its end
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

/// Runs the role until a signal stops it, or until it has caught up (`--until-caught-up`).
pub(crate) fn run(arguments: &Serve) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let boundaries = arguments.outlines.load(&arguments.snapshots, &profile)?;
    let config = ServeConfig { until_caught_up: arguments.until_caught_up, ..arguments.map.config()? };
    let listener = arguments.map.bind()?;
    say!("http://{}", listener.local_addr()?);
    let shutdown = signals::shutdown()?;
    supervise(&Operations::new("serve"), &shutdown, || {
        let opened = arguments.log.as_deref().map(|url| parts::open_existing_log(url, &profile)).transpose()?;
        let serve = ServeParts {
            load: LoadParts {
                log: opened.as_ref().map(OpenLog::log),
                snapshots: arguments.snapshots.clone(),
                profile: Arc::clone(&profile),
                boundaries: Arc::clone(&boundaries),
            },
            listener: listener.try_clone()?,
        };
        blotter_serve::run(&config, serve, &shutdown)?;
        opened.map_or(Ok(()), |opened| opened.close())
    })
}
