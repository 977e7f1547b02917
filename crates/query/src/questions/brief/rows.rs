//! The brief as a sheet: a row for each line and span.

use super::{BriefAnswer, BriefFigure, BriefLine, BriefSpan};
use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array},
    error::ArrowError,
};
use std::sync::Arc;

struct Row<'a> {
    table: &'static str,
    line: &'a BriefLine,
    span: &'a BriefSpan,
    figure: &'a BriefFigure,
}

/// A row for each line and span.
pub(super) fn rows(brief: &BriefAnswer) -> Result<RecordBatch, ArrowError> {
    let tables =
        [("total", std::slice::from_ref(&brief.total)), ("category", &brief.categories), ("area", &brief.areas)];
    let rows: Vec<Row<'_>> = tables
        .into_iter()
        .flat_map(|(table, lines)| lines.iter().map(move |line| (table, line)))
        .flat_map(|(table, line)| {
            let spans = brief.spans.iter().zip(&line.figures);
            spans.map(move |(span, figure)| Row { table, line, span, figure })
        })
        .collect();
    let texts =
        |of: fn(&Row<'_>) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(of))) };
    let counts = |of: fn(&BriefFigure) -> Option<u64>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row.figure)).collect::<UInt64Array>())
    };
    let numbers = |of: fn(&BriefFigure) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| of(row.figure)).collect::<Float64Array>())
    };
    RecordBatch::try_from_iter([
        ("table", texts(|row| row.table.to_owned())),
        ("key", texts(|row| row.line.key.clone())),
        ("name", texts(|row| row.line.name.clone())),
        ("span", texts(|row| row.span.name.word().to_owned())),
        ("from", texts(|row| row.span.from.clone())),
        ("to", texts(|row| row.span.to.clone())),
        ("observed", counts(|figure| Some(figure.observed))),
        ("before", counts(|figure| figure.before)),
        ("difference", Arc::new(rows.iter().map(|row| row.figure.difference).collect::<Int64Array>())),
        ("percent", numbers(|figure| figure.percent)),
        ("p", numbers(|figure| figure.p)),
        ("q", numbers(|figure| figure.q)),
        ("expected", numbers(|figure| figure.expected)),
        ("low", counts(|figure| figure.low)),
        ("high", counts(|figure| figure.high)),
        ("expected_p", numbers(|figure| figure.expected_p)),
        ("expected_q", numbers(|figure| figure.expected_q)),
    ])
}
