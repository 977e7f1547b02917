//! What a role tells those who run it: where its metrics are, and how far it is behind the log.

use crate::say::say;
use anyhow::Result;
use blotter_log::{Log, Offset, Topic};
use blotter_runtime::{Exposition, Operations, OpsServer};
use std::{net::SocketAddr, sync::Arc};

/// Serves a role's metrics where an address was given, and prints where.
pub(crate) fn serve(operations: &Arc<Operations>, listen: Option<SocketAddr>) -> Result<Option<OpsServer>> {
    let served = operations.serve(listen)?;
    if let Some(server) = &served {
        say!("metrics at http://{}/metrics", server.address());
    }
    Ok(served)
}

/// Says how far a role is behind the ends of a topic; what cannot be asked now is left out.
pub(crate) fn lag(text: &mut Exposition, log: &dyn Log, topic: Topic, labels: &[(&str, &str)], next: &[u64]) {
    for (partition, next) in (0_u32..).zip(next) {
        let Ok(bounds) = log.bounds(topic, partition) else { return };
        let mut all: Vec<(&str, &dyn std::fmt::Display)> =
            labels.iter().map(|(name, value)| (*name, value as &dyn std::fmt::Display)).collect();
        all.push(("partition", &partition));
        text.sample(&all, bounds.next.0.saturating_sub(*next));
    }
}

/// Begins the family of lags.
pub(crate) fn lags(text: &mut Exposition) -> &mut Exposition {
    text.family("blotter_lag_records", "gauge", "Records of the log that a role has not reached.")
}

/// Offsets by partition, for people.
pub(crate) fn offsets(next: &[Offset]) -> String {
    let parts: Vec<String> =
        next.iter().enumerate().map(|(partition, next)| format!("{partition}:{}", next.0)).collect();
    parts.join(",")
}
