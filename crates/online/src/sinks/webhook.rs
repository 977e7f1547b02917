//! An address that takes alerts: each a JSON object, whose `text` chat services show.

use super::{SinkError, http::Client};
use url::Url;

/// Where alerts are posted. The address is a secret: it may be all that its receiver asks for.
pub struct Webhook {
    client: Client,
    path: String,
}

impl Webhook {
    /// Of a rule.
    ///
    /// # Errors
    /// [`SinkError::Configuration`] where it is no `http://` or `https://` address; the text does not repeat it.
    pub fn new(rule: &str, address: &str) -> Result<Self, SinkError> {
        let wrong = || SinkError::Configuration(format!("the webhook of rule `{rule}`: give http://… or https://…"));
        let url = Url::parse(address).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong());
        }
        let path = url[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
        let base = url[..url::Position::BeforePath].to_owned();
        let secrets = vec![address.to_owned(), url.to_string(), path.clone(), base.clone()];
        // A path of `/` is everywhere, and no secret.
        let secrets = secrets.into_iter().filter(|secret| secret.len() > 1).collect();
        Ok(Self { client: Client::new(format!("webhook of rule {rule}"), base, None, secrets), path })
    }

    /// Posts one alert.
    pub fn post(&self, id: &str, alert: &[u8]) -> Result<(), SinkError> {
        self.client.post_json(&self.path, alert, id)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_and_never_shown() {
        for wrong in ["", "hooks.example/secret", "ftp://hooks.example/secret", "mailto:secret"] {
            let error = Webhook::new("r", wrong).err().map(|error| error.to_string());
            if let Some(error) = error {
                assert!(!error.contains("secret"), "{error}");
            } else {
                panic!("{wrong} is taken");
            }
        }
        // Nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let away = Webhook::new("r", &format!("http://127.0.0.1:{port}/secret?token=secret")).unwrap();
        let error = away.post("id", b"{}").unwrap_err();
        assert!(error.is_retryable());
        assert!(!error.to_string().contains("secret") && error.to_string().contains("webhook of rule r"), "{error}");
    }
}
