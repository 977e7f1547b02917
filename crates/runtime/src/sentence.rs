//! An error and its causes in one sentence.

use anyhow::Error;

/// The error and its causes, up to the first that names the innermost cause: many errors name it themselves.
pub fn sentence(error: &Error) -> String {
    let innermost = error.root_cause().to_string();
    let mut text = String::new();
    for cause in error.chain() {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        if text.contains(&innermost) {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn nothing_is_said_twice() {
        let named = Err::<(), _>(anyhow!("connection refused"))
            .context("S3: connection refused")
            .context("store: connection refused")
            .context("cannot open the store");
        assert_eq!(sentence(&named.expect_err("it failed")), "cannot open the store: store: connection refused");
    }

    #[test]
    fn what_only_a_cause_knows_is_said() {
        let error = Err::<(), _>(anyhow!("no such file")).context("cannot read x").context("cannot start");
        assert_eq!(sentence(&error.expect_err("it failed")), "cannot start: cannot read x: no such file");
    }
}
