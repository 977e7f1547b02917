//! Shared by the tests: cities, rows, and a small HTTP server on a loopback port.

#![expect(clippy::format_push_string, reason = "a handful of header lines")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use crate::Chunk;
use blotter_city::Profile;
use blotter_incident::{Incident, IncidentBatch};
use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// A shipped profile.
pub(crate) fn city(slug: &str) -> Arc<Profile> {
    let path = format!("{}/../../cities/{slug}.toml", env!("CARGO_MANIFEST_DIR"));
    Arc::new(Profile::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// The text of a miniature beside the checkout; nothing where there is none, which is said.
pub(crate) fn case(name: &str) -> Option<String> {
    let path = format!("{}/../../../shared/cases/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        blotter_testing::skipped(&format!("the case {name} is not beside the checkout"));
    }
    text
}

/// A header of Chicago's.
pub(crate) const HEADER: &str = "ID,Case Number,Date,Block,IUCR,Primary Type,Description,Location Description,Arrest,Domestic,Beat,District,Ward,Community Area,Updated On,Latitude,Longitude";

/// A good row under it.
pub(crate) fn row(id: u64) -> String {
    format!(
        "{id},JB100016,12/31/2017 11:58:00 PM,046XX N ST LOUIS AVE,0630,BURGLARY,ATTEMPT FORCIBLE ENTRY,APARTMENT,false,true,1723,017,33,14,05/04/2018 03:51:04 PM,41.965693651,-87.715726125"
    )
}

/// A chunk's incidents.
pub(crate) fn rows_of(chunk: &Chunk) -> Vec<Incident> {
    (chunk.incidents.iter())
        .flat_map(|(_, batch)| {
            let batch = IncidentBatch::try_new(batch).unwrap();
            (0..batch.len).map(|row| batch.incident(row)).collect::<Vec<_>>()
        })
        .collect()
}

/// What a test's server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What a test's server answers.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Bytes of the body that are sent before the connection is closed.
    pub(crate) cut: Option<usize>,
}

impl Response {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), cut: None }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A server on a free loopback port that answers each request by a function and closes with the test.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Response + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let (seen, stop) = (Arc::clone(&requests), Arc::clone(&stopped));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                // A client may close the connection whenever it likes.
                let _closed = stream.and_then(|stream| serve(stream, &seen, &answer));
            }
        });
        Self { address, requests, stopped, thread: Some(thread) }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.address.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> Response,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let request = Request { target, headers };
    let response = answer(&request);
    seen.lock().unwrap().push(request);
    let mut head = format!(
        "HTTP/1.1 {} Answer\r\nContent-Length: {}\r\nConnection: close\r\n",
        response.status,
        response.body.len()
    );
    for (name, value) in &response.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(&response.body[..response.cut.unwrap_or(response.body.len())])?;
    stream.flush()
}
