//! The bytes of a file or an address, decompressed, from any place on.
//!
//! Compression is told by the first bytes, never by the name: gzip (several members), xz, zstd (several
//! frames), or none. Decompression runs on a thread of its own.

mod background;
mod compression;
mod http;
mod identity;
mod location;
mod open;
mod soda;

pub(crate) use compression::{Compression, DamagedInput};
pub(crate) use http::{agent, http_error, retry_after, status_error};
pub(crate) use identity::Identity;
pub use location::Location;
pub(crate) use location::redacted;
pub(crate) use open::{Before, Input, fault_of};
