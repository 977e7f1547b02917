//! How records look on a log that keeps messages: JSON values, and keys as the contracts name them.

mod counts;
mod incidents;
mod peaks;
pub(crate) mod rejected;

use blotter_city::Profile;
use blotter_log::{Formats, Topic};
use std::sync::Arc;

/// The formats of the topics of latest values, whose keys the embedded log compacts by.
pub(crate) fn keyed() -> Formats {
    Formats::from([
        (Topic::Counts, Arc::new(counts::CountsFormat) as _),
        (Topic::Peaks, Arc::new(peaks::PeaksFormat) as _),
    ])
}

/// The format of every topic.
#[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "only a log of messages needs it"))]
pub(crate) fn formats(profile: &Arc<Profile>, partitions: u32) -> Formats {
    let incidents = incidents::Incidents { profile: Arc::clone(profile), partitions };
    Formats::from([
        (Topic::Incidents, Arc::new(incidents) as _),
        (Topic::Counts, Arc::new(counts::CountsFormat) as _),
        (Topic::Peaks, Arc::new(peaks::PeaksFormat) as _),
        (Topic::Rejected, Arc::new(rejected::Rejections) as _),
    ])
}
