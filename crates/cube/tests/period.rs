//! The period of the data: lone incidents far from all others move neither its clock nor a chart's axis.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::{Profile, UtcMicros, format_civil, format_utc, parse_civil};
use blotter_cube::{Bucket, By, Cube, Filter, Locator, Period};
use blotter_incident::{Header, IncidentBatch, Observation, Parser, Row};
use std::sync::Arc;

const NAMES: [&str; 3] = ["id", "date", "primary_type"];

fn profile() -> Arc<Profile> {
    Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap())
}

/// Brings rows in: id, civil time, and whether it is deleted.
fn apply(cube: &mut Cube, rows: &[(u32, String, bool)]) {
    let profile = profile();
    let mut parser = Parser::new(Arc::clone(&profile), 2);
    parser.set_header(Header::resolve(&profile, &NAMES).unwrap());
    for (index, (id, date, deleted)) in rows.iter().enumerate() {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for field in [&id.to_string(), date, "THEFT"] {
            bytes.extend_from_slice(field.as_bytes());
            ends.push(bytes.len());
        }
        let observation = Observation { observed_at: UtcMicros(index as i64), deleted: *deleted, id: None };
        parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(1_900_000_000_000_000)).unwrap();
    }
    for (partition, records) in parser.finish().unwrap() {
        let batch = IncidentBatch::try_new(&records).unwrap();
        cube.apply(&batch, |row| Locator { partition, offset: row as u64 });
    }
}

/// An incident every ten minutes of the days before 1 March 2024, 23:50.
fn usual() -> Vec<(u32, String, bool)> {
    let end = parse_civil("2024-03-01T23:50:00").unwrap().0;
    let at = |back: i64| format_civil(blotter_city::CivilMicros(end - back * 600_000_000));
    (0..3000).map(|back| (back as u32, at(back), false)).collect()
}

fn utc(at: Option<UtcMicros>) -> String {
    at.map(format_utc).unwrap_or_default()
}

#[test]
fn lone_incidents_move_neither_the_clock_nor_the_axis() {
    let mut cube = Cube::new(&profile());
    apply(&mut cube, &usual());
    let before = cube.period();
    assert_eq!((before.early, before.late), (None, None));
    assert_eq!(utc(before.newest), "2024-03-02T05:50:00Z");
    let axis = |cube: &Cube, bucket| cube.series(&Filter::default(), By::None, bucket, 1 << 20).unwrap().buckets;
    let months = axis(&cube, Bucket::Month);
    apply(&mut cube, &[(9001, "1900-01-01T00:00:00".into(), false), (9002, "2024-03-03T10:00:00".into(), false)]);
    let Period { earliest, newest, early, late } = cube.period();
    assert_eq!((earliest, newest), (before.earliest, before.newest));
    let (early, late) = (early.unwrap(), late.unwrap());
    assert_eq!((early.incidents, utc(Some(early.first))), (1, "1900-01-01T06:00:00Z".into()));
    assert_eq!((late.incidents, utc(Some(late.last))), (1, "2024-03-03T16:00:00Z".into()));
    assert_eq!(axis(&cube, Bucket::Month), months);
    assert!(axis(&cube, Bucket::Hour).len() < 700);
    // They are counted, and who asks for their time sees them.
    assert_eq!(cube.incident_totals().total, 3002);
    let to = blotter_city::parse_instant("1901-01-01T00:00:00Z");
    let from = blotter_city::parse_instant("1899-01-01T00:00:00Z");
    let asked = Filter { from, to, ..Filter::default() };
    assert_eq!(cube.series(&asked, By::None, Bucket::Year, 1 << 20).unwrap().lines[0].counts, [1]);
    // What is corrected is as if it had never been.
    apply(&mut cube, &[(9001, "1900-01-01T00:00:00".into(), true), (9002, "2024-03-03T10:00:00".into(), true)]);
    assert_eq!(cube.period(), before);
}

#[test]
fn a_view_that_followed_and_a_fresh_load_have_the_same_period() {
    let mut rows = usual();
    rows.push((9001, "1900-01-01T00:00:00".into(), false));
    rows.push((9002, "2024-03-03T10:00:00".into(), false));
    let mut followed = Cube::new(&profile());
    rows.chunks(97).for_each(|chunk| apply(&mut followed, chunk));
    rows.reverse();
    let mut fresh = Cube::new(&profile());
    apply(&mut fresh, &rows);
    assert_eq!(followed.period(), fresh.period());
    assert_eq!(Cube::new(&profile()).period(), Period::default());
}
