//! Lanes of work, so that questions of milliseconds and operations never stand behind questions of seconds.
//!
//! Each lane has so many threads, a queue that ends, and a patience: who finds the queue full, or waits longer, gets 503 with
//! `Retry-After`. Heavy questions have a deadline besides, are left off as soon as their client is gone, and run at a lower
//! priority.

use crate::{priority, problem::Problem};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::spawn_blocking,
    time::{Instant, timeout},
};

/// Niceness of heavy work: it gets a tenth of a core that others want too.
const NICENESS: i32 = 10;

/// One lane.
pub struct Lane {
    /// As metrics and threads name it.
    pub name: &'static str,
    threads: Arc<Semaphore>,
    places: Semaphore,
    patience: Duration,
    /// Whether its questions yield to all others.
    is_heavy: bool,
    /// Questions that were sent away.
    pub refused: AtomicU64,
}

/// How long a heavy question may take.
const DEADLINE: Duration = Duration::from_secs(30);

impl Lane {
    /// So many threads; so many questions may wait, and each so long.
    pub fn new(name: &'static str, threads: usize, places: usize, patience: Duration) -> Self {
        let threads = Arc::new(Semaphore::new(threads));
        Self { name, threads, places: Semaphore::new(places), patience, is_heavy: false, refused: AtomicU64::new(0) }
    }

    /// Its questions yield to all others.
    #[must_use]
    pub fn heavy(self) -> Self {
        Self { is_heavy: true, ..self }
    }

    /// Runs a question off the threads that answer, when it is its turn.
    pub async fn run<A: Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<A, Problem> + Send + 'static,
    ) -> Result<A, Problem> {
        let turn = self.turn().await?;
        let run = move || {
            let answer = question();
            drop(turn);
            answer
        };
        spawn_blocking(run).await.unwrap_or_else(|error| Err(Problem::internal(&error)))
    }

    /// The same of a question that looks at [`Demand`] every few milliseconds, and gives up once it is not.
    pub async fn run_while_wanted<A: Send + 'static>(
        &self,
        question: impl FnOnce(&Demand) -> Result<A, Problem> + Send + 'static,
    ) -> Result<A, Problem> {
        let turn = self.turn().await?;
        let wanted = Arc::new(Demand {
            is_gone: AtomicBool::new(false),
            until: Instant::now() + DEADLINE,
            is_heavy: self.is_heavy,
        });
        // Dropped with this future, which is when the client has left.
        let _client = Client(Arc::clone(&wanted));
        let (send, answer) = oneshot::channel();
        // A thread of its own, for its priority cannot be raised again.
        std::thread::Builder::new()
            .name(format!("http: {}", self.name))
            .spawn(move || {
                let answer = question(&wanted);
                drop(turn);
                // Where the client has left, nobody takes it.
                let _gone = send.send(answer);
            })
            .map_err(|error| Problem::internal(&error))?;
        answer.await.unwrap_or_else(|_| Err(Problem::internal(&"a question ended without an answer")))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(turn) = Arc::clone(&self.threads).try_acquire_owned() {
            return Ok(turn);
        }
        let waited = match self.places.try_acquire() {
            Ok(_place) => timeout(self.patience, Arc::clone(&self.threads).acquire_owned()).await.ok(),
            Err(_) => None,
        };
        waited.and_then(Result::ok).ok_or_else(|| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Problem::busy("too many such questions are waiting: try again in some seconds")
        })
    }
}

/// Whether somebody still waits for an answer.
#[derive(Debug)]
pub struct Demand {
    is_gone: AtomicBool,
    until: Instant,
    is_heavy: bool,
}

impl Demand {
    /// Yields to all other threads from now on, where the question is heavy. Not while it holds a lock: whoever waits for the
    /// lock would wait for a thread that hardly runs.
    pub fn yield_to_others(&self) {
        // The threads that it starts inherit it.
        if self.is_heavy {
            priority::lower(NICENESS);
        }
    }

    /// Whether the client has left, or has waited for longer than a question may take.
    pub fn is_over(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

struct Client(Arc<Demand>);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Ordering::Relaxed);
    }
}

/// The memory that answers hold while they are being sent.
pub struct AnswerMemory(Arc<Semaphore>);

/// Memory is counted in pieces of so many bytes.
const PIECE_BYTES: usize = 1024;

impl AnswerMemory {
    /// So many bytes together.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / PIECE_BYTES)))
    }

    /// Room for an answer of so many bytes, until it is dropped.
    pub fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.0)
            .try_acquire_many_owned(pieces)
            .map_err(|_| Problem::busy("too many large answers are being sent: try again in some seconds"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use axum::{http::header, response::IntoResponse};
    use std::sync::mpsc;

    /// A question that begins, says so, and waits until it may end.
    struct Slow {
        begun: oneshot::Receiver<()>,
        end: mpsc::Sender<()>,
    }

    fn slow() -> (Slow, impl FnOnce() -> Result<(), Problem> + Send + 'static) {
        let (begin, begun) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        let question = move || {
            let _heard = begin.send(());
            ended.recv().unwrap();
            Ok(())
        };
        (Slow { begun, end }, question)
    }

    #[tokio::test]
    async fn a_full_queue_is_answered_at_once_and_says_when_to_ask_again() {
        let lane = Arc::new(Lane::new("test", 1, 1, Duration::from_hours(1)));
        let (first, question) = slow();
        let running = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move { lane.run(question).await }
        });
        first.begun.await.unwrap();
        let mut waiting = Box::pin(lane.run(|| Ok(())));
        assert!(futures::poll!(&mut waiting).is_pending());
        let refused = lane.run(|| Ok(())).await.unwrap_err().into_response();
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(lane.refused.load(Ordering::Relaxed), 1);
        first.end.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(()));
        assert_eq!(waiting.await, Ok(()));
    }

    #[tokio::test]
    async fn a_question_that_waits_too_long_is_sent_away() {
        let lane = Arc::new(Lane::new("test", 1, 8, Duration::from_millis(20)));
        let (first, question) = slow();
        let running = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move { lane.run(question).await }
        });
        first.begun.await.unwrap();
        assert!(lane.run(|| Ok(())).await.is_err());
        first.end.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_heavy_question_ends_when_its_client_leaves() {
        let lane = Arc::new(Lane::new("test", 1, 8, Duration::from_hours(1)));
        let (begin, begun) = oneshot::channel();
        let (send, ended) = oneshot::channel();
        let asking = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move {
                let question = move |wanted: &Demand| {
                    let _heard = begin.send(());
                    while !wanted.is_over() {
                        std::thread::yield_now();
                    }
                    let _heard = send.send(());
                    Ok(())
                };
                lane.run_while_wanted(question).await
            }
        });
        begun.await.unwrap();
        asking.abort();
        ended.await.unwrap();
        // And its place is free again.
        assert_eq!(lane.run_while_wanted(|_| Ok(7)).await, Ok(7));
    }

    #[test]
    fn answers_under_way_hold_so_much_and_no_more() {
        let sending = AnswerMemory::new(10 * PIECE_BYTES);
        let first = sending.hold(6 * PIECE_BYTES).unwrap();
        assert!(sending.hold(6 * PIECE_BYTES).is_err());
        assert!(sending.hold(usize::MAX).is_err());
        drop(first);
        assert!(sending.hold(10 * PIECE_BYTES).is_ok());
    }
}
