//! Asking a portal: one request at a time, answers as JSON rows, failures that say when to ask again.

use super::{
    options::{AppToken, SocrataOptions},
    rows::Fields,
};
use crate::{
    SourceError,
    input::{agent, http_error, redacted, retry_after, status_error},
};
use blotter_city::Portal;
use std::time::Duration;
use ureq::Agent;
use url::Url;

/// Bytes of the longest answer.
const LONGEST: u64 = 512 << 20;

/// Redirects that are followed for one answer.
const MOST_REDIRECTS: u32 = 5;

/// A portal's dataset, and others beside it.
pub(super) struct Client {
    agent: Agent,
    resource: Url,
    token: Option<AppToken>,
}

impl Client {
    pub(super) fn new(portal: &Portal, options: &SocrataOptions) -> Result<Self, SourceError> {
        let base = options.base.clone().unwrap_or_else(|| {
            if portal.domain.contains("://") { portal.domain.clone() } else { format!("https://{}", portal.domain) }
        });
        let address = format!("{}/resource/{}.json", base.trim_end_matches('/'), portal.dataset);
        let resource = Url::parse(&address).map_err(|error| SourceError::Refused {
            what: address.clone(),
            why: format!("not an address: {error}; correct `portal` in the city's profile"),
        })?;
        Ok(Self { agent: agent(), resource, token: options.token.clone() })
    }

    /// What people read.
    pub(super) fn describe(&self) -> String {
        redacted(self.resource.as_str())
    }

    /// The rows that the parameters ask for.
    pub(super) fn rows(&self, parameters: &[(&str, &str)]) -> Result<Vec<Fields>, SourceError> {
        self.ask(parameters, None)
    }

    /// As [`Client::rows`], within a time.
    pub(super) fn ask(
        &self,
        parameters: &[(&str, &str)],
        timeout: Option<Duration>,
    ) -> Result<Vec<Fields>, SourceError> {
        let mut url = self.resource.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        let body = self.body(&url, timeout)?;
        serde_json::from_slice(&body).map_err(|error| {
            let why = format!("the answer is not a list of rows, or it is truncated: {error}");
            SourceError::Http { url: redacted(url.as_str()), why, retryable: true, retry_after: None }
        })
    }

    /// Another dataset of the portal, as GeoJSON.
    pub(super) fn geojson(&self, dataset: &str, parameters: &[(&str, &str)]) -> Result<Vec<u8>, SourceError> {
        let mut url = self.resource.clone();
        // An address that can be asked has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop().push(&format!("{dataset}.geojson"));
        }
        url.query_pairs_mut().extend_pairs(parameters);
        self.body(&url, None)
    }

    fn body(&self, url: &Url, timeout: Option<Duration>) -> Result<Vec<u8>, SourceError> {
        let fail = |error: &ureq::Error| http_error(url.as_str(), error);
        let mut at = url.clone();
        let mut redirects = 0;
        let mut response = loop {
            let mut request = self.agent.get(at.as_str());
            // The client would take the token along to whatever host an answer names.
            if let Some(AppToken(token)) = &self.token
                && at.origin() == self.resource.origin()
            {
                request = request.header("X-App-Token", token);
            }
            let request = request.config().max_redirects(0).timeout_global(timeout).build();
            let response = request.call().map_err(|error| fail(&error))?;
            let next = response.headers().get("location").and_then(|value| at.join(value.to_str().ok()?).ok());
            match next {
                Some(_) if response.status().is_redirection() && redirects == MOST_REDIRECTS => {
                    return Err(fail(&ureq::Error::TooManyRedirects));
                }
                Some(next) if response.status().is_redirection() && matches!(next.scheme(), "http" | "https") => {
                    at = next;
                    redirects += 1;
                }
                _ => break response,
            }
        };
        let status = response.status().as_u16();
        if status != 200 {
            return Err(status_error(url.as_str(), status, retry_after(response.headers())));
        }
        response.body_mut().with_config().limit(LONGEST).read_to_vec().map_err(|error| fail(&error))
    }
}

/// A text as SoQL writes it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
