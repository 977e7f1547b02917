//! `blotter brief`: the week against the year before and against what was expected.

use super::question::{About, AskCommand, given};
use blotter_query::{
    encode::Form,
    questions::{self, BriefAnswer, BriefHead, brief_page},
};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::Value;
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct Brief {
    #[command(flatten)]
    pub(crate) about: About,
    /// End the brief with the day before this local time. Default: the last day of the data that is over
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// `html`: one self-contained page, which prints on two sheets. The others: the API's answer, byte for byte
    #[arg(long, default_value = "html", value_enum)]
    format: BriefFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BriefFormat {
    Html,
    Csv,
    Json,
}

impl AskCommand for Brief {
    type Question = questions::Brief;

    const PATH: &'static str = "/api/v1/brief";

    fn form(&self) -> Option<Form> {
        match self.format {
            BriefFormat::Html => None,
            BriefFormat::Csv => Some(Form::Csv),
            BriefFormat::Json => Some(Form::Json),
        }
    }

    fn parameters(&self) -> Vec<(&'static str, &str)> {
        given("at", self.at.as_ref()).into_iter().collect()
    }

    fn report(&self, answer: &Value, meta: &Value, output: &mut impl Write) -> std::io::Result<()> {
        let brief = BriefAnswer::deserialize(answer)?;
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let head = BriefHead {
            city: text(&meta["profile"]["name"]).unwrap_or_default(),
            disclaimer: text(&meta["profile"]["disclaimer"]).unwrap_or_default(),
            simulated: meta["simulated"].as_bool().unwrap_or(false),
            data_as_of: text(&meta["data_as_of"]),
            served: false,
        };
        output.write_all(brief_page(&brief, &head).as_bytes())
    }
}
