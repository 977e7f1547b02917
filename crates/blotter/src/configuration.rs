//! One TOML file for all roles: what it says are defaults; the environment overrules it, and flags overrule both.
//!
//! ```toml
//! city = "chicago"                  # for every command that has it: city, log, store, sink, log_format
//! log = "kafka://broker:9092"
//! store = "s3://crime/chicago"
//!
//! [snapshot]                        # by command: its flags, with `_` for `-`
//! every = 300
//! ops_listen = "0.0.0.0:9090"
//!
//! [[rule]]                          # which peaks are alerts: see `rules`
//! name = "robberies"
//! ```
//!
//! There is no secret among them: those come from the environment and from files that it names.

use crate::rules::{self, RuleConfig};
use anyhow::{Result, anyhow, bail};
use clap::{Arg, ArgAction, Command};
use std::{ffi::OsString, path::PathBuf};
use toml::{Table, Value};

/// What may stand before the first command's table, and goes to every command that has such a flag.
const SHARED: [&str; 5] = ["city", "log", "store", "sink", "log_format"];

/// The file that a command line or the environment names.
pub(crate) fn path(arguments: &[OsString], variable: Option<OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    variable.filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The command line's definition with the file's values as defaults, and the file's rules.
pub(crate) fn apply(command: Command, text: &str) -> Result<(Command, Vec<RuleConfig>)> {
    let file: Table = text.parse().map_err(|error: toml::de::Error| {
        // Not with the line itself, which may hold what does not belong there: a secret.
        let before = error.span().map_or(0, |span| text[..span.start].matches('\n').count());
        anyhow!("not TOML: line {}: {}", before + 1, error.message())
    })?;
    let (mut command, mut rules) = (command, Vec::new());
    for (name, value) in file {
        command = match value {
            value if name == rules::KEY => {
                rules = rules::of_file(&value)?;
                command
            }
            Value::Table(table) => of_command(command, &name, &table)?,
            value if SHARED.contains(&name.as_str()) => of_all(command, &name, &value)?,
            _ => bail!("there is no `{name}` for every command; there are: {}", SHARED.join(", ")),
        };
    }
    Ok((command, rules))
}

fn of_all(command: Command, name: &str, value: &Value) -> Result<Command> {
    let texts = texts(name, value)?;
    let long = name.replace('_', "-");
    let is_list = |arg: &Arg| matches!(arg.get_action(), ArgAction::Append);
    if texts.len() > 1
        && !command
            .get_subcommands()
            .flat_map(Command::get_arguments)
            .any(|arg| arg.get_long() == Some(&long) && is_list(arg))
    {
        bail!("`{name}` is a single value, not a list");
    }
    let set = |command: Command| {
        let id = command.get_arguments().find(|arg| arg.get_long() == Some(&long)).map(|arg| arg.get_id().clone());
        match id {
            Some(id) => command.mut_arg(id, |arg| default(arg, texts.clone())),
            None => command,
        }
    };
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    Ok(names.into_iter().fold(set(command), |command, name| command.mut_subcommand(name, set)))
}

fn of_command(command: Command, name: &str, table: &Table) -> Result<Command> {
    let Some(one) = command.find_subcommand(name) else {
        let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        bail!("there is no command `{name}`; there are: {}", known.join(", "));
    };
    let mut defaults = Vec::new();
    for (key, value) in table {
        let long = key.replace('_', "-");
        let Some(arg) = one.get_arguments().find(|arg| arg.get_long() == Some(&long)) else {
            let known: Vec<String> =
                one.get_arguments().filter_map(Arg::get_long).map(|long| long.replace('-', "_")).collect();
            bail!("`{name}` has no `{key}`; it has: {}", known.join(", "));
        };
        let texts = texts(&format!("{name}.{key}"), value)?;
        if texts.len() > 1 && !matches!(arg.get_action(), ArgAction::Append) {
            bail!("`{name}.{key}` is a single value, not a list");
        }
        defaults.push((arg.get_id().clone(), texts));
    }
    Ok(command.mut_subcommand(name, |one| {
        defaults.into_iter().fold(one, |one, (id, texts)| one.mut_arg(id, |arg| default(arg, texts)))
    }))
}

fn default(arg: Arg, texts: Vec<String>) -> Arg {
    arg.required(false).default_values(texts)
}

fn texts(name: &str, value: &Value) -> Result<Vec<String>> {
    Ok(match value {
        Value::String(text) => vec![text.clone()],
        Value::Integer(number) => vec![number.to_string()],
        Value::Float(number) => vec![number.to_string()],
        Value::Boolean(flag) => vec![flag.to_string()],
        Value::Array(values) => values.iter().map(|value| texts(name, value)).collect::<Result<Vec<_>>>()?.concat(),
        Value::Datetime(_) | Value::Table(_) => bail!("`{name}` is a text, a number, a truth value, or a list of them"),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::cli::{self, Arguments};
    use clap::{CommandFactory, FromArgMatches};
    use std::fmt::Write;

    fn parse(file: &str, words: &[&str]) -> Result<Arguments> {
        let matches = apply(Arguments::command(), file)?.0.try_get_matches_from(words)?;
        Ok(Arguments::from_arg_matches(&matches)?)
    }

    #[test]
    fn a_file_gives_defaults_and_flags_overrule_it() {
        let file = "log = \"kafka://a:1\"\nstore = \"s3://b\"\nlog_format = \"json\"\n\
                    [snapshot]\nevery = 300\n[produce]\ndata = [\"a.csv\", \"b.csv\"]\nuntil_caught_up = true\n";
        let found = parse(file, &["blotter", "snapshot"]).unwrap();
        assert_eq!(found.log_format, cli::LogFormat::Json);
        let cli::Command::Snapshot(snapshot) = found.command else { panic!("another command") };
        assert_eq!((snapshot.store.store.as_str(), snapshot.rounds.every), ("s3://b", Some(300)));
        let cli::Command::Produce(produce) =
            parse(file, &["blotter", "produce", "--log", "embedded:x"]).unwrap().command
        else {
            panic!("another command")
        };
        assert_eq!((produce.log.log.as_str(), produce.input.data.len()), ("embedded:x", 2));
        assert!(produce.until_caught_up);
        let cli::Command::Produce(produce) = parse(file, &["blotter", "produce", "--data", "c.csv"]).unwrap().command
        else {
            panic!("another command")
        };
        assert_eq!((produce.log.log.as_str(), produce.input.data), ("kafka://a:1", vec!["c.csv".to_owned()]));
    }

    #[test]
    fn what_is_unknown_is_refused_by_name() {
        for (file, words) in [
            ("lgo = \"x\"", ["`lgo`", "store"]),
            ("[snapshots]\nevery = 1", ["`snapshots`", "fetch"]),
            ("[snapshot]\nevry = 1", ["`evry`", "every"]),
            ("[snapshot]\nevery = [1, 2]", ["`snapshot.every`", "a single value"]),
            ("[snapshot]\nevery = 2026-01-01", ["snapshot.every", "number"]),
            ("city = \"x\"\n[snapshot", ["TOML", "line 2"]),
            ("log = \"x\" hunter2", ["TOML", "line 1"]),
            ("[snapshot]\nevery = \"soon\"", ["soon", "--every"]),
        ] {
            let error = format!("{:#}", parse(file, &["blotter", "snapshot", "--store", "file:///x"]).unwrap_err());
            assert!(words.iter().all(|word| error.contains(word)), "{file}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    /// The keys of one command, as a table.
    fn keys(command: &Command) -> String {
        let mut text = format!("\n### `[{}]`\n\n{}.\n\n", command.get_name(), command.get_about().unwrap_or_default());
        text += "| key | environment | default | what |\n| --- | --- | --- | --- |\n";
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long().filter(|long| !["help", "version"].contains(long)) else { continue };
            let variable = arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
            let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            let default = match arg.get_action() {
                ArgAction::SetTrue => "`false`".to_owned(),
                _ if defaults.is_empty() => String::new(),
                _ => format!("`{}`", defaults.join(" ")),
            };
            let list = if matches!(arg.get_action(), ArgAction::Append) { " A list." } else { "" };
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            let key = long.replace('-', "_");
            let help = help.trim_end_matches('.');
            // Writing into a string cannot fail.
            let _infallible = writeln!(text, "| `{key}` | {variable} | {default} | {help}.{list} |");
        }
        text
    }

    #[test]
    fn every_key_is_in_the_docs() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (before, _) = text.split_once("<!-- the keys: made by a test -->\n").unwrap();
        let mut expected = format!("{before}<!-- the keys: made by a test -->\n");
        for command in Arguments::command().get_subcommands().filter(|command| command.get_name() != "help") {
            if command.get_arguments().any(|arg| arg.get_long().is_some()) {
                expected += &keys(command);
            }
        }
        if std::env::var_os("BLOTTER_WRITE_DOCS").is_some() {
            std::fs::write(path, &expected).unwrap();
        }
        let now = std::fs::read_to_string(path).unwrap();
        assert!(now == expected, "docs/configuration.md is not what the command line is: run `make docs`");
    }

    #[test]
    fn the_file_is_found() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(path(&words(&["snapshot", "--config", "a"]), Some("b".into())), Some("a".into()));
        assert_eq!(path(&words(&["--config=a", "snapshot"]), None), Some("a".into()));
        assert_eq!(path(&words(&["snapshot"]), Some("b".into())), Some("b".into()));
        assert_eq!(path(&words(&["snapshot"]), None), None);
    }
}
