//! Clean-ups of single fields: what spreadsheets and portals do to text, undone.

use std::borrow::Cow;

/// Without surrounding white space; no-break spaces become spaces.
pub fn trimmed(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.contains('\u{a0}') { Cow::Owned(text.replace('\u{a0}', " ")) } else { Cow::Borrowed(text) }
}

/// A code with its leading zeros back: `10.0` is `10`, `110` is `0110` at width 4; what is not a plain
/// number stays as it is (`041A`), in upper case.
pub fn code(text: &str, width: usize) -> String {
    let text = trimmed(text);
    let whole = text.strip_suffix(".0").unwrap_or(&text);
    if !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{whole:0>width$}")
    } else if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        format!("{:0>width$}", text.to_ascii_uppercase())
    } else {
        text.to_ascii_uppercase()
    }
}

/// An area's code: as [`code`], but a number's own leading zeros do not make another area (`05` is `5` at width 0).
pub fn area(text: &str, width: usize) -> String {
    let code = code(text, width);
    if code.bytes().all(|byte| byte.is_ascii_digit()) && !code.is_empty() {
        let significant = code.trim_start_matches('0');
        format!("{:0>width$}", if significant.is_empty() { "0" } else { significant })
    } else {
        code
    }
}

/// A header name as it is compared: letters and digits only, in lower case.
pub fn header(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let check = |text: &str, width: usize, expect: &str| assert_eq!(code(text, width), expect, "{text:?}");
        check("110", 4, "0110");
        check("0110", 4, "0110");
        check("110.0", 4, "0110");
        check("041a", 4, "041A");
        check("41A", 4, "041A");
        check(" 31 ", 3, "031");
        check("", 0, "");
        check("MURDER/NON-NEGL", 4, "MURDER/NON-NEGL");
    }

    #[test]
    fn areas() {
        let check = |text: &str, width: usize, expect: &str| assert_eq!(area(text, width), expect, "{text:?}");
        check("10.0", 0, "10");
        check("05", 0, "5");
        check("0", 0, "0");
        check("313", 4, "0313");
        check("00313", 4, "0313");
        check("STATEN ISLAND", 0, "STATEN ISLAND");
    }

    #[test]
    fn text() {
        assert_eq!(trimmed("\u{a0}CRIM\u{a0}SEXUAL ASSAULT \t"), "CRIM SEXUAL ASSAULT");
        assert_eq!(header("\u{feff}Primary Type"), "primarytype");
        assert_eq!(header("primary_type"), "primarytype");
    }
}
