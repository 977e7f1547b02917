//! Accepts connections and serves HTTP/1 on each, within [`Limits`].

use super::{
    Limits,
    connections::{Admission, Connection, Connections},
    unread::Unread,
};
use crate::problem::RETRY_AFTER_S;
use axum::{Router, body::Body};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tower_service::Service;

/// What is kept of a request's head, and of an answer that waits to be sent.
const BUFFER_BYTES: usize = 64 << 10;
/// What the system keeps of an answer that waits to be sent, for each connection. Unless told otherwise it is up to 4 MB.
const SEND_BUFFER_BYTES: usize = 256 << 10;
/// Clients that are told at once that there is no place; others are only disconnected.
const MOST_TOLD: usize = 64;
/// For how long a client is told.
const TELLING: Duration = Duration::from_secs(1);
/// Between two attempts to accept when files are short; it grows to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The answer to a client for which there is no place.
fn no_place() -> String {
    let body = r#"{"type":"about:blank","title":"too busy","status":503,"detail":"all connections are in use: try again in some seconds"}"#;
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: {RETRY_AFTER_S}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Serves until `stopped`; then lets requests under way end, and closes what waits for one.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    connections: Arc<Connections>,
    mut stopped: watch::Receiver<bool>,
) {
    // Connections get it from their listener.
    if let Err(error) = socket2::SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER_BYTES) {
        tracing::debug!(%error, "connections keep the system's send buffer");
    }
    let told = Arc::new(Semaphore::new(MOST_TOLD));
    let mut tasks = JoinSet::new();
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            // The sender is only gone when the role is.
            _ = stopped.wait_for(|stopped| *stopped) => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_shortage(&error) => {
                if pause == FIRST_PAUSE {
                    tracing::warn!(%error, "no connection can be accepted: raise the limit of open files (ulimit -n)");
                }
                connections.displace(None);
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            // The client has left before it was its turn.
            Err(error) => {
                tracing::debug!(%error, "a connection failed before it was accepted");
                continue;
            }
        };
        pause = FIRST_PAUSE;
        // An event is a few hundred bytes that must not wait for the acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        match connections.admit(peer.ip()).await {
            Some(admitted) => {
                tasks.spawn(converse(stream, app.clone(), limits, admitted, stopped.clone()));
            }
            None => {
                if let Ok(telling) = Arc::clone(&told).try_acquire_owned() {
                    tasks.spawn(async move {
                        // Whoever does not listen is not told.
                        let _late = timeout(TELLING, refuse(stream)).await;
                        drop(telling);
                    });
                }
            }
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Whether there are too few files or too little memory: it passes, and trying again at once makes it worse.
fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].iter().any(|short| number == Some(short.raw_os_error()))
}

/// Says that there is no place. What the client sends is read until it closes: closing before would take the answer away.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(no_place().as_bytes()).await?;
    stream.shutdown().await?;
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// One connection, from its first request to its last.
async fn converse(
    stream: TcpStream,
    app: Router,
    limits: Limits,
    admitted: Admission,
    mut stopped: watch::Receiver<bool>,
) {
    // Declared before the stream, so that the place is given back after the file is closed.
    let admitted = admitted;
    let connection = Arc::clone(&admitted.connection);
    let service = {
        let connection = Arc::clone(&connection);
        service_fn(move |request: Request<Incoming>| {
            let mut app = app.clone();
            let working = RequestGuard::new(Arc::clone(&connection));
            async move {
                let response = app.call(request.map(Body::new)).await?;
                Ok::<_, Infallible>(response.map(|body| AnswerBody { body, _working: working }))
            }
        })
    };
    let io = TokioIo::new(Unread::new(stream, limits.unread, Arc::clone(&connection)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(io, service);
    let mut serving = pin!(serving);
    let mut is_closing = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = connection.displaced() => return,
            _ = stopped.wait_for(|stopped| *stopped), if !is_closing => {
                is_closing = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// A request is under way while this lives.
struct RequestGuard(Arc<Connection>);

impl RequestGuard {
    fn new(connection: Arc<Connection>) -> Self {
        connection.works();
        Self(connection)
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.waits();
    }
}

/// An answer's body; the request is over when the last of it was handed on.
struct AnswerBody {
    body: Body,
    _working: RequestGuard,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_a_whole_answer() {
        let text = no_place();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["status"], 503);
    }

    #[test]
    fn a_shortage_of_files_is_waited_out() {
        let check = |errno: rustix::io::Errno, expect: bool| {
            assert_eq!(is_shortage(&io::Error::from_raw_os_error(errno.raw_os_error())), expect, "{errno}");
        };
        check(rustix::io::Errno::MFILE, true);
        check(rustix::io::Errno::NFILE, true);
        check(rustix::io::Errno::CONNABORTED, false);
        assert!(!is_shortage(&io::Error::other("anything")));
    }
}
