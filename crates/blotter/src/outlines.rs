//! `blotter boundaries`: the outlines of a city's areas, from its portal.

use crate::{boundaries::file, flags::City, profiles, sources};
use anyhow::{Context, Result, bail};
use blotter_city::{Outlines, Profile};
use blotter_runtime::{Shutdown, sentence, signals};
use blotter_source::{BoundaryPortal, SocrataOptions};
use clap::Args;
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// The portal is asked so often for a dataset; the pauses between begin with this one and double.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Nobody waits longer, whatever the portal asks for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

#[derive(Debug, Args)]
pub(crate) struct Boundaries {
    #[command(flatten)]
    pub(crate) city: City,
    /// Write to `boundaries` in this directory of a demo. Default: the city's, as in `blotter demo`
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Write to this directory instead
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Name of the environment variable with the portal's application token
    #[arg(long, default_value = "BLOTTER_APP_TOKEN", value_name = "VARIABLE")]
    pub(crate) app_token_env: String,
}

/// Downloads them.
pub(crate) fn run(arguments: &Boundaries) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let named = |layer: &usize| profile.layers[*layer].boundaries.as_ref().and_then(|found| found.dataset.as_deref());
    let datasets: Vec<(usize, &str)> =
        (0..profile.layers.len()).filter_map(|layer| Some((layer, named(&layer)?))).collect();
    if datasets.is_empty() {
        bail!(
            "the profile of {} names no boundary dataset: add `boundaries = {{ dataset = …, code = … }}` to its layers, or \
             give files with --boundaries LAYER=PATH",
            profile.name
        );
    }
    let token = sources::app_token(&arguments.app_token_env);
    let portal = BoundaryPortal::new(&profile, &SocrataOptions { token, ..SocrataOptions::new(std::env::temp_dir()) })?;
    let usual = || arguments.dir.clone().unwrap_or_else(|| sources::usual_directory(&profile)).join("boundaries");
    let folder = arguments.to.clone().unwrap_or_else(usual);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let shutdown = signals::shutdown()?;
    let mut failed = 0;
    for (layer, dataset) in &datasets {
        let name = &profile.layers[*layer].name;
        match bring(&portal, &profile, (*layer, dataset), &file(&folder, name), &shutdown) {
            Ok(areas) => println!("{name}: {areas} areas in {}", file(&folder, name).display()),
            // The other layers are worth having without it.
            Err(error) => {
                tracing::error!("{name}, dataset {dataset}: {}", sentence(&error));
                failed += 1;
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} layers are not fetched; files that were there stay", datasets.len());
    }
    Ok(())
}

/// One dataset into its file, once it is known to be of use; how many areas it has.
fn bring(
    portal: &BoundaryPortal,
    profile: &Profile,
    (layer, dataset): (usize, &str),
    path: &Path,
    shutdown: &Shutdown,
) -> Result<usize> {
    let bytes = ask(portal, dataset, shutdown)?;
    let outlines = Outlines::read(&profile.layers[layer], &bytes).context("what the portal has cannot be used")?;
    let staged = path.with_extension("incoming");
    let write = || {
        let mut file = File::create(&staged)?;
        // A changed coordinate would move incidents to other areas.
        file.write_all(&blotter_seal::seal(&bytes))?;
        file.sync_all()?;
        fs::rename(&staged, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(outlines.codes().len())
}

/// Asks again where that may help.
fn ask(portal: &BoundaryPortal, dataset: &str, shutdown: &Shutdown) -> Result<Vec<u8>> {
    let mut attempt = 1;
    loop {
        let error = match portal.geojson(dataset) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        if !error.is_retryable() || attempt == ATTEMPTS {
            return Err(error.into());
        }
        let pause = FIRST_PAUSE * 2_u32.pow(attempt - 1);
        let pause = pause.max(error.retry_after().unwrap_or_default()).min(LONGEST_PAUSE);
        tracing::warn!(%error, retry_in_s = pause.as_secs(), "the portal failed; retrying");
        if shutdown.wait_timeout(pause) {
            return Err(error.into());
        }
        attempt += 1;
    }
}
