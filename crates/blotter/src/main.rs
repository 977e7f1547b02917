//! `blotter`: one command per role of the design, and `demo`, which runs them all in one process.

#![expect(clippy::print_stdout, reason = "what a command was asked for goes to standard output")]

mod ask;
mod boundaries;
mod cli;
mod configuration;
mod demo;
mod failure;
mod flags;
mod formats;
mod help;
mod housekeeping;
mod logging;
mod operations;
mod outlines;
mod parts;
mod profiles;
mod restore;
mod roles;
mod rules;
mod running;
mod say;
mod secrets;
mod shelf;
mod simulate;
mod sources;

use anyhow::{Context, Result};
use blotter_runtime::sentence;
use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

/// Batches are allocated on one thread and freed on another, at full speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (arguments, rules) = match arguments() {
        Ok(given) => given,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    logging::start(arguments.log_format);
    blotter_runtime::open_files::raise();
    match cli::run(arguments.command, &rules) {
        Ok(()) => ExitCode::SUCCESS,
        // `blotter rejected | head` is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The command line, with the file's values as defaults where one is named, and the file's rules.
fn arguments() -> Result<(cli::Arguments, Vec<rules::RuleConfig>)> {
    let words: Vec<_> = std::env::args_os().collect();
    let mut command = help::complete(cli::Arguments::command());
    let mut rules = Vec::new();
    if let Some(path) = configuration::path(&words, std::env::var_os("BLOTTER_CONFIG")) {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        (command, rules) = configuration::apply(command, &text).with_context(|| path.display().to_string())?;
    }
    let matches = command.get_matches_from(words);
    Ok((cli::Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()), rules))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind =
        error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).next();
    kind == Some(std::io::ErrorKind::BrokenPipe)
}
