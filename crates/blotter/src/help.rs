//! What `--help` says beside the flags: the commands in groups, and an example at the end of each command.

use clap::Command;
use std::fmt::Write;

/// The commands by what a reader wants to do.
const GROUPS: [(&str, &[&str]); 3] = [
    ("Try it", &["demo", "boundaries", "simulate"]),
    ("Ask it", &["peaks", "brief", "hotspots", "emerging", "counts", "rejected", "reporting-lag", "openapi"]),
    ("Run it", &["produce", "count", "detect", "online", "archive", "snapshot", "fetch", "serve", "restore"]),
];

/// An example of each command.
const EXAMPLES: [(&str, &str); 20] = [
    ("demo", "blotter demo --data Crimes_-_2001_to_Present.csv --open"),
    ("boundaries", "blotter boundaries --city chicago"),
    ("simulate", "blotter simulate --incidents 100000 --output crimes.csv"),
    ("peaks", "blotter peaks --snapshots blotter-data/chicago/snapshots --at 2017-08-06T06:00"),
    ("hotspots", "blotter hotspots --snapshots blotter-data/chicago/snapshots --category ROBBERY --from 2017"),
    ("brief", "blotter brief --server http://127.0.0.1:8080 > brief.html"),
    ("emerging", "blotter emerging --snapshots blotter-data/chicago/snapshots --step month --format geojson"),
    ("counts", "blotter counts --log kafka://broker:9092 > counts.csv"),
    ("rejected", "blotter rejected --server http://127.0.0.1:8080"),
    ("reporting-lag", "blotter reporting-lag --store s3://crime/chicago >> cities/chicago.toml"),
    ("openapi", "blotter openapi > openapi.json"),
    ("produce", "blotter produce --log kafka://broker:9092 --store s3://crime/chicago"),
    ("count", "blotter count --log kafka://broker:9092 --store s3://crime/chicago"),
    ("detect", "blotter detect --log kafka://broker:9092 --sink influxdb://influxdb:8086/crimes"),
    ("online", "blotter online --log kafka://broker:9092 --store s3://crime/chicago"),
    ("archive", "blotter archive --log kafka://broker:9092 --store s3://crime/chicago"),
    ("snapshot", "blotter snapshot --store s3://crime/chicago --every 300"),
    ("fetch", "blotter fetch --store s3://crime/chicago --to snapshots --every 60"),
    ("serve", "blotter serve --log kafka://broker:9092 --snapshots snapshots --listen 0.0.0.0:8080"),
    ("restore", "blotter restore --dir blotter-data/chicago"),
];

/// The command line with this help.
pub(crate) fn complete(command: Command) -> Command {
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}Options:\n{{options}}\n\n\
         `blotter COMMAND --help` explains a command and ends with an example.",
        groups(&command)
    );
    EXAMPLES.into_iter().fold(command.help_template(template), |command, (name, example)| {
        command.mut_subcommand(name, |one| one.after_help(format!("Example:\n  {example}")))
    })
}

fn groups(command: &Command) -> String {
    let width = command.get_subcommands().map(|one| one.get_name().len()).max().unwrap_or_default();
    let mut text = String::new();
    for (title, names) in GROUPS {
        // Writing into a string cannot fail.
        let _infallible = writeln!(text, "{title}:");
        for one in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            let _infallible = writeln!(text, "  {:width$}  {about}", one.get_name());
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::{CommandFactory, Parser};
    use std::collections::BTreeSet;

    #[test]
    fn every_command_is_in_one_group_and_has_an_example_that_parses() {
        let command = complete(Arguments::command());
        let all: Vec<&str> = command.get_subcommands().map(Command::get_name).filter(|name| *name != "help").collect();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        assert_eq!(grouped.len(), all.len());
        assert_eq!(grouped.iter().collect::<BTreeSet<_>>(), all.iter().collect::<BTreeSet<_>>());
        for (name, example) in EXAMPLES {
            let words = example.split_whitespace().take_while(|word| !word.starts_with('>'));
            let parsed = Arguments::try_parse_from(words);
            assert!(parsed.is_ok() && example.starts_with(&format!("blotter {name}")), "{example}: {parsed:?}");
        }
        let examples: BTreeSet<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(examples, all.into_iter().collect());
    }

    #[test]
    fn help_begins_with_what_blotter_is() {
        let help = complete(Arguments::command()).render_help().to_string();
        assert!(help.starts_with("Blotter maps a city's open crime data"), "{help}");
        let at = |text: &str| help.find(text).unwrap_or(usize::MAX);
        assert!(
            at("Try it:") < at("Ask it:") && at("Ask it:") < at("Run it:") && at("Run it:") < at("Options:"),
            "{help}"
        );
    }
}
