//! `spark://HOST:15002[;OPTION=VALUE]…`: where a Spark Connect server listens.

use crate::error::{Result, SparkError};
use std::{fmt, path::PathBuf, str::FromStr};

/// The port of Spark Connect.
const PORT: u16 = 15_002;
const TOKEN: &str = "SPARK_CONNECT_TOKEN";

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparkAddress {
    host: String,
    port: u16,
    /// `use_ssl=true`.
    tls: bool,
    /// `ca=FILE`: whom to believe, beside the system's authorities.
    ca: Option<PathBuf>,
    /// `user_id=NAME`: whom the server takes Blotter for.
    user: String,
}

impl SparkAddress {
    pub(crate) fn uri(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    pub(crate) fn tls(&self) -> bool {
        self.tls
    }

    pub(crate) fn ca(&self) -> Option<&PathBuf> {
        self.ca.as_ref()
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The token of the environment, read anew for every connection: a file may be rotated.
    pub(crate) fn token() -> Result<Option<String>> {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (text(TOKEN), text(&format!("{TOKEN}_FILE"))) {
            (Some(_), Some(_)) => {
                Err(SparkError::Setting(format!("{TOKEN} is given twice: drop it or `{TOKEN}_FILE`")))
            }
            (Some(token), None) => Ok(Some(token)),
            (None, Some(file)) => std::fs::read_to_string(&file)
                .map(|token| Some(token.trim().to_owned()))
                .map_err(|error| SparkError::Setting(format!("`{TOKEN}_FILE`: {file} cannot be read: {error}"))),
            (None, None) => Ok(None),
        }
    }
}

impl FromStr for SparkAddress {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let rest = text
            .strip_prefix("spark://")
            .or_else(|| text.strip_prefix("sc://"))
            .ok_or_else(|| format!("`{text}` does not begin with spark://, as in spark://localhost:{PORT}"))?;
        let mut parts = rest.split(';');
        let place = parts.next().unwrap_or_default().trim_end_matches('/');
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && (!host.contains(':') || host.ends_with(']')) => {
                (host, port.parse().map_err(|_| format!("`{port}` is no port, as in spark://localhost:{PORT}"))?)
            }
            _ => (place, PORT),
        };
        if host.is_empty() || host.contains(['@', '/', '?']) {
            return Err(format!("`{host}` is no host, as in spark://localhost:{PORT}"));
        }
        let mut address = Self { host: host.to_owned(), port, tls: false, ca: None, user: "blotter".to_owned() };
        for option in parts.filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').ok_or_else(|| format!("`{option}` is not NAME=VALUE"))?;
            match (name, value) {
                ("use_ssl", "true") => address.tls = true,
                ("use_ssl", "false") => address.tls = false,
                ("use_ssl", _) => return Err(format!("use_ssl is true or false, not `{value}`")),
                ("ca", file) => address.ca = Some(file.into()),
                ("user_id", user) => user.clone_into(&mut address.user),
                ("token", _) => {
                    return Err(format!("a token in an address is seen by everybody: give {TOKEN} or {TOKEN}_FILE"));
                }
                _ => return Err(format!("`{name}` is no option of spark://: use_ssl, ca and user_id are")),
            }
        }
        if address.ca.is_some() && !address.tls {
            return Err("`ca` needs use_ssl=true".to_owned());
        }
        Ok(address)
    }
}

impl fmt::Display for SparkAddress {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "spark://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_wrong_ones_are_explained() {
        let check = |text: &str, expect: std::result::Result<&str, &str>| match (text.parse::<SparkAddress>(), expect) {
            (Ok(address), Ok(uri)) => assert_eq!(address.uri(), uri),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("spark://spark", Ok("http://spark:15002"));
        check("spark://10.0.0.7:443;use_ssl=true", Ok("https://10.0.0.7:443"));
        check("spark://[::1]:15002", Ok("http://[::1]:15002"));
        check("sc://spark/;user_id=city", Ok("http://spark:15002"));
        check("kafka://spark", Err("does not begin with spark://"));
        check("spark://", Err("is no host"));
        check("spark://a:b", Err("`b` is no port"));
        check("spark://a;token=x", Err("SPARK_CONNECT_TOKEN_FILE"));
        check("spark://a;use_ssl=yes", Err("true or false"));
        check("spark://a;tls=true", Err("`tls` is no option"));
        check("spark://a;ca=x", Err("needs use_ssl=true"));
    }

    #[test]
    fn it_is_shown_without_its_options() {
        let address: SparkAddress = "spark://a;use_ssl=true;ca=/secret/ca.pem".parse().expect("an address");
        assert_eq!(address.to_string(), "spark://a:15002");
    }
}
