//! A group: the present incidents of one civil month and category, column by column, in no order.
//!
//! Month and category are the group's and cost a row nothing; a deletion fills the gap with the last row.

use crate::narrow::{Narrow, bytes, push};

/// Bits of a row's flags.
pub(crate) const ARREST_SHIFT: u8 = 0;
pub(crate) const DOMESTIC_SHIFT: u8 = 2;

/// None, false and true as two bits.
pub(crate) fn three(flag: Option<bool>) -> u8 {
    flag.map_or(0, |flag| 1 + u8::from(flag))
}

/// One present incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Minutes since its group's base.
    pub(crate) minute: u16,
    pub(crate) second: u8,
    /// From Monday 00 in the city's civil time.
    pub(crate) hour_of_week: u8,
    pub(crate) flags: u8,
    pub(crate) place: u32,
    /// Number of its cell of [`crate::places::ROW_RESOLUTION`], where that is known already.
    pub(crate) cell: u32,
    /// Its number in the identity index.
    pub(crate) number: u32,
}

#[derive(Debug)]
pub(crate) struct Group {
    /// Civil month: years since 0 times 12, plus 0 for January.
    pub(crate) month: i32,
    pub(crate) category: u16,
    /// Minutes since 1900 (UTC) from which the rows' minutes count: a day before the month as if it were UTC, so
    /// that all of a civil month fits into 16 bits, whatever the offset.
    pub(crate) base: i64,
    pub(crate) minute: Vec<u16>,
    pub(crate) second: Vec<u8>,
    pub(crate) hour_of_week: Vec<u8>,
    pub(crate) flags: Vec<u8>,
    pub(crate) place: Narrow,
    pub(crate) cell: Narrow,
    pub(crate) areas: Vec<Narrow>,
    pub(crate) number: Vec<u32>,
    /// The sum of what stands for its incidents ([`crate::content`]).
    content: u64,
    /// Bounds of `minute`; what left may leave them wider than they need be.
    least: u16,
    greatest: u16,
}

impl Group {
    pub(crate) fn new(month: i32, category: u16, base: i64, layers: usize) -> Self {
        Self {
            month,
            category,
            base,
            minute: Vec::new(),
            second: Vec::new(),
            hour_of_week: Vec::new(),
            flags: Vec::new(),
            place: Narrow::default(),
            cell: Narrow::default(),
            areas: vec![Narrow::default(); layers],
            number: Vec::new(),
            content: 0,
            least: u16::MAX,
            greatest: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.minute.len()
    }

    /// Equal where the group holds the same revisions of the same incidents, whatever the order in which they came.
    pub(crate) fn content(&self) -> u64 {
        self.content
    }

    pub(crate) fn add_content(&mut self, incident: u64) {
        self.content = self.content.wrapping_add(incident);
    }

    pub(crate) fn take_content(&mut self, incident: u64) {
        self.content = self.content.wrapping_sub(incident);
    }

    /// The second of a row's time, since 1900 (UTC).
    pub(crate) fn instant(&self, slot: usize) -> i64 {
        (self.base + i64::from(self.minute[slot])) * 60 + i64::from(self.second[slot])
    }

    /// Seconds since 1900 between which all rows lie, both included.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        ((self.base + i64::from(self.least)) * 60, (self.base + i64::from(self.greatest)) * 60 + 59)
    }

    pub(crate) fn push(&mut self, row: Row, areas: impl Iterator<Item = u16>) {
        push(&mut self.minute, row.minute);
        push(&mut self.second, row.second);
        push(&mut self.hour_of_week, row.hour_of_week);
        push(&mut self.flags, row.flags);
        self.place.push(row.place);
        self.cell.push(row.cell);
        for (column, code) in self.areas.iter_mut().zip(areas) {
            column.push(u32::from(code));
        }
        push(&mut self.number, row.number);
        self.least = self.least.min(row.minute);
        self.greatest = self.greatest.max(row.minute);
    }

    /// Appends a row of which only the time and the area of one layer are known: the other columns stay empty.
    pub(crate) fn push_time(&mut self, minute: u16, second: u8, layer: usize, area: u16) {
        push(&mut self.minute, minute);
        push(&mut self.second, second);
        if let Some(column) = self.areas.get_mut(layer) {
            column.push(u32::from(area));
        }
        self.least = self.least.min(minute);
        self.greatest = self.greatest.max(minute);
    }

    /// Takes a row out; the number of the row that has its slot now, if there is one.
    pub(crate) fn swap_remove(&mut self, slot: usize) -> Option<u32> {
        self.minute.swap_remove(slot);
        self.second.swap_remove(slot);
        self.hour_of_week.swap_remove(slot);
        self.flags.swap_remove(slot);
        self.place.swap_remove(slot);
        self.cell.swap_remove(slot);
        for column in &mut self.areas {
            column.swap_remove(slot);
        }
        self.number.swap_remove(slot);
        self.number.get(slot).copied()
    }

    /// Bytes that it occupies, room to grow included.
    pub(crate) fn bytes(&self) -> usize {
        let areas: usize = self.areas.iter().map(|column| column.bytes() + size_of::<Narrow>()).sum();
        size_of::<Self>()
            + bytes(&self.minute)
            + bytes(&self.second)
            + bytes(&self.hour_of_week)
            + bytes(&self.flags)
            + self.place.bytes()
            + self.cell.bytes()
            + areas
            + bytes(&self.number)
    }
}
