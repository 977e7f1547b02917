//! The checksums by which a file shows that its bytes are those that were written.
//!
//! - [`json`](seal): a JSON document whose last member is the checksum of everything before it;
//! - [`Blocks`]: the checksums of a file's blocks, by which any range of it can be checked when it is read.
//!
//! Invariants:
//! - A file of which one byte was changed never passes as sound: it is [`Seal::Broken`], or the byte lies in the name of
//!   the checksum itself and the document says the same as before.
//! - Everything here is XXH3: it finds accidents (bits that rot, torn writes), not forgers.

mod blocks;
mod json;

pub use blocks::{BLOCK_BYTES, Blocks, BlocksBuilder};
pub use json::{Seal, seal, seal_of, to_sealed_json};

/// `xxh3:` and 16 hexadecimal digits of the 64-bit hash of some bytes.
pub fn checksum(bytes: &[u8]) -> String {
    written(xxhash_rust::xxh3::xxh3_64(bytes))
}

/// How a 64-bit hash is written.
pub fn written(hash: u64) -> String {
    format!("xxh3:{hash:016x}")
}
