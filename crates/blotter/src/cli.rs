//! The command line: which command is meant, and running it.

use crate::{
    ask::{
        brief::Brief,
        counts::{self, Counts},
        emerging::Emerging,
        hotspots::Hotspots,
        peaks::Peaks,
        question,
        rejected::{self, Rejected},
        reporting_lag::{self, ReportingLag},
    },
    demo::{self, Demo},
    flags::LogToStore,
    outlines::{self, Boundaries},
    restore::{self, Restore},
    roles::{
        archive,
        count::{self, Count},
        detect::{self, Detect},
        fetch::{self, Fetch},
        online::{self, Online},
        produce::{self, Produce},
        serve::{self, Serve},
        snapshot::{self, Snapshot},
    },
    rules::RuleConfig,
    simulate::{self, Simulate},
};
use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use std::{
    io::{Write, stdout},
    path::PathBuf,
};

/// Blotter maps a city's open crime data: which crime is peaking right now, and where the hot spots have been.
#[derive(Debug, Parser)]
#[command(name = "blotter", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Format of the log lines on standard error
    #[arg(long, global = true, env = "BLOTTER_LOG_FORMAT", default_value = "text", value_enum)]
    pub(crate) log_format: LogFormat,
    /// Read defaults for flags from this TOML file: one table for each command, with `_` for `-`
    #[arg(long, global = true, env = "BLOTTER_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load a city's data, follow its changes and serve the map: all roles in one process
    Demo(Demo),
    /// Append a source's records to the log
    Produce(Produce),
    /// Count the log's incidents by hour, area and category
    Count(Count),
    /// Find what is peaking in the hourly counts; write both to time-series sinks
    Detect(Detect),
    /// Run `count` and `detect` in one process
    Online(Online),
    /// Append the log's incidents to the Delta table
    Archive(LogToStore),
    /// Write a snapshot of the Delta table: the current revision of each incident
    Snapshot(Snapshot),
    /// Copy the newest snapshot from the store to a local directory
    Fetch(Fetch),
    /// Serve the HTTP API, the live stream and the map
    Serve(Serve),
    /// Print hot and cold spots (Gi*)
    Hotspots(Hotspots),
    /// Print what is peaking, by area and category
    Peaks(Peaks),
    /// Write the weekly brief: by category and area, against the year before and what was expected
    Brief(Brief),
    /// Print emerging hot spots: how hot and cold spots change over time
    Emerging(Emerging),
    /// Print rejected records with the reasons
    Rejected(Rejected),
    /// Print the hourly counts as CSV
    Counts(Counts),
    /// Estimate from the archive how late incidents are reported; print it as TOML for the city's profile
    ReportingLag(ReportingLag),
    /// Rebuild a lost log from the archive
    Restore(Restore),
    /// Download the outlines of a city's areas from its portal
    Boundaries(Boundaries),
    /// Write simulated incidents to a CSV file in the portal's format
    Simulate(Simulate),
    /// Print the OpenAPI document of the HTTP API
    Openapi,
}

/// Runs a command.
pub(crate) fn run(command: Command, rules: &[RuleConfig]) -> Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments, rules),
        Command::Produce(arguments) => produce::run(&arguments),
        Command::Count(arguments) => count::run(&arguments),
        Command::Detect(arguments) => detect::run(&arguments, rules),
        Command::Online(arguments) => online::run(&arguments, rules),
        Command::Archive(arguments) => archive::run(&arguments),
        Command::Snapshot(arguments) => snapshot::run(&arguments),
        Command::Fetch(arguments) => fetch::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Hotspots(arguments) => question::run(&arguments.about, &arguments),
        Command::Peaks(arguments) => question::run(&arguments.about, &arguments),
        Command::Emerging(arguments) => question::run(&arguments.about, &arguments),
        Command::Brief(arguments) => question::run(&arguments.about, &arguments),
        Command::Rejected(arguments) => rejected::run(&arguments),
        Command::Counts(arguments) => counts::run(&arguments),
        Command::ReportingLag(arguments) => reporting_lag::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Boundaries(arguments) => outlines::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Openapi => {
            writeln!(stdout(), "{}", blotter_serve::openapi_json())?;
            Ok(())
        }
    }
}
