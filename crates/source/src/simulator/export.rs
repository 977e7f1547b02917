//! The same incidents as text: the portal's 22-column CSV.

use super::{
    calendar::{DAY, HOUR, MINUTE, SECOND, date},
    city::{City, Draft},
};
use blotter_city::CivilMicros;

/// How a CSV file is written. Both parse to the same incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvStyle {
    /// As the portal exports it.
    #[default]
    Portal,
    /// As it comes back from a spreadsheet: byte-order mark, CRLF, lower-case names, codes without their leading
    /// zeros or with a `.0`, no-break spaces, a line break inside the quoted location.
    Dirty,
}

/// The portal's columns.
pub(super) const COLUMNS: [&str; 22] = [
    "ID",
    "Case Number",
    "Date",
    "Block",
    "IUCR",
    "Primary Type",
    "Description",
    "Location Description",
    "Arrest",
    "Domestic",
    "Beat",
    "District",
    "Ward",
    "Community Area",
    "FBI Code",
    "X Coordinate",
    "Y Coordinate",
    "Year",
    "Updated On",
    "Latitude",
    "Longitude",
    "Location",
];

pub(super) const BEAT: usize = 10;
pub(super) const DISTRICT: usize = 11;
pub(super) const WARD: usize = 12;
pub(super) const COMMUNITY_AREA: usize = 13;

/// The first incident's id.
const FIRST_ID: u64 = 20_000_000;

pub(super) fn header(style: CsvStyle, out: &mut Vec<u8>) {
    let line = COLUMNS.join(",");
    match style {
        CsvStyle::Portal => out.extend(line.bytes().chain(*b"\n")),
        CsvStyle::Dirty => out.extend("\u{feff}".bytes().chain(line.to_lowercase().into_bytes()).chain(*b"\r\n")),
    }
}

/// The digits of a number, at least `width` of them.
pub(super) fn digits(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    while number > 0 {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&buffer[at.min(buffer.len() - width)..]);
}

/// An incident's id.
#[inline]
pub(super) fn id(out: &mut Vec<u8>, ordinal: u64) {
    digits(out, FIRST_ID + ordinal, 1);
}

/// Its case number: two letters and six digits.
#[inline]
pub(super) fn case_number(out: &mut Vec<u8>, case: u64) {
    let letters = case / 1_000_000 % 676;
    out.push(b'A' + (letters / 26) as u8);
    out.push(b'A' + (letters % 26) as u8);
    digits(out, case % 1_000_000, 6);
}

fn time(out: &mut Vec<u8>, at: CivilMicros) {
    let (year, month, day) = date(at.0.div_euclid(DAY));
    let of_day = at.0.rem_euclid(DAY);
    let hour = of_day / HOUR;
    digits(out, u64::from(month), 2);
    out.push(b'/');
    digits(out, u64::from(day), 2);
    out.push(b'/');
    digits(out, year as u64, 4);
    out.push(b' ');
    digits(out, ((hour + 11) % 12 + 1) as u64, 2);
    out.push(b':');
    digits(out, (of_day % HOUR / MINUTE) as u64, 2);
    out.push(b':');
    digits(out, (of_day % MINUTE / SECOND) as u64, 2);
    out.extend_from_slice(if hour < 12 { b" AM" } else { b" PM" });
}

fn degrees(out: &mut Vec<u8>, billionths: i64) {
    if billionths < 0 {
        out.push(b'-');
    }
    digits(out, billionths.unsigned_abs() / 1_000_000_000, 1);
    out.push(b'.');
    digits(out, billionths.unsigned_abs() % 1_000_000_000, 9);
}

fn text(out: &mut Vec<u8>, text: &str) {
    if text.contains([',', '"']) {
        out.push(b'"');
        out.extend(text.replace('"', "\"\"").bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

fn flag(out: &mut Vec<u8>, flag: bool) {
    out.extend_from_slice(if flag { b"true" } else { b"false" });
}

/// One line. The state-plane coordinates are a plane fitted to the real ones, right to some 100 feet.
pub(super) fn line(city: &City, draft: &Draft, style: CsvStyle, out: &mut Vec<u8>) {
    let dirty = style == CsvStyle::Dirty;
    let offence = &city.offences[usize::from(draft.offence)];
    let zone = &city.zones[city.blocks.zone(draft.block as usize)];
    let unpadded = |code: &str| if dirty { code.trim_start_matches('0').to_owned() } else { code.to_owned() };
    id(out, draft.ordinal);
    out.push(b',');
    case_number(out, draft.case);
    out.push(b',');
    time(out, draft.occurred_at);
    out.push(b',');
    text(out, city.blocks.text(draft.block as usize));
    out.push(b',');
    text(out, &unpadded(&offence.code));
    out.push(b',');
    text(out, &city.categories[offence.category].name);
    if dirty {
        out.extend("\u{a0}".bytes());
    }
    out.push(b',');
    text(out, &offence.description);
    out.push(b',');
    text(out, &city.places[usize::from(draft.place)].description);
    out.push(b',');
    flag(out, draft.arrest);
    out.push(b',');
    flag(out, draft.domestic);
    out.push(b',');
    text(out, &unpadded(&zone.beat));
    out.push(b',');
    text(out, &unpadded(&zone.district));
    out.push(b',');
    text(out, &zone.ward);
    out.push(b',');
    digits(out, zone.area as u64, 1);
    if dirty {
        out.extend_from_slice(b".0");
    }
    out.push(b',');
    text(out, &offence.fbi);
    let position = city.position(draft);
    if let Some((latitude, longitude)) = position {
        let (north, east) = ((latitude - 41_850_000_000) as f64 / 1e9, (longitude + 87_680_000_000) as f64 / 1e9);
        let x = 1_162_262.9 - 2_851.2 * north + 272_441.2 * east;
        let y = 1_888_613.2 + 364_381.8 * north + 2_057.0 * east;
        // Missouri lies beyond that plane; the portal says 0 there, too.
        let (x, y) = if x > 0.0 && y > 0.0 { (x, y) } else { (0.0, 0.0) };
        out.push(b',');
        digits(out, x.round() as u64, 1);
        out.push(b',');
        digits(out, y.round() as u64, 1);
        out.push(b',');
    } else {
        out.extend_from_slice(b",,,");
    }
    digits(out, date(draft.occurred_at.0.div_euclid(DAY)).0 as u64, 4);
    out.push(b',');
    time(out, draft.updated_at);
    if let Some((latitude, longitude)) = position {
        out.push(b',');
        degrees(out, latitude);
        out.push(b',');
        degrees(out, longitude);
        out.extend_from_slice(if dirty { b",\"\n(" } else { b",\"(" });
        degrees(out, latitude);
        out.extend_from_slice(b", ");
        degrees(out, longitude);
        out.extend_from_slice(b")\"");
    } else {
        out.extend_from_slice(b",,,");
    }
    out.extend_from_slice(if dirty { b"\r\n" } else { b"\n" });
}
