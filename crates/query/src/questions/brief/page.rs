//! The brief as a document: one self-contained page without scripts, which prints on two sheets.

use super::{BriefAnswer, BriefFigure, BriefLine, BriefSpan, SpanName};
use crate::{
    LoadedCity,
    figures::Figures,
    prose::{escaped, probability, uncapitalized},
};
use jiff::civil::Date;
use std::fmt::Write;

/// Areas that fit on a sheet.
const MOST_PRINTED: usize = 80;
/// The false discovery rate up to which a difference is marked.
const NOTABLE_Q: f64 = 0.05;
/// Lines that the summary names of each table.
const MOST_NAMED: usize = 5;
const STYLE: &str = include_str!("page.css");

/// What the page says beside the figures.
#[derive(Clone, Debug, Default)]
pub struct BriefHead {
    /// Name of the city.
    pub city: String,
    /// What the publisher of the data wants to be said.
    pub disclaimer: String,
    /// Whether the data are made up.
    pub simulated: bool,
    /// Time of the newest incident.
    pub data_as_of: Option<String>,
    /// Whether a server answers, which can be asked for another week.
    pub served: bool,
}

impl BriefHead {
    /// Of a loaded city.
    pub fn of(city: &LoadedCity, served: bool) -> Self {
        let figures = Figures::of(city, &city.read());
        Self {
            city: city.profile.name.clone(),
            disclaimer: city.profile.disclaimer.clone(),
            simulated: figures.simulated,
            data_as_of: figures.data_as_of,
            served,
        }
    }
}

/// The page, as HTML.
pub fn brief_page(brief: &BriefAnswer, head: &BriefHead) -> String {
    let mut page = String::with_capacity(1 << 17);
    let city = escaped(&head.city);
    let [week, ..] = brief.spans.as_slice() else { return page };
    let last = long_day(&last_day(&week.to));
    // Writing into a string cannot fail.
    let _infallible = write!(
        page,
        "<!doctype html>\n<html lang=\"en\" data-ready=\"true\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{city}: brief of the week to {last}</title>\n<style>\n{STYLE}</style>\n</head>\n<body data-testid=\"brief\">\n\
         <main>\n<header>\n<h1>{city}: the week to {last}</h1>\n<p>{}</p>\n",
        sources(brief, head),
    );
    if head.served {
        page.push_str(&other_weeks(week));
    }
    page.push_str("</header>\n");
    summary(&mut page, brief);
    page.push_str("<section class=\"sheet\">\n<h2>By category</h2>\n");
    table(&mut page, brief, &brief.categories, "Category", usize::MAX);
    page.push_str("</section>\n");
    if let Some(layer) = &brief.layer {
        let title = escaped(&layer.replace('_', " "));
        let _infallible = write!(page, "<section class=\"sheet second\">\n<h2>By {title}</h2>\n");
        table(&mut page, brief, &brief.areas, "Area", MOST_PRINTED);
        page.push_str("</section>\n");
    }
    notes(&mut page, brief, head);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// A page that says why there is no brief.
pub fn refusal_page(detail: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\" data-ready=\"true\">\n<head>\n<meta charset=\"utf-8\">\n<title>No brief</title>\n<style>\n{STYLE}\
         </style>\n</head>\n<body data-testid=\"brief\">\n<main>\n<h1>There is no brief</h1>\n<p role=\"alert\">{}.</p>\n\
         <p><a href=\"/brief\">The newest brief</a></p>\n</main>\n</body>\n</html>\n",
        escaped(detail)
    )
}

fn sources(brief: &BriefAnswer, head: &BriefHead) -> String {
    let mut text = String::new();
    if head.simulated {
        text.push_str("<strong>Simulated data.</strong> ");
    }
    if let Some((day, time)) = head.data_as_of.as_deref().and_then(|at| at.split_once('T')) {
        let minute = time.get(..5).unwrap_or(time);
        let _infallible = write!(text, "Newest incident: {}, {}. ", escaped(&short_day(day)), escaped(minute));
    }
    for span in &brief.spans {
        let _infallible = write!(
            text,
            "{}: {} to {}, compared with {} to {}{}. ",
            title(span.name),
            short_day(&span.from),
            short_day(&last_day(&span.to)),
            short_day(&span.before_from),
            short_day(&last_day(&span.before_to)),
            lengths(span),
        );
    }
    text.trim_end().to_owned()
}

/// " (365 days and 366)" where a leap day makes the difference.
fn lengths(span: &BriefSpan) -> String {
    if span.days == span.before_days {
        String::new()
    } else {
        format!(" ({} days and {})", span.days, span.before_days)
    }
}

/// A form to choose a week, and links to those beside it. They need no script.
fn other_weeks(week: &BriefSpan) -> String {
    let shifted = |days: i64| -> Option<String> {
        let end: Date = week.to.parse().ok()?;
        Some(end.checked_add(jiff::Span::new().days(days)).ok()?.to_string())
    };
    let (before, after) = (shifted(-7).unwrap_or_default(), shifted(7).unwrap_or_default());
    format!(
        "<nav aria-label=\"Other weeks\"><a href=\"/\">Map</a> <a href=\"/brief?at={before}\" rel=\"prev\">Week before</a> \
         <a href=\"/brief?at={after}\" rel=\"next\">Week after</a>\n<form action=\"/brief\"><label>Ends before \
         <input type=\"date\" name=\"at\" value=\"{}\" required></label> <button>Show</button></form>\n\
         <a href=\"/api/v1/brief?at={}&amp;format=csv\">CSV</a> <a href=\"/api/v1/brief?at={}\">JSON</a></nav>\n",
        week.to, week.to, week.to,
    )
}

fn summary(page: &mut String, brief: &BriefAnswer) {
    page.push_str("<section aria-label=\"Summary\">\n<ul class=\"summary\">\n");
    for (span, figure) in brief.spans.iter().zip(&brief.total.figures) {
        let _infallible = writeln!(page, "<li><strong>{}:</strong> {}</li>", title(span.name), sentence(figure));
    }
    page.push_str("</ul>\n");
    let mut named = Vec::new();
    for lines in [&brief.categories, &brief.areas] {
        let mut notable: Vec<&BriefLine> =
            lines.iter().filter(|line| !line.key.is_empty() && is_notable(line)).collect();
        notable.sort_by(|one, other| least_q(one).total_cmp(&least_q(other)));
        named.extend(notable.into_iter().take(MOST_NAMED));
    }
    if named.is_empty() {
        page.push_str("<p>In the last 7 days nothing differs from the year before or from what was expected by more than chance.</p>\n");
    } else {
        page.push_str("<p>What stands out in the last 7 days:</p>\n<ul class=\"named\">\n");
        for line in named {
            if let Some(figure) = line.figures.first() {
                let _infallible =
                    writeln!(page, "<li><strong>{}:</strong> {}</li>", escaped(&plain_name(line)), sentence(figure));
            }
        }
        page.push_str("</ul>\n");
    }
    page.push_str("</section>\n");
}

fn least_q(line: &BriefLine) -> f64 {
    let of_week = line.figures.first();
    let q = |of: fn(&BriefFigure) -> Option<f64>| of_week.and_then(of).unwrap_or(1.0);
    q(|figure| figure.q).min(q(|figure| figure.expected_q))
}

fn is_notable(line: &BriefLine) -> bool {
    least_q(line) <= NOTABLE_Q
}

fn sentence(figure: &BriefFigure) -> String {
    let mut text = format!("{} incidents", count(figure.observed));
    if let (Some(before), Some(difference)) = (figure.before, figure.difference) {
        let (size, word) = (count(difference.unsigned_abs()), if difference < 0 { "fewer" } else { "more" });
        let percent = figure.percent.map_or_else(String::new, |percent| format!(", {}", percents(percent)));
        let against = if difference == 0 {
            format!(", as many as the year before ({})", count(before))
        } else {
            format!(", {size} {word} than the year before ({}{percent}){}", count(before), chance(figure.q))
        };
        text.push_str(&against);
    }
    if let (Some(expected), Some(low), Some(high)) = (figure.expected, figure.low, figure.high) {
        let range = format!("usually {} to {}", count(low), count(high));
        let _infallible = write!(text, "; about {} expected ({range}){}", rounded(expected), chance(figure.expected_q));
    }
    text.push('.');
    text
}

/// Whether a difference may be chance, in words and as q.
fn chance(q: Option<f64>) -> String {
    q.map_or_else(String::new, |q| {
        let words = if q <= NOTABLE_Q { "beyond chance" } else { "may be chance" };
        format!(": {words}, q = {}", probability(q))
    })
}

fn table(page: &mut String, brief: &BriefAnswer, lines: &[BriefLine], what: &str, most_printed: usize) {
    let _infallible = write!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures by {}\">\n<table>\n<thead>\n<tr><th scope=\"col\" \
         rowspan=\"2\">{what}</th>",
        what.to_lowercase(),
    );
    for span in &brief.spans {
        let _infallible = write!(page, "<th scope=\"colgroup\" colspan=\"5\">{}</th>", title(span.name));
    }
    page.push_str("</tr>\n<tr>");
    for _ in &brief.spans {
        page.push_str(
            "<th scope=\"col\">Count</th><th scope=\"col\">Year before</th><th scope=\"col\">Difference</th>\
             <th scope=\"col\">Expected</th><th scope=\"col\">Usual</th>",
        );
    }
    page.push_str("</tr>\n</thead>\n<tbody>\n");
    for (index, line) in std::iter::once(&brief.total).chain(lines).enumerate() {
        let class = match index {
            0 => " class=\"total\"",
            _ if index > most_printed => " class=\"rest\"",
            _ => "",
        };
        let _infallible = write!(page, "<tr{class}><th scope=\"row\">{}</th>", escaped(&plain_name(line)));
        for figure in &line.figures {
            cells(page, figure);
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    if lines.len() > most_printed {
        let _infallible = writeln!(
            page,
            "<p class=\"printed\">{} more are on the page and in the CSV file.</p>",
            lines.len() - most_printed
        );
    }
}

fn cells(page: &mut String, figure: &BriefFigure) {
    let none = || "–".to_owned();
    let percent = figure.percent.filter(|_| figure.difference != Some(0));
    let percent = percent.map_or_else(String::new, |percent| format!(" ({})", percents(percent)));
    let difference = figure.difference.map_or_else(none, |difference| format!("{}{percent}", signed(difference)));
    let is_more = |than: Option<f64>| than.is_some_and(|than| figure.observed as f64 > than);
    let against_year = mark(figure.q, is_more(figure.before.map(|before| before as f64)));
    let against_usual = mark(figure.expected_q, is_more(figure.expected));
    let usual = figure.low.zip(figure.high).map_or_else(none, |(low, high)| format!("{}–{}", count(low), count(high)));
    let _infallible = write!(
        page,
        "<td class=\"count\">{}</td><td>{}</td><td>{difference}{against_year}</td><td>{}</td><td>{usual}{against_usual}</td>",
        count(figure.observed),
        figure.before.map_or_else(none, count),
        figure.expected.map_or_else(none, rounded),
    );
}

/// Told by shape and text, not by colour alone.
fn mark(q: Option<f64>, is_more: bool) -> String {
    match q {
        Some(q) if q <= NOTABLE_Q => {
            let (shape, word) = if is_more { ("▲", "more") } else { ("▼", "fewer") };
            format!(
                " <span class=\"mark\" title=\"q = {}\"><span aria-hidden=\"true\">{shape}</span><span class=\"hidden\">{word}, q = {}</span></span>",
                probability(q),
                probability(q)
            )
        }
        _ => String::new(),
    }
}

fn notes(page: &mut String, brief: &BriefAnswer, head: &BriefHead) {
    let revised = &brief.revisions;
    let week = format!("{} to {}", short_day(&revised.from), short_day(&last_day(&revised.to)));
    let changed = match revised.changed {
        // A publisher that renews its whole table touches every row.
        Some(changed) if changed > 0 && changed == revised.incidents => format!(
            "By the times in the data, all {} incidents of the week before ({week}) were added or changed after it had ended; what changed \
             in them is not known.",
            count(changed)
        ),
        Some(changed) => format!(
            "Of the {} incidents of the week before ({week}), {} were added or changed after it had ended.",
            count(revised.incidents),
            count(changed)
        ),
        None => format!(
            "The week before ({week}) has {} incidents today. How many of them were added or changed later is not known.",
            count(revised.incidents)
        ),
    };
    let lag = if brief.reporting_lag == "profile" {
        "Expected counts allow for late reports."
    } else {
        "Late reports may still raise these counts."
    };
    let _infallible = write!(
        page,
        "<footer>\n<p>{changed} {lag}</p>\n<p>▲ more, ▼ fewer than chance explains: q is 0.05 or less. q is corrected for all lines of \
         its table: of the lines marked, 5 in 100 may be chance. Against the year before: exact test of two Poisson counts. Against what was \
         expected: negative binomial, learned from the weeks before the span; the usual range holds nine counts of ten. Percentages stand only \
         beside counts of 20 or more.</p>\n"
    );
    if !head.disclaimer.is_empty() {
        let _infallible = writeln!(page, "<p>{}</p>", escaped(&head.disclaimer));
    }
    page.push_str("</footer>\n");
}

fn title(span: SpanName) -> &'static str {
    match span {
        SpanName::Week => "Last 7 days",
        SpanName::FourWeeks => "Last 28 days",
        SpanName::YearToDate => "Year to date",
    }
}

/// Categories are published in capitals.
fn plain_name(line: &BriefLine) -> String {
    // An area's name stays as the city writes it.
    if line.name == line.key { uncapitalized(&line.name) } else { line.name.clone() }
}

fn last_day(to: &str) -> String {
    let day: Option<Date> = to.parse().ok();
    day.and_then(|day| day.yesterday().ok()).map_or_else(|| to.to_owned(), |day| day.to_string())
}

/// `7 August 2017`.
fn long_day(day: &str) -> String {
    day.parse::<Date>().map_or_else(|_| day.to_owned(), |day| day.strftime("%-d %B %Y").to_string())
}

/// `7 Aug 2017`.
fn short_day(day: &str) -> String {
    day.parse::<Date>().map_or_else(|_| day.to_owned(), |day| day.strftime("%-d %b %Y").to_string())
}

fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn signed(number: i64) -> String {
    let sign = match number {
        0 => "",
        1.. => "+",
        _ => "−",
    };
    format!("{sign}{}", count(number.unsigned_abs()))
}

fn percents(percent: f64) -> String {
    format!("{} %", signed(percent.round() as i64))
}

/// Large counts as whole numbers, small ones with a digit more.
fn rounded(number: f64) -> String {
    if number >= 20.0 { count(number.round() as u64) } else { format!("{number:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        let counts: Vec<String> = [0, 12, 999, 1000, 1_234_567].into_iter().map(count).collect();
        assert_eq!(counts, ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!([signed(0), signed(5), signed(-1200)], ["0", "+5", "−1,200"]);
        assert_eq!([rounded(3.26), rounded(1234.4)], ["3.3", "1,234"]);
    }

    #[test]
    fn a_sentence_says_counts_first() {
        let figure = BriefFigure {
            observed: 103,
            before: Some(60),
            difference: Some(43),
            percent: Some(71.7),
            p: Some(1e-4),
            q: Some(0.002),
            expected: Some(64.2),
            low: Some(50),
            high: Some(79),
            expected_p: Some(1e-4),
            expected_q: Some(0.0004),
        };
        assert_eq!(
            sentence(&figure),
            "103 incidents, 43 more than the year before (60, +72 %): beyond chance, q = 0.002; about 64 expected (usually 50 to 79): beyond chance, \
             q = 4.0e-4."
        );
        let alone = BriefFigure { before: None, difference: None, expected: None, ..figure };
        assert_eq!(sentence(&alone), "103 incidents.");
    }

    #[test]
    fn names_are_not_shouted() {
        let line = |key: &str, name: &str| BriefLine { key: key.into(), name: name.into(), figures: Vec::new() };
        assert_eq!(plain_name(&line("MOTOR VEHICLE THEFT", "MOTOR VEHICLE THEFT")), "Motor vehicle theft");
        assert_eq!(plain_name(&line("32", "LOOP")), "LOOP");
    }
}
