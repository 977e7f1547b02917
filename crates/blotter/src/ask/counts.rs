//! `blotter counts`: the hourly counts as CSV.

use crate::{
    ask::topic::batches,
    flags::{City, LogUrl},
    parts, profiles,
};
use anyhow::Result;
use blotter_log::Topic;
use clap::Args;
use std::{collections::BTreeMap, io::stdout};

#[derive(Debug, Args)]
pub(crate) struct Counts {
    #[command(flatten)]
    pub(crate) city: City,
    #[command(flatten)]
    pub(crate) log: LogUrl,
}

/// Prints the counts.
pub(crate) fn run(arguments: &Counts) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let log = parts::open_existing_log(&arguments.log.log, &profile)?;
    // The topic holds totals so far: the last one of each key counts, and keys are summed over the parts.
    let mut totals: BTreeMap<(i64, String, String), u64> = BTreeMap::new();
    for partition in 0..log.partitions(Topic::Counts) {
        let mut part = BTreeMap::new();
        batches(&*log, Topic::Counts, partition, |batch| {
            for row in blotter_online::count::counts_rows(batch)? {
                part.insert((row.bucket.0, row.area, row.category), u64::from(row.count));
            }
            Ok(())
        })?;
        for (key, count) in part {
            *totals.entry(key).or_default() += count;
        }
    }
    let mut output = csv::Writer::from_writer(stdout().lock());
    output.write_record(["bucket", "area", "category", "count"])?;
    for ((bucket, area, category), count) in totals {
        let bucket = blotter_city::format_utc(blotter_city::UtcMicros(bucket));
        output.write_record([bucket, area, category, count.to_string()])?;
    }
    output.flush()?;
    log.close()
}
