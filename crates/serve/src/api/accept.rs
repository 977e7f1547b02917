//! `Accept`: which of the media types that an answer can have a client likes best (RFC 9110, 12.5.1).
//!
//! The most specific range decides on a type: `application/json;q=0.1, */*` likes everything else better. `q=0` excludes.
//! Between types that are liked equally, one that is named comes before one that `*` covers, and then the client's order
//! decides.

use axum::http::{HeaderMap, header};
use std::cmp::Reverse;

/// What a client says of one range.
#[derive(Debug, PartialEq, Eq)]
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
}

impl Range<'_> {
    /// How closely it names a media type; none where it does not cover it.
    fn covers(&self, media: &str) -> Option<u8> {
        let (kind, subtype) = media.split_once('/')?;
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (range, "*") if range.eq_ignore_ascii_case(kind) => Some(1),
            (range, sub) if range.eq_ignore_ascii_case(kind) && sub.eq_ignore_ascii_case(subtype) => Some(2),
            _ => None,
        }
    }
}

/// The media type that the client likes best; of those that it likes equally the first. None where it accepts none of
/// them. A client that says nothing, or nothing that can be read, takes the first.
pub(super) fn preferred<T: Copy>(headers: &HeaderMap, offered: &[(&str, T)]) -> Option<T> {
    let lines: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let said = lines.join(",");
    let ranges: Vec<Range<'_>> = split(&said, ',').filter_map(range).collect();
    if ranges.is_empty() {
        return offered.first().map(|(_, form)| *form);
    }
    let liked = |media: &str| {
        let covering =
            ranges.iter().enumerate().filter_map(|(place, range)| Some((range.covers(media)?, place, range)));
        let (closeness, place, range) =
            covering.max_by_key(|(closeness, place, range)| (*closeness, range.quality, Reverse(*place)))?;
        (range.quality > 0).then_some((range.quality, closeness, Reverse(place)))
    };
    let all =
        offered.iter().enumerate().filter_map(|(place, (media, form))| Some(((liked(media)?, Reverse(place)), *form)));
    all.max_by_key(|(rank, _)| *rank).map(|(_, form)| form)
}

/// One element of the list: `text/*;q=0.5`. None where it is malformed: it is left out.
fn range(element: &str) -> Option<Range<'_>> {
    let mut parts = split(element, ';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    if !(is_token(kind) && is_token(subtype)) || (kind == "*" && subtype != "*") {
        return None;
    }
    let mut quality = 1000;
    for part in parts {
        // Other parameters say more of a type than our answers differ in.
        if let Some((name, value)) = part.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            quality = thousandths(value.trim())?;
        }
    }
    Some(Range { kind, subtype, quality })
}

/// A weight from 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

fn is_token(text: &str) -> bool {
    let is_mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

/// The parts between separators that do not stand in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character: char| {
        if is_escaped {
            is_escaped = false;
        } else if is_quoted && character == '\\' {
            is_escaped = true;
        } else if character == '"' {
            is_quoted = !is_quoted;
        }
        character == separator && !is_quoted
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_type_is_chosen() {
        let offered = [("application/json", 'j'), ("application/vnd.apache.arrow.stream", 'a'), ("text/csv", 'c')];
        for (accept, expect) in [
            ("", Some('j')),
            ("*/*", Some('j')),
            ("text/csv", Some('c')),
            ("TEXT/CSV", Some('c')),
            ("text/*", Some('c')),
            ("text/csv;q=0.5, application/json;q=0.8", Some('j')),
            ("text/csv;Q=0.9, application/json;q=0.8", Some('c')),
            ("application/json;q=0, */*", Some('a')),
            ("application/json;q=0.1, */*;q=0.1, text/csv;q=0.2", Some('c')),
            // As good as each other: the one that is named, and then the client's order.
            ("*/*, text/csv", Some('c')),
            ("text/csv, application/json", Some('c')),
            ("text/html, application/xhtml+xml, */*;q=0.8", Some('j')),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=0.000", None),
            ("*/*;q=0", None),
            ("image/*, text/html;level=1", None),
            // What cannot be read is left out.
            ("nonsense", Some('j')),
            ("application/json;q=2, text/csv;q=0.1", Some('c')),
            ("text/csv;note=\"a,b;q=0\";q=0.3, application/json;q=0.2", Some('c')),
            ("application/json; charset=utf-8", Some('j')),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(preferred(&headers, &offered), expect, "{accept}");
        }
        assert_eq!(preferred(&HeaderMap::new(), &offered), Some('j'));
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, "application/json;q=0.2".parse().unwrap());
        headers.append(header::ACCEPT, "text/csv;q=0.3".parse().unwrap());
        assert_eq!(preferred(&headers, &[("application/json", 'j'), ("text/csv", 'c')]), Some('c'));
    }
}
