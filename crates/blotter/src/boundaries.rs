//! Outlines of areas: files that are named, and files that lie where they are looked for.

use anyhow::{Context, Result, bail};
use blotter_city::{Outlines, Profile};
use blotter_incident::Boundaries;
use blotter_seal::Seal;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

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

pub(crate) fn file(folder: &Path, layer: &str) -> PathBuf {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::profiles;

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
