//! `If-None-Match`: whether a client has an answer already (RFC 9110, 13.1.2).

use axum::http::{HeaderMap, header};

/// Whether a request's `If-None-Match` names a tag. The comparison is weak: `W/"x"` and `"x"` are the same. `*` is any tag.
pub(crate) fn is_seen(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let wanted = opaque(tag);
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|line| line.trim() == "*" || tags(line).any(|seen| seen == wanted))
}

/// The quoted parts of a list of tags; nothing behind what is malformed. A tag may have commas in it.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let begin = rest.trim_start_matches([' ', '\t', ',']);
        let begin = begin.strip_prefix("W/").unwrap_or(begin);
        let inside = begin.strip_prefix('"')?;
        let end = inside.find('"')?;
        rest = &inside[end + 1..];
        Some(&begin[..end + 2])
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_tag_is_understood() {
        for (said, tag, expect) in [
            ("\"a\"", "\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("\"a\"", "W/\"a\"", true),
            ("W/\"a\"", "W/\"a\"", true),
            ("*", "W/\"a\"", true),
            (" * ", "W/\"a\"", true),
            ("\"b\", W/\"a\"", "\"a\"", true),
            ("\"b\",\"c\" ,\t\"a\"", "\"a\"", true),
            ("\"b, a\"", "\"a\"", false),
            ("\"b,\"a\"", "\"a\"", false),
            ("a", "\"a\"", false),
            ("\"*\"", "\"a\"", false),
            ("\"A\"", "\"a\"", false),
            ("", "\"a\"", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, said.parse().unwrap());
            assert_eq!(is_seen(&headers, tag), expect, "{said} {tag}");
        }
        let mut headers = HeaderMap::new();
        headers.append(header::IF_NONE_MATCH, "\"b\"".parse().unwrap());
        headers.append(header::IF_NONE_MATCH, "\"a\"".parse().unwrap());
        assert!(is_seen(&headers, "\"a\""));
        assert!(!is_seen(&HeaderMap::new(), "\"a\""));
    }
}
