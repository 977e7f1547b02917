//! Published dates: the formats that portals and spreadsheets write, parsed without allocation where
//! they are common.

use crate::civil::{CivilMicros, UtcMicros, civil_of};
use jiff::{Timestamp, fmt::strtime::BrokenDownTime};
use serde::Deserialize;

const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// One format in which a profile's dates are published, in `strftime` notation
/// (`%m/%d/%Y %I:%M:%S %p`), or `epoch_s` or `epoch_ms` for seconds or milliseconds since 1970-01-01T00:00:00Z. A format without
/// a day means the first of the month, one without a time means midnight.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct DateFormat {
    pattern: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `MM/DD/YYYY hh:mm:ss AM`, fixed width.
    PortalTwelveHour,
    /// `YYYY-MM-DDThh:mm:ss[.fff]`, fixed width.
    Iso,
    /// So many microseconds each since the epoch.
    Epoch(i64),
    Other,
}

/// What a published date says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A time on a clock that the text does not name.
    Civil(CivilMicros),
    /// An instant: the text has an offset, or counts since the epoch.
    Instant(UtcMicros),
}

impl From<String> for DateFormat {
    fn from(pattern: String) -> Self {
        let kind = match pattern.as_str() {
            "%m/%d/%Y %I:%M:%S %p" => Kind::PortalTwelveHour,
            "%Y-%m-%dT%H:%M:%S%.f" => Kind::Iso,
            "epoch_s" => Kind::Epoch(SECOND),
            "epoch_ms" => Kind::Epoch(1000),
            _ => Kind::Other,
        };
        Self { pattern, kind }
    }
}

impl DateFormat {
    /// The moment, or nothing where the text is not of this format or names no real date.
    pub fn parse(&self, text: &[u8]) -> Option<Moment> {
        match self.kind {
            Kind::PortalTwelveHour => twelve_hour(text).map(Moment::Civil).or_else(|| self.parse_slowly(text)),
            Kind::Iso => iso(text).map(Moment::Civil),
            Kind::Epoch(unit) => epoch(text, unit).map(Moment::Instant),
            Kind::Other => self.parse_slowly(text),
        }
    }

    /// Whether the time is a whole number that ends it, such as `2330`: where it stands in a column of its own, `5` is `0005`.
    pub fn ends_in_a_number(&self) -> bool {
        self.pattern.ends_with("%H%M")
    }

    /// What is wrong with the pattern, with a better one where there is one.
    pub(crate) fn fault(&self) -> Option<String> {
        let pattern = &self.pattern;
        if matches!(self.kind, Kind::Epoch(_)) {
            return None;
        }
        if !pattern.contains('%') {
            let mut better = pattern.clone();
            for (letters, field) in [
                ("yyyy", "%Y"),
                ("MM", "%m"),
                ("dd", "%d"),
                ("HH", "%H"),
                ("hh", "%I"),
                ("mm", "%M"),
                ("ss", "%S"),
                ("a", "%p"),
            ] {
                better = better.replace(letters, field);
            }
            let advice = if better == *pattern { "%m/%d/%Y %H:%M".to_owned() } else { better };
            return Some(format!("`{pattern}` has no field: write it in strftime notation, such as `{advice}`"));
        }
        let mut sample = BrokenDownTime::from(jiff::civil::date(2017, 7, 19).at(13, 45, 0, 0));
        sample.set_offset(Some(jiff::tz::Offset::UTC));
        sample.to_string(pattern).err().map(|error| format!("`{pattern}` is not strftime notation: {error}"))
    }

    fn parse_slowly(&self, text: &[u8]) -> Option<Moment> {
        let text = std::str::from_utf8(text).ok()?;
        let mut parsed = BrokenDownTime::parse(&self.pattern, text).ok()?;
        if parsed.day().is_none() {
            parsed.set_day(Some(1)).ok()?;
        }
        if parsed.hour().is_none() {
            parsed.set_hour(Some(0)).ok()?;
        }
        let civil = civil_of(parsed.to_datetime().ok()?)?;
        Some(match parsed.offset() {
            Some(offset) => Moment::Instant(UtcMicros(civil.0 - i64::from(offset.seconds()) * SECOND)),
            None => Moment::Civil(civil),
        })
    }
}

/// A whole number of units of so many microseconds since the epoch; a spreadsheet's `.0` behind it is left out.
fn epoch(text: &[u8], unit: i64) -> Option<UtcMicros> {
    let text = std::str::from_utf8(text).ok()?;
    let whole: i64 = text.strip_suffix(".0").unwrap_or(text).parse().ok()?;
    let micros = whole.checked_mul(unit)?;
    // Within the calendar.
    Timestamp::from_microsecond(micros).ok().map(|_| UtcMicros(micros))
}

/// A time without the `Z` or the offset behind it (`+00`, `-0500`, `+01:00`), and that offset in minutes.
pub fn split_offset(text: &[u8]) -> Option<(&[u8], i64)> {
    if let [rest @ .., b'Z' | b'z'] = text {
        return Some((rest.trim_ascii_end(), 0));
    }
    // A date has hyphens too: an offset stands behind a time.
    let colon = text.iter().position(|byte| *byte == b':')?;
    let at = colon + text[colon..].iter().position(|byte| matches!(byte, b'+' | b'-'))?;
    let sign = if text[at] == b'-' { -1 } else { 1 };
    let (hours, minutes) = match &text[at + 1..] {
        [h1, h2] => ([*h1, *h2], [b'0', b'0']),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => ([*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let (hours, minutes) = (digits::<2>(&hours, 0)?, digits::<2>(&minutes, 0)?);
    (hours <= 14 && minutes < 60).then(|| (text[..at].trim_ascii_end(), sign * (hours * 60 + minutes)))
}

fn digits<const N: usize>(text: &[u8], at: usize) -> Option<i64> {
    let mut value = 0;
    for byte in text.get(at..at + N)? {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

fn twelve_hour(text: &[u8]) -> Option<CivilMicros> {
    if text.len() != 22
        || (text[2], text[5], text[10], text[13], text[16], text[19]) != (b'/', b'/', b' ', b':', b':', b' ')
        || !text[21].eq_ignore_ascii_case(&b'M')
    {
        return None;
    }
    let hour = digits::<2>(text, 11)?;
    if !(1..=12).contains(&hour) {
        return None;
    }
    let hour = match text[20].to_ascii_uppercase() {
        b'A' => hour % 12,
        b'P' => hour % 12 + 12,
        _ => return None,
    };
    instant(
        [digits::<4>(text, 6)?, digits::<2>(text, 0)?, digits::<2>(text, 3)?],
        [hour, digits::<2>(text, 14)?, digits::<2>(text, 17)?],
        0,
    )
}

/// `2016-07-19T13:45:00`, also with a fraction or a space for the `T`; none where it is something else.
pub fn iso(text: &[u8]) -> Option<CivilMicros> {
    if text.len() < 19
        || (text[4], text[7], text[13], text[16]) != (b'-', b'-', b':', b':')
        || !matches!(text[10], b'T' | b' ')
    {
        return None;
    }
    let mut micros = 0;
    if let Some((point, fraction)) = text[19..].split_first() {
        if *point != b'.' || fraction.is_empty() || fraction.len() > 9 {
            return None;
        }
        let mut unit = 100_000;
        for byte in fraction {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            micros += i64::from(digit) * unit;
            unit /= 10;
        }
    }
    instant(
        [digits::<4>(text, 0)?, digits::<2>(text, 5)?, digits::<2>(text, 8)?],
        [digits::<2>(text, 11)?, digits::<2>(text, 14)?, digits::<2>(text, 17)?],
        micros,
    )
}

fn instant([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3], micros: i64) -> Option<CivilMicros> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(CivilMicros(days_from_civil(year, month, day) * DAY + (hour * 3600 + minute * 60 + second) * SECOND + micros))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date: whole 400-year eras, with March as the first month.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::{format_civil, format_utc};
    use proptest::prelude::*;

    fn check(format: &str, text: &str, expect: Option<&str>) {
        let parsed = DateFormat::from(format.to_owned()).parse(text.as_bytes()).map(|moment| match moment {
            Moment::Civil(civil) => format_civil(civil),
            Moment::Instant(utc) => format_utc(utc),
        });
        assert_eq!(parsed.as_deref(), expect, "{text:?} as {format}");
    }

    #[test]
    fn instants_say_their_offset_or_count_from_the_epoch() {
        check("epoch_ms", "1546304400000", Some("2019-01-01T01:00:00Z"));
        check("epoch_s", "1546304400", Some("2019-01-01T01:00:00Z"));
        check("epoch_s", "1546304400.0", Some("2019-01-01T01:00:00Z"));
        check("epoch_ms", "-1", Some("1969-12-31T23:59:59.999Z"));
        for text in ["", "1.5463044E+12", "9223372036854775807", "2019-01-01"] {
            check("epoch_ms", text, None);
        }
        check("%Y/%m/%d %H:%M:%S%z", "2019/09/27 01:14:27-0430", Some("2019-09-27T05:44:27Z"));
        assert_eq!(DateFormat::from("epoch_ms".to_owned()).fault(), None);
        assert!(DateFormat::from("epoch".to_owned()).fault().is_some());
    }

    #[test]
    fn published_formats() {
        let portal = "%m/%d/%Y %I:%M:%S %p";
        check(portal, "12/31/2017 11:58:00 PM", Some("2017-12-31T23:58:00"));
        check(portal, "01/01/2012 12:00:00 AM", Some("2012-01-01T00:00:00"));
        check(portal, "02/29/2016 12:00:00 PM", Some("2016-02-29T12:00:00"));
        check(portal, "02/29/2015 12:00:00 PM", None);
        check(portal, "13/01/2015 12:00:00 PM", None);
        check(portal, "01/01/2015 13:00:00 PM", None);
        check(portal, "1/1/2015 1:00:00 PM", Some("2015-01-01T13:00:00"));
        let iso = "%Y-%m-%dT%H:%M:%S%.f";
        check(iso, "2015-09-07T00:30:00.000", Some("2015-09-07T00:30:00"));
        check(iso, "2015-09-07T00:30:00.125", Some("2015-09-07T00:30:00.125"));
        check(iso, "2015-09-07 00:30:00", Some("2015-09-07T00:30:00"));
        check(iso, "2015-09-07T24:00:00", None);
        check(iso, "2015-09-07T00:30:00.", None);
        check("%m/%d/%Y %H:%M", "7/19/2017 13:45", Some("2017-07-19T13:45:00"));
        check("%m/%d/%Y %H:%M:%S", "09/09/2017 03:57:00", Some("2017-09-09T03:57:00"));
        check("%m/%Y", "07/2017", Some("2017-07-01T00:00:00"));
        check("%Y-%m", "2017-07", Some("2017-07-01T00:00:00"));
        check("%m/%d/%Y", "07/19/2017", Some("2017-07-19T00:00:00"));
    }

    proptest! {
        #[test]
        fn fast_paths_agree_with_the_calendar(second in -5_000_000_000_i64..20_000_000_000) {
            let civil = CivilMicros(second * SECOND);
            let text = format_civil(civil);
            prop_assert_eq!(iso(text.as_bytes()), Some(civil));
            let at: jiff::civil::DateTime = text.parse().map_err(|_| TestCaseError::reject("out of jiff's range"))?;
            if at.year() >= 1000 {
                let portal = at.strftime("%m/%d/%Y %I:%M:%S %p").to_string();
                prop_assert_eq!(twelve_hour(portal.as_bytes()), Some(civil), "{}", portal);
            }
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for format in ["%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%S%.f", "%m/%d/%Y %H:%M", "%m/%Y"] {
                let _ = DateFormat::from(format.to_owned()).parse(&bytes);
            }
        }
    }
}
