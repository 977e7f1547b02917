//! Files behind HTTP: read, broken off, resumed, changed, refused.

use super::*;
use crate::testing::{Request, Response, Server};
use std::sync::atomic::{AtomicUsize, Ordering};

const MODIFIED: &str = "Sun, 06 Nov 2022 08:49:37 GMT";

fn text(rows: u64) -> Vec<u8> {
    let lines = (1..=rows).map(|id| row(id) + "\n");
    std::iter::once(format!("{HEADER}\n")).chain(lines).collect::<String>().into_bytes()
}

fn open_url(url: &str, position: Option<&[u8]>) -> Result<CsvSource, SourceError> {
    CsvSource::open(Location::parse(url).unwrap(), city("chicago"), 4, position, options(100))
}

/// Answers a file with a strong tag, ranges included.
fn ranged(request: &Request, body: &[u8], tag: &str) -> Response {
    let offset = (request.header("range").filter(|_| request.header("if-range") == Some(tag)))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let response = match offset {
        Some(offset) if offset >= body.len() => Response::new(416, ""),
        Some(offset) => Response::new(206, &body[offset..])
            .header("Content-Range", format!("bytes {offset}-{}/{}", body.len() - 1, body.len())),
        None => Response::new(200, body),
    };
    response.header("ETag", tag).header("Last-Modified", MODIFIED)
}

#[test]
fn a_file_is_read_and_observed_when_it_was_modified() {
    let server = Server::start(|request| ranged(request, &text(250), "\"a\""));
    let outcome = drain(open_url(&format!("{}/crimes.csv", server.address), None).unwrap());
    assert_eq!((outcome.incidents.len(), outcome.rejected.len()), (250, 0));
    let observed = blotter_city::format_utc(outcome.incidents[0].observed_at);
    assert_eq!(observed, "2022-11-06T08:49:37Z");
}

#[test]
fn a_broken_connection_loses_nothing_and_is_resumed_by_a_range() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let mut response = ranged(request, &text(5000), "\"a\"");
        if asked.fetch_add(1, Ordering::SeqCst) < 3 {
            response.cut = Some(response.body.len() / 3);
        }
        response
    });
    let mut source = open_url(&format!("{}/crimes.csv", server.address), None).unwrap();
    let (mut ids, mut faults) = (Vec::new(), 0);
    loop {
        match source.next() {
            Ok(Step::Chunk(chunk)) => {
                assert!(chunk.rejected.is_empty());
                ids.extend(rows_of(&chunk).into_iter().map(|incident| incident.id.parse::<u64>().unwrap()));
            }
            Ok(_) => break,
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                faults += 1;
            }
        }
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=5000).collect::<Vec<u64>>());
    assert_eq!(faults, 3);
    let ranges: Vec<bool> = server.requests().iter().map(|request| request.header("range").is_some()).collect();
    assert_eq!(ranges, [false, true, true, true]);
}

#[test]
fn without_ranges_what_was_read_is_skipped() {
    let server = Server::start(|_| Response::new(200, text(250)).header("Last-Modified", MODIFIED));
    let url = format!("{}/crimes.csv", server.address);
    let whole = drain(open_url(&url, None).unwrap());
    assert_eq!(whole.positions.len(), 3);
    assert_eq!(drain(open_url(&url, Some(&whole.positions[0])).unwrap()).incidents.len(), 150);
    assert_eq!(drain(open_url(&url, Some(&whole.positions[2])).unwrap()).incidents.len(), 0);
}

#[test]
fn a_file_that_changed_behind_its_address_is_read_again() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            ranged(request, &text(250), "\"a\"")
        } else {
            ranged(request, &text(260), "\"b\"")
        }
    });
    let url = format!("{}/crimes.csv", server.address);
    let mut source = open_url(&url, None).unwrap();
    let Step::Chunk(chunk) = source.next().unwrap() else { panic!("no chunk") };
    drop(source);
    assert_eq!(drain(open_url(&url, Some(&chunk.position)).unwrap()).incidents.len(), 260);
}

#[test]
fn a_compressed_file_behind_an_address() {
    let server = Server::start(|request| ranged(request, &zstd::encode_all(&text(250)[..], 1).unwrap(), "\"a\""));
    let url = format!("{}/crimes", server.address);
    let whole = drain(open_url(&url, None).unwrap());
    assert_eq!(whole.incidents.len(), 250);
    assert_eq!(drain(open_url(&url, Some(&whole.positions[0])).unwrap()).incidents.len(), 150);
}

#[test]
fn errors_are_sentences_that_say_whether_to_ask_again_and_hold_no_secret() {
    let server = Server::start(|request| {
        let status = request.target[1..4].parse().unwrap();
        Response::new(status, "no")
    });
    for (status, retryable, expect) in [
        (404, false, "nothing there"),
        (403, false, "not allowed"),
        (429, true, "too many requests"),
        (503, true, "failed"),
    ] {
        let error = open_url(&format!("{}/{status}?token=secret", server.address), None).map(drain).unwrap_err();
        assert_eq!(error.is_retryable(), retryable, "{error}");
        let error = error.to_string();
        assert!(error.contains(expect) && !error.contains("secret"), "{error}");
    }
    let error = open_url("http://127.0.0.1:9/x.csv?token=secret", None).map(drain).unwrap_err();
    assert!(error.is_retryable() && !error.to_string().contains("secret"), "{error}");
}

/// A portal's address answers 1,000 rows unless it is asked for more.
#[test]
fn a_portals_address_is_loaded_whole() {
    let server = Server::start(|request| {
        let url = url::Url::parse(&format!("http://x{}", request.target)).unwrap();
        let number =
            |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.parse().unwrap());
        assert!(url.query_pairs().any(|(name, value)| name == "$order" && value == ":id"), "{url}");
        // This portal gives no more than 1,000 at once, whatever it is asked for.
        let limit = number("$limit").unwrap_or(1000).min(1000);
        let offset = number("$offset").unwrap_or(0);
        let rows: Vec<String> = (0..2500_u64).skip(offset).take(limit).map(row).collect();
        Response::new(200, format!("{HEADER}\n{}", rows.join("\n")))
    });
    for kind in ["csv", "json"] {
        let outcome = drain(open_url(&format!("{}/resource/ijzp-q8t2.{kind}", server.address), None).unwrap());
        assert_eq!(outcome.ids().len(), 2500);
        assert_eq!(outcome.reasons(), [""; 0]);
    }
}
