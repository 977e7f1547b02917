//! A point in one column: `(41.88, -87.63)`, WKT or GeoJSON.

use super::values::NotDegrees;

/// Latitude and longitude of a text; none where it is empty or says that there is no point. Behind an address, a pair stands in
/// parentheses.
pub(super) fn location(text: &str) -> Result<Option<(f64, f64)>, NotDegrees> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with('{') {
        return geojson(text);
    }
    let inner = text.rsplit_once('(').map_or(text, |(_, inner)| inner);
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    // An address may begin with the same word: Point Breeze Ave.
    let is_wkt = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("POINT")) && !inner.contains(',');
    if is_wkt {
        let mut numbers = inner.split_ascii_whitespace();
        let longitude = numbers.next();
        return point(numbers.next(), longitude).map(Some);
    }
    let (latitude, longitude) = inner.split_once(',').ok_or(NotDegrees)?;
    point(Some(latitude), Some(longitude)).map(Some)
}

fn geojson(text: &str) -> Result<Option<(f64, f64)>, NotDegrees> {
    #[derive(serde::Deserialize)]
    struct Point {
        coordinates: Option<Vec<f64>>,
    }
    let found: Point = serde_json::from_str(text).map_err(|_| NotDegrees)?;
    match found.coordinates.as_deref() {
        // A height may follow.
        Some([longitude, latitude, ..]) => checked(*latitude, *longitude).map(Some),
        Some(_) => Err(NotDegrees),
        None => Ok(None),
    }
}

fn point(latitude: Option<&str>, longitude: Option<&str>) -> Result<(f64, f64), NotDegrees> {
    let number = |text: Option<&str>| fast_float2::parse(text.unwrap_or_default().trim()).map_err(|_| NotDegrees);
    checked(number(latitude)?, number(longitude)?)
}

fn checked(latitude: f64, longitude: f64) -> Result<(f64, f64), NotDegrees> {
    if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 { Ok((latitude, longitude)) } else { Err(NotDegrees) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms() {
        for text in [
            "(39.29, -76.61)",
            "39.29,-76.61",
            "1 EXAMPLE ST (REAR)\nBALTIMORE, MD\n(39.2900000, -76.6100000)",
            "POINT BREEZE AVE\n(39.29, -76.61)",
            "POINT (-76.61 39.29)",
            "point(-76.61 39.29)",
            r#"{"type":"Point","coordinates":[-76.61,39.29]}"#,
            r#"{"coordinates":[-76.61,39.29,12.5],"type":"Point"}"#,
        ] {
            assert!(matches!(location(text), Ok(Some((39.29, -76.61)))), "{text}");
        }
        for text in ["", "  ", r#"{"type":"Point","coordinates":null}"#] {
            assert!(matches!(location(text), Ok(None)), "{text}");
        }
        for text in [
            "BALTIMORE",
            "(39.29)",
            "(139.29, -76.61)",
            "POINT EMPTY",
            "{",
            "(,)",
            "POINT (39.29)",
            r#"{"coordinates":[1]}"#,
        ] {
            assert!(location(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}", numbers in "[(){}a-z0-9.,\\- ]{0,40}") {
            let _refused = (location(&text).is_ok(), location(&numbers).is_ok(), location(&format!("POINT{numbers}")).is_ok());
        }
    }
}
