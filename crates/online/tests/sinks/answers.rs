//! What a sink makes of a server's answers: a listener that says what a test wants.

use blotter_online::sinks::{Point, Secrets, SinkError, Webhook, open_sink};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

const SECRET: &str = "hunter2-token";

/// Answers one request after the other, and tells their first lines and headers.
fn server(answers: Vec<&'static str>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((connection, _)) = listener.accept() else { return };
            let mut reader = BufReader::new(connection);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            let _short = reader.read_exact(&mut body);
            let (status, text) = answer.split_once('|').unwrap_or((answer, ""));
            let (status, header) = status.split_once(';').unwrap_or((status, ""));
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            let said = format!(
                "HTTP/1.1 {status} X\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
                text.len()
            );
            let _gone = reader.into_inner().write_all(said.as_bytes());
            let _gone = sender.send(head);
        }
    });
    (address, receiver)
}

fn secrets() -> Secrets {
    Secrets {
        influxdb_token: Some(SECRET.to_owned()),
        kairosdb_username: Some("me".to_owned()),
        kairosdb_password: Some(SECRET.to_owned()),
        ..Secrets::default()
    }
}

const POINT: Point<'_> = Point { bucket: 3600, area: "25", category: "THEFT", count: 1 };

fn write(url: &str) -> Result<(), SinkError> {
    open_sink(url, "chicago", &secrets()).expect("a sink").write(&[POINT])
}

#[test]
fn each_api_has_its_own_request() {
    for (url, expect) in [
        ("influxdb://{}/crime?version=1", ["POST /write?db=crime&precision=s", "authorization: Token hunter2-token"]),
        (
            "influxdb://{}/crime?version=2&org=city",
            ["POST /api/v2/write?org=city&bucket=crime&precision=s", "authorization: Token hunter2-token"],
        ),
        (
            "influxdb://{}/crime?version=3",
            ["POST /api/v3/write_lp?db=crime&precision=second", "authorization: Bearer hunter2-token"],
        ),
        ("kairosdb://{}", ["POST /api/v1/datapoints", "authorization: Basic bWU6aHVudGVyMi10b2tlbg=="]),
    ] {
        let (address, requests) = server(vec!["204"]);
        write(&url.replace("{}", &address)).expect("written");
        let head = requests.recv().expect("a request");
        for part in expect {
            assert!(head.to_ascii_lowercase().contains(&part.to_ascii_lowercase()), "{part} in {head}");
        }
    }
}

#[test]
fn the_server_s_version_is_requested() {
    for (version, expect) in [("1.8.10", "/write?"), ("v2.7.4", "/api/v2/write"), ("3.1.0", "/api/v3/write_lp")] {
        let answer: &'static str = Box::leak(format!("204;X-Influxdb-Version: {version}").into_boxed_str());
        let (address, requests) = server(vec![answer, "204"]);
        write(&format!("influxdb://{address}/crime?org=x")).expect("written");
        assert!(requests.recv().expect("a request").starts_with("GET /ping"));
        assert!(requests.recv().expect("a request").contains(expect), "{version}");
    }
}

#[test]
fn what_passes_may_be_tried_again_and_what_does_not_is_said() {
    let of = |answers: Vec<&'static str>| {
        let (address, _requests) = server(answers);
        write(&format!("influxdb://{address}/crime?version=2"))
    };
    let (address, _requests) = server(vec!["503|later", "500", "204"]);
    let mut sink = open_sink(&format!("influxdb://{address}/crime?version=2"), "chicago", &secrets()).expect("a sink");
    for status in ["503 later", "500"] {
        let error = sink.write(&[POINT]).expect_err("away");
        assert!(error.is_retryable() && error.to_string().contains(status), "{error}");
    }
    sink.write(&[POINT]).expect("tried again");
    let error = of(vec!["429;Retry-After: 17|slow down"]).expect_err("refused for now");
    assert_eq!((error.is_retryable(), error.retry_after()), (true, Some(Duration::from_secs(17))));
    for (answer, word) in [
        ("401|no hunter2-token here", "environment"),
        ("404|bucket not found", "URL"),
        ("400|field type conflict", "field type conflict"),
    ] {
        let error = of(vec![answer]).expect_err("refused");
        assert!(!error.is_retryable() && error.to_string().contains(word), "{error}");
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}

#[test]
fn a_database_that_is_missing_is_made_and_may_take_a_moment() {
    const MISSING: &str = "404|database not found";
    let of = |answers: Vec<&'static str>| {
        let (address, requests) = server(answers);
        (write(&format!("influxdb://{address}/crime?version=1")), requests)
    };
    let (written, requests) = of(vec![MISSING, "200|{\"results\":[{\"statement_id\":0}]}", MISSING, MISSING, "204"]);
    written.expect("written");
    let paths: Vec<String> =
        requests.iter().map(|head| head.split_whitespace().nth(1).unwrap_or_default().to_owned()).collect();
    let write = "/write?db=crime&precision=s";
    assert_eq!(paths, [write, "/query", write, write, write]);
    // With a 200 it says that the statement failed.
    let (refused, _requests) = of(vec![MISSING, "200|{\"results\":[{\"statement_id\":0,\"error\":\"disk is full\"}]}"]);
    let error = refused.expect_err("no database");
    assert!(error.is_retryable() && error.to_string().contains("disk is full"), "{error}");
}

/// Issue 12, 4.5: the 200 that a redirect led to counted as delivered.
#[test]
fn a_redirect_is_not_followed_and_nothing_counts_as_delivered() {
    for status in [301, 302, 303, 307, 308] {
        let (elsewhere, arrived) = server(vec!["200|taken"]);
        let redirect = || -> &'static str {
            Box::leak(format!("{status};Location: http://{elsewhere}/hunter2-token").into_boxed_str())
        };
        let refused = |outcome: Result<(), SinkError>| {
            let error = outcome.expect_err("not delivered");
            assert!(!error.is_retryable(), "it is not tried again quickly: {error}");
            let text = error.to_string();
            assert!(text.contains(&status.to_string()) && text.contains("redirect"), "{text}");
            assert!(!text.contains(SECRET), "{text}");
        };
        let (address, _asked) = server(vec![redirect()]);
        refused(Webhook::new("night", &format!("http://{address}/hook")).expect("a webhook").post("1", b"{}"));
        for url in ["influxdb://{}/crime?version=1", "influxdb://{}/crime?version=2&org=x", "kairosdb://{}"] {
            let (address, _asked) = server(vec![redirect()]);
            refused(write(&url.replace("{}", &address)));
        }
        let (address, _asked) = server(vec![redirect()]);
        refused(write(&format!("influxdb://{address}/crime")));
        assert!(arrived.try_recv().is_err(), "nobody went where it leads");
    }
}

#[test]
fn the_version_of_a_server_that_is_away_is_requested_again() {
    let (address, requests) = server(vec!["503|starting", "204;X-Influxdb-Version: v2.7.4", "204"]);
    let mut sink = open_sink(&format!("influxdb://{address}/crime?org=x"), "chicago", &secrets()).expect("a sink");
    assert!(sink.write(&[POINT]).expect_err("away").is_retryable());
    sink.write(&[POINT]).expect("written");
    let heads: Vec<String> = requests.iter().take(3).collect();
    assert!(heads[2].contains("/api/v2/write"), "{heads:?}");
}

#[test]
fn nobody_there_is_for_later() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for url in [format!("influxdb://{nobody}/crime"), format!("kairosdb://{nobody}")] {
        let error = write(&url).expect_err("nobody");
        assert!(error.is_retryable() && !error.to_string().contains(SECRET), "{error}");
    }
}

#[test]
fn urls_that_are_none_say_what_would_work() {
    for (url, word) in [
        ("influx://host/x", "influxdb://"),
        ("influxdb://host", "database"),
        ("influxdb://host/x?version=9", "version"),
        ("influxdb://host/x?retention=1", "retention"),
        ("influxdb://me:hunter2-token@host/x", "INFLUXDB_TOKEN"),
        ("influxdb://host/x?token=hunter2-token", "token"),
        ("kairosdb://host/x", "no databases"),
        ("hunter2", "memory:"),
    ] {
        let error = open_sink(url, "chicago", &Secrets::default()).err().expect("refused").to_string();
        assert!(error.contains(word) && !error.contains(SECRET), "{url}: {error}");
    }
    assert!(!format!("{:?}", secrets()).contains(SECRET));
}
