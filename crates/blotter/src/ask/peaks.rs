//! `blotter peaks`: what is peaking?

use super::{
    question::{About, AskCommand, OutputFormat, Response, answer_from_incidents, encoded, given},
    report,
};
use anyhow::Result;
use blotter_query::{CityTotals, LoadParts, encode::Form, questions};
use blotter_runtime::Shutdown;
use clap::Args;
use serde_json::Value;
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct Peaks {
    #[command(flatten)]
    pub(crate) about: About,
    #[command(flatten)]
    shown: OutputFormat,
    /// Evaluate at this local time. Default: the newest hour of the data
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// `known`: recompute with today's data. `said`: return what was published at that time (requires `--log`). Default: `known`
    #[arg(long = "as", value_name = "known|said")]
    basis: Option<String>,
    /// Count this category; may be repeated. Default: all
    #[arg(long)]
    category: Vec<String>,
    /// Include this area of the hourly counts' layer, such as `community_area:32`; may be repeated. Default: all
    #[arg(long, value_name = "LAYER:CODE")]
    area: Vec<String>,
    /// Return at most this many peaks of each window. Default: 100; in a table, as many as `--rows`
    #[arg(long)]
    limit: Option<String>,
}

impl AskCommand for Peaks {
    type Question = questions::Peaks;

    const PATH: &'static str = "/api/v1/peaks";

    fn form(&self) -> Option<Form> {
        self.shown.form()
    }

    fn parameters(&self) -> Vec<(&'static str, &str)> {
        let own =
            [given("at", self.at.as_ref()), given("as", self.basis.as_ref()), given("limit", self.limit.as_ref())]
                .into_iter()
                .flatten();
        let categories = self.category.iter().map(|value| ("category", value.as_str()));
        own.chain(categories).chain(self.area.iter().map(|value| ("area", value.as_str()))).collect()
    }

    /// From the hourly totals alone, which load in an eighth of the time; from all incidents where those do not suffice.
    fn answer(&self, question: &questions::Peaks, load: LoadParts, shutdown: &Shutdown) -> Result<Option<Response>> {
        let Some(totals) = CityTotals::load(&load, question, shutdown) else {
            return answer_from_incidents(self.form(), question, load, shutdown);
        };
        let body = encoded(totals.peaks(question)?, self.form().unwrap_or(Form::Json))?;
        Ok(Some(Response { body, meta: totals.meta() }))
    }

    fn report(&self, answer: &Value, meta: &Value, output: &mut impl Write) -> std::io::Result<()> {
        let rows = if self.limit.is_some() { usize::MAX } else { self.shown.rows };
        report::peaks(answer, meta, rows, output)
    }
}
