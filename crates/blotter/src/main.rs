//! `blotter`: one command per role of the design, and `demo`, which runs them all in one process.

#![expect(clippy::print_stdout, reason = "what a command was asked for goes to standard output")]

mod cli;
mod commands;
mod demo;
mod formats;
mod logging;
mod parts;
mod profiles;
mod secrets;
mod signals;
mod sources;
mod supervise;

use clap::Parser;
use std::process::ExitCode;

/// Batches are allocated on one thread and freed on another, at full speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    logging::start(arguments.log_format);
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        // `blotter rejected | head` is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind =
        error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).next();
    kind == Some(std::io::ErrorKind::BrokenPipe)
}
