//! How to reach a cluster.

use crate::LogError;
use std::{fmt, time::Duration};

/// How to open a log on Kafka.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// `host:port`, comma-separated.
    pub servers: String,
    /// What the names of topics, groups and writers begin with.
    pub prefix: String,
    /// The number of partitions of `incidents` and of `counts`, for ever: `None` takes what the topics have, and 4 for new
    /// ones.
    pub partitions: Option<u32>,
    /// How to log in.
    pub login: KafkaLogin,
    /// librdkafka's own settings, for what has no name here; no secrets.
    pub settings: Vec<(String, String)>,
    /// How many bytes of just-read batches stay in memory for the other roles of the process.
    pub tail_cache_bytes: usize,
    /// How long a call is tried again before it is an error.
    pub give_up: Duration,
    /// A member of a group that says nothing for this long has left it. Where the brokers allow no shorter one, it is 6 s.
    pub session_timeout: Duration,
    /// The name under which a member that was restarted takes its partitions again without any division of labour anew.
    pub instance: Option<String>,
}

/// How to log in to a cluster.
#[derive(Clone, Default)]
pub struct KafkaLogin {
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; plain text unless given.
    pub protocol: Option<String>,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// The file of the authorities' certificates.
    pub authorities: Option<String>,
}

impl KafkaLogin {
    /// Whether this build can do what is asked for: encryption and SCRAM need OpenSSL.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let needs_tls = |value: &Option<String>, words: [&str; 2]| {
            let value = value.as_deref().unwrap_or_default().to_ascii_uppercase();
            words.iter().any(|word| value.contains(word))
        };
        if !cfg!(feature = "kafka-tls")
            && (needs_tls(&self.protocol, ["SSL", "TLS"]) || needs_tls(&self.mechanism, ["SCRAM", "OAUTH"]))
        {
            return Err(LogError::Configuration(
                "this build has no encrypted connections and no SCRAM: build it with `--features kafka-tls`, or set \
                 KAFKA_SECURITY_PROTOCOL to PLAINTEXT, or to SASL_PLAINTEXT with the mechanism PLAIN"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for KafkaLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLogin")
            .field("protocol", &self.protocol)
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl KafkaOptions {
    /// From `kafka://host:port[,host:port]…[/prefix]`; `prefix` is what topics' names begin with where the URL has none.
    pub fn from_url(url: &str, prefix: &str) -> Result<Self, LogError> {
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest).split(['?', '#']).next().unwrap_or_default();
        let refuse = |why: &str| LogError::Configuration(format!("`{shown}` is not a Kafka log: {why}"));
        let rest = url.strip_prefix("kafka://").ok_or_else(|| refuse("write kafka://host:9092[,host:9092]"))?;
        if rest.contains('@') {
            return Err(refuse(
                "user and password come from the environment (KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD)",
            ));
        }
        if rest.contains(['?', '#']) {
            return Err(refuse("it has no parameters: servers and prefix are all"));
        }
        let (servers, given) = rest.split_once('/').unwrap_or((rest, ""));
        let mut checked = Vec::new();
        for server in servers.split(',') {
            let (host, port) = server.rsplit_once(':').unwrap_or((server, "9092"));
            if host.is_empty() || port.parse::<u16>().is_err() {
                return Err(refuse("every server is host:port"));
            }
            checked.push(format!("{host}:{port}"));
        }
        let prefix = if given.is_empty() { prefix } else { given };
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Err(refuse("topics' names have letters, digits, `.`, `_` and `-` only"));
        }
        Ok(Self {
            servers: checked.join(","),
            prefix: prefix.to_owned(),
            partitions: None,
            login: KafkaLogin::default(),
            settings: Vec::new(),
            tail_cache_bytes: 32 << 20,
            give_up: Duration::from_secs(15),
            session_timeout: Duration::from_secs(3),
            instance: None,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let of = |url: &str| KafkaOptions::from_url(url, "blotter.chicago.").map(|found| (found.servers, found.prefix));
        let ok = |servers: &str, prefix: &str| (servers.to_owned(), prefix.to_owned());
        assert_eq!(of("kafka://a:1").unwrap(), ok("a:1", "blotter.chicago."));
        assert_eq!(of("kafka://a,b:9093/test-").unwrap(), ok("a:9092,b:9093", "test-"));
        for (url, expect) in [
            ("kafka://", "host:port"),
            ("kafka://a:x", "host:port"),
            ("kafka://me:hunter2@a:1", "environment"),
            ("kafka://a:1?password=hunter2", "no parameters"),
            ("kafka://a:1/no/such", "letters"),
            ("a:1", "kafka://host"),
        ] {
            let error = of(url).unwrap_err().to_string();
            assert!(error.contains(expect), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let login = KafkaLogin { password: Some("hunter2".into()), ..KafkaLogin::default() };
        assert!(!format!("{login:?}").contains("hunter2"));
    }

    #[test]
    fn what_this_build_cannot_do_is_refused() {
        let of = |protocol: &str, mechanism: &str| {
            let login = KafkaLogin {
                protocol: Some(protocol.to_owned()),
                mechanism: Some(mechanism.to_owned()),
                ..KafkaLogin::default()
            };
            login.check().is_ok()
        };
        let encrypts = cfg!(feature = "kafka-tls");
        assert!(of("plaintext", "") && of("SASL_PLAINTEXT", "PLAIN"));
        assert_eq!([of("ssl", ""), of("SASL_SSL", "PLAIN"), of("SASL_PLAINTEXT", "SCRAM-SHA-512")], [encrypts; 3]);
    }
}
