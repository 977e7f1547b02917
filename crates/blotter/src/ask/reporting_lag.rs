//! `blotter reporting-lag`: how late incidents become known, learned from the archive, as a piece of the city's profile.

use crate::{
    flags::{City, StoreUrl, moment},
    parts, profiles,
};
use anyhow::{Context, Result};
use blotter_city::{UtcMicros, format_utc};
use blotter_offline::FirstRecords;
use blotter_peak::{FirstReport, ReportingDelays, begin_of, hour_of};
use clap::Args;
use std::{
    fmt::Write as _,
    io::{Write, stdout},
};

#[derive(Debug, Args)]
pub(crate) struct ReportingLag {
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) store: StoreUrl,
    /// Ignore records observed before this time (RFC 3339). Default: when the archive was created
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

pub(crate) fn run(arguments: &ReportingLag) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let since = moment("--since", arguments.since.as_deref())?;
    let store = parts::open_store(&arguments.store.store)?;
    let records = FirstRecords::read(&store, &profile)?;
    let since = since.unwrap_or(records.begun_at);
    let incidents: Vec<FirstReport> = records
        .incidents
        .iter()
        .map(|record| FirstReport { occurred: hour_of(record.occurred_at), observed: hour_of(record.observed_at) })
        .collect();
    let observed = records.incidents.iter().map(|record| record.observed_at);
    let (first, last) = (observed.clone().min(), observed.max());
    let found = ReportingDelays::learn(incidents, hour_of(since)).with_context(|| {
        let said = |at: Option<UtcMicros>| at.map_or_else(|| "nothing".to_owned(), format_utc);
        format!(
            "too few records since {}; the archive has records from {} to {}: set `--since` to the time from which the source was \
             followed live",
            format_utc(since),
            said(first),
            said(last)
        )
    })?;
    stdout().write_all(fragment(&found)?.as_bytes())?;
    Ok(())
}

/// A piece of a profile.
fn fragment(found: &ReportingDelays) -> Result<String> {
    let mut text = String::new();
    let hours = found.share_by_age_hours.len().saturating_sub(1);
    writeln!(
        text,
        "# Learned from {} incidents that happened after all that was known at {}.",
        found.incidents,
        format_utc(begin_of(found.since.saturating_add(1)))
    )?;
    writeln!(text, "# All that became known within {hours} hours counts as all.")?;
    if found.later > 0 {
        writeln!(text, "# {} became known later than can be judged yet.", found.later)?;
    }
    writeln!(text, "[reporting_lag]\nshare_by_age_hours = [")?;
    for (age, share) in found.steps() {
        writeln!(text, "    [{age}, {share}],")?;
    }
    text.push_str("]\n");
    Ok(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_city::Profile;

    #[test]
    fn is_a_piece_of_a_profile() {
        let found = ReportingDelays {
            incidents: 500,
            share_by_age_hours: vec![0.25, 0.254, 0.75, 1.0],
            since: 444_443,
            later: 3,
        };
        let text = fragment(&found).unwrap();
        assert!(
            text.contains("500 incidents") && text.contains("known at 2020-09-13T12:00:00Z") && text.contains("# 3 ")
        );
        let chicago =
            include_str!("../../../../cities/chicago.toml").replacen("[portal]", &format!("{text}\n[portal]"), 1);
        let lag = Profile::from_toml(&chicago).unwrap().reporting_lag.unwrap();
        assert_eq!(lag.share_by_age_hours, [(0, 0.25), (2, 0.75), (3, 1.0)]);
    }
}
