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
