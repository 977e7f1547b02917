//! What one field says.

use crate::{builder::FIXED_DICTIONARIES, header::Header, reason::Reason, row::Row};
use blotter_city::{CityClock, CivilMicros, Moment, Profile, UtcMicros, clean, split_offset};
use std::borrow::Cow;

/// 1900-01-01T00:00:00, the earliest accepted moment: what lies before is a typing error.
pub(super) const EARLIEST: CivilMicros = CivilMicros(-2_208_988_800_000_000);

/// A text of a dictionary column after its clean-ups, none where it is missing.
pub(super) fn word(profile: &Profile, column: usize, raw: &str) -> Option<String> {
    let raw = if profile.is_missing(raw) { "" } else { raw };
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

/// A time of one of the profile's formats, on the city's clock.
pub(super) fn date(profile: &Profile, clock: &CityClock, text: &[u8]) -> Option<CivilMicros> {
    let read = |text: &[u8]| profile.date_formats.iter().find_map(|format| format.parse(text));
    let instant = match read(text) {
        Some(Moment::Civil(civil)) if !profile.times_are_utc => return Some(civil),
        Some(Moment::Civil(civil)) => UtcMicros(civil.0),
        Some(Moment::Instant(instant)) => instant,
        // With `Z` or an offset behind it.
        None => {
            let (text, offset_minutes) = split_offset(text)?;
            let Moment::Civil(civil) = read(text)? else { return None };
            UtcMicros(civil.0.checked_sub(offset_minutes * 60_000_000)?)
        }
    };
    Some(clock.to_civil(instant))
}

pub(super) fn occurred_at(
    profile: &Profile,
    clock: &CityClock,
    header: &Header,
    row: &Row<'_>,
    joined: &mut Vec<u8>,
) -> Result<CivilMicros, Reason> {
    let published = row.field(header.occurred_at).trim_ascii();
    if published.is_empty() || profile.missing.is(published) {
        return Err(Reason::NoDate);
    }
    let time = header.occurred_time.map_or(&[][..], |column| row.field(column).trim_ascii());
    let time = if profile.missing.is(time) { &[] } else { time };
    let text = if time.is_empty() {
        published
    } else {
        // A portal that splits date and time often publishes the date as midnight.
        let day = published.split(|byte| matches!(byte, b'T' | b' ')).next().unwrap_or(published);
        joined.clear();
        joined.extend_from_slice(day);
        joined.push(b' ');
        let number = time.strip_suffix(b".0").unwrap_or(time);
        if number.len() < 5 && number.iter().all(u8::is_ascii_digit) && profile.has_number_times() {
            joined.extend(std::iter::repeat_n(b'0', 4 - number.len()));
            joined.extend_from_slice(number);
        } else {
            joined.extend_from_slice(time);
        }
        joined
    };
    date(profile, clock, text).ok_or_else(|| Reason::NotADate {
        field: "occurred_at",
        text: String::from_utf8_lossy(text).chars().take(80).collect(),
    })
}

pub(super) fn boolean(profile: &Profile, field: &'static str, text: &str) -> Result<Option<bool>, Reason> {
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
        other if profile.is_missing(other) => Ok(None),
        other => Err(Reason::NotABoolean { field, text: other.chars().take(80).collect() }),
    }
}

/// A text that is not a coordinate in degrees.
pub(super) struct NotDegrees;

/// Degrees, if there are any. An incident with a text that is not a coordinate has no place.
pub(super) fn coordinate(profile: &Profile, text: &str, limit: f64) -> Result<Option<f64>, NotDegrees> {
    if text.is_empty() {
        return Ok(None);
    }
    let trimmed = clean::trimmed(text);
    if trimmed.is_empty() {
        return Ok(None);
    }
    let Some(degrees) = number(&trimmed) else {
        return if profile.is_missing(&trimmed) { Ok(None) } else { Err(NotDegrees) };
    };
    if profile.missing.is_number(degrees) {
        Ok(None)
    } else if degrees.abs() <= limit {
        Ok(Some(degrees))
    } else {
        Err(NotDegrees)
    }
}

/// Degrees of a point in the profile's own system. Zero and zero is no point.
pub(super) fn projected(profile: &Profile, x: &str, y: &str) -> Result<Option<(f64, f64)>, NotDegrees> {
    let metres = |text: &str| coordinate(profile, text, f64::MAX);
    match (metres(x)?.zip(metres(y)?), &profile.projection) {
        (Some((x, y)), Some(projection)) if x != 0.0 || y != 0.0 => {
            projection.degrees(x, y).ok_or(NotDegrees).map(Some)
        }
        _ => Ok(None),
    }
}

/// A number with a decimal point, or a decimal comma.
fn number(text: &str) -> Option<f64> {
    fast_float2::parse(text.as_bytes()).ok().or_else(|| {
        let (whole, fraction) = text.split_once(',')?;
        let is_decimal = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
        is_decimal.then(|| fast_float2::parse(format!("{whole}.{fraction}")).ok())?
    })
}
