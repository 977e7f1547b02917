//! Where an incident counts.

pub(super) const HOUR_MICROS: i64 = 3_600_000_000;

/// Where an incident counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    /// Hours since 1970-01-01T00:00:00Z.
    pub(super) hour: i32,
    pub(super) area: u16,
    /// [`DELETED`] where the winner is a deletion.
    pub(super) category: u16,
}

/// The category of a deleted incident's slot.
pub(super) const DELETED: u16 = u16::MAX;
