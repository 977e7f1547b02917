//! Which record of one incident wins.

use blotter_city::{CivilMicros, UtcMicros};

/// The rank of one record among all records of the same incident. The greatest wins, in every role,
/// whatever the order of arrival and however often it arrives (the derived order compares the fields
/// from top to bottom, and "no `updated_at`" ranks lowest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// The portal's own time of change, as published (civil), where it publishes one.
    pub updated_at: Option<CivilMicros>,
    /// When the source said so.
    pub observed_at: UtcMicros,
    /// A signed 64-bit hash of the record's content, so that two different records of the same
    /// instant are ordered alike everywhere. Signed because the archive's format has no unsigned type.
    pub content_hash: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_update_then_observation_then_content() {
        let of = |updated: Option<i64>, observed: i64, content_hash: i64| Revision {
            updated_at: updated.map(CivilMicros),
            observed_at: UtcMicros(observed),
            content_hash,
        };
        assert!(of(None, 9, 9) < of(Some(-5), 0, 0));
        assert!(of(Some(1), 9, 9) < of(Some(2), 0, 0));
        assert!(of(Some(1), 1, 9) < of(Some(1), 2, 0));
        assert!(of(Some(1), 1, -1) < of(Some(1), 1, 0));
    }
}
