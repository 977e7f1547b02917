//! Outlines of areas: files that are named, files that lie where they are looked for, and `blotter boundaries`, which puts them
//! there.

use crate::{cli, profiles, sources};
use anyhow::{Context, Result, bail};
use blotter_city::{Outlines, Profile};
use blotter_incident::Boundaries;
use blotter_runtime::{Shutdown, signals};
use blotter_seal::Seal;
use blotter_source::{BoundaryPortal, SocrataOptions};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Times that a portal is asked for a dataset, and the first pause between two.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Nobody waits longer, whatever the portal asks for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where they are looked for beside a directory of snapshots.
pub(crate) fn beside(snapshots: &Path) -> PathBuf {
    snapshots.with_file_name("boundaries")
}

/// Those of `LAYER=PATH` arguments, and of other layers the `LAYER.geojson` of a folder, where there are any.
pub(crate) fn load(arguments: &[String], folder: Option<&Path>, profile: &Profile) -> Result<Arc<Boundaries>> {
    let mut boundaries = Boundaries::default();
    for argument in arguments {
        let (name, path) =
            argument.split_once('=').with_context(|| format!("`--boundaries {argument}`: give LAYER=PATH"))?;
        let layer = profile.layer(name).with_context(|| {
            let names: Vec<&str> = profile.layers.iter().map(|layer| layer.name.as_str()).collect();
            format!("`--boundaries {argument}`: {} has no layer `{name}`, but {}", profile.slug, names.join(", "))
        })?;
        if !Path::new(path).is_file() {
            bail!("`--boundaries {argument}`: there is no file {path}");
        }
        boundaries.insert(layer, read(profile, layer, Path::new(path))?);
    }
    for (layer, named) in profile.layers.iter().enumerate() {
        let path = folder.map(|folder| file(folder, &named.name)).filter(|path| path.is_file());
        if let Some(path) = path.filter(|_| boundaries.of(layer).is_none()) {
            boundaries.insert(layer, read(profile, layer, &path)?);
        }
    }
    Ok(Arc::new(boundaries))
}

fn file(folder: &Path, layer: &str) -> PathBuf {
    folder.join(format!("{layer}.geojson"))
}

/// Plain or zst, by its first bytes.
fn read(profile: &Profile, layer: usize, path: &Path) -> Result<Outlines> {
    let mut bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let unusable = || format!("the boundaries {} cannot be used", path.display());
    if blotter_seal::seal_of(&bytes) == Seal::Broken {
        bail!(
            "{} is damaged: its checksum does not match; fetch it again with `blotter boundaries`, or remove its last member \
             `checksum` if you have edited it",
            path.display()
        );
    }
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        bytes = zstd::decode_all(&bytes[..]).with_context(unusable)?;
    }
    Outlines::read(&profile.layers[layer], &bytes).with_context(unusable)
}

/// `blotter boundaries`.
pub(crate) fn fetch(arguments: &cli::Boundaries) -> Result<()> {
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
                tracing::error!("{name}, dataset {dataset}: {error:#}");
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn outlines(property: &str) -> String {
        format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"{property}":"7"}},
            "geometry":{{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}}}}]}}"#
        )
    }

    #[test]
    fn what_is_named_overrules_what_lies_there() {
        let profile = profiles::profile("chicago").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("beat.geojson"), outlines("beat_num")).unwrap();
        fs::write(path("community_area.geojson"), "broken").unwrap();
        fs::write(path("other.geojson"), "of no layer").unwrap();
        fs::write(path("given.zst"), zstd::encode_all(outlines("area_numbe").as_bytes(), 1).unwrap()).unwrap();
        let known = |arguments: &[String]| {
            let boundaries = load(arguments, Some(folder.path()), &profile)?;
            anyhow::Ok(boundaries.known().map(|(layer, _)| profile.layers[layer].name.clone()).collect::<Vec<_>>())
        };
        let given = format!("community_area={}", path("given.zst"));
        assert_eq!(known(&[given]).unwrap(), ["community_area", "beat"]);
        let refused = |arguments: &[String], expect: &str| {
            let error = format!("{:#}", known(arguments).unwrap_err());
            assert!(error.contains(expect), "{error}");
        };
        refused(&[], "community_area.geojson cannot be used: not GeoJSON");
        refused(&["community_area".into()], "LAYER=PATH");
        refused(&["galaxy=x".into()], "no layer `galaxy`, but community_area, district");
        refused(&[format!("beat={}", path("none"))], "no file");
        assert!(load(&[], None, &profile).unwrap().is_empty());
    }

    /// Issue 12, 4.2.
    #[test]
    fn a_flipped_byte_in_fetched_outlines_is_refused() {
        let profile = profiles::profile("chicago").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("beat.geojson");
        let sealed = blotter_seal::seal(outlines("beat_num").as_bytes());
        fs::write(&path, &sealed).unwrap();
        assert_eq!(load(&[], Some(folder.path()), &profile).unwrap().known().count(), 1);
        for index in (0..sealed.len()).step_by(3) {
            let mut flipped = sealed.clone();
            flipped[index] ^= 1;
            fs::write(&path, flipped).unwrap();
            let error = load(&[], Some(folder.path()), &profile).unwrap_err().to_string();
            assert!(error.contains("beat.geojson is damaged"), "byte {index}: {error}");
        }
    }

    #[test]
    fn they_lie_beside_the_snapshots() {
        assert_eq!(beside(Path::new("a/chicago/snapshots/")), Path::new("a/chicago/boundaries"));
        assert_eq!(beside(Path::new("snapshots")), Path::new("boundaries"));
    }
}
