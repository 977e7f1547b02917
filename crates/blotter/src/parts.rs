//! The parts that a role is given, opened by URL. A scheme that this build cannot serve is refused
//! with a sentence that says what would work.

#[cfg(feature = "kafka")]
use crate::{formats::formats, secrets::variable};
use crate::{housekeeping, secrets::secret};
use anyhow::{Context, Result, bail};
use blotter_city::Profile;
use blotter_log::{EmbeddedLog, EmbeddedOptions, Log};
#[cfg(feature = "kafka")]
use blotter_log::{KafkaLog, KafkaLogin, KafkaOptions};
use blotter_online::sinks::{Secrets, Sink, open_sink};
use blotter_spark::Engine;
use blotter_store::Store;
use std::{
    collections::HashSet,
    num::NonZeroU32,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The engine with Spark's token as it is now: its file may change between two rounds.
#[cfg_attr(not(feature = "spark"), expect(clippy::unnecessary_wraps, reason = "only Spark has a token"))]
pub(crate) fn with_token(engine: &Engine) -> Result<Engine> {
    Ok(match engine {
        Engine::Embedded => Engine::Embedded,
        #[cfg(feature = "spark")]
        Engine::Spark(address) => Engine::Spark(address.clone().with_token(secret("SPARK_CONNECT_TOKEN")?)),
    })
}

/// A log of either kind.
#[derive(Clone)]
pub(crate) enum OpenLog {
    Embedded(Arc<EmbeddedLog>),
    #[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "only Kafka is shared"))]
    Shared(Arc<dyn Log>),
}

impl OpenLog {
    pub(crate) fn log(&self) -> Arc<dyn Log> {
        match self {
            Self::Embedded(log) => Arc::clone(log) as Arc<dyn Log>,
            Self::Shared(log) => Arc::clone(log),
        }
    }

    /// Keeps house and closes, where this process has the log to itself: commands that run for a moment at a time do it
    /// when they end.
    pub(crate) fn close(&self) -> Result<()> {
        if let Self::Embedded(log) = self
            && let Err(error) = housekeeping::once(log, true)
        {
            tracing::warn!(%error, "housekeeping of the log failed and is tried again");
        }
        self.close_at_once()
    }

    /// Closes what this process has to itself.
    pub(crate) fn close_at_once(&self) -> Result<()> {
        match self {
            Self::Embedded(log) => Ok(log.close()?),
            Self::Shared(_) => Ok(()),
        }
    }
}

impl Deref for OpenLog {
    type Target = dyn Log;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Embedded(log) => log.as_ref(),
            Self::Shared(log) => log.as_ref(),
        }
    }
}

/// Where a log's own process may keep files: beside an embedded log, else among the machine's temporary ones.
pub(crate) fn spool(url: &str, profile: &Profile) -> PathBuf {
    match url.strip_prefix("embedded:") {
        Some(directory) => Path::new(directory).join("spool"),
        None => std::env::temp_dir().join(format!("blotter-{}", profile.slug)),
    }
}

/// Opens a log that exists or is made.
pub(crate) fn open_log(url: &str, profile: &Arc<Profile>, partitions: Option<NonZeroU32>) -> Result<OpenLog> {
    match url.split(':').next() {
        Some("embedded") => {
            let directory = url.trim_start_matches("embedded:");
            if directory.is_empty() {
                bail!("`--log embedded:DIR` needs a directory");
            }
            open_embedded(Path::new(directory), profile, partitions)
        }
        #[cfg(feature = "kafka")]
        Some("kafka") => open_kafka(url, profile, partitions),
        #[cfg(not(feature = "kafka"))]
        Some("kafka") => bail!(
            "this binary was built without Kafka: build one with `make build`, or use `embedded:DIR` on one machine"
        ),
        scheme => bail!(
            "there is no log of scheme `{}`: use `embedded:DIR` on one machine, or `kafka://HOST:PORT` on a cluster",
            scheme.unwrap_or_default()
        ),
    }
}

/// Opens a log that must exist: reading from a directory that was mistyped is no empty log.
pub(crate) fn open_existing_log(url: &str, profile: &Arc<Profile>) -> Result<OpenLog> {
    if let Some(directory) = url.strip_prefix("embedded:")
        && !directory.is_empty()
        && !Path::new(directory).is_dir()
    {
        bail!("there is no log at {directory}: `blotter produce --log {url}` makes one");
    }
    open_log(url, profile, None)
}

pub(crate) fn open_embedded(directory: &Path, profile: &Profile, partitions: Option<NonZeroU32>) -> Result<OpenLog> {
    let owner = Some(profile.slug.clone());
    let options = EmbeddedOptions { owner, partitions: partitions.map(NonZeroU32::get), ..EmbeddedOptions::default() };
    let log = EmbeddedLog::open(directory, options)
        .with_context(|| format!("cannot open the log {}", directory.display()))?;
    Ok(OpenLog::Embedded(Arc::new(log)))
}

#[cfg(feature = "kafka")]
fn open_kafka(url: &str, profile: &Arc<Profile>, partitions: Option<NonZeroU32>) -> Result<OpenLog> {
    let mut options = KafkaOptions::from_url(url, &format!("blotter.{}.", profile.slug))?;
    options.partitions = partitions.map(NonZeroU32::get);
    options.instance = variable("KAFKA_GROUP_INSTANCE_ID");
    options.login = KafkaLogin {
        protocol: variable("KAFKA_SECURITY_PROTOCOL"),
        mechanism: variable("KAFKA_SASL_MECHANISM"),
        username: variable("KAFKA_SASL_USERNAME"),
        password: secret("KAFKA_SASL_PASSWORD")?,
        authorities: variable("KAFKA_SSL_CA_LOCATION"),
    };
    let log = KafkaLog::open(&options, |partitions| formats(profile, partitions)).context("cannot open the log")?;
    Ok(OpenLog::Shared(Arc::new(log)))
}

/// Opens the object store.
pub(crate) fn open_store(url: &str) -> Result<Store> {
    // Not with the URL: what is wrong with it may be that it holds a secret.
    Store::open(url).context("cannot open the store")
}

/// Opens time-series sinks; none is asked anything yet.
pub(crate) fn open_sinks(urls: &[String], profile: &Profile) -> Result<Vec<Box<dyn Sink>>> {
    let secrets = Secrets {
        influxdb_username: secret("INFLUXDB_USERNAME")?,
        influxdb_password: secret("INFLUXDB_PASSWORD")?,
        influxdb_token: secret("INFLUXDB_TOKEN")?,
        kairosdb_username: secret("KAIROSDB_USERNAME")?,
        kairosdb_password: secret("KAIROSDB_PASSWORD")?,
    };
    let sinks = urls.iter().map(|url| open_sink(url, &profile.slug, &secrets)).collect::<Result<Vec<_>, _>>()?;
    let mut names = HashSet::new();
    match sinks.iter().find(|sink| !names.insert(sink.name())) {
        None => Ok(sinks),
        Some(twice) => bail!("`--sink`: {} is given twice", twice.name()),
    }
}

/// The URL of a local store.
pub(crate) fn file_url(directory: &Path) -> Result<String> {
    let absolute = std::path::absolute(directory).with_context(|| format!("cannot find {}", directory.display()))?;
    Ok(format!("file://{}", absolute.display()))
}
