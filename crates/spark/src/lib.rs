//! A small client of [Spark Connect](https://spark.apache.org/docs/latest/spark-connect-overview.html): SQL in, Arrow out.
//!
//! Roles are plain threads, and so is this: every call blocks. An answer that is interrupted is taken up where it was
//! (`ReattachExecute`); what cannot be taken up is an error, and the role asks again.
//!
//! The protocol's messages are written out here, as far as Blotter uses them. The official crate carries the whole DataFrame API on
//! another version of Arrow, and its protocol crate needs `protoc` to build.

//!
//! The client is the feature `client`. A build without it has only [`Engine`], which refuses `spark://…` and says how to get it.

mod engine;
pub use engine::Engine;

#[cfg(feature = "client")]
mod address;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod messages;
#[cfg(feature = "client")]
mod session;
#[cfg(feature = "client")]
mod table;
#[cfg(feature = "client")]
pub use {
    address::SparkAddress,
    error::{Result, SparkError},
    session::SparkSession,
    table::delta,
};
