//! Answers as people read them: what it rests on, then the rows that say most.

use crate::ask::table::{Table, brief};
use h3o::{CellIndex, LatLng};
use serde_json::Value;
use std::io::{self, Write};

/// The false discovery rate up to which a peak is worth a word.
const NOTABLE_Q: f64 = 0.1;

/// Significant cells, the strongest first.
pub(super) fn hotspots(answer: &Value, meta: &Value, rows: usize, output: &mut impl Write) -> io::Result<()> {
    let significant = |cell: &&Value| cell["class"] != "not_significant";
    let mut cells: Vec<&Value> = list(&answer["cells"]).iter().filter(significant).collect();
    cells.sort_by(|one, other| number(&other["z"]).abs().total_cmp(&number(&one["z"]).abs()));
    let critical = answer["critical_z"].as_f64().map_or("none".to_owned(), brief);
    let facts = format!(
        "n {} cells ({}), {} tests, {} significant at {} % by q, critical |z| {critical}; {} incidents mapped, {} not",
        answer["n"],
        study_area(answer),
        answer["tests"],
        cells.len(),
        answer["confidence"],
        answer["mapped"],
        answer["unmapped"],
    );
    let mut table =
        Table::new(&["cell", "latitude", "longitude", "class", "incidents", "with neighbors", "z", "p", "q"]);
    for cell in cells.iter().take(rows) {
        table.push(placed(cell, &["cell", "class", "count", "neighborhood", "z", "p", "q"]));
    }
    rest_on(meta, &facts, output)?;
    caution(answer, output)?;
    table.write(output)?;
    closing(cells.len(), rows, meta, output)
}

/// Cells with a pattern, those with the most incidents first.
pub(super) fn emerging(answer: &Value, meta: &Value, rows: usize, output: &mut impl Write) -> io::Result<()> {
    let detected = |cell: &&Value| cell["pattern"].as_str().is_some_and(|pattern| pattern != "not_detected");
    let mut cells: Vec<&Value> = list(&answer["cells"]).iter().filter(detected).collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell["count"].as_u64()));
    let steps = list(&answer["steps"]);
    let patterns: Vec<String> =
        answer["patterns"].as_object().into_iter().flatten().map(|(name, count)| format!("{name} {count}")).collect();
    let facts = format!(
        "n {} cells ({}), {} steps of a {} from {} to {}, each tested at {} % by q; {} incidents mapped, {} not\n{}",
        answer["n"],
        study_area(answer),
        steps.len(),
        text(&answer["step"]),
        steps.first().map_or_else(String::new, text),
        steps.last().map_or_else(String::new, text),
        answer["confidence"],
        answer["mapped"],
        answer["unmapped"],
        patterns.join(", "),
    );
    let columns = ["cell", "pattern", "count", "hot_steps", "cold_steps", "steps", "z", "trend_z", "trend_p"];
    let mut table = Table::new(&[
        "cell",
        "latitude",
        "longitude",
        "pattern",
        "incidents",
        "hot steps",
        "cold steps",
        "of",
        "last z",
        "trend z",
        "trend p",
    ]);
    for cell in cells.iter().take(rows) {
        table.push(placed(cell, &columns));
    }
    rest_on(meta, &facts, output)?;
    caution(answer, output)?;
    table.write(output)?;
    closing(cells.len(), rows, meta, output)
}

/// The most surprising of each window.
pub(super) fn peaks(answer: &Value, meta: &Value, rows: usize, output: &mut impl Write) -> io::Result<()> {
    let layer = list(&meta["layers"]).iter().find(|layer| layer["name"] == answer["layer"]);
    let areas = layer.map_or(&[][..], |layer| list(&layer["areas"]));
    let facts = format!(
        "at {}; n {} incidents, {} tests; reporting lag: {}",
        text(&answer["at"]),
        meta["incidents"]["total"],
        answer["tests"],
        text(&answer["reporting_lag"]),
    );
    rest_on(meta, &facts, output)?;
    for window in list(&answer["windows"]) {
        let standing = text(&window["standing"]).replace('_', " ");
        let period = match window["hours"].as_u64() {
            Some(1) => "hour".to_owned(),
            Some(days) if days > 24 && days % 24 == 0 => format!("{} days", days / 24),
            _ => format!("{} hours", window["hours"]),
        };
        // Where nothing happened nothing peaks, however it is ranked.
        let happened = |peak: &&Value| peak["observed"] != 0;
        let peaks: Vec<&Value> = list(&window["peaks"]).iter().filter(happened).take(rows).collect();
        let unusual = match peaks.iter().filter(|peak| number(&peak["q"]) <= NOTABLE_Q).count() {
            _ if window["standing"] != "ranked" => String::new(),
            0 => format!(": nothing unusual (q above {NOTABLE_Q})"),
            many if many == peaks.len() => format!(": {many} or more with q of at most {NOTABLE_Q}"),
            many => format!(": {many} with q of at most {NOTABLE_Q}"),
        };
        writeln!(output, "\nlast {period}: {standing}, {} tests{unusual}", window["tests"])?;
        let mut table = Table::new(&["area", "category", "observed", "expected", "more", "p", "q", "surge evidence"]);
        for peak in &peaks {
            let name = areas.iter().find(|area| area["code"] == peak["area"]).map(|area| text(&area["name"]));
            let code = text(&peak["area"]);
            let area = name.filter(|name| *name != code).map_or_else(|| code.clone(), |name| format!("{code} {name}"));
            let mut cells =
                row(peak, &["category", "observed", "expected", "percent_more", "p", "q", "surge_evidence"]);
            cells[3] = peak["percent_more"].as_f64().map_or_else(String::new, |percent| format!("{percent:+.0} %"));
            cells.insert(0, area);
            table.push(cells);
        }
        if !peaks.is_empty() {
            table.write(output)?;
        }
    }
    writeln!(output, "\n{}", text(&meta["profile"]["disclaimer"]))
}

/// How the study area is bounded, in words.
fn study_area(answer: &Value) -> &'static str {
    match answer["study_area"].as_str() {
        Some("outline") => "the outline of the areas",
        _ => "where incidents are, without outlines",
    }
}

/// Why numbers are to be taken with care, where they are.
fn caution(answer: &Value, output: &mut impl Write) -> io::Result<()> {
    match answer["caution"].as_str() {
        Some(caution) => writeln!(output, "caution: {caution}"),
        None => Ok(()),
    }
}

/// A row whose first column is a cell, with the cell's middle after it.
fn placed(cell: &Value, names: &[&str]) -> Vec<String> {
    let middle = cell["cell"].as_str().and_then(|text| text.parse::<CellIndex>().ok()).map(LatLng::from);
    let degrees = |of: fn(&LatLng) -> f64| middle.as_ref().map_or_else(String::new, |at| format!("{:.5}", of(at)));
    let mut texts = row(cell, names);
    texts.splice(1..1, [degrees(|at| at.lat()), degrees(|at| at.lng())]);
    texts
}

/// What every answer rests on.
fn rest_on(meta: &Value, facts: &str, output: &mut impl Write) -> io::Result<()> {
    let simulated = if meta["simulated"] == true { " (simulated)" } else { "" };
    let (as_of, received) = (text(&meta["data_as_of"]), text(&meta["received_at"]));
    writeln!(output, "{}{simulated}: data as of {as_of}, received {received}", text(&meta["profile"]["name"]))?;
    writeln!(output, "{facts}")
}

/// How many rows there are beside those that were shown, and what the portal asks to be said.
fn closing(all: usize, rows: usize, meta: &Value, output: &mut impl Write) -> io::Result<()> {
    if all > rows {
        writeln!(output, "… and {} more", all - rows)?;
    }
    writeln!(output, "\n{}", text(&meta["profile"]["disclaimer"]))
}

fn row(value: &Value, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| text(&value[*name])).collect()
}

/// Whole numbers as they are, others briefly, nothing for null.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, brief),
        other => other.to_string(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
