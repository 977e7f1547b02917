//! What the commands that ask a question of the API have in common: they are answered from a local snapshot and the log, or by a running server.
//!
//! A flag is the API's parameter of that name, and an error reads as the API's. Every format but the table is the API's answer,
//! byte for byte.

use crate::{
    flags::{City, Outlines},
    parts,
    parts::OpenLog,
    profiles, running,
};
use anyhow::{Context, Result, bail};
use blotter_query::{
    FromParameters, LoadParts, LoadedCity, Parameters, Patient, Question, Reply,
    encode::{Answer, EncodedAnswer, Form},
    questions::Meta,
};
use blotter_runtime::{Shutdown, signals};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{BufWriter, Write, stdout},
    path::PathBuf,
};

/// What is asked: a server, or files.
#[derive(Clone, Debug, Args)]
pub(crate) struct About {
    #[command(flatten)]
    pub(crate) city: City,
    /// Ask the server at this URL, such as http://127.0.0.1:8080, instead of loading anything
    #[arg(long, value_name = "URL", conflicts_with_all = ["snapshots", "files"])]
    pub(crate) server: Option<String>,
    /// Local directory with snapshots (see `blotter fetch`)
    #[arg(long, value_name = "DIR", required_unless_present = "server")]
    pub(crate) snapshots: Option<PathBuf>,
    /// Read this log to its end first: `embedded:DIR` or `kafka://…`. Default: use the snapshot only
    #[arg(long = "log", env = "BLOTTER_LOG", value_name = "URL")]
    pub(crate) log: Option<String>,
    #[command(flatten)]
    pub(crate) outlines: Outlines,
}

/// How the answer is wanted.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputFormat {
    /// `table`: for reading. The others: the API's answer, byte for byte
    #[arg(long, default_value = "table", value_enum)]
    format: AnswerFormat,
    /// Print at most this many rows of a table
    #[arg(long, default_value_t = 20, value_name = "ROWS")]
    pub(super) rows: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerFormat {
    Table,
    Csv,
    #[value(name = "geojson")]
    GeoJson,
    Json,
}

/// Which incidents.
#[derive(Clone, Debug, Args)]
pub(crate) struct Selection {
    /// Count incidents from this local time on, inclusive: 2016, 2016-07, 2016-07-19T13:45
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Count incidents before this local time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Count this category; may be repeated. Default: all
    #[arg(long)]
    category: Vec<String>,
    /// Count this area, such as `community_area:32`; may be repeated. Default: all
    #[arg(long, value_name = "LAYER:CODE")]
    area: Vec<String>,
    /// Count only incidents with (`true`) or without an arrest
    #[arg(long, value_name = "true|false")]
    arrest: Option<String>,
    /// Count only domestic (`true`) or other incidents
    #[arg(long, value_name = "true|false")]
    domestic: Option<String>,
    /// Count only incidents in this bounding box, in degrees
    #[arg(long, value_name = "WEST,SOUTH,EAST,NORTH", allow_hyphen_values = true)]
    bbox: Option<String>,
    /// Count only these hours of the week, local time, from 0 (Monday 00:00) to 167: 20-23,44-47
    #[arg(long, value_name = "HOURS")]
    hour_of_week: Option<String>,
}

impl OutputFormat {
    /// The form of the API's answer; none for a table.
    pub(super) fn form(self) -> Option<Form> {
        match self.format {
            AnswerFormat::Csv => Some(Form::Csv),
            AnswerFormat::GeoJson => Some(Form::GeoJson),
            AnswerFormat::Json => Some(Form::Json),
            AnswerFormat::Table => None,
        }
    }
}

impl Selection {
    pub(super) fn parameters(&self) -> Vec<(&'static str, &str)> {
        let mut all = Vec::new();
        let one = [
            ("from", &self.from),
            ("to", &self.to),
            ("arrest", &self.arrest),
            ("domestic", &self.domestic),
            ("bbox", &self.bbox),
            ("hour_of_week", &self.hour_of_week),
        ];
        all.extend(one.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        all.extend(self.category.iter().map(|value| ("category", value.as_str())));
        all.extend(self.area.iter().map(|value| ("area", value.as_str())));
        all
    }
}

/// What one of these commands asks.
pub(crate) trait AskCommand {
    /// The question.
    type Question: Question + FromParameters;

    /// Its address in the API.
    const PATH: &'static str;

    /// The form of the API's answer that is wanted; none for a report to read.
    fn form(&self) -> Option<Form>;

    /// Its parameters, in the API's names.
    fn parameters(&self) -> Vec<(&'static str, &str)>;

    /// Loads what the question needs, and answers. None if the command was stopped meanwhile.
    fn answer(&self, question: &Self::Question, load: LoadParts, shutdown: &Shutdown) -> Result<Option<Response>> {
        answer_from_incidents(self.form(), question, load, shutdown)
    }

    /// The answer, for people; `meta` is what the API says of the data.
    fn report(&self, answer: &Value, meta: &Value, output: &mut impl Write) -> std::io::Result<()>;
}

/// An answer.
pub(crate) struct Response {
    /// The answer in its format; for a table, as JSON.
    pub(super) body: Vec<u8>,
    /// What the API says of the data, for a table.
    pub(super) meta: Value,
}

pub(super) fn given<'a>(name: &'static str, value: Option<&'a String>) -> Option<(&'static str, &'a str)> {
    Some((name, value?.as_str()))
}

/// Asks, and writes the answer.
pub(crate) fn run<C: AskCommand>(about: &About, command: &C) -> Result<()> {
    match &about.server {
        Some(server) => ask_server(server, command),
        None => ask_here(about, command),
    }
}

fn ask_server<C: AskCommand>(server: &str, command: &C) -> Result<()> {
    let form = ("format", command.form().unwrap_or(Form::Json).name());
    let body = running::fetch(server, &address(C::PATH, command.parameters().into_iter().chain([form])))?;
    let meta = if command.form().is_none() { running::ask(server, "/api/v1/meta")? } else { Value::Null };
    write(command, &body, &meta)
}

fn ask_here<C: AskCommand>(about: &About, command: &C) -> Result<()> {
    // A wrong flag is reported before anything is loaded.
    let given = command.parameters().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let parameters = Parameters::new(given.collect(), &C::Question::names())?;
    let question = C::Question::from_parameters(&parameters)?;
    let profile = profiles::profile(&about.city.city)?;
    let snapshots = about.snapshots.clone().unwrap_or_default();
    let boundaries = about.outlines.load(&snapshots, &profile)?;
    let shutdown = signals::shutdown()?;
    let opened = about.log.as_deref().map(|url| parts::open_existing_log(url, &profile)).transpose()?;
    let log = opened.as_ref().map(OpenLog::log);
    let load = LoadParts { log, snapshots, profile, boundaries };
    let response = command.answer(&question, load, &shutdown);
    let written = response.and_then(|response| match response {
        Some(Response { body, meta }) => write(command, &body, &meta),
        None => Ok(()),
    });
    let closed = opened.map_or(Ok(()), |opened| opened.close());
    written.and(closed)
}

/// Loads all incidents, and answers.
pub(super) fn answer_from_incidents<Q: Question>(
    form: Option<Form>,
    question: &Q,
    load: LoadParts,
    shutdown: &Shutdown,
) -> Result<Option<Response>> {
    let city = LoadedCity::load(load, shutdown)?;
    if shutdown.is_triggered() {
        return Ok(None);
    }
    let body = answer(question, &city, form.unwrap_or(Form::Json))?;
    let meta =
        if form.is_none() { serde_json::from_slice(&answer(&Meta {}, &city, Form::Json)?)? } else { Value::Null };
    Ok(Some(Response { body, meta }))
}

/// The answer as the API has it.
fn answer<Q: Question>(question: &Q, city: &LoadedCity, form: Form) -> Result<Vec<u8>> {
    match question.ask(city, &Patient)? {
        Reply::Answer(answer, _) => encoded(answer, form),
        Reply::Known(_) => bail!("a question was answered with what is known already"),
    }
}

pub(super) fn encoded<A: Answer>(answer: A, form: Form) -> Result<Vec<u8>> {
    Ok(EncodedAnswer::new(answer, Form::named(form.name(), A::FORMS)?)?.bytes()?)
}

fn write<C: AskCommand>(command: &C, body: &[u8], meta: &Value) -> Result<()> {
    let mut output = BufWriter::new(stdout().lock());
    if command.form().is_none() {
        let answer: Value = serde_json::from_slice(body).context("the answer is not JSON")?;
        command.report(&answer, meta, &mut output)?;
    } else {
        output.write_all(body)?;
        // Sheets end with the end of their last line.
        if !body.ends_with(b"\n") {
            output.write_all(b"\n")?;
        }
    }
    Ok(output.flush()?)
}

/// A path and its query, percent-encoded.
fn address<'a>(path: &str, parameters: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let mut text = path.to_owned();
    for (number, (name, value)) in parameters.enumerate() {
        let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        // Writing into a string cannot fail.
        let _infallible = write!(text, "{}{name}={value}", if number == 0 { '?' } else { '&' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_passed_on_whatever_they_hold() {
        let parameters = [("category", "A & B=C"), ("at", "2017-01-01T00:00+01:00"), ("area", "ward:1")];
        let expect = "/p?category=A%20%26%20B%3DC&at=2017%2D01%2D01T00%3A00%2B01%3A00&area=ward%3A1";
        assert_eq!(address("/p", parameters.into_iter()), expect);
        assert_eq!(address("/p", std::iter::empty()), "/p");
    }
}
