//! A wire to a server that fails on command, and servers that do no good.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// A proxy on loopback.
pub(crate) struct Wire {
    address: SocketAddr,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// Answers to conditional puts that are dropped, and their connection with them.
    lose: AtomicUsize,
    /// Whether the wire breaks when the last of these was lost.
    break_after: AtomicBool,
    broken: AtomicBool,
    /// Bytes of answers after which one connection breaks; none where it is 0.
    break_at: AtomicUsize,
}

impl Wire {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self { address: listener.local_addr().unwrap(), faults: Arc::default() };
        let faults = Arc::clone(&wire.faults);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), false) = (client, faults.broken.load(SeqCst)) else { continue };
                let Ok(server) = TcpStream::connect(server) else { continue };
                let asked = Arc::new(AtomicBool::new(false));
                let (from, to, is_asked) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&asked));
                let its_faults = Arc::clone(&faults);
                thread::spawn(move || requests(from, to, &is_asked, &its_faults));
                let its_faults = Arc::clone(&faults);
                thread::spawn(move || answers(server, client, &asked, &its_faults));
            }
        });
        wire
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn lose_answers(&self, answers: usize) {
        self.faults.lose.store(answers, SeqCst);
    }

    pub(crate) fn answers_to_lose(&self) -> usize {
        self.faults.lose.load(SeqCst)
    }

    pub(crate) fn lose_answers_then_break(&self, answers: usize) {
        self.faults.break_after.store(true, SeqCst);
        self.lose_answers(answers);
    }

    pub(crate) fn break_answers_after(&self, bytes: usize) {
        self.faults.break_at.store(bytes, SeqCst);
    }

    pub(crate) fn break_all(&self) {
        self.faults.broken.store(true, SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.faults.break_after.store(false, SeqCst);
        self.faults.broken.store(false, SeqCst);
    }
}

fn requests(mut from: TcpStream, mut to: TcpStream, asked: &AtomicBool, faults: &Faults) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length.min(4096)]).to_ascii_lowercase();
        if [" http/1.1\r\n"].iter().any(|head| text.contains(head)) {
            let is_conditional = text.contains("\r\nif-none-match:") || text.contains("\r\nif-match:");
            asked.store(text.starts_with("put ") && is_conditional, SeqCst);
        }
        if faults.broken.load(SeqCst) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

fn answers(mut from: TcpStream, mut to: TcpStream, asked: &AtomicBool, faults: &Faults) {
    let mut buffer = [0; 16 << 10];
    let mut passed = 0;
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let lose = |left: usize| left.checked_sub(1);
        if asked.load(SeqCst)
            && let Ok(before) = faults.lose.fetch_update(SeqCst, SeqCst, lose)
        {
            if before == 1 && faults.break_after.load(SeqCst) {
                faults.broken.store(true, SeqCst);
            }
            break;
        }
        passed += length;
        let at = faults.break_at.load(SeqCst);
        if at > 0 && passed >= at && faults.break_at.compare_exchange(at, 0, SeqCst, SeqCst).is_ok() {
            break;
        }
        if faults.broken.load(SeqCst) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

/// A server that gives one answer to everything.
pub(crate) fn answering(head: &str, body: &str) -> SocketAddr {
    let answer = format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut buffer = [0; 16 << 10];
            let _ = client.read(&mut buffer);
            let _ = client.write_all(answer.as_bytes());
            let _ = client.shutdown(Shutdown::Write);
            // Until the client has closed: else what it still says would reset the answer.
            while matches!(client.read(&mut buffer), Ok(1..)) {}
        }
    });
    address
}

/// A server that listens and says nothing.
pub(crate) fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut clients = Vec::new();
        for client in listener.incoming() {
            clients.push(client);
        }
    });
    address
}
