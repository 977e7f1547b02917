//! `blotter hotspots`: where are the hot spots?

use super::{
    question::{About, AskCommand, OutputFormat, Selection, given},
    report,
};
use blotter_query::{encode::Form, questions};
use clap::Args;
use serde_json::Value;
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct Hotspots {
    #[command(flatten)]
    pub(crate) about: About,
    #[command(flatten)]
    shown: OutputFormat,
    /// H3 resolution, 7 to 11. Default: 9
    #[arg(long)]
    resolution: Option<String>,
    /// Confidence from which a cell is hot or cold: 90, 95 or 99 percent. Default: 90
    #[arg(long)]
    confidence: Option<String>,
    #[command(flatten)]
    selection: Selection,
}

impl AskCommand for Hotspots {
    type Question = questions::Hotspots;

    const PATH: &'static str = "/api/v1/hotspots";

    fn form(&self) -> Option<Form> {
        self.shown.form()
    }

    fn parameters(&self) -> Vec<(&'static str, &str)> {
        let own = [given("resolution", self.resolution.as_ref()), given("confidence", self.confidence.as_ref())];
        own.into_iter().flatten().chain(self.selection.parameters()).collect()
    }

    fn report(&self, answer: &Value, meta: &Value, output: &mut impl Write) -> std::io::Result<()> {
        report::hotspots(answer, meta, self.shown.rows, output)
    }
}
