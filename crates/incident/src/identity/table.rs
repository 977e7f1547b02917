//! A hash table of row numbers in four bytes a slot, four fifths full at most: 5 to 6.3 bytes a row.
//!
//! A slot holds a row's number and, in the bits that numbers of a table of this size leave, some of its hash, so that a
//! row that is not the one is seldom looked at. Rows never leave: there are no tombstones.

/// An empty slot: no row's number, as rows are fewer than slots.
const EMPTY: u32 = u32::MAX;
const LEAST_SLOTS: usize = 16;

/// Numbers of rows, found by their hashes.
#[derive(Debug, Default)]
pub(super) struct RowTable {
    slots: Vec<u32>,
    rows: usize,
}

impl RowTable {
    /// The row of that hash that is the one.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (row_bits, tag) = self.tag(hash);
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            let row = slot & row_mask(row_bits);
            if slot & !row_mask(row_bits) == tag && is_it(row) {
                return Some(row);
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }

    /// Adds the next row, whose number is how many there are. `hash_of` gives the hashes of those.
    pub(super) fn push(&mut self, hash: u64, hash_of: impl Fn(u32) -> u64) {
        if (self.rows + 1) * 5 > self.slots.len() * 4 {
            // A fourth more: doubling would leave it less than half full.
            self.resize((self.slots.len() * 5 / 4).max(LEAST_SLOTS), hash_of);
        }
        self.put(hash, self.rows as u32);
        self.rows += 1;
    }

    /// Makes room for so many rows more.
    pub(super) fn reserve(&mut self, rows: usize, hash_of: impl Fn(u32) -> u64) {
        let slots = ((self.rows + rows) * 5).div_ceil(4) + 1;
        if slots > self.slots.len() {
            self.resize(slots.max(LEAST_SLOTS), hash_of);
        }
    }

    /// Bytes that it occupies.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }

    fn resize(&mut self, slots: usize, hash_of: impl Fn(u32) -> u64) {
        self.slots = Vec::new();
        self.slots.resize(slots, EMPTY);
        for row in 0..self.rows as u32 {
            self.put(hash_of(row), row);
        }
    }

    fn put(&mut self, hash: u64, row: u32) {
        let (_, tag) = self.tag(hash);
        let mut at = self.home(hash);
        while self.slots[at] != EMPTY {
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        self.slots[at] = tag | row;
    }

    /// Where a hash's search begins: its upper half as a fraction of the table.
    fn home(&self, hash: u64) -> usize {
        (((hash >> 32) * self.slots.len() as u64) >> 32) as usize
    }

    /// How many bits a row's number has, and those of the hash above it.
    fn tag(&self, hash: u64) -> (u32, u32) {
        let row_bits = u32::BITS - (self.slots.len() as u32).leading_zeros();
        (row_bits, hash as u32 & !row_mask(row_bits))
    }
}

fn row_mask(row_bits: u32) -> u32 {
    ((1_u64 << row_bits) - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn finds_every_row_and_no_other() {
        let hasher = hashbrown::DefaultHashBuilder::default();
        // The second: all rows have one hash, and only the rows themselves tell them apart.
        for (many, hash_of) in
            [(100_000_u32, &(|row: u32| hasher.hash_one(row)) as &dyn Fn(u32) -> u64), (300, &|_| u64::MAX)]
        {
            let mut table = RowTable::default();
            for row in 0..many {
                assert_eq!(table.find(hash_of(row), |found| found == row), None, "{row}");
                table.push(hash_of(row), hash_of);
                if row == many / 2 {
                    table.reserve(many as usize, hash_of);
                }
                assert_eq!(table.find(hash_of(row), |found| found == row), Some(row));
            }
            assert!((0..many).all(|row| table.find(hash_of(row), |found| found == row) == Some(row)));
        }
    }

    #[test]
    fn is_never_much_larger_than_its_rows() {
        let hasher = hashbrown::DefaultHashBuilder::default();
        let mut table = RowTable::default();
        for row in 0..50_000 {
            table.push(hasher.hash_one(row), |row| hasher.hash_one(row));
            if row > 1_000 {
                let bytes = table.bytes() as f64 / f64::from(row);
                assert!((5.0..6.5).contains(&bytes), "{bytes} bytes for each of {row} rows");
            }
        }
    }
}
