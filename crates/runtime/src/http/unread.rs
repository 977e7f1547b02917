//! A stream that fails when its client leaves an answer unread.

use super::connections::Connection;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// A client that takes so many bytes in the time it is given reads on. Fewer than that, byte by byte, would hold an answer for
/// hours.
const PROGRESS_BYTES: usize = 64 << 10;

/// Passes everything through; a write fails once the client has taken less than [`PROGRESS_BYTES`] for `patience`.
pub(super) struct Unread<S> {
    stream: S,
    patience: Duration,
    connection: Arc<Connection>,
    /// Until when, and how much was taken since: while the client does not take everything at once.
    waiting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Unread<S> {
    pub(super) fn new(stream: S, patience: Duration, connection: Arc<Connection>) -> Self {
        Self { stream, patience, connection, waiting: None }
    }

    /// What became of a write of so many bytes.
    fn noted(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(taken)) => {
                let reads_on = match &mut self.waiting {
                    Some((_, since)) => {
                        *since += taken;
                        taken == offered || *since >= PROGRESS_BYTES
                    }
                    None => false,
                };
                if reads_on {
                    self.waiting = None;
                    self.connection.unread(false);
                }
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let (sleep, _) = self.waiting.get_or_insert_with(|| {
                    self.connection.unread(true);
                    (Box::pin(sleep_until(Instant::now() + self.patience)), 0)
                });
                ready!(sleep.as_mut().poll(context));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unread<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unread<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(context, bytes.len(), written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.noted(context, pieces.iter().map(|piece| piece.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
