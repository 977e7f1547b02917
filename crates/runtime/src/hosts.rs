//! Which names a server answers to.
//!
//! A page from elsewhere can have its own name lead to 127.0.0.1 and then read what listens there as if it were its own
//! (DNS rebinding). The browser still says the page's name in `Host`, so a server on the loopback answers to the loopback's
//! names only, and to those that `--allow-host` gives.

use crate::problem::Problem;
use axum::{
    Router,
    extract::{Request, State as Shared},
    http::{Version, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

/// Of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    is_loopback: bool,
    /// In lower case.
    allowed: Vec<String>,
}

impl Hosts {
    /// Those of a listener's address, and the names that are given, without ports.
    pub fn new(listener: SocketAddr, allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|name| plain(name)).collect();
        Self { is_loopback: is_loopback(listener.ip()), allowed }
    }

    /// Asks every request for its host before it goes on.
    pub fn guard(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(Arc::new(self), check))
    }

    fn accept(&self, name: &str) -> bool {
        let name = plain(name);
        let address: Option<IpAddr> = name.parse().ok();
        if name == "localhost" || address.is_some_and(is_loopback) || self.allowed.contains(&name) {
            return true;
        }
        // A name that leads elsewhere is never an address.
        !self.is_loopback && (self.allowed.is_empty() || address.is_some())
    }
}

/// A name or an address as it is compared: `[::1]` is an address, and the dot at the end of a whole name means nothing.
fn plain(name: &str) -> String {
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address == Ipv6Addr::LOCALHOST || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
        }
    }
}

async fn check(Shared(hosts): Shared<Arc<Hosts>>, request: Request, next: Next) -> Response {
    match host(&request) {
        Ok(Some(host)) if !hosts.accept(&host) => Problem::misdirected(format!(
            "this server does not answer to the name `{host}`: ask it as localhost or 127.0.0.1, start the map with \
                 `--allow-host {host}`, or have it listen on an address that is not the loopback's"
        ))
        .into_response(),
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The name that a request is for, without its port; none where a client of HTTP/1.0 says none.
fn host(request: &Request) -> Result<Option<String>, Problem> {
    let mut said = request.headers().get_all(header::HOST).iter();
    let (first, second) = (said.next(), said.next());
    if second.is_some() {
        return Err(Problem::request("the request has two `Host` headers: send one"));
    }
    let malformed = || Problem::request("the `Host` header is not a name or an address with an optional port");
    let header = first
        .map(|first| {
            let text = first.to_str().map_err(|_| malformed())?;
            let authority: Authority = text.parse().map_err(|_| malformed())?;
            if text.contains('@') || authority.host().is_empty() {
                Err(malformed())
            } else {
                Ok(authority.host().to_owned())
            }
        })
        .transpose()?;
    // A request that names the whole address means that, whatever its header says.
    if let Some(authority) = request.uri().authority() {
        return Ok(Some(authority.host().to_owned()));
    }
    if header.is_none() && request.version() > Version::HTTP_10 {
        return Err(Problem::request("the request has no `Host` header: send one"));
    }
    Ok(header)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_listener_answers_to_the_names_of_the_loopback() {
        let check = |listener: &str, allowed: &[&str], name: &str, expect: bool| {
            let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
            let hosts = Hosts::new(listener.parse().unwrap(), &allowed);
            assert_eq!(hosts.accept(name), expect, "{listener} {allowed:?} {name}");
        };
        for listener in ["127.0.0.1:8080", "[::1]:8080", "127.9.9.9:1", "[::ffff:127.0.0.1]:1"] {
            for name in
                ["localhost", "LocalHost", "localhost.", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"]
            {
                check(listener, &[], name, true);
            }
            for name in
                ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[2001:db8::1]", "0"]
            {
                check(listener, &[], name, false);
            }
            check(listener, &["Map.example"], "map.EXAMPLE", true);
            check(listener, &["map.example"], "evil.example", false);
        }
        for name in ["anything.example", "10.0.0.1", "localhost"] {
            check("0.0.0.0:80", &[], name, true);
        }
        // An address in `Host` is no one else's name: probes ask by it.
        for (name, expect) in [("map.example", true), ("10.0.0.1", true), ("localhost", true), ("evil.example", false)]
        {
            check("0.0.0.0:80", &["map.example"], name, expect);
        }
    }

    #[test]
    fn a_request_has_exactly_one_host() {
        let check = |uri: &str, version: Version, said: &[&str], expect: Result<Option<&str>, ()>| {
            let mut request = Request::get(uri).version(version);
            for host in said {
                request = request.header(header::HOST, *host);
            }
            let found = host(&request.body(axum::body::Body::empty()).unwrap());
            assert_eq!(found.as_ref().map(Option::as_deref).map_err(|_| ()), expect, "{uri} {said:?}");
        };
        check("/", Version::HTTP_11, &["a.example:80"], Ok(Some("a.example")));
        check("/", Version::HTTP_11, &["[::1]:80"], Ok(Some("[::1]")));
        check("/", Version::HTTP_11, &[], Err(()));
        check("/", Version::HTTP_10, &[], Ok(None));
        check("/", Version::HTTP_11, &["a.example", "a.example"], Err(()));
        check("/", Version::HTTP_11, &["a.example/b"], Err(()));
        check("/", Version::HTTP_11, &["user@a.example"], Err(()));
        check("/", Version::HTTP_11, &[""], Err(()));
        check("http://b.example/", Version::HTTP_11, &["localhost"], Ok(Some("b.example")));
        check("http://b.example/", Version::HTTP_2, &[], Ok(Some("b.example")));
    }
}
