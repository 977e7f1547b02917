//! Secrets come from the environment or from files that it names, and from nowhere else.

use anyhow::{Context, Result};

/// The value of a variable, or what the file holds that `NAME_FILE` names.
pub(crate) fn secret(name: &str) -> Result<Option<String>> {
    if let Some(value) = variable(name) {
        return Ok(Some(value));
    }
    let Some(path) = variable(&format!("{name}_FILE")) else { return Ok(None) };
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}, which {name}_FILE names"))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A variable that is no secret; an empty one is none.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
