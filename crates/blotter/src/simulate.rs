//! `blotter simulate`: a simulated city as a CSV file.

use crate::{flags::City, profiles};
use anyhow::{Context, Result};
use blotter_source::{CsvStyle, Simulator, SimulatorOptions};
use clap::Args;
use std::{fs::File, io::BufWriter, path::PathBuf};

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) city: City,
    /// Number of incidents
    #[arg(long)]
    pub(crate) incidents: u64,
    /// Seed of the simulator; the same seed produces the same city
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// File to write
    #[arg(long, value_name = "PATH")]
    pub(crate) output: PathBuf,
}

/// `blotter simulate`.
pub(crate) fn run(arguments: &Simulate) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    let mut simulator = Simulator::new(SimulatorOptions::new(profile, arguments.seed, arguments.incidents), None)?;
    let path = &arguments.output;
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let rows = simulator.to_csv(BufWriter::new(file), u64::MAX, CsvStyle::Portal)?;
    println!("{rows} rows in {}", path.display());
    Ok(())
}
