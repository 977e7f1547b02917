//! Names and numbers as the documents that people read have them: the brief's page and the feed.

/// A name that is published in capitals, as it is written in a sentence.
pub(crate) fn uncapitalized(name: &str) -> String {
    if name.chars().any(char::is_lowercase) {
        return name.to_owned();
    }
    let mut letters = name.chars();
    let first: String = letters.next().into_iter().collect();
    first + &letters.as_str().to_lowercase()
}

/// A probability.
pub(crate) fn probability(number: f64) -> String {
    if number >= 0.001 { format!("{number:.3}") } else { format!("{number:.1e}") }
}

/// A text within HTML or XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        assert_eq!([uncapitalized("MOTOR VEHICLE THEFT"), uncapitalized("Theft")], ["Motor vehicle theft", "Theft"]);
        assert_eq!([probability(0.04), probability(0.000_004_8)], ["0.040", "4.8e-6"]);
        assert_eq!(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
