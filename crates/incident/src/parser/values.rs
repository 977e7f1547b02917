//! What one field says.

use crate::{builder::FIXED_DICTIONARIES, header::Header, reason::Reason, row::Row};
use blotter_city::{CityClock, CivilMicros, Profile, UtcMicros, clean};
use std::borrow::Cow;

/// 1900-01-01T00:00:00, the earliest accepted moment: what lies before is a typing error.
pub(super) const EARLIEST: CivilMicros = CivilMicros(-2_208_988_800_000_000);

/// A text of a dictionary column after its clean-ups, none where it is missing.
pub(super) fn word(profile: &Profile, column: usize, raw: &str) -> Option<String> {
    let some = |text: Cow<'_, str>| (!text.is_empty()).then(|| text.into_owned());
    match column {
        0 => {
            let name = profile.category_of(raw);
            Some(if name.is_empty() { "UNKNOWN".to_owned() } else { name })
        }
        1 => Some(clean::trimmed(raw).into_owned()),
        2 | 3 => some(clean::trimmed(raw)),
        4 => some(clean::code(raw, if raw.trim().is_empty() { 0 } else { profile.code_width }).into()),
        _ => profile.layers[column - FIXED_DICTIONARIES].code(raw),
    }
}

/// A civil time of one of the profile's formats; one with `Z` or an offset behind it is converted to the city's clock.
pub(super) fn date(profile: &Profile, clock: &CityClock, text: &[u8]) -> Option<CivilMicros> {
    let civil = |text: &[u8]| profile.date_formats.iter().find_map(|format| format.parse(text));
    civil(text).or_else(|| {
        let (text, offset_minutes) = blotter_city::split_offset(text)?;
        let civil = civil(text)?;
        Some(clock.to_civil(UtcMicros(civil.0.checked_sub(offset_minutes * 60_000_000)?)))
    })
}

pub(super) fn occurred_at(
    profile: &Profile,
    clock: &CityClock,
    header: &Header,
    row: &Row<'_>,
    joined: &mut Vec<u8>,
) -> Result<CivilMicros, Reason> {
    let published = row.field(header.occurred_at).trim_ascii();
    if published.is_empty() {
        return Err(Reason::NoDate);
    }
    let time = header.occurred_time.map_or(&[][..], |column| row.field(column).trim_ascii());
    let text = if time.is_empty() {
        published
    } else {
        // A portal that splits date and time often publishes the date as midnight.
        let day = published.split(|byte| matches!(byte, b'T' | b' ')).next().unwrap_or(published);
        joined.clear();
        joined.extend_from_slice(day);
        joined.push(b' ');
        joined.extend_from_slice(time);
        joined
    };
    date(profile, clock, text).ok_or_else(|| Reason::NotADate {
        field: "occurred_at",
        text: String::from_utf8_lossy(text).chars().take(80).collect(),
    })
}

pub(super) fn boolean(field: &'static str, text: &str) -> Result<Option<bool>, Reason> {
    match text {
        "true" => return Ok(Some(true)),
        "false" => return Ok(Some(false)),
        "" => return Ok(None),
        _ => {}
    }
    match clean::trimmed(text).to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "t" | "yes" | "y" | "1" => Ok(Some(true)),
        "false" | "f" | "no" | "n" | "0" => Ok(Some(false)),
        other => Err(Reason::NotABoolean { field, text: other.chars().take(80).collect() }),
    }
}

/// A text that is not a coordinate in degrees.
pub(super) struct NotDegrees;

/// Degrees, if there are any. An incident with a text that is not a coordinate has no place.
pub(super) fn coordinate(text: &str, limit: f64) -> Result<Option<f64>, NotDegrees> {
    if text.is_empty() {
        return Ok(None);
    }
    let trimmed = clean::trimmed(text);
    if trimmed.is_empty() {
        return Ok(None);
    }
    let degrees: f64 = fast_float2::parse(trimmed.as_bytes()).map_err(|_| NotDegrees)?;
    if degrees.abs() <= limit { Ok(Some(degrees)) } else { Err(NotDegrees) }
}
