//! Who does the work of a role: this process, or Spark.

#[cfg(feature = "client")]
use crate::address::SparkAddress;
use std::{fmt, str::FromStr};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// This process.
    #[default]
    Embedded,
    /// A Spark Connect server.
    #[cfg(feature = "client")]
    Spark(SparkAddress),
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            #[cfg(feature = "client")]
            _ => text.parse().map(Self::Spark).map_err(|why| format!("{why}; `embedded` is the other engine")),
            #[cfg(not(feature = "client"))]
            _ => Err(
                "this build has one engine, `embedded`: build Blotter with its feature `spark` for spark://HOST:15002"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => to.write_str("embedded"),
            #[cfg(feature = "client")]
            Self::Spark(address) => address.fmt(to),
        }
    }
}
