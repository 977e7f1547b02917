//! The checksums of a file's blocks: the file is read once as a whole and compared with what its manifest says; from then on
//! any range of it is checked when it is read, at 8 bytes of memory for each 64 kB of file.

use crate::written;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Bytes of one block.
pub const BLOCK_BYTES: usize = 64 << 10;

/// The checksums of the blocks of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    length: u64,
    checksum: u64,
    hashes: Vec<u64>,
}

/// Takes a file's bytes in order.
#[derive(Clone, Default)]
pub struct BlocksBuilder {
    whole: Xxh3,
    length: u64,
    block: Xxh3,
    filled: usize,
    hashes: Vec<u64>,
}

impl BlocksBuilder {
    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == BLOCK_BYTES {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn end_block(&mut self) {
        self.hashes.push(self.block.digest());
        self.block = Xxh3::new();
        self.filled = 0;
    }

    /// The checksums of all that was taken.
    pub fn finish(mut self) -> Blocks {
        if self.filled > 0 {
            self.end_block();
        }
        Blocks { length: self.length, checksum: self.whole.digest(), hashes: self.hashes }
    }
}

impl Blocks {
    /// Of bytes that are in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut builder = BlocksBuilder::default();
        builder.update(bytes);
        builder.finish()
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The checksum of the whole file, as [`crate::checksum`] writes it.
    pub fn checksum(&self) -> String {
        written(self.checksum)
    }

    /// The range of whole blocks that holds a range.
    pub fn around(&self, start: u64, length: u64) -> std::ops::Range<u64> {
        let block = BLOCK_BYTES as u64;
        let end = start.saturating_add(length).min(self.length);
        let from = (start / block * block).min(self.length);
        from..end.div_ceil(block).saturating_mul(block).min(self.length).max(from)
    }

    /// Whether bytes that begin at a block's beginning, and end at a block's or the file's end, are those of the file.
    pub fn are(&self, start: u64, bytes: &[u8]) -> bool {
        let first = (start / BLOCK_BYTES as u64) as usize;
        start.is_multiple_of(BLOCK_BYTES as u64)
            && bytes
                .chunks(BLOCK_BYTES)
                .enumerate()
                .all(|(index, block)| self.hashes.get(first + index) == Some(&xxh3_64(block)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 31 % 251) as u8).collect()
    }

    #[test]
    fn pieces_make_the_same_blocks_as_the_whole() {
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 17] {
            let bytes = bytes(length);
            let mut builder = BlocksBuilder::default();
            bytes.chunks(1000).for_each(|piece| builder.update(piece));
            let blocks = builder.finish();
            assert_eq!(blocks, Blocks::of(&bytes));
            assert_eq!((blocks.length(), blocks.checksum()), (length as u64, crate::checksum(&bytes)));
        }
    }

    #[test]
    fn a_range_is_checked_with_the_blocks_around_it() {
        let mut bytes = bytes(2 * BLOCK_BYTES + 100);
        let blocks = Blocks::of(&bytes);
        let block = BLOCK_BYTES as u64;
        for (start, length, expect) in [
            (0, 1, 0..block),
            (block - 1, 2, 0..2 * block),
            (2 * block + 5, 10, 2 * block..2 * block + 100),
            (block, 0, block..block),
            (2 * block + 90, 500, 2 * block..2 * block + 100),
        ] {
            let range = blocks.around(start, length);
            assert_eq!(range, expect);
            assert!(blocks.are(range.start, &bytes[range.start as usize..range.end as usize]));
        }
        bytes[BLOCK_BYTES + 7] ^= 1;
        assert!(blocks.are(0, &bytes[..BLOCK_BYTES]));
        assert!(!blocks.are(block, &bytes[BLOCK_BYTES..2 * BLOCK_BYTES]));
        assert!(!blocks.are(block, &bytes[2 * BLOCK_BYTES..]), "another block's bytes");
    }
}
