//! What a CSV source must survive, each with a test that names it, and the real files.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod cases;
mod compressed;
mod faults;
mod http;
mod oracle;
mod real;

use super::*;
use crate::testing::{HEADER, city, row, rows_of};
use blotter_incident::Incident;
use std::path::{Path, PathBuf};

/// What came out of a source.
#[derive(Debug, Default)]
struct Outcome {
    incidents: Vec<Incident>,
    rejected: Vec<Rejected>,
    positions: Vec<Vec<u8>>,
}

impl Outcome {
    fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.incidents.iter().map(|incident| incident.id.as_str()).collect();
        ids.sort_unstable();
        ids
    }

    fn reasons(&self) -> Vec<&str> {
        self.rejected.iter().map(|record| record.reason.as_str()).collect()
    }
}

fn options(chunk_rows: usize) -> CsvOptions {
    CsvOptions { chunk_rows, ..CsvOptions::default() }
}

fn open(path: &Path, slug: &str, chunk_rows: usize, position: Option<&[u8]>) -> Result<CsvSource, SourceError> {
    CsvSource::open(Location::Path(path.to_owned()), city(slug), 4, position, options(chunk_rows))
}

fn drain(mut source: CsvSource) -> Outcome {
    let mut outcome = Outcome::default();
    loop {
        match source.next().unwrap() {
            Step::Chunk(chunk) => {
                outcome.incidents.extend(rows_of(&chunk));
                outcome.rejected.extend(chunk.rejected);
                outcome.positions.push(chunk.position);
            }
            Step::End => return outcome,
            Step::Wait { .. } => panic!("a file does not wait"),
        }
    }
}

struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(bytes: impl AsRef<[u8]>) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crimes.csv");
    std::fs::write(&path, bytes).unwrap();
    File { _folder: folder, path }
}

/// Reads a made file of Chicago's.
fn read(bytes: impl AsRef<[u8]>) -> Outcome {
    let file = file(bytes);
    drain(open(&file.path, "chicago", 1000, None).unwrap())
}

fn refusal(bytes: impl AsRef<[u8]>) -> String {
    let file = file(bytes);
    open(&file.path, "chicago", 1000, None).map(drain).unwrap_err().to_string()
}

#[test]
fn a_position_is_behind_its_chunk_and_a_finished_file_ends_at_once() {
    let text: String = (0..100).map(|id| row(id) + "\n").collect();
    let file = file(format!("{HEADER}\n{text}bad,row\n"));
    let whole = drain(open(&file.path, "chicago", 7, None).unwrap());
    assert_eq!((whole.incidents.len(), whole.rejected.len(), whole.positions.len()), (100, 1, 15));
    let mut seen = 0;
    for (index, position) in whole.positions.iter().enumerate() {
        seen += 7.min(101 - seen);
        let rest = drain(open(&file.path, "chicago", 7, Some(position)).unwrap());
        assert_eq!(rest.incidents.len() + rest.rejected.len(), 101 - seen, "{index}");
        if index < 14 {
            assert_eq!(rest.rejected, whole.rejected);
        }
    }
    let mut finished = open(&file.path, "chicago", 7, whole.positions.last().map(Vec::as_slice)).unwrap();
    assert!(matches!(finished.next().unwrap(), Step::End));
}

#[test]
fn a_changed_file_is_read_again_from_its_beginning() {
    let file = file(format!("{HEADER}\n{}\n{}\n", row(1), row(2)));
    let first = drain(open(&file.path, "chicago", 1, None).unwrap());
    std::fs::write(&file.path, format!("{HEADER}\n{}\n{}\n{}\n", row(1), row(2), row(3))).unwrap();
    let again = drain(open(&file.path, "chicago", 1, Some(&first.positions[1])).unwrap());
    assert_eq!(again.ids(), ["1", "2", "3"]);
}

#[test]
fn a_position_of_something_else_is_an_error_that_says_so() {
    let file = file(HEADER);
    let error = open(&file.path, "chicago", 1, Some(b"{\"seed\":1}")).map(drain).unwrap_err().to_string();
    assert!(error.contains("position") && error.contains("crimes.csv"), "{error}");
}

#[test]
fn rejected_keys_are_the_same_when_read_again_and_differ_when_the_row_does() {
    let text = |bad: &str| format!("{HEADER}\n{}\n{bad}\n", row(1));
    let keys = |text: &str| -> Vec<String> { read(text).rejected.into_iter().map(|record| record.key).collect() };
    assert_eq!(keys(&text("x,y")), keys(&text("x,y")));
    assert_ne!(keys(&text("x,y")), keys(&text("x,z")));
    assert!(keys(&text("x,y"))[0].starts_with("crimes.csv:row 2:"));
}

#[test]
fn a_feed_says_itself_when_and_what() {
    let line = |time: &str, op: &str, id| format!("{time},{op},{}\n", row(id));
    let outcome = read(format!(
        "feed_time,op,{HEADER}\n{}{}{}{}",
        line("2022-02-01T16:51:46-06:00", "insert", 1),
        line("2022-02-03T00:00:00Z", "delete", 1),
        line("2022-02-01T16:51:46-06:00", "upsert", 2),
        line("yesterday", "insert", 3),
    ));
    let seen: Vec<_> = (outcome.incidents.iter())
        .map(|incident| (blotter_city::format_utc(incident.observed_at), incident.deleted))
        .collect();
    assert_eq!(seen, [("2022-02-01T22:51:46Z".to_owned(), false), ("2022-02-03T00:00:00Z".to_owned(), true)]);
    assert!(outcome.reasons()[0].contains("upsert") && outcome.reasons()[1].contains("yesterday"));
}

#[test]
fn keyed_rows_have_the_same_ids_in_any_order() {
    let header = "INCIDENT_KEY,OCCUR_DATE,OCCUR_TIME,BORO,PRECINCT,STATISTICAL_MURDER_FLAG";
    let rows = [
        "7,09/09/2017,03:57:00,BRONX,40,FALSE",
        "7,09/09/2017,03:57:00,BRONX,40,TRUE",
        "7,09/09/2017,03:57:00,BRONX,40,FALSE",
        "8,09/10/2017,03:57:00,BRONX,40,FALSE",
        ",09/10/2017,03:57:00,BRONX,40,FALSE",
        "9,soon,03:57:00,BRONX,40,FALSE",
        "9,09/11/2017,03:57:00,BRONX,40,FALSE",
    ];
    let read = |rows: Vec<&str>| {
        let file = file(format!("{header}\n{}\n", rows.join("\n")));
        let outcome = drain(open(&file.path, "new-york-shootings", 2, None).unwrap());
        for position in &outcome.positions {
            open(&file.path, "new-york-shootings", 2, Some(position)).map(drain).unwrap();
        }
        let mut ids: Vec<_> =
            outcome.incidents.iter().map(|incident| (incident.id.clone(), incident.content_hash)).collect();
        ids.sort();
        (ids, outcome.rejected.len())
    };
    let (ids, rejected) = read(rows.to_vec());
    let names: Vec<&str> = ids.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!((names, rejected), (vec!["7-1", "7-2", "7-3", "8-1", "9-1"], 2));
    assert_eq!(read(rows.iter().rev().copied().collect()).0, ids);
}
