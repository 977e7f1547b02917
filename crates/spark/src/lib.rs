//! A small client of [Spark Connect](https://spark.apache.org/docs/latest/spark-connect-overview.html): SQL in, Arrow out.
//!
//! Roles are plain threads, and so is this: every call blocks. An answer that is interrupted is taken up where it was
//! (`ReattachExecute`); what cannot be taken up is an error, and the role asks again.
//!
//! The protocol's messages are written out here, as far as Blotter uses them. The official crate carries the whole DataFrame API on
//! another version of Arrow, and its protocol crate needs `protoc` to build.

mod address;
mod error;
mod messages;
mod session;

pub use address::SparkAddress;
pub use error::{Result, SparkError};
pub use session::SparkSession;
