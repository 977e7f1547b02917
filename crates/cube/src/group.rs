//! A block of rows, column by column.

/// Rows of a block.
pub(crate) const ROWS: usize = 1 << 16;

/// Bits of a row's flags.
pub(crate) const ARREST_SHIFT: u8 = 0;
pub(crate) const DOMESTIC_SHIFT: u8 = 2;
pub(crate) const MAPPED: u8 = 1 << 4;
/// Not deleted.
pub(crate) const LIVE: u8 = 1 << 5;
/// All values that flags can have.
pub(crate) const FLAGS: usize = 64;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Minutes since 1900-01-01T00:00:00Z.
    pub(crate) minute: u32,
    pub(crate) second: u8,
    pub(crate) place: u32,
    pub(crate) category: u16,
    pub(crate) flags: u8,
    pub(crate) locator: u64,
}

/// None, false and true as two bits.
pub(crate) fn three(flag: Option<bool>) -> u8 {
    flag.map_or(0, |flag| 1 + u8::from(flag))
}

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) minute: Vec<u32>,
    pub(crate) second: Vec<u8>,
    pub(crate) place: Vec<u32>,
    pub(crate) category: Vec<u16>,
    pub(crate) areas: Vec<Vec<u16>>,
    pub(crate) flags: Vec<u8>,
    pub(crate) locator: Vec<u64>,
    /// Bounds of `minute`; a revision may leave them wider than they need be.
    pub(crate) least: u32,
    pub(crate) greatest: u32,
}

impl Block {
    pub(crate) fn new(layers: usize, first: bool) -> Self {
        // The first block grows as it is filled: most cubes of tests are small.
        let rows = if first { 0 } else { ROWS };
        Self {
            minute: Vec::with_capacity(rows),
            second: Vec::with_capacity(rows),
            place: Vec::with_capacity(rows),
            category: Vec::with_capacity(rows),
            areas: (0..layers).map(|_| Vec::with_capacity(rows)).collect(),
            flags: Vec::with_capacity(rows),
            locator: Vec::with_capacity(rows),
            least: u32::MAX,
            greatest: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.minute.len()
    }

    pub(crate) fn push(&mut self, row: &Row, areas: impl Iterator<Item = u16>) {
        self.minute.push(row.minute);
        self.second.push(row.second);
        self.place.push(row.place);
        self.category.push(row.category);
        for (column, code) in self.areas.iter_mut().zip(areas) {
            column.push(code);
        }
        self.flags.push(row.flags);
        self.locator.push(row.locator);
        self.widen(row.minute);
    }

    pub(crate) fn set(&mut self, at: usize, row: &Row, areas: impl Iterator<Item = u16>) {
        self.minute[at] = row.minute;
        self.second[at] = row.second;
        self.place[at] = row.place;
        self.category[at] = row.category;
        for (column, code) in self.areas.iter_mut().zip(areas) {
            column[at] = code;
        }
        self.flags[at] = row.flags;
        self.locator[at] = row.locator;
        self.widen(row.minute);
    }

    fn widen(&mut self, minute: u32) {
        self.least = self.least.min(minute);
        self.greatest = self.greatest.max(minute);
    }
}
