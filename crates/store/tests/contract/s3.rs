//! What only S3 has to survive: answers that are lost, a server that is gone or silent, refusals. And what a
//! refusal must not show.

use crate::{
    support::{Server, append, archived, files, is_here, open, open_archive, open_s3, profile, rows_up_to, server},
    wire::{Wire, answering, silent},
};
use blotter_store::{ArchiveTable, Store, StoreError, UploadedFile};
use parquet::file::reader::ChunkReader;
use std::{
    collections::HashMap,
    io::Write,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const MARKER: &str = "hunter2-the-secret";

/// No error may take longer to be one.
const PATIENCE: Duration = Duration::from_secs(32);

/// A server at an endpoint, with a secret to look for.
fn variables(endpoint: &str) -> HashMap<String, String> {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", MARKER),
        ("AWS_SESSION_TOKEN", MARKER),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The real server behind a wire that fails on command.
fn behind_a_wire() -> (Wire, Store) {
    let Server { url, mut variables } = server().unwrap();
    let endpoint = variables["AWS_ENDPOINT_URL_S3"].trim_start_matches("http://").parse().unwrap();
    let wire = Wire::to(endpoint);
    variables.insert("AWS_ENDPOINT_URL_S3".into(), format!("http://{}", wire.address()));
    let store = open(&url, &variables).unwrap();
    (wire, store)
}

#[test]
fn a_conditional_put_whose_answer_was_lost_is_known_again() {
    if !is_here("s3") {
        return;
    }
    let (wire, store) = behind_a_wire();
    for lost in 1..=2 {
        let path = format!("lost/{lost}");
        let (_, absent) = store.get_versioned(&path).unwrap();
        wire.lose_answers(lost);
        store.replace(&path, "mine", absent.clone()).unwrap();
        assert_eq!(wire.answers_to_lose(), 0, "they were lost");
        let (_, read) = store.get_versioned(&path).unwrap();
        wire.lose_answers(lost);
        store.replace(&path, "mine again", read.clone()).unwrap();
        assert_eq!(wire.answers_to_lose(), 0, "they were lost");
        // Where another was first it stays a refusal, even with the same bytes.
        wire.lose_answers(1);
        assert!(matches!(store.replace(&path, "mine again", read), Err(StoreError::Changed { .. })));
        wire.lose_answers(1);
        assert!(matches!(store.replace(&path, "mine again", absent), Err(StoreError::Changed { .. })));
        assert_eq!(store.get(&path).unwrap().unwrap(), "mine again");
    }
    store.delete_folder("").unwrap();
}

#[test]
fn a_commit_whose_answers_are_lost_is_made_once() {
    if !is_here("s3") {
        return;
    }
    let (wire, store) = behind_a_wire();
    let mut table = open_archive(&store);
    for round in 0..4 {
        wire.lose_answers(1 + round as usize % 2);
        assert_eq!(append(&mut table, round * 3..round * 3 + 3).unwrap(), round + 1);
        assert_eq!(wire.answers_to_lose(), 0, "they were lost");
    }
    assert_eq!(archived(&store), rows_up_to(12));
    store.delete_folder("").unwrap();
}

/// The commit stands, its answer is lost, and then the server is gone for as long as the store is patient: an
/// error that may be tried again, and the second try finds the first.
#[test]
fn a_commit_of_unknown_outcome_is_found_again() {
    if !is_here("s3") {
        return;
    }
    let (wire, store) = behind_a_wire();
    let mut table = open_archive(&store);
    append(&mut table, 0..3).unwrap();
    let uploaded: Vec<UploadedFile> = files(3..7).iter().map(|file| table.upload(file).unwrap()).collect();
    wire.lose_answers_then_break(1);
    let error = table.append(&uploaded, &[7, 0]).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    wire.mend();
    assert_eq!(table.append(&uploaded, &[7, 0]).unwrap(), 2);
    assert_eq!(archived(&store), rows_up_to(7));
    append(&mut table, 7..8).unwrap();
    assert_eq!(archived(&store), rows_up_to(8));
    store.delete_folder("").unwrap();
}

#[test]
fn reading_goes_on_after_a_break() {
    if !is_here("s3") {
        return;
    }
    let (wire, store) = behind_a_wire();
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|byte| (byte % 251) as u8).collect();
    store.put("large", bytes.clone()).unwrap();
    wire.break_answers_after(5_000_000);
    assert!(store.get("large").unwrap().unwrap() == bytes);
    wire.break_answers_after(5_000_000);
    store.put("large", bytes.clone()).unwrap();
    assert!(store.get("large").unwrap().unwrap() == bytes);
    store.delete_folder("").unwrap();
}

#[test]
fn wrong_credentials_and_buckets_are_refused_with_what_to_do() {
    if !is_here("s3") {
        return;
    }
    let check = |url: &str, name: &str, value: &str, expect: &str| {
        let mut variables = server().unwrap().variables;
        variables.insert(name.to_owned(), value.to_owned());
        let error = open(url, &variables).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert!(!error.is_retryable(), "{error}");
        assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
    };
    let url = server().unwrap().url;
    check(&url, "AWS_SECRET_ACCESS_KEY", MARKER, "check `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`");
    check(&url, "AWS_ACCESS_KEY_ID", "nobody", "check `AWS_ACCESS_KEY_ID`");
    check("s3://no-such-bucket-here/x", "AWS_DEFAULT_REGION", "us-east-1", "the bucket does not exist; create it");
    check(&url, "AWS_REGION", "eu-central-1", "AWS_REGION");
}

#[test]
fn a_server_that_is_gone_is_an_error_that_may_be_tried_again() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mute = silent();
    let busy = answering("HTTP/1.1 503 Slow Down", "<Error><Code>SlowDown</Code></Error>");
    std::thread::scope(|scope| {
        for (endpoint, expect) in [
            (closed, "cannot be reached: Connection refused"),
            (mute, "no answer: nothing within"),
            (busy, "status 503 (SlowDown)"),
        ] {
            scope.spawn(move || {
                let started = Instant::now();
                let error = open("s3://bucket/prefix", &variables(&format!("http://{endpoint}"))).unwrap_err();
                assert!(error.is_retryable(), "{error}");
                assert!(error.to_string().contains(expect), "{error}");
                assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
                assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
                assert!(started.elapsed() < PATIENCE, "{expect}: after {:?}", started.elapsed());
            });
        }
    });
}

#[test]
fn a_server_that_is_gone_later_is_one_too() {
    if !is_here("s3") {
        return;
    }
    let (wire, store) = behind_a_wire();
    store.put("a", "x").unwrap();
    let mut table = open_archive(&store);
    let (_, read) = store.get_versioned("a").unwrap();
    let reader = store.reader("a").unwrap();
    wire.break_all();
    let check = |what: &str, call: &(dyn Fn() -> Result<(), StoreError> + Sync)| {
        let started = Instant::now();
        let error = call().unwrap_err();
        assert!(error.is_retryable(), "{what}: {error}");
        assert!(started.elapsed() < PATIENCE, "{what}: after {:?}", started.elapsed());
    };
    std::thread::scope(|scope| {
        scope.spawn(|| check("put", &|| store.put("a", "y")));
        scope.spawn(|| check("get", &|| store.get("a").map(drop)));
        scope.spawn(|| check("read", &|| Ok(reader.get_bytes(0, 1).map(drop)?)));
        scope.spawn(|| check("list", &|| store.list("a").map(drop)));
        scope.spawn(|| check("delete", &|| store.delete("a")));
        scope.spawn(|| check("replace", &|| store.replace("a", "z", read.clone()).map(drop)));
        scope.spawn(|| check("open", &|| ArchiveTable::open_existing(&store, &profile()).map(drop)));
        let error = append(&mut table, 0..2).unwrap_err();
        assert!(error.is_retryable(), "{error}");
    });
    let error = table.refresh().unwrap_err();
    assert!(error.is_retryable(), "{error}");
    wire.mend();
    append(&mut table, 0..2).unwrap();
    assert_eq!(archived(&store), rows_up_to(2));
    store.delete_folder("").unwrap();
}

#[test]
fn a_server_without_conditional_writes_is_refused() {
    let server = answering("HTTP/1.1 200 OK\r\nETag: \"1\"", "");
    let error = open("s3://bucket/prefix", &variables(&format!("http://{server}"))).unwrap_err();
    assert!(error.to_string().contains("does not honour conditional writes (`If-None-Match: *`)"), "{error}");
    assert!(!error.is_retryable());
}

/// An answer that repeats the request as Amazon's does: signature, token and all.
#[test]
fn a_refusal_that_repeats_the_request_shows_no_secret() {
    let body = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message><CanonicalRequest>\
         x-amz-security-token:{MARKER}</CanonicalRequest></Error>"
    );
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let server = answering("HTTP/1.1 403 Forbidden", &body);
        let error = open("s3://bucket/prefix", &variables(&format!("http://{server}"))).unwrap_err();
        assert!(error.to_string().contains("the credentials are refused (SignatureDoesNotMatch)"), "{error}");
        assert!(!format!("{error} {error:?} {error:#?}").contains(MARKER), "{error:?}");
        tracing::warn!(%error, ?error, "shown");
    });
    let logged = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("shown"), "something was logged");
    assert!(!logged.contains(MARKER), "{logged}");
}

/// The secret of a real server, in everything that is logged and shown while its store is used.
#[test]
fn nothing_shows_the_secret_of_a_store_in_use() {
    if !is_here("s3") {
        return;
    }
    let secret = server().unwrap().variables["AWS_SECRET_ACCESS_KEY"].clone();
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let store = open_s3();
        let mut table = open_archive(&store);
        append(&mut table, 0..3).unwrap();
        let error = store.reader("nothing").unwrap_err();
        assert!(!format!("{:?} {:#?} {error:?}", *store, table.schema()).contains(&secret));
    });
    let logged = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("transaction committed"), "the commit was logged");
    assert!(!logged.contains(&secret), "{logged}");
}

/// What was logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
