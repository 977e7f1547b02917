//! The miniatures of `../shared/cases`: what real cities and users bring, each with its right result.

use super::*;
use crate::testing::case;
use blotter_health::{Notice, NoticeKind};
use std::path::PathBuf;

type Loaded = (Vec<blotter_incident::Incident>, Vec<String>, Vec<Notice>);

/// What a file gives: its incidents, the reasons of the rejected rows, and the notices; or why it is refused.
fn load(name: &str, profile: Arc<Profile>) -> Option<Result<Loaded, String>> {
    case(name)?;
    let path = PathBuf::from(format!("{}/../../../shared/cases/{name}", env!("CARGO_MANIFEST_DIR")));
    let read = || {
        let mut source = CsvSource::open(Location::Path(path), profile, 4, None, CsvOptions::default())?;
        let (mut incidents, mut reasons) = (Vec::new(), Vec::new());
        while let Step::Chunk(chunk) = source.next()? {
            incidents.extend(rows_of(&chunk));
            reasons.extend(chunk.rejected.into_iter().map(|row| row.reason));
        }
        incidents.sort_by(|one, other| one.id.cmp(&other.id));
        Ok((incidents, reasons, source.notices()))
    };
    Some(read().map_err(|error: crate::SourceError| error.to_string()))
}

#[test]
fn excel_ids() {
    let Some(profile) = case("profile_case_trap.toml") else { return };
    let profile = Arc::new(Profile::from_toml(&profile).unwrap());
    let refusal = load("excel_ids.csv", profile).unwrap().map(|_| ()).unwrap_err();
    for text in ["5 of 6 rows have the id of another incident", "2.02E+16", "spreadsheet", "columns.key"] {
        assert!(refusal.contains(text), "{refusal}");
    }
}

#[test]
fn rows_that_are_updates_or_copies_share_an_id_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let (old, copy) = (row(7), row(7));
    let new = old.replace("12/31/2017", "12/30/2017").replace("05/04/2018", "05/05/2018");
    std::fs::write(&path, format!("{HEADER}\n{old}\n{copy}\n{new}\n{}\n", row(8))).unwrap();
    let mut source = CsvSource::open(Location::Path(path), city("chicago"), 4, None, CsvOptions::default()).unwrap();
    let Step::Chunk(chunk) = source.next().unwrap() else { panic!() };
    assert_eq!(chunk.rows(), 4);
    assert_eq!(source.notices(), []);
}

#[test]
fn keyed_reason() {
    let Some(loaded) = load("keyed_reason.csv", city("new-york-shootings")) else { return };
    let (incidents, reasons, _) = loaded.unwrap();
    let ids: Vec<(&str, bool)> =
        incidents.iter().map(|incident| (incident.id.as_str(), incident.position.is_some())).collect();
    assert_eq!(ids, [("1-1", true), ("3-1", false)]);
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].contains("is not a date in a known format: `2020.01.05 10:00:00`"), "{reasons:?}");
    assert!(reasons[1].contains("no key: the columns `INCIDENT_KEY` are empty"), "{reasons:?}");
}

#[test]
fn swapped_latlon_and_positive_lon() {
    for (name, cause) in [
        ("swapped_latlon.csv", "latitude and longitude are exchanged"),
        ("positive_lon.csv", "the sign of a coordinate is lost"),
    ] {
        let Some(loaded) = load(name, city("chicago")) else { return };
        let (incidents, reasons, notices) = loaded.unwrap();
        assert_eq!((incidents.len(), reasons.len()), (5, 0), "{name}");
        let said = notices.iter().find(|notice| notice.kind == NoticeKind::OutsideCity).unwrap();
        assert!(said.text.contains("5 of 5 points lie outside Chicago"), "{}", said.text);
        assert!(said.text.contains(cause), "{}", said.text);
    }
}

#[test]
fn next_year_no_coords() {
    let Some(loaded) = load("next_year_no_coords.csv", city("chicago")) else { return };
    let (incidents, _, notices) = loaded.unwrap();
    assert_eq!(incidents.len(), 3);
    let said = notices.iter().find(|notice| notice.kind == NoticeKind::MissingColumns).unwrap();
    assert!(said.text.contains("latitude (`Latitude` or `lat`), longitude (`Longitude` or `lon`)"), "{}", said.text);
    assert!(!said.text.contains("category"), "{}", said.text);
}

#[test]
fn a_file_opened_behind_its_end_reports_its_state_again() {
    let Some(text) = case("swapped_latlon.csv") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, text).unwrap();
    let open = |position: Option<&[u8]>| {
        CsvSource::open(Location::Path(path.clone()), city("chicago"), 4, position, CsvOptions::default()).unwrap()
    };
    let mut source = open(None);
    let Step::Chunk(chunk) = source.next().unwrap() else { panic!() };
    let mut again = open(Some(&chunk.position));
    assert!(matches!(again.next().unwrap(), Step::End));
    assert!(!again.notices().is_empty());
    assert_eq!(again.notices(), source.notices());
}

/// A file that was replaced says what it lacks; it is deleted only where that was asked for, and not too much at once.
#[test]
fn a_replaced_file_reports_missing_rows_and_deletes_them_with_replace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let write = |ids: std::ops::Range<u64>| {
        let rows: String = ids.map(|id| row(id) + "\n").collect();
        std::fs::write(&path, format!("{HEADER}\n{rows}")).unwrap();
    };
    let read = |position: Option<&[u8]>, replace: bool, confirm: bool| {
        let options = CsvOptions {
            chunk_rows: 7,
            rolls: Some(folder.path().join("spool")),
            replace,
            brake: crate::Brake { confirm, ..crate::Brake::default() },
            ..CsvOptions::default()
        };
        let location = Location::Path(path.clone());
        let mut source = CsvSource::open(location, city("chicago"), 4, position, options).unwrap();
        let (mut vanished, mut last) = (Vec::new(), position.map(<[u8]>::to_owned).unwrap_or_default());
        while let Step::Chunk(chunk) = source.next().unwrap() {
            vanished.extend(chunk.vanished);
            last = chunk.position;
        }
        (vanished, last, source.notices().into_iter().map(|notice| notice.kind).collect::<Vec<_>>())
    };
    write(0..100);
    let (_, position, notices) = read(None, false, false);
    assert_eq!(notices, []);
    write(15..100);
    let (vanished, position, notices) = read(Some(&position), false, false);
    assert_eq!((vanished.len(), notices), (0, vec![NoticeKind::VanishedRows]));
    // The same file, when somebody has read the note.
    let (mut vanished, position, notices) = read(Some(&position), true, false);
    let mut expect: Vec<u64> = (0..15).map(|id: u64| crate::hash_of_id(&id.to_string())).collect();
    vanished.sort_unstable();
    expect.sort_unstable();
    assert_eq!((vanished, notices), (expect, vec![]));
    // Most of it at once: not without a confirmation.
    write(90..100);
    let (vanished, position, notices) = read(Some(&position), true, false);
    assert_eq!((vanished.len(), notices), (0, vec![NoticeKind::HeldDeletions]));
    let (vanished, _, notices) = read(Some(&position), true, true);
    assert_eq!((vanished.len(), notices), (75, vec![]));
}

/// Files without ids of any size: numbered with a few rows in memory, they have the same ids.
#[test]
fn a_file_without_ids_is_numbered_on_disk_as_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let header = "INCIDENT_KEY,OCCUR_DATE,OCCUR_TIME,BORO,STATISTICAL_MURDER_FLAG";
    let rows: Vec<String> = (0..500_u32)
        .map(|number| format!("{},01/{:02}/2020,10:00:00,BRONX,{}", number * 7 % 90, 1 + number % 28, number % 3 == 0))
        .collect();
    let text = format!("{header}\n{}\n", rows.join("\n"));
    let plain = folder.path().join("x.csv");
    std::fs::write(&plain, &text).unwrap();
    let packed = folder.path().join("x.csv.zst");
    std::fs::write(&packed, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
    let read = |path: &Path, memory: usize| {
        let options = CsvOptions { memory, chunk_rows: 64, ..CsvOptions::default() };
        let location = Location::Path(path.to_owned());
        let mut source = CsvSource::open(location, city("new-york-shootings"), 4, None, options.clone()).unwrap();
        let mut incidents = Vec::new();
        while let Step::Chunk(chunk) = source.next().unwrap() {
            incidents.extend(rows_of(&chunk).into_iter().map(|incident| (incident.id, incident.content_hash)));
            let position = chunk.position;
            // Stopped and started at every chunk.
            let location = Location::Path(path.to_owned());
            source =
                CsvSource::open(location, city("new-york-shootings"), 4, Some(&position), options.clone()).unwrap();
        }
        incidents.sort();
        incidents
    };
    let expect = read(&plain, usize::MAX);
    assert_eq!(expect.len(), 500);
    for memory in [1, 2000, 30_000] {
        assert_eq!(read(&plain, memory), expect, "{memory} bytes");
        assert_eq!(read(&packed, memory), expect, "{memory} bytes");
    }
}

/// Split by year, the rows of a key that lies in two files are as many incidents as in one.
#[test]
fn a_key_that_lies_in_two_files_is_counted_in_both() {
    let folder = tempfile::tempdir().unwrap();
    let header = "INCIDENT_KEY,OCCUR_DATE,OCCUR_TIME,BORO,STATISTICAL_MURDER_FLAG";
    let file = |name: &str, rows: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        path.to_string_lossy().into_owned()
    };
    let data = [
        file("2019.csv", &["7,12/31/2019,23:50:00,BRONX,false", "8,12/30/2019,10:00:00,BRONX,false"]),
        file("2020.csv", &["7,01/01/2020,00:10:00,BRONX,true", "7,01/01/2020,00:10:00,QUEENS,true"]),
    ];
    let options = crate::OpenOptions::new(4, folder.path().join("spool"));
    let read = |data: &[String]| {
        let mut source = crate::open_sources(data, &city("new-york-shootings"), None, &options).unwrap();
        let mut ids = Vec::new();
        while let Step::Chunk(chunk) = source.next().unwrap() {
            ids.extend(rows_of(&chunk).into_iter().map(|incident| incident.id));
        }
        ids.sort();
        ids
    };
    let expect = ["7-1", "7-2", "7-3", "8-1"];
    assert_eq!(read(&data), expect);
    // Read again, they are the same, in whatever order they are given.
    assert_eq!(read(&[data[1].clone(), data[0].clone()]), expect);
}

/// A profile of a miniature, whose columns are these; its points may lie anywhere.
fn described(time_zone: &str, date_format: &str, columns: &str) -> Arc<Profile> {
    Arc::new(Profile::from_toml(&described_text(time_zone, date_format, columns)).unwrap())
}

fn described_text(time_zone: &str, date_format: &str, columns: &str) -> String {
    format!(
        "slug = \"case\"\nname = \"Case\"\ntime_zone = \"{time_zone}\"\ndisclaimer = \"\"\ndate_formats = [\"{date_format}\"]\n\
         bounding_box = {{ west = -180, south = -90, east = 180, north = 90 }}\nmissing = [\"REDACTED\", \"-1\"]\n[columns]\n{columns}"
    )
}

/// Times of occurrence of the incidents, and whether each has a place.
fn times_and_places(incidents: &[blotter_incident::Incident]) -> Vec<(String, bool)> {
    let of = |incident: &blotter_incident::Incident| {
        (blotter_city::format_civil(incident.occurred_at), incident.position.is_some())
    };
    incidents.iter().map(of).collect()
}

fn check_times(name: &str, profile: Arc<Profile>, expect: &[(&str, bool)]) {
    let Some(loaded) = load(name, profile) else { return };
    let (incidents, reasons, _) = loaded.unwrap();
    assert_eq!(reasons, [""; 0], "{name}");
    let found = times_and_places(&incidents);
    let found: Vec<(&str, bool)> = found.iter().map(|(time, place)| (time.as_str(), *place)).collect();
    assert_eq!(found, expect, "{name}");
}

#[test]
fn hhmm() {
    let columns = "id = [\"Report Number\"]\noccurred_at = [\"Occur Date\"]\noccurred_time = [\"Occur Time\"]\n\
                   category = [\"UCR Literal\"]\nlatitude = [\"Latitude\"]\nlongitude = [\"Longitude\"]";
    let at = |time: &'static str| (time, true);
    check_times(
        "hhmm.csv",
        described("America/New_York", "%m/%d/%Y %H%M", columns),
        &[
            at("2019-01-05T01:00:00"),
            at("2019-01-05T01:30:00"),
            at("2019-01-05T00:20:00"),
            at("2019-01-05T00:05:00"),
            at("2019-01-05T00:00:00"),
            at("2019-01-05T08:45:00"),
            at("2019-01-05T23:59:00"),
        ],
    );
}

#[test]
fn epoch_ms() {
    let columns = "id = [\"CCN\"]\noccurred_at = [\"REPORT_DAT\"]\ncategory = [\"OFFENSE\"]\n\
                   latitude = [\"LATITUDE\"]\nlongitude = [\"LONGITUDE\"]";
    let profile = described("America/New_York", "epoch_ms", columns);
    check_times("epoch_ms.csv", profile, &[("2018-12-31T20:00:00", true)]);
}

#[test]
fn utc_offset() {
    let columns = "id = [\"RecordID\"]\noccurred_at = [\"DateReported\"]\ncategory = [\"Offense\"]";
    let profile = described("America/New_York", "%Y/%m/%d %H:%M:%S", columns);
    check_times("utc_offset.csv", profile, &[("2019-09-26T21:14:27", false), ("2018-12-31T23:30:00", false)]);
}

#[test]
fn times_without_an_offset_may_be_utc() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "id,at,kind\n1,2019-01-01 04:30:00,THEFT\n2,2019-01-01 04:30:00+02,THEFT\n").unwrap();
    let columns = "id = [\"id\"]\noccurred_at = [\"at\"]\ncategory = [\"kind\"]";
    let mut profile = described("America/New_York", "%Y-%m-%dT%H:%M:%S%.f", columns);
    Arc::get_mut(&mut profile).unwrap().times_are_utc = true;
    let mut source = CsvSource::open(Location::Path(path), profile, 1, None, CsvOptions::default()).unwrap();
    let Step::Chunk(chunk) = source.next().unwrap() else { panic!() };
    let times: Vec<String> = times_and_places(&rows_of(&chunk)).into_iter().map(|(time, _)| time).collect();
    assert_eq!(times, ["2018-12-31T23:30:00", "2018-12-31T21:30:00"]);
}

#[test]
fn seattle_redacted() {
    let columns = "id = [\"Offense ID\"]\ncase_number = [\"Report Number\"]\noccurred_at = [\"Offense Start DateTime\"]\n\
                   category = [\"Offense\"]\nblock = [\"100 Block Address\"]\nlatitude = [\"Latitude\"]\nlongitude = [\"Longitude\"]";
    let Some(loaded) = load("seattle_redacted.csv", described("America/Los_Angeles", "%m/%d/%Y %I:%M:%S %p", columns))
    else {
        return;
    };
    let (incidents, reasons, notices) = loaded.unwrap();
    assert_eq!((reasons.len(), notices.len()), (0, 0), "{reasons:?} {notices:?}");
    let found: Vec<(bool, Option<&str>)> =
        incidents.iter().map(|incident| (incident.position.is_some(), incident.block.as_deref())).collect();
    assert_eq!(found, [(true, Some("1XX BLOCK OF EXAMPLE ST")), (false, None), (false, Some("UNKNOWN"))]);
}

#[test]
fn location_pair() {
    let columns = "key = [\"CrimeDate\", \"CrimeTime\", \"CrimeCode\", \"Location\"]\noccurred_at = [\"CrimeDate\"]\n\
                   occurred_time = [\"CrimeTime\"]\ncategory = [\"Description\"]\nblock = [\"Location\"]\n\
                   latitude = [\"Latitude\"]\nlongitude = [\"Longitude\"]\nlocation = [\"Location 1\"]";
    let Some(loaded) = load("location_pair.csv", described("America/New_York", "%m/%d/%Y %H:%M:%S", columns)) else {
        return;
    };
    let (incidents, reasons, notices) = loaded.unwrap();
    assert_eq!(reasons, [""; 0]);
    // Latitude and longitude have no columns, and are not missed.
    assert_eq!(notices, []);
    let places: Vec<_> = incidents.iter().map(|incident| incident.position).collect();
    assert_eq!(places, [Some((39.29, -76.61)), Some((39.3, -76.59))]);
}

#[test]
fn stateplane() {
    let columns = "id = [\"Complaint\"]\noccurred_at = [\"DateOccur\"]\ncategory = [\"Description\"]\nx = [\"XCoord\"]\ny = [\"YCoord\"]";
    let text = described_text("America/Chicago", "%m/%d/%Y %H:%M", columns);
    let system = "+proj=tmerc +lat_0=35.8333333333333 +lon_0=-90.5 +k=0.999933333333333 +x_0=250000 +y_0=0 +datum=NAD83 +units=us-ft";
    let profile = Arc::new(Profile::from_toml(&format!("projection = \"{system}\"\n{text}")).unwrap());
    let Some(loaded) = load("stateplane.csv", profile) else { return };
    let (incidents, reasons, _) = loaded.unwrap();
    assert_eq!(reasons, [""; 0]);
    let places: Vec<_> = incidents.iter().map(|incident| incident.position).collect();
    assert_eq!(places.iter().filter(|place| place.is_some()).count(), 2);
    // By PROJ 9.
    for (place, (latitude, longitude)) in
        places.into_iter().flatten().zip([(38.630_654_901_2, -90.191_629_693_7), (38.618_699_562_2, -90.206_736_837_5)])
    {
        assert!((place.0 - latitude).abs() < 1e-7 && (place.1 - longitude).abs() < 1e-7, "{place:?}");
    }
}

#[test]
fn a_city_without_area_layers_is_one_area() {
    let text = "slug = \"case\"\nname = \"Leeds\"\ntime_zone = \"Europe/London\"\ndisclaimer = \"\"\ndate_formats = [\"%Y-%m\"]\n\
                bounding_box = { west = -3, south = 53, east = -1, north = 54 }\n[columns]\nkey = [\"LSOA code\"]\n\
                occurred_at = [\"Month\"]\ncategory = [\"Crime.type\"]\nlatitude = [\"Latitude\"]\nlongitude = [\"Longitude\"]";
    let profile = Arc::new(Profile::from_toml(text).unwrap());
    let layer = &profile.layers[profile.primary_layer()];
    assert_eq!((layer.asked("leeds"), layer.names["ALL"].as_str()), ("ALL".to_owned(), "Leeds"));
    let Some(loaded) = load("month_only.csv", profile) else { return };
    let (incidents, reasons, notices) = loaded.unwrap();
    assert_eq!((reasons.len(), notices.len(), incidents.is_empty()), (0, 0, false), "{reasons:?} {notices:?}");
    assert!(incidents.iter().all(|incident| incident.areas["city"] == "ALL" && incident.position.is_some()));
}
