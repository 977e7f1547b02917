//! The loop itself, by clients that behave and clients that do not.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::{Connections, Limits, serve};
use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures::stream;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

/// Longer than any test: a limit that does not matter.
const NEVER: Duration = Duration::from_hours(1);
const SOON: Duration = Duration::from_millis(50);

struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    /// Ends one request for `/slow`.
    go_on: Arc<Notify>,
    /// Requests for `/slow` that began, and those that were given up.
    begun: mpsc::UnboundedReceiver<()>,
    given_up: mpsc::UnboundedReceiver<()>,
}

/// Says that a request was given up, when it is dropped before it is done.
struct GivenUp(Option<mpsc::UnboundedSender<()>>);

impl GivenUp {
    fn done(&mut self) {
        self.0 = None;
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(say) = self.0.take() {
            let _heard = say.send(());
        }
    }
}

async fn server(limits: Limits) -> Server {
    let (begin, begun) = mpsc::unbounded_channel();
    let (give_up, given_up) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let slow = {
        let (go_on, give_up) = (Arc::clone(&go_on), Arc::new(Mutex::new(give_up)));
        move || {
            let mut guard = GivenUp(Some(give_up.lock().unwrap().clone()));
            let (go_on, begin) = (Arc::clone(&go_on), begin.clone());
            async move {
                begin.send(()).unwrap();
                go_on.notified().await;
                guard.done();
                "slow\n"
            }
        }
    };
    let endless = || async {
        Body::from_stream(stream::repeat_with(|| Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; 64 << 10]))))
    };
    let app =
        Router::new().route("/", get(|| async { "here\n" })).route("/slow", get(slow)).route("/endless", get(endless));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections::new(limits.connections);
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, app, limits, Arc::clone(&connections), stopped));
    Server { address, connections, stop, serving, go_on, begun, given_up }
}

impl Server {
    /// A connection on which this was sent.
    async fn sent(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        rest(&mut self.sent(&request).await).await
    }
}

/// Everything until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset is closed as well.
    let _reset = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for a condition; only a server that never fulfils it makes the test hang.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn limits(connections: usize) -> Limits {
    Limits { head: NEVER, unread: NEVER, ..Limits::of_connections(connections) }
}

#[tokio::test]
async fn a_request_whose_head_never_ends_is_closed() {
    let server = server(Limits { head: SOON, ..limits(10) }).await;
    let mut half = server.sent("GET /api").await;
    assert!(!rest(&mut half).await.contains("200"));
    // Nothing at all was sent on this one, and this one has been answered once.
    assert_eq!(rest(&mut server.sent("").await).await, "");
    let mut idle = server.sent("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(rest(&mut idle).await.ends_with("here\n"));
    until(|| server.connections.open() == 0).await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_closed() {
    let server = server(Limits { unread: SOON, ..limits(10) }).await;
    let stream = server.sent("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    until(|| server.connections.open() == 1).await;
    until(|| server.connections.open() == 0).await;
    drop(stream);
}

#[tokio::test]
async fn a_newcomer_gets_the_place_of_the_one_that_waited_longest() {
    let server = server(limits(4)).await;
    let mut waiting = Vec::new();
    for open in 1..=4 {
        waiting.push(server.sent("GET /api").await);
        until(|| server.connections.open() == open).await;
    }
    assert!(server.ask("/").await.ends_with("here\n"));
    assert_eq!(server.connections.displaced.load(Ordering::Relaxed), 1);
    // The first that came had waited the longest; the others are still there, and are answered.
    assert_eq!(rest(&mut waiting[0]).await, "");
    for other in &mut waiting[1..] {
        other.write_all(b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(rest(other).await.starts_with("HTTP/1.1 404 "));
    }
}

#[tokio::test]
async fn more_half_open_connections_than_places_keep_nobody_out() {
    let server = server(limits(8)).await;
    let mut half = Vec::new();
    for _ in 0..100 {
        half.push(server.sent("GET /api").await);
    }
    for _ in 0..20 {
        assert!(server.ask("/").await.ends_with("here\n"));
        assert!(server.connections.open() <= 8);
    }
}

#[tokio::test]
async fn who_finds_every_place_at_work_is_told_when_to_ask_again() {
    let mut server = server(limits(2)).await;
    let mut working = Vec::new();
    for _ in 0..2 {
        working.push(server.sent("GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await);
        server.begun.recv().await.unwrap();
    }
    let refused = server.ask("/").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains("retry-after: "), "{refused}");
    assert_eq!(server.connections.refused.load(Ordering::Relaxed), 1);
    for stream in &mut working {
        server.go_on.notify_one();
        assert!(rest(stream).await.ends_with("slow\n"));
    }
    assert!(server.ask("/").await.ends_with("here\n"));
}

#[tokio::test]
async fn a_question_whose_client_leaves_is_given_up() {
    let mut server = server(limits(2)).await;
    let stream = server.sent("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.begun.recv().await.unwrap();
    drop(stream);
    server.given_up.recv().await.unwrap();
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let server = server(limits(2)).await;
    let mut stream = server.sent("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n").await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 405 "));
    let mut stream = server.sent("GET / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n").await;
    assert!(rest(&mut stream).await.contains("here\n"));
    until(|| server.connections.open() == 0).await;
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let server = server(limits(2)).await;
    let mut stream = server.sent("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let answer = rest(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{answer:?}");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = server(limits(2)).await;
    let mut stream = server.sent(&format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(1 << 20))).await;
    let answer = rest(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    until(|| server.connections.open() == 0).await;
}

#[tokio::test]
async fn at_a_stop_requests_under_way_end_and_idle_connections_close() {
    let mut server = server(limits(4)).await;
    let mut idle = server.sent("").await;
    let mut working = server.sent("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.begun.recv().await.unwrap();
    server.stop.send_replace(true);
    assert_eq!(rest(&mut idle).await, "");
    server.go_on.notify_one();
    assert!(rest(&mut working).await.ends_with("slow\n"));
    server.serving.await.unwrap();
}
