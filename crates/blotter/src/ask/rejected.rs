//! `blotter rejected`: asks the running server, or opens the log where none runs.

use crate::{ask::topic::batches, flags::City, formats::rejected::Value, parts, profiles, running, sources};
use anyhow::{Context, Result, bail};
use blotter_city::Profile;
use blotter_incident::rejected_rows;
use blotter_log::{Log, Topic};
use clap::{Args, ValueEnum};
use std::{
    collections::HashSet,
    io::{BufWriter, Write, stdout},
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
pub(crate) struct Rejected {
    #[command(flatten)]
    pub(crate) city: City,
    /// Ask the server at this URL. Default: the demo that runs on the directory, if any
    #[arg(long, value_name = "URL", conflicts_with_all = ["log", "dir"])]
    pub(crate) server: Option<String>,
    /// Directory of the demo. Default: the city's, as in `blotter demo`
    #[arg(long, env = "BLOTTER_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Read this log: `embedded:DIR`, or `kafka://HOST:PORT[,HOST:PORT]…[/PREFIX]`. Default: the directory's log
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    /// `table`: for reading. `json`: one object per line; bytes that are not UTF-8 are in base64
    #[arg(long, default_value = "table", value_enum)]
    pub(crate) format: RejectedFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RejectedFormat {
    Table,
    Json,
}

/// Characters of a record that the table shows.
const SHOWN: usize = 100;

pub(crate) fn run(arguments: &Rejected) -> Result<()> {
    let profile = profiles::profile(&arguments.city.city)?;
    if let Some(server) = &arguments.server {
        return from_server(server, arguments.format);
    }
    let directory = directory(arguments, &profile);
    if let Some(server) = directory.as_deref().and_then(running::server_of) {
        return from_server(&server, arguments.format);
    }
    let log = match (&arguments.log, &directory) {
        (Some(url), _) => url.clone(),
        (None, Some(directory)) if directory.join("log").is_dir() => {
            format!("embedded:{}", directory.join("log").display())
        }
        (None, directory) => bail!(
            "there is no log in {}: give the demo's directory with --dir, a log with --log, or a server with --server",
            directory.as_deref().unwrap_or(Path::new(".")).display()
        ),
    };
    let opened = parts::open_existing_log(&log, &profile).context(
        "if a map is open on it, give the map's address with --server, for example --server http://127.0.0.1:8080",
    )?;
    from_log(&*opened, arguments.format)?;
    opened.close()
}

/// The directory of the demo that is meant: as it is given, that of the log, or the usual one.
fn directory(arguments: &Rejected, profile: &Profile) -> Option<PathBuf> {
    if let Some(url) = &arguments.log {
        return Path::new(url.strip_prefix("embedded:")?).parent().map(Path::to_owned);
    }
    Some(arguments.dir.clone().unwrap_or_else(|| sources::used_directory(profile)))
}

fn from_server(server: &str, format: RejectedFormat) -> Result<()> {
    let mut output = BufWriter::new(stdout().lock());
    let mut seen = HashSet::new();
    let mut before = String::new();
    loop {
        let answer = running::ask(server, &format!("/api/v1/rejected?limit=1000{before}"))?;
        for row in answer["rejected"].as_array().into_iter().flatten() {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            if !seen.insert(text("key").to_owned()) {
                continue;
            }
            match format {
                RejectedFormat::Json => writeln!(output, "{row}")?,
                RejectedFormat::Table => {
                    let bytes = if row["text"].is_string() { text("text") } else { text("base64") };
                    show(&mut output, text("key"), text("reason"), bytes)?;
                }
            }
        }
        match answer["next_before"].as_u64() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    end(output, format, seen.len())
}

fn from_log(log: &dyn Log, format: RejectedFormat) -> Result<()> {
    let mut output = BufWriter::new(stdout().lock());
    let mut seen = HashSet::new();
    for partition in 0..log.partitions(Topic::Rejected) {
        batches(log, Topic::Rejected, partition, |batch| {
            for row in rejected_rows(batch)? {
                // A producer that was killed may have said the same record twice.
                if !seen.insert(row.key.clone()) {
                    continue;
                }
                match format {
                    RejectedFormat::Table => {
                        show(&mut output, &row.key, &row.reason, &String::from_utf8_lossy(&row.bytes))?;
                    }
                    RejectedFormat::Json => writeln!(output, "{}", serde_json::to_string(&Value::from(&row))?)?,
                }
            }
            Ok(())
        })?;
    }
    end(output, format, seen.len())
}

fn show(output: &mut impl Write, key: &str, reason: &str, bytes: &str) -> Result<()> {
    let shown: String = bytes.escape_debug().take(SHOWN).collect();
    Ok(writeln!(output, "{key}\n    {reason}\n    {shown}")?)
}

fn end(mut output: impl Write, format: RejectedFormat, rejected: usize) -> Result<()> {
    if format == RejectedFormat::Table {
        writeln!(output, "{rejected} rejected")?;
    }
    Ok(output.flush()?)
}
