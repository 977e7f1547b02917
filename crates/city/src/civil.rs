//! Civil time and instants: the two clocks of a city, and how one becomes the other.
//!
//! Both are counted in microseconds, the archive's unit: [`CivilMicros`] as if the civil time were
//! UTC, [`UtcMicros`] since the epoch. The rule for times that do not exist or occur twice is RFC
//! 5545's "compatible" one: a time in the spring gap moves forward by the gap's length, one in the
//! autumn overlap is the first.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// A city's civil time, in microseconds since 1970-01-01T00:00:00 on the city's own wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CivilMicros(pub i64);

/// An instant, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UtcMicros(pub i64);

const SECOND: i64 = 1_000_000;

/// One stretch of time with one offset from UTC.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// First instant of the stretch, in seconds.
    utc_from: i64,
    /// First civil second that is converted with this stretch's offset.
    civil_from: i64,
    offset_seconds: i64,
}

/// A city's time zone, as a table of its offsets from 1850 to 2150: a conversion is a binary search
/// of some 300 entries and the tz database is consulted once, at construction.
#[derive(Clone, Debug)]
pub struct CityClock {
    name: String,
    stretches: Vec<Stretch>,
}

impl CityClock {
    /// The clock of an IANA time zone such as `America/Chicago`.
    pub fn new(time_zone: &str) -> Result<Self, jiff::Error> {
        let zone = TimeZone::get(time_zone)?;
        let first = DateTime::constant(1850, 1, 1, 0, 0, 0, 0);
        let last: Timestamp = "2150-01-01T00:00:00Z".parse()?;
        let start: Timestamp = TimeZone::UTC.to_timestamp(first)?;
        let mut before = i64::from(zone.to_offset(start).seconds());
        let mut stretches = vec![Stretch { utc_from: i64::MIN, civil_from: i64::MIN, offset_seconds: before }];
        for transition in zone.following(start) {
            if transition.timestamp() > last {
                break;
            }
            let after = i64::from(transition.offset().seconds());
            if after == before {
                continue;
            }
            let utc_from = transition.timestamp().as_second();
            stretches.push(Stretch { utc_from, civil_from: utc_from + before.max(after), offset_seconds: after });
            before = after;
        }
        Ok(Self { name: time_zone.to_owned(), stretches })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instant of a civil time.
    pub fn to_utc(&self, civil: CivilMicros) -> UtcMicros {
        let second = civil.0.div_euclid(SECOND);
        let index = self.stretches.partition_point(|s| s.civil_from <= second) - 1;
        UtcMicros(civil.0 - self.stretches[index].offset_seconds * SECOND)
    }

    /// The civil time of an instant.
    pub fn to_civil(&self, utc: UtcMicros) -> CivilMicros {
        CivilMicros(utc.0 + self.offset_seconds(utc) * SECOND)
    }

    /// Seconds to add to UTC at that instant.
    pub fn offset_seconds(&self, utc: UtcMicros) -> i64 {
        let second = utc.0.div_euclid(SECOND);
        let index = self.stretches.partition_point(|s| s.utc_from <= second) - 1;
        self.stretches[index].offset_seconds
    }

    /// From which instant on the civil time lies so many seconds from UTC, ascending; the first holds for all time before.
    pub fn offsets(&self) -> impl Iterator<Item = (UtcMicros, i64)> {
        self.stretches
            .iter()
            .map(|stretch| (UtcMicros(stretch.utc_from.saturating_mul(SECOND)), stretch.offset_seconds))
    }

    /// RFC 3339 with the city's offset, for example `2017-12-31T23:58:00-06:00`.
    pub fn format(&self, utc: UtcMicros) -> String {
        let offset = self.offset_seconds(utc);
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        format!("{}{sign}{:02}:{:02}", format_civil(self.to_civil(utc)), minutes / 60, minutes % 60)
    }
}

/// ISO 8601 without a zone: `2017-12-31T23:58:00`, with a fraction only where there is one.
pub fn format_civil(civil: CivilMicros) -> String {
    match Timestamp::from_microsecond(civil.0) {
        Ok(at) => Offset::UTC.to_datetime(at).to_string(),
        Err(_) => format!("{} microseconds after 1970-01-01", civil.0),
    }
}

/// RFC 3339 in UTC: `2018-01-01T05:58:00Z`.
pub fn format_utc(utc: UtcMicros) -> String {
    match Timestamp::from_microsecond(utc.0) {
        Ok(at) => at.to_string(),
        Err(_) => format!("{} microseconds after 1970-01-01T00:00:00Z", utc.0),
    }
}

/// A civil time as people write it in a query: `2017`, `2017-07`, `2017-07-19`, `2017-07-19T13:45[:30]`.
pub fn parse_civil(text: &str) -> Option<CivilMicros> {
    let text = text.trim();
    let padded = match text.len() {
        4 => format!("{text}-01-01T00:00:00"),
        7 => format!("{text}-01T00:00:00"),
        10 => format!("{text}T00:00:00"),
        _ => text.to_owned(),
    };
    let at: DateTime = padded.parse().ok()?;
    // The parser accepts a trailing zone and ignores it; a civil time has none.
    if text.len() > 10 && (text.ends_with('Z') || text[11..].contains(['+', '-'])) {
        return None;
    }
    civil_of(at)
}

/// An RFC 3339 instant.
pub fn parse_instant(text: &str) -> Option<UtcMicros> {
    text.trim().parse::<Timestamp>().ok().map(|at| UtcMicros(at.as_microsecond()))
}

pub(crate) fn civil_of(at: DateTime) -> Option<CivilMicros> {
    Some(CivilMicros(TimeZone::UTC.to_timestamp(at).ok()?.as_microsecond()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(civil: &str, utc: &str) {
        let clock = CityClock::new("America/Chicago").unwrap();
        let converted = clock.to_utc(parse_civil(civil).unwrap());
        assert_eq!(format_utc(converted), utc, "{civil}");
    }

    #[test]
    fn spring_gap_moves_forward_and_autumn_overlap_is_the_first() {
        check("2017-03-12T01:59:59", "2017-03-12T07:59:59Z");
        check("2017-03-12T02:30:00", "2017-03-12T08:30:00Z"); // does not exist: 03:30 CDT
        check("2017-03-12T03:00:00", "2017-03-12T08:00:00Z");
        check("2017-11-05T00:59:59", "2017-11-05T05:59:59Z");
        check("2017-11-05T01:30:00", "2017-11-05T06:30:00Z"); // twice: the first, CDT
        check("2017-11-05T02:00:00", "2017-11-05T08:00:00Z");
        check("2001-01-01", "2001-01-01T06:00:00Z");
    }

    #[test]
    fn formats_with_the_offset_of_the_moment() {
        let clock = CityClock::new("America/Chicago").unwrap();
        let winter = parse_instant("2018-01-01T05:58:00Z").unwrap();
        assert_eq!(clock.format(winter), "2017-12-31T23:58:00-06:00");
        let summer = parse_instant("2018-07-01T05:00:00Z").unwrap();
        assert_eq!(clock.format(summer), "2018-07-01T00:00:00-05:00");
    }

    #[test]
    fn offsets_are_those_of_each_moment() {
        let clock = CityClock::new("America/Chicago").unwrap();
        let offsets: Vec<_> = clock.offsets().collect();
        assert!(offsets.is_sorted_by(|one, other| one.0 < other.0));
        for (from, seconds) in &offsets[1..] {
            assert_eq!(clock.offset_seconds(*from), *seconds);
            assert_ne!(clock.offset_seconds(UtcMicros(from.0 - 1)), *seconds);
        }
        let spring = parse_instant("2017-03-12T08:00:00Z").unwrap();
        assert!(offsets.contains(&(spring, -5 * 3600)));
    }

    #[test]
    fn refuses_what_is_no_civil_time() {
        for text in ["", "yesterday", "2017-13-01", "2017-02-30", "2017-01-01T00:00:00Z", "2017-01-01T00:00-06:00"] {
            assert_eq!(parse_civil(text), None, "{text}");
        }
        assert_eq!(parse_civil("2017-07"), parse_civil("2017-07-01T00:00"));
    }

    proptest! {
        /// The table says what jiff says, for any zone with odd offsets or rules.
        #[test]
        fn agrees_with_the_tz_database(
            second in -3_000_000_000_i64..5_000_000_000,
            zone in prop::sample::select(vec!["America/Chicago", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Dublin", "UTC"]),
        ) {
            let clock = CityClock::new(zone).unwrap();
            let zone = TimeZone::get(zone).unwrap();
            let civil = Offset::UTC.to_datetime(Timestamp::from_second(second).unwrap());
            let expect = zone.to_timestamp(civil).unwrap();
            prop_assert_eq!(clock.to_utc(CivilMicros(second * SECOND)).0, expect.as_microsecond());
            let at = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(clock.offset_seconds(UtcMicros(second * SECOND)), i64::from(zone.to_offset(at).seconds()));
        }
    }
}
