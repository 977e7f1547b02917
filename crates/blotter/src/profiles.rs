//! City profiles by name or path. Those of the `cities` folder are in the binary.

use anyhow::{Context, Result, bail};
use blotter_city::Profile;
use std::{path::Path, sync::Arc};

const SHIPPED: [(&str, &str); 2] = [
    ("chicago", include_str!("../../../cities/chicago.toml")),
    ("new-york-shootings", include_str!("../../../cities/new-york-shootings.toml")),
];

pub(crate) fn profile(city: &str) -> Result<Arc<Profile>> {
    let shipped = SHIPPED.iter().find(|(name, _)| *name == city).map(|(_, text)| (*text).to_owned());
    let text = match shipped {
        Some(text) => text,
        None if city.contains(['.', '/']) || Path::new(city).exists() => {
            std::fs::read_to_string(city).with_context(|| format!("cannot read the city profile {city}"))?
        }
        None => {
            let names = SHIPPED.map(|(name, _)| name).join(", ");
            bail!("there is no city `{city}`; there are: {names}. A new city is a TOML file: give its path");
        }
    };
    Ok(Arc::new(Profile::from_toml(&text).with_context(|| format!("city profile {city}"))?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn shipped_ones_are_found_and_others_are_refused_with_their_names() {
        for (name, _) in SHIPPED {
            assert_eq!(profile(name).map(|profile| profile.slug.clone()).ok().as_deref(), Some(name));
        }
        let error = profile("springfield").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("chicago"), "{error}");
    }
}
