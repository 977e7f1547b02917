//! `spark://HOST:15002[;OPTION=VALUE]…`: where a Spark Connect server listens.

use std::{fmt, path::PathBuf, str::FromStr};

/// The port of Spark Connect.
const PORT: u16 = 15_002;

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
    token: Option<Token>,
}

/// Not shown.
#[derive(Clone, PartialEq, Eq)]
struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("…")
    }
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

    /// With the token that the server asks for. It is not part of the text: others may read that.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token: token.map(Token), ..self }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|Token(token)| token.as_str())
    }
}

impl FromStr for SparkAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("spark://")
            .or_else(|| text.strip_prefix("sc://"))
            .ok_or_else(|| format!("`{text}` does not begin with spark://, as in spark://localhost:{PORT}"))?;
        let mut parts = rest.split(';');
        let place = parts.next().unwrap_or_default().trim_end_matches('/');
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && (!host.contains(':') || host.ends_with(']')) => {
                (host, port.parse().map_err(|_| format!("`{port}` is not a port, as in spark://localhost:{PORT}"))?)
            }
            _ => (place, PORT),
        };
        if host.is_empty() || host.contains(['@', '/', '?']) {
            return Err(format!("`{host}` is not a host, as in spark://localhost:{PORT}"));
        }
        let mut address =
            Self { host: host.to_owned(), port, tls: false, ca: None, user: "blotter".to_owned(), token: None };
        for option in parts.filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').ok_or_else(|| format!("`{option}` is not NAME=VALUE"))?;
            match (name, value) {
                ("use_ssl", "true") => address.tls = true,
                ("use_ssl", "false") => address.tls = false,
                ("use_ssl", _) => return Err(format!("use_ssl is true or false, not `{value}`")),
                ("ca", file) => address.ca = Some(file.into()),
                ("user_id", user) => user.clone_into(&mut address.user),
                ("token", _) => {
                    return Err("everybody can read a token in an address: give SPARK_CONNECT_TOKEN or SPARK_CONNECT_TOKEN_FILE".to_owned());
                }
                _ => {
                    return Err(format!(
                        "`{name}` is not an option of spark://. The options are use_ssl, ca and user_id"
                    ));
                }
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
        let check = |text: &str, expect: Result<&str, &str>| match (text.parse::<SparkAddress>(), expect) {
            (Ok(address), Ok(uri)) => assert_eq!(address.uri(), uri),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("spark://spark", Ok("http://spark:15002"));
        check("spark://10.0.0.7:443;use_ssl=true", Ok("https://10.0.0.7:443"));
        check("spark://[::1]:15002", Ok("http://[::1]:15002"));
        check("sc://spark/;user_id=city", Ok("http://spark:15002"));
        check("kafka://spark", Err("does not begin with spark://"));
        check("spark://", Err("is not a host"));
        check("spark://a:b", Err("`b` is not a port"));
        check("spark://a;token=x", Err("SPARK_CONNECT_TOKEN_FILE"));
        check("spark://a;use_ssl=yes", Err("true or false"));
        check("spark://a;tls=true", Err("`tls` is not an option"));
        check("spark://a;ca=x", Err("needs use_ssl=true"));
    }

    #[test]
    fn it_is_shown_without_its_options() {
        let address: SparkAddress = "spark://a;use_ssl=true;ca=/secret/ca.pem".parse().expect("an address");
        assert_eq!(address.to_string(), "spark://a:15002");
        let address = address.with_token(Some("t0ken".to_owned()));
        assert!(!format!("{address} {address:?}").contains("t0ken"), "{address:?}");
    }
}
